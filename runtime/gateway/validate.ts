// SPDX-License-Identifier: Apache-2.0
/**
 * Arguments against the pinned `inputSchema`, before any rule is asked. The schema came from a server: one that could make checking
 * slow or cannot be checked at all makes its tool uncallable, and nothing is fetched for a `$ref`.
 */
import { type Schema, type SchemaDraft, Validator } from '@cfworker/json-schema';
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import { isObject } from './wire/message.js';

/** Null when the arguments fit, else one sentence that says what does not. */
export type ArgumentCheck = (args: JsonObject) => string | null;

const MAX_NODES = 20_000;
const MAX_PATTERN = 1_000;
const MAX_MATCHED = 8_192;
const MAX_UNIQUE = 1_000;
const DRAFTS: ReadonlyMap<string, SchemaDraft> = new Map([
  ['http://json-schema.org/draft-04/schema', '4'],
  ['http://json-schema.org/draft-07/schema', '7'],
  ['https://json-schema.org/draft/2019-09/schema', '2019-09'],
  ['https://json-schema.org/draft/2020-12/schema', '2020-12'],
]);

/** A check for one pinned definition; when the schema cannot be used safely, one that refuses all arguments and says why. */
export function argumentCheck(definition: JsonObject): ArgumentCheck {
  const schema = definition['inputSchema'];
  if (!isObject(schema)) return () => 'the pinned definition has no input schema';
  const facts = survey(schema);
  if (facts.refused !== null) {
    const why = `the pinned schema cannot be checked safely: ${facts.refused}`;
    return () => why;
  }
  const named = typeof schema['$schema'] === 'string' ? schema['$schema'].replace(/#$/, '') : '';
  const validator = new Validator(
    withoutFormats(plain(schema)) as Schema,
    DRAFTS.get(named) ?? '2020-12',
    true,
  );
  return (args) => {
    if (facts.patterns && longest(args) > MAX_MATCHED)
      return `a text of more than ${MAX_MATCHED} characters cannot be checked against a pattern`;
    if (facts.unique && longestList(args) > MAX_UNIQUE)
      return `a list of more than ${MAX_UNIQUE} items cannot be checked for repetitions`;
    try {
      const result = validator.validate(plain(args));
      if (result.valid) return null;
      const last = result.errors.at(-1);
      const where = last === undefined ? '' : last.instanceLocation.replace(/^#/, '');
      return `${where === '' ? 'the arguments' : `\`${cut(where, 200)}\``}: ${cut(last?.error ?? 'does not fit', 300)}`;
    } catch {
      return 'the pinned schema cannot be applied to these arguments';
    }
  };
}

/** Why the structured content of a changed answer is no answer of its tool any more, or null. */
export function structuredMisfit(answer: unknown, outputSchema: JsonValue | undefined): string | null {
  const structured = isObject(answer) ? answer['structuredContent'] : undefined;
  if (!isObject(outputSchema) || !isObject(structured)) return null;
  return argumentCheck({ inputSchema: outputSchema })(structured) === null
    ? null
    : 'its structured content would no longer fit the schema of the tool';
}

/** At most so many characters, and never half of one: the sentence goes into a receipt. */
const cut = (text: string, most: number): string => Buffer.from(text.slice(0, most)).toString();

/** Null-prototype objects as plain ones, which the validator asks for. */
function plain(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

/** Formats whose check is slow or compiles foreign text; as an annotation, a format may go unchecked. */
const UNCHECKED = new Set(['url', 'regex']);

function withoutFormats(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutFormats);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([key, member]) => key !== 'format' || typeof member !== 'string' || !UNCHECKED.has(member),
  );
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutFormats(member)]));
}

interface Survey {
  readonly refused: string | null;
  /** Some pattern is not linear: texts are capped. */
  readonly patterns: boolean;
  readonly unique: boolean;
}

/** What a schema contains that needs care. Any object is looked at as if it were a schema: too careful at worst. */
function survey(schema: JsonObject): Survey {
  let nodes = 0;
  let patterns = false;
  let unique = false;
  let refused: string | null = null;
  const visit = (value: JsonValue): void => {
    if (++nodes > MAX_NODES) refused = 'it is too large';
    if (refused !== null) return;
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isObject(value)) return;
    const { pattern, patternProperties, uniqueItems, $ref } = value;
    const own = isObject(patternProperties) ? Object.keys(patternProperties) : [];
    for (const text of typeof pattern === 'string' ? [pattern, ...own] : own) {
      const cost = patternCost(text);
      if (cost === 'quadratic') patterns = true;
      else if (cost !== 'linear') refused ??= cost.refused;
    }
    if (uniqueItems === true) unique = true;
    if (typeof $ref === 'string' && !$ref.startsWith('#')) refused = 'it refers to another document';
    Object.values(value).forEach(visit);
  };
  visit(schema);
  return { refused, patterns, unique };
}

/**
 * What matching may cost. Refused is what might take more than about quadratic time: a repetition inside a repetition, look-around,
 * a back reference, more than two open-ended repetitions.
 */
export function patternCost(pattern: string): 'linear' | 'quadratic' | { readonly refused: string } {
  if (pattern.length > MAX_PATTERN) return { refused: 'a pattern is too long' };
  let open = 0;
  const groups: { repeats: boolean; choice: boolean }[] = [{ repeats: false, choice: false }];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] ?? '';
    if (c === '\\') {
      const next = pattern[++i] ?? '';
      if (next === 'k' || (next >= '1' && next <= '9')) return { refused: 'a pattern has a back reference' };
    } else if (c === '[') i = classEnd(pattern, i);
    else if (c === '(') {
      if (/^\(\?(?:[=!]|<[=!])/.test(pattern.slice(i, i + 4)))
        return { refused: 'a pattern has a look-around' };
      groups.push({ repeats: false, choice: false });
    } else if (c === '|') (groups.at(-1) ?? groups[0] ?? { choice: false }).choice = true;
    else if (c === ')') {
      const group = groups.length > 1 ? groups.pop() : undefined;
      const times = repetition(pattern, i + 1);
      if (times > 1 && group !== undefined && (group.repeats || group.choice))
        return { refused: 'a pattern repeats a repetition or a choice' };
      const parent = groups.at(-1);
      if (parent !== undefined && (group?.repeats === true || times > 1)) parent.repeats = true;
      if (parent !== undefined && group?.choice === true) parent.choice = true;
    }
    const times = c === '(' || c === '|' ? 1 : repetition(pattern, i + 1);
    if (times > 1) {
      const group = groups.at(-1);
      if (group !== undefined) group.repeats = true;
      if (times === Number.POSITIVE_INFINITY && ++open > 2)
        return { refused: 'a pattern has more than two open-ended repetitions' };
    }
  }
  return open === 0 || (open === 1 && pattern.startsWith('^')) ? 'linear' : 'quadratic';
}

function classEnd(pattern: string, from: number): number {
  for (let i = from + 1; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === ']') return i;
  }
  return pattern.length;
}

/** How often the thing before `at` may repeat: 1 (or `?`), a bound, or infinity. */
function repetition(pattern: string, at: number): number {
  const c = pattern[at];
  if (c === '*' || c === '+') return Number.POSITIVE_INFINITY;
  const bound = c === '{' ? /^\{(\d+)(,(\d*))?\}/.exec(pattern.slice(at, at + 24)) : null;
  if (bound === null) return 1;
  if (bound[2] === undefined) return Number(bound[1]);
  return bound[3] === '' ? Number.POSITIVE_INFINITY : Number(bound[3]);
}

function longest(value: JsonValue): number {
  if (typeof value === 'string') return value.length;
  if (Array.isArray(value))
    return value.reduce((most: number, item: JsonValue) => Math.max(most, longest(item)), 0);
  if (!isObject(value)) return 0;
  return Object.entries(value).reduce(
    (most, [key, member]) => Math.max(most, key.length, longest(member)),
    0,
  );
}

function longestList(value: JsonValue): number {
  if (Array.isArray(value))
    return value.reduce((most: number, item: JsonValue) => Math.max(most, longestList(item)), value.length);
  if (!isObject(value)) return 0;
  return Object.values(value).reduce((most: number, member) => Math.max(most, longestList(member)), 0);
}
