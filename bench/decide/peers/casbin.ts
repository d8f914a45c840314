// SPDX-License-Identifier: Apache-2.0
// casbin: it has no third effect, so rules stand in order of precedence under its `priority` effect, and the deciding line's own
// last column is read. Conditions are texts that its matcher evaluates; tests of patterns are functions registered with it.
import { globMatches } from '../naive.js';
import {
  ANSWER,
  type BenchPolicy,
  byPrecedence,
  type Condition,
  type Decide,
  type Effect,
} from '../workload.js';
import { peer } from './load.js';

interface Enforcer {
  readonly addFunction: (name: string, test: (...values: never[]) => boolean) => void;
  readonly addPolicies: (lines: readonly (readonly string[])[]) => Promise<boolean>;
  readonly enforceExSync: (...values: readonly unknown[]) => [boolean, string[]];
}
interface Casbin {
  readonly newModelFromString: (text: string) => unknown;
  readonly newEnforcer: (model: unknown) => Promise<Enforcer>;
}

const MODEL = `
[request_definition]
r = sub, act, args
[policy_definition]
p = id, sub, act, cond, eft, answer
[policy_effect]
e = priority(p.eft) || deny
[matchers]
m = glob(r.act, p.act) && glob(r.sub, p.sub) && eval(p.cond)
`;
const ANY = '*';

function conditionText(c: Condition): string {
  const read = `r.args.${c.arg}`;
  switch (c.op) {
    case 'eq':
      return `${read} == ${JSON.stringify(c.value)}`;
    case 'prefix':
      return `prefix(${read}, ${JSON.stringify(c.value)})`;
    case 'glob':
      return `glob(${read}, ${JSON.stringify(c.value)})`;
    case 'range':
      return `range(${read}, ${c.min ?? '""'}, ${c.max ?? '""'})`;
    case 'in':
      return `oneOf(${read}, ${JSON.stringify(c.value.join(','))})`;
  }
}

export async function casbin(policy: BenchPolicy): Promise<Decide> {
  const { newEnforcer, newModelFromString } = peer<Casbin>('casbin');
  const enforcer = await newEnforcer(newModelFromString(MODEL));
  enforcer.addFunction(
    'glob',
    (value: unknown, glob: string) => typeof value === 'string' && globMatches(glob, value),
  );
  enforcer.addFunction(
    'prefix',
    (value: unknown, start: string) => typeof value === 'string' && value.startsWith(start),
  );
  enforcer.addFunction(
    'range',
    (value: unknown, min: number | '', max: number | '') =>
      typeof value === 'number' && (min === '' || value >= min) && (max === '' || value <= max),
  );
  enforcer.addFunction(
    'oneOf',
    (value: unknown, list: string) => typeof value === 'string' && list.split(',').includes(value),
  );
  await enforcer.addPolicies(
    byPrecedence(policy).map(({ id, principal, action, conditions, effect }) => [
      id,
      principal.exact ?? principal.glob ?? ANY,
      action.exact ?? action.glob ?? ANY,
      conditions.map(conditionText).join(' && ') || 'true',
      effect === 'deny' ? 'deny' : 'allow',
      effect,
    ]),
  );
  return (q) => {
    const [granted, line] = enforcer.enforceExSync(q.principal, q.action, q.args);
    return granted ? ANSWER[line[5] as Effect] : 'DENY';
  };
}
