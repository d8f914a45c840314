// SPDX-License-Identifier: Apache-2.0
// json-rules-engine: one rule object each, operators of ours for prefix and glob, its priority for precedence, stopped at the
// first success. It answers later only.
import { globMatches } from '../naive.js';
import {
  ANSWER,
  type BenchPolicy,
  type Condition,
  type DecideLater,
  type Effect,
  type Pattern,
  RANK,
} from '../workload.js';
import { peer } from './load.js';
import { isAny } from './patterns.js';

interface Engine {
  readonly addOperator: (name: string, test: (value: unknown, wanted: string) => boolean) => void;
  readonly on: (event: 'success', then: () => void) => void;
  readonly stop: () => void;
  readonly run: (facts: object) => Promise<{ readonly events: readonly { readonly type: string }[] }>;
}
interface JsonRules {
  readonly Engine: new (rules: readonly object[], options: object) => Engine;
}

function pattern(fact: string, { exact, glob }: Pattern): readonly object[] {
  if (exact !== undefined) return [{ fact, operator: 'equal', value: exact }];
  return isAny(glob) ? [] : [{ fact, operator: 'glob', value: glob }];
}

function condition(c: Condition): readonly object[] {
  const read = { fact: 'args', path: `$.${c.arg}` };
  switch (c.op) {
    case 'eq':
      return [{ ...read, operator: 'equal', value: c.value }];
    case 'prefix':
    case 'glob':
      return [{ ...read, operator: c.op, value: c.value }];
    case 'range':
      return [
        ...(c.min === undefined ? [] : [{ ...read, operator: 'greaterThanInclusive', value: c.min }]),
        ...(c.max === undefined ? [] : [{ ...read, operator: 'lessThanInclusive', value: c.max }]),
      ];
    case 'in':
      return [{ ...read, operator: 'in', value: c.value }];
  }
}

export function jsonRules(policy: BenchPolicy): DecideLater {
  const { Engine } = peer<JsonRules>('json-rules-engine');
  const rules = policy.rules.map((rule) => ({
    priority: 3 - RANK[rule.effect],
    name: rule.id,
    event: { type: rule.effect },
    conditions: {
      all: [
        ...pattern('action', rule.action),
        ...pattern('principal', rule.principal),
        ...rule.conditions.flatMap(condition),
      ],
    },
  }));
  const engine = new Engine(rules, { allowUndefinedFacts: true });
  engine.addOperator('prefix', (value, start) => typeof value === 'string' && value.startsWith(start));
  engine.addOperator('glob', (value, glob) => typeof value === 'string' && globMatches(glob, value));
  engine.on('success', () => engine.stop());
  return async (q) => {
    const { events } = await engine.run({ action: q.action, principal: q.principal, args: q.args });
    const effects = events.map(({ type }) => type as Effect).sort((a, b) => RANK[a] - RANK[b]);
    return effects[0] === undefined ? 'DENY' : ANSWER[effects[0]];
  };
}
