// SPDX-License-Identifier: Apache-2.0
/** Calls to ask both readings: at, beside and beyond every value that the file names. */
import type { Json, JsonRecord } from '../../stdlib/abi.js';
import { compileRegex } from '../regex/dfa.js';
import { matchesAny } from './groups.js';
import type { Call } from './first-match.js';
import type { BoolTest, Condition, FirstMatch, NumberTest, TextTest } from './model.js';

export interface Callable {
  readonly server: string;
  readonly name: string;
  /** A call with nothing but what the schema demands. */
  readonly least: JsonRecord;
}

const MOST_A_TOOL = 600;

/** Who, what and with which arguments, for each tool that a rule names and one beside. */
export function* questionsFor(
  policy: FirstMatch,
  tools: readonly Callable[],
): Generator<Call & { readonly server: string }> {
  const callers = callersOf(policy);
  for (const tool of tools) {
    const rules = policy.rules.filter((rule) => matchesAny(rule.tools, tool.name));
    const values = new Map<
      string,
      { readonly arg: readonly string[]; readonly values: Set<Json | undefined> }
    >();
    for (const rule of rules) for (const test of argTests(rule.when)) collect(values, test);
    const pools = [...values.values()];
    const sizes = [callers.length, ...pools.map((pool) => pool.values.size)];
    const all = sizes.reduce((product, size) => product * size, 1);
    // An odd stride meets the combinations evenly where there are too many of them.
    const stride = all <= MOST_A_TOOL ? 1 : Math.floor(all / MOST_A_TOOL) | 1;
    for (let n = 0; n < all; n += stride) {
      let rest = n;
      const pick = <T>(items: readonly T[]): T | undefined => {
        const item = items[rest % items.length];
        rest = Math.floor(rest / items.length);
        return item;
      };
      const caller = pick(callers);
      if (caller === undefined) return;
      let args = tool.least;
      for (const pool of pools) args = withValue(args, pool.arg, pick([...pool.values]));
      yield { ...caller, server: tool.server, tool: tool.name, args };
    }
  }
}

type Caller = Pick<Call, 'principal' | 'roles'>;

function callersOf(policy: FirstMatch): readonly Caller[] {
  const patterns = policy.rules.flatMap((rule) => [
    ...(rule.who ?? []),
    ...inCondition(rule.when, 'principal'),
  ]);
  const roles = [...new Set(policy.rules.flatMap((rule) => inCondition(rule.when, 'roles')))];
  const ids = new Set([
    ...patterns.flatMap((pattern) => [pattern.replaceAll('*', 'x'), `${pattern.replaceAll('*', '')}-else`]),
    'agent:stranger',
    'user:stranger',
    'service:stranger',
  ]);
  const carried = [[], ...roles.map((role) => [role]), ...(roles.length > 1 ? [roles] : []), ['stranger']];
  return [...ids].flatMap((principal) => carried.map((some) => ({ principal, roles: some })));
}

function inCondition(c: Condition, kind: 'principal' | 'roles'): readonly string[] {
  if (c.kind === 'all' || c.kind === 'any') return c.of.flatMap((one) => inCondition(one, kind));
  if (c.kind === 'not') return inCondition(c.of, kind);
  if (c.kind === 'roles' && kind === 'roles') return c.roles;
  return c.kind === 'principal' && kind === 'principal' ? c.patterns : [];
}

interface ArgTest {
  readonly arg: readonly string[];
  readonly test: TextTest | NumberTest | BoolTest | null;
}

export function argTests(c: Condition): readonly ArgTest[] {
  if (c.kind === 'all' || c.kind === 'any') return c.of.flatMap(argTests);
  if (c.kind === 'not') return argTests(c.of);
  if (c.kind === 'present') return [{ arg: c.arg, test: null }];
  return c.kind === 'arg' ? [{ arg: c.arg, test: c.test }] : [];
}

function collect(
  pools: Map<string, { readonly arg: readonly string[]; readonly values: Set<Json | undefined> }>,
  { arg, test }: ArgTest,
): void {
  const key = JSON.stringify(arg);
  const pool = pools.get(key) ?? { arg, values: new Set<Json | undefined>([undefined]) };
  for (const value of test === null ? ['x'] : valuesFor(test)) pool.values.add(value);
  pools.set(key, pool);
}

function valuesFor(test: TextTest | NumberTest | BoolTest): readonly Json[] {
  switch (test.op) {
    case 'is':
      return [true, false];
    case '==':
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const n = Number(test.text);
      return [n, n - 1, n + 1, 0, -1];
    }
    case 'in':
      return [...test.values, `${test.values[0] ?? ''}x`, ''];
    case 'contains':
      return [test.value, `a${test.value}b`, 'elsewhere'];
    case 'startsWith':
    case 'endsWith':
      return [test.value, `${test.value}x`, `x${test.value}`];
    case 'matches':
      return [...samples(test.pattern), 'elsewhere', ''];
    case 'under': {
      const { folder, prefix, rest } = test;
      const inside = folder === '/' ? '' : folder;
      const fit = rest === null ? [] : samples(rest);
      return [
        ...fit,
        `${inside}/a`,
        `${inside}/deep/er.txt`,
        `${prefix}x`,
        folder,
        `${inside}2/a`,
        `${inside}/../../etc/passwd`,
        '/etc/passwd',
        'relative/a',
      ];
    }
  }
}

/** A shortest text that the pattern matches, and one with a letter more. */
function samples(pattern: string): readonly string[] {
  const compiled = compileRegex(pattern);
  if (!compiled.ok) return [];
  const { starts, classes, width, next, accepts, first } = compiled.dfa;
  const seen = new Map([[first, '']]);
  for (const [state, text] of seen) {
    if (accepts.includes(state)) return [text, `${text}x`, `x${text}`];
    for (let of = 0; of < width; of++) {
      const to = next[state * width + of] ?? 0;
      if (to === 0 || seen.has(to)) continue;
      seen.set(to, text + letterOf(starts, classes, of));
    }
  }
  return [];
}

/** A letter of the class, one that can be seen if there is one. */
function letterOf(starts: readonly number[], classes: readonly number[], of: number): string {
  const runs = starts.flatMap((start, i) =>
    classes[i] === of ? [[start, (starts[i + 1] ?? 0x110000) - 1]] : [],
  );
  const plain = [0x61, 0x41, 0x30, 0x2f, 0x2e, 0x2d].find((point) =>
    runs.some(([from = 0, to = 0]) => point >= from && point <= to),
  );
  return String.fromCodePoint(plain ?? runs[0]?.[0] ?? 0x61);
}

function withValue(args: JsonRecord, path: readonly string[], value: Json | undefined): JsonRecord {
  const [name = '', ...rest] = path;
  const before = Object.hasOwn(args, name) ? args[name] : undefined;
  const inner =
    typeof before === 'object' && before !== null && !Array.isArray(before) ? (before as JsonRecord) : {};
  const made = rest.length === 0 ? value : value === undefined ? before : withValue(inner, rest, value);
  const others = Object.entries(args).filter(([key]) => key !== name);
  const entries = made === undefined ? others : [...others, [name, made] as const];
  return Object.assign(Object.create(null) as object, Object.fromEntries(entries)) as JsonRecord;
}
