// SPDX-License-Identifier: Apache-2.0
/** `field`, `operator`, `value`: the tests of two of the dialects. */
import type { Scalar, Value } from './document.js';
import type { Fields, Reader } from './fields.js';
import type { Condition, NumberTest, TextTest } from './model.js';
import { folderPath, patternTest } from './patterns.js';

export const OPERATORS = [
  'eq',
  'neq',
  'gt',
  'gte',
  'lt',
  'lte',
  'in',
  'notIn',
  'contains',
  'startsWith',
  'endsWith',
  'matches',
  'exists',
] as const;
type Operator = (typeof OPERATORS)[number];

/** What a field of a dialect is here. */
export type Subject =
  | { readonly kind: 'arg'; readonly path: readonly string[] }
  | { readonly kind: 'tool' }
  | { readonly kind: 'principalId' | 'principalType' }
  /** Always this text. */
  | { readonly kind: 'fixed'; readonly value: string };

export type Effect = 'allow' | 'review' | 'deny';

/** `default: deny`, which is also what silence means. */
export function denyByDefault(reader: Reader, top: Fields, key: string): void {
  const value = top.get(key);
  if (value === undefined) return;
  const found = reader.choice(value, `\`${key}\``, ['deny', 'allow']);
  if (found !== 'allow') return;
  const help = 'say what is allowed with a rule of its own at the end, for example of the tool "*"';
  reader.fault(value.at, 'what no rule names is denied: the language has no default that allows', help);
}

export const EFFECTS = ['allow', 'review', 'deny', 'escalate', 'require_approval'] as const;

/** `escalate` and `require_approval` grant once approved. */
export const effectOf = (word: (typeof EFFECTS)[number]): Effect =>
  word === 'escalate' || word === 'require_approval' ? 'review' : word;

/** One test; null, with a fault, where it cannot be read. */
export function readTest(reader: Reader, fields: Fields, subject: Subject, effect: Effect): Condition | null {
  const operator = fields.read('operator', (value, what) => reader.choice(value, what, OPERATORS));
  const value = fields.need('value');
  fields.need('operator');
  if (operator === null || value === null) return null;
  if (operator === 'exists') return existence(reader, subject, value);
  const negative = operator === 'neq' || operator === 'notIn';
  const positive = positiveTest(
    reader,
    subject,
    negative ? (operator === 'neq' ? 'eq' : 'in') : operator,
    value,
    effect,
  );
  if (positive === null || !negative) return positive;
  if (subject.kind === 'arg') {
    reader.note(
      value.at,
      `\`${operator}\` holds in the original where the argument is missing: kept, as \`not (has(…) and …)\``,
    );
  }
  return { kind: 'not', of: positive };
}

function existence(reader: Reader, subject: Subject, value: Value): Condition | null {
  const wanted = reader.bool(value, '`value` of `exists`');
  if (wanted === null) return null;
  const present: Condition =
    subject.kind === 'arg' ? { kind: 'present', arg: subject.path } : { kind: 'all', of: [] };
  return wanted ? present : { kind: 'not', of: present };
}

function positiveTest(
  reader: Reader,
  subject: Subject,
  operator: Operator,
  value: Value,
  effect: Effect,
): Condition | null {
  if (subject.kind === 'arg') return argTest(reader, subject.path, operator, value, effect);
  const texts = ['eq', 'in', 'startsWith'].includes(operator) ? reader.texts(value, '`value`') : null;
  if (subject.kind === 'fixed') {
    if (texts === null || operator === 'startsWith') return notHere(reader, value, operator);
    return texts.includes(subject.value) ? { kind: 'all', of: [] } : { kind: 'any', of: [] };
  }
  if (subject.kind === 'tool') {
    const test = textTest(reader, operator, value, effect, false);
    return test === null ? null : { kind: 'tool', test };
  }
  if (texts === null) return notHere(reader, value, operator);
  const odd = texts.find((text) => text.includes('*'));
  if (odd !== undefined)
    return reader.fault(value.at, 'a `*` in a principal has no plain meaning here', 'name it');
  const patterns = texts.flatMap((text) => principalPatterns(reader, subject.kind, text, operator, value.at));
  return { kind: 'principal', patterns };
}

const KINDS = ['agent', 'user', 'service'] as const;

