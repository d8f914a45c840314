// SPDX-License-Identifier: Apache-2.0
/** What the original file says to one call, by its own reading: the first rule that matches decides. */
import type { Json, JsonRecord } from '../../stdlib/abi.js';
import { pathSegments } from '../../stdlib/path.js';
import { assertNever } from '../assert.js';
import { compileRegex } from '../regex/dfa.js';
import type { DfaIr } from '../ir.js';
import { matchesAny } from './groups.js';
import type { BoolTest, Condition, FirstMatch, NumberTest, PathTest, TextTest } from './model.js';

export interface Call {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly tool: string;
  readonly args: JsonRecord;
}

/** The effect, counting aside. */
export function firstMatch(policy: FirstMatch, call: Call): 'allow' | 'review' | 'deny' {
  for (const rule of policy.rules) {
    if (!matchesAny(rule.tools, call.tool)) continue;
    if (rule.who !== null && !matchesAny(rule.who, call.principal)) continue;
    if (holds(rule.when, call)) return rule.effect;
    if (rule.unmet === 'deny') return 'deny';
  }
  return 'deny';
}

function holds(c: Condition, call: Call): boolean {
  switch (c.kind) {
    case 'all':
      return c.of.every((one) => holds(one, call));
    case 'any':
      return c.of.some((one) => holds(one, call));
    case 'not':
      return !holds(c.of, call);
    case 'roles':
      return c.roles.some((role) => call.roles.includes(role));
    case 'principal':
      return matchesAny(c.patterns, call.principal);
    case 'tool':
      return textHolds(c.test, call.tool);
    case 'present':
      return valueAt(call.args, c.arg) !== undefined;
    case 'arg': {
      const value = valueAt(call.args, c.arg);
      return value !== undefined && valueHolds(c.test, value);
    }
    default:
      return assertNever(c);
  }
}

export function valueAt(args: JsonRecord, path: readonly string[]): Json | undefined {
  let value: Json | undefined = args;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, name) ? (value as JsonRecord)[name] : undefined;
  }
  return value;
}

function valueHolds(test: TextTest | NumberTest | BoolTest, value: Json): boolean {
  if (test.op === 'is') return value === test.value;
  if ('text' in test) return typeof value === 'number' && compares(test, value);
  return typeof value === 'string' && textHolds(test, value);
}

function compares({ op, text }: NumberTest, value: number): boolean {
  const other = Number(text);
  switch (op) {
    case '==':
      return value === other;
    case '<':
      return value < other;
    case '<=':
      return value <= other;
    case '>':
      return value > other;
    case '>=':
      return value >= other;
  }
}

function textHolds(test: TextTest, text: string): boolean {
  switch (test.op) {
    case 'in':
      return test.values.includes(text);
    case 'contains':
      return text.includes(test.value);
    case 'startsWith':
      return text.startsWith(test.value);
    case 'endsWith':
      return text.endsWith(test.value);
    case 'matches':
      return matches(test.pattern, text);
    case 'under':
      return text.startsWith(test.prefix) && (test.rest === null || matches(test.rest, text));
  }
}

const machines = new Map<string, DfaIr | null>();

function matches(pattern: string, text: string): boolean {
  const known = machines.get(pattern);
  const compiled = known === undefined ? compileRegex(pattern) : null;
  const dfa = known ?? (compiled?.ok === true ? compiled.dfa : null);
  machines.set(pattern, dfa);
  if (dfa === null) return false;
  let state = dfa.first;
  for (const letter of text) {
    const point = letter.codePointAt(0) ?? 0;
    const run = dfa.starts.findLastIndex((start) => start <= point);
    state = dfa.next[state * dfa.width + (dfa.classes[run] ?? 0)] ?? 0;
  }
  return dfa.accepts.includes(state);
}

/**
 * May the imported policy say something else to this call, for the reason that the notes give? `stricter`: the path may lead
 * elsewhere, or stands beside the folder. `same place`: it is the folder itself, or a place in it written in another way.
 */
export function meantDifference(policy: FirstMatch, call: Call): 'stricter' | 'same place' | null {
  let found: 'stricter' | 'same place' | null = null;
  for (const { arg, test } of policy.rules.flatMap((rule) => pathTests(rule.when))) {
    const value = valueAt(call.args, arg);
    if (typeof value !== 'string') continue;
    const segments = pathSegments(value);
    if (segments === null) return 'stricter';
    const plain = `/${segments.join('/')}`;
    if (plain !== value || plain === test.folder) found = 'same place';
    else if (value.startsWith(test.prefix) && !`${plain}/`.startsWith(`${test.folder}/`))
      found ??= 'stricter';
  }
  return found;
}

export function pathTests(
  c: Condition,
): readonly { readonly arg: readonly string[]; readonly test: PathTest }[] {
  if (c.kind === 'all' || c.kind === 'any') return c.of.flatMap(pathTests);
  if (c.kind === 'not') return pathTests(c.of);
  return c.kind === 'arg' && c.test.op === 'under' ? [{ arg: c.arg, test: c.test }] : [];
}
