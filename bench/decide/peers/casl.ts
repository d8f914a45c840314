// SPDX-License-Identifier: Apache-2.0
// @casl/ability with its Mongo-style conditions: the last rule that matches wins there, so rules are given allow, review, deny.
import {
  ANSWER,
  type BenchPolicy,
  byPrecedence,
  type Condition,
  type Decide,
  type Effect,
  type Pattern,
} from '../workload.js';
import { peer } from './load.js';
import { globSource, isAny, prefixSource } from './patterns.js';

interface Casl {
  readonly createMongoAbility: (rules: readonly object[]) => {
    readonly relevantRuleFor: (action: string, subject: object) => { readonly reason?: string } | null;
  };
  readonly subject: (type: string, value: object) => object;
}

const pattern = ({ exact, glob }: Pattern): unknown =>
  exact ?? (isAny(glob) ? undefined : { $regex: new RegExp(globSource(glob ?? '')) });

function condition(c: Condition): unknown {
  switch (c.op) {
    case 'eq':
      return c.value;
    case 'prefix':
      return { $regex: new RegExp(prefixSource(c.value)) };
    case 'glob':
      return { $regex: new RegExp(globSource(c.value)) };
    case 'range':
      // Without `$exists` a missing argument satisfies `$lte`.
      return {
        $exists: true,
        ...(c.min === undefined ? {} : { $gte: c.min }),
        ...(c.max === undefined ? {} : { $lte: c.max }),
      };
    case 'in':
      return { $in: c.value };
  }
}

export function casl(policy: BenchPolicy): Decide {
  const { createMongoAbility, subject } = peer<Casl>('@casl/ability');
  const rules = [...byPrecedence(policy)].reverse().map(({ effect, principal, action, conditions }) => {
    const tests = Object.entries({
      principal: pattern(principal),
      ...(action.exact === undefined ? { action: pattern(action) } : {}),
      ...Object.fromEntries(conditions.map((c) => [`args.${c.arg}`, condition(c)])),
    }).filter(([, test]) => test !== undefined);
    return {
      action: action.exact ?? 'manage',
      subject: 'Call',
      inverted: effect !== 'allow',
      reason: effect,
      ...(tests.length === 0 ? {} : { conditions: Object.fromEntries(tests) }),
    };
  });
  const ability = createMongoAbility(rules);
  return (q) => {
    const call = subject('Call', { principal: q.principal, action: q.action, args: q.args });
    const rule = ability.relevantRuleFor(q.action, call);
    return rule === null || rule?.reason === undefined ? 'DENY' : ANSWER[rule.reason as Effect];
  };
}