function principalPatterns(
  reader: Reader,
  kind: 'principalId' | 'principalType',
  text: string,
  operator: Operator,
  at: number,
): readonly string[] {
  if (kind === 'principalId') {
    return KINDS.map((one) => `${one}:${text}${operator === 'startsWith' ? '*' : ''}`);
  }
  if ((KINDS as readonly string[]).includes(text) && operator !== 'startsWith') return [`${text}:*`];
  reader.fault(at, `there is no principal of the type \`${text}\` here`, 'known are agent, user and service');
  return [];
}

function notHere(reader: Reader, value: Value, operator: Operator): null {
  return reader.fault(
    value.at,
    `\`${operator}\` is not read on this field`,
    'use `eq`, `in` or `startsWith`',
  );
}

const COMPARISONS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

function argTest(
  reader: Reader,
  arg: readonly string[],
  operator: Operator,
  value: Value,
  effect: Effect,
): Condition | null {
  if (operator === 'gt' || operator === 'gte' || operator === 'lt' || operator === 'lte') {
    const number = numberOf(reader, value);
    return number === null ? null : { kind: 'arg', arg, test: { op: COMPARISONS[operator], text: number } };
  }
  if (operator === 'eq' || operator === 'in') {
    const items = operator === 'in' && value.kind === 'list' ? value.items : [value];
    if (items.length === 0) return reader.fault(value.at, 'nothing is in an empty list', 'name a value');
    return equalToOne(reader, arg, items);
  }
  const test = textTest(reader, operator, value, effect, true);
  return test === null ? null : { kind: 'arg', arg, test };
}

function equalToOne(reader: Reader, arg: readonly string[], items: readonly Value[]): Condition | null {
  const texts = items.flatMap((item) =>
    item.kind === 'scalar' && typeof item.value === 'string' ? [item.value] : [],
  );
  if (texts.length === items.length) return { kind: 'arg', arg, test: { op: 'in', values: texts } };
  const tests: Condition[] = [];
  for (const item of items) {
    if (item.kind === 'scalar' && typeof item.value === 'boolean') {
      tests.push({ kind: 'arg', arg, test: { op: 'is', value: item.value } });
    } else if (item.kind === 'scalar' && typeof item.value === 'number') {
      tests.push({ kind: 'arg', arg, test: { op: '==', text: item.text } });
    } else {
      return reader.fault(
        item.at,
        'values here are all texts, or numbers, or true and false',
        'split the test',
      );
    }
  }
  const [only] = tests;
  return tests.length === 1 && only !== undefined ? only : { kind: 'any', of: tests };
}

export function numberOf(reader: Reader, value: Value): NumberTest['text'] | null {
  const found = value.kind === 'scalar' && typeof value.value === 'number' ? (value as Scalar).text : null;
  return found ?? reader.fault(value.at, '`value` is not a number', 'only numbers have an order here');
}

/** A test of a text; `paths` where it may be one of a path. */
function textTest(
  reader: Reader,
  operator: Operator,
  value: Value,
  effect: Effect,
  paths: boolean,
): TextTest | null {
  if (operator === 'eq' || operator === 'in') {
    const values = reader.texts(value, '`value`');
    return values.length === 0 ? null : { op: 'in', values };
  }
  const text = reader.text(value, '`value`');
  if (text === null) return null;
  if (operator === 'matches') return patternTest(reader, text, value.at, effect, paths);
  if (operator === 'startsWith' && paths && text.startsWith('/')) {
    const what = `\`startsWith ${JSON.stringify(text)}\``;
    const folder = folderPath(reader, text, text.endsWith('/'), value.at, effect, what);
    if (folder !== null) return folder;
  }
  if (operator === 'contains' || operator === 'startsWith' || operator === 'endsWith')
    return { op: operator, value: text };
  return reader.fault(value.at, `\`${operator}\` is not read on this field`, 'compare texts');
}

/** `args.path`, `args.filter.name`: the argument, or null. */
export function argPath(field: string, prefixes: readonly string[]): readonly string[] | null {
  const prefix = prefixes.find((one) => field.startsWith(one));
  if (prefix === undefined) return null;
  const path = field.slice(prefix.length).split('.');
  return path.every((part) => part !== '') ? path : null;
}
