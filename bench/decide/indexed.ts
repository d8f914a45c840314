// SPDX-License-Identifier: Apache-2.0
// The limit: the best shape written by hand for this workload. Conditions are two-valued functions printed as code and shared,
// rules are found by (action pattern, principal pattern), and the list of each (action, principal) is kept.
import { globMatches, patternMatches } from './naive.js';
import {
  ANSWER,
  type BenchPolicy,
  type BenchRequest,
  type BenchRule,
  type Condition,
  type Decide,
  type Pattern,
  RANK,
} from './workload.js';

type Test = (args: BenchRequest['args']) => boolean;
interface Ready {
  readonly answer: ReturnType<Decide>;
  readonly tests: readonly Test[];
}

const text = (value: unknown): string => JSON.stringify(value);

function globCode(glob: string): string {
  const parts = glob.split('*');
  const [first = '', last = ''] = [parts[0], parts.at(-1)];
  if (parts.length > 2 && parts.slice(1, -1).some((part) => part !== ''))
    return `globMatches(${text(glob)}, v)`;
  const tests = [`v.length >= ${first.length + last.length}`];
  if (first !== '') tests.push(`v.startsWith(${text(first)})`);
  if (last !== '') tests.push(`v.endsWith(${text(last)})`);
  return tests.join(' && ');
}

function conditionCode(condition: Condition, hoisted: string[]): string {
  const read = `g.${condition.arg}`;
  switch (condition.op) {
    case 'eq':
      return `${read} === ${text(condition.value)}`;
    case 'prefix':
      return `typeof (v = ${read}) === 'string' && v.startsWith(${text(condition.value)})`;
    case 'glob':
      return `typeof (v = ${read}) === 'string' && ${globCode(condition.value)}`;
    case 'range':
      return [
        `typeof (v = ${read}) === 'number'`,
        ...(condition.min === undefined ? [] : [`v >= ${condition.min}`]),
        ...(condition.max === undefined ? [] : [`v <= ${condition.max}`]),
      ].join(' && ');
    case 'in':
      hoisted.push(`const S${hoisted.length} = new Set(${text(condition.value)});`);
      return `S${hoisted.length - 1}.has(${read})`;
  }
}

/** The distinct conditions as one module of functions. */
async function tests(rules: readonly BenchRule[]): Promise<ReadonlyMap<string, Test>> {
  const keys = [...new Set(rules.flatMap((rule) => rule.conditions.map(text)))];
  const hoisted: string[] = [];
  const codes = keys.map(
    (key) => `(g) => { let v; return ${conditionCode(JSON.parse(key) as Condition, hoisted)}; }`,
  );
  const code = `export const make = (globMatches) => {\n${hoisted.join('\n')}\nreturn [${codes.join(',\n')}];\n};`;
  const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    readonly make: (match: typeof globMatches) => readonly Test[];
  };
  const functions = module.make(globMatches);
  return new Map(keys.map((key, i) => [key, functions[i] as Test]));
}

const key = (pattern: Pattern): string => text([pattern.exact, pattern.glob]);

/** The patterns that a name matches, remembered. */
function classes(patterns: readonly Pattern[]): (name: string) => readonly string[] {
  const globs = [...new Map(patterns.filter((p) => p.glob !== undefined).map((p) => [key(p), p])).values()];
  const known = new Map<string, readonly string[]>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    if (known.size >= 4096) known.clear();
    const made = [key({ exact: name }), ...globs.filter((glob) => patternMatches(glob, name)).map(key)];
    known.set(name, made);
    return made;
  };
}

export async function indexed(policy: BenchPolicy): Promise<Decide> {
  const rules = [...policy.rules].sort((a, b) => RANK[a.effect] - RANK[b.effect]);
  const byCondition = await tests(rules);
  const ready = rules.map(
    (rule): Ready => ({
      answer: ANSWER[rule.effect],
      tests: rule.conditions.map((condition) => byCondition.get(text(condition)) as Test),
    }),
  );
  const table = new Map<string, number[]>();
  rules.forEach((rule, i) => {
    const at = `${key(rule.action)} ${key(rule.principal)}`;
    const list = table.get(at);
    if (list === undefined) table.set(at, [i]);
    else list.push(i);
  });
  const actions = classes(rules.map((rule) => rule.action));
  const principals = classes(rules.map((rule) => rule.principal));
  const fill = (action: string, principal: string): readonly Ready[] => {
    const found = actions(action)
      .flatMap((a) => principals(principal).flatMap((p) => table.get(`${a} ${p}`) ?? []))
      .sort((a, b) => a - b)
      .map((i) => ready[i] as Ready);
    const sure = found.findIndex((rule) => rule.tests.length === 0);
    return sure < 0 ? found : found.slice(0, sure + 1);
  };
  return decider(fill);
}

function decider(fill: (action: string, principal: string) => readonly Ready[]): Decide {
  const memo = new Map<string, Map<string, readonly Ready[]>>();
  let size = 0;
  return (request) => {
    const { action, principal, args } = request;
    let byPrincipal = memo.get(action);
    if (byPrincipal === undefined) memo.set(action, (byPrincipal = new Map()));
    let list = byPrincipal.get(principal);
    if (list === undefined) {
      list = fill(action, principal);
      if (++size > 100_000) {
        memo.clear();
        size = 0;
      }
      byPrincipal.set(principal, list);
    }
    next: for (let i = 0; i < list.length; i++) {
      const { tests, answer } = list[i] as Ready;
      for (let k = 0; k < tests.length; k++) if (!(tests[k] as Test)(args)) continue next;
      return answer;
    }
    return 'DENY';
  };
}
