// SPDX-License-Identifier: Apache-2.0
// @bufbuild/cel: one expression a rule, parsed and planned once, asked in order of precedence until one is true (as gateways
// with CEL rules do). An error in an expression counts as "does not match".
import {
  ANSWER,
  type BenchPolicy,
  type BenchRule,
  byPrecedence,
  type Condition,
  type Decide,
  type Pattern,
} from '../workload.js';
import { peer } from './load.js';
import { globSource, isAny } from './patterns.js';

interface Cel {
  readonly celEnv: () => unknown;
  readonly parse: (text: string) => unknown;
  readonly plan: (env: unknown, parsed: unknown) => (values: object) => unknown;
}

const text = (value: string): string => JSON.stringify(value);
const matches = (read: string, glob: string): string => `${read}.matches(${text(globSource(glob))})`;

function patternText(read: string, { exact, glob }: Pattern): readonly string[] {
  if (exact !== undefined) return [`${read} == ${text(exact)}`];
  return isAny(glob) ? [] : [matches(read, glob ?? '')];
}

function conditionText(c: Condition): string {
  const read = `args.${c.arg}`;
  switch (c.op) {
    case 'eq':
      return `${read} == ${text(c.value)}`;
    case 'prefix':
      return `${read}.startsWith(${text(c.value)})`;
    case 'glob':
      return matches(read, c.value);
    case 'range':
      // Numbers of JSON are doubles there; so are the bounds.
      return [
        ...(c.min === undefined ? [] : [`${read} >= ${c.min}.0`]),
        ...(c.max === undefined ? [] : [`${read} <= ${c.max}.0`]),
      ].join(' && ');
    case 'in':
      return `${read} in [${c.value.map(text).join(', ')}]`;
  }
}

const expression = ({ action, principal, conditions }: BenchRule): string =>
  [
    ...patternText('action', action),
    ...patternText('principal', principal),
    ...conditions.map((c) => `has(args.${c.arg}) && ${conditionText(c)}`),
  ].join(' && ') || 'true';

export function cel(policy: BenchPolicy): Decide {
  const { celEnv, parse, plan } = peer<Cel>('@bufbuild/cel');
  const env = celEnv();
  const rules = byPrecedence(policy).map((rule) => ({
    answer: ANSWER[rule.effect],
    run: plan(env, parse(expression(rule))),
  }));
  return (q) => rules.find(({ run }) => run(q) === true)?.answer ?? 'DENY';
}
