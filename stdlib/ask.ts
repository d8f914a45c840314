// SPDX-License-Identifier: Apache-2.0
/**
 * What conditions consist of: the commonest questions, one argument against a constant, as data that all go through the same code,
 * which is soon compiled, where a function of its own for each would stay cold in a policy of thousands of rules; and functions of
 * the module for all else.
 */
import type { Facts, Json, Request } from './abi.js';
import { compareNumbers, type Num } from './decimal.js';
import type { Glob } from './glob.js';
import { under } from './path.js';
import { type Args, contains, int, json, type Kleene, list, num, text, UNKNOWN_ARGS } from './values.js';

/** A pinned tool; its hints are what its server claims. */
export interface Pin {
  readonly server: string;
  readonly name: string;
  readonly readOnly: boolean;
  readonly destructive: boolean;
  readonly idempotent: boolean;
  readonly openWorld: boolean;
}
export type Predicate = (args: Args, request: Request, facts: Facts, pin: Pin | undefined) => Kleene;
export type Value = (args: Args, request: Request, facts: Facts, pin: Pin | undefined) => unknown;

/** A boolean leaf of a condition: its value, and the reads below it with the names that authors know them by. */
export interface Leaf {
  readonly test: Test;
  readonly reads: readonly { readonly label: string; readonly value: Value }[];
}
/** What a condition may read: names of facts, JSON pointers of arguments, and its leaves that read something. */
export interface Below {
  readonly facts: readonly string[];
  readonly reads: readonly string[];
  readonly leaves: readonly Leaf[];
}

/** The questions, in the order of their numbers in modules. */
export const OPS = [
  'run',
  'has',
  'startsWith',
  'endsWith',
  'contains',
  'under',
  'equal',
  'differ',
  'like',
  'in',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'between',
] as const;
export type Op = (typeof OPS)[number];
const HAS = 1;
const LAST_OF_TEXT = 9;

/** The kinds of value that an argument is read as, in the order of their numbers in modules. */
export const KINDS = ['text', 'int', 'num', 'list', 'json'] as const;
export type Kind = (typeof KINDS)[number];
const READERS: { readonly [kind in Kind]: (value: unknown) => unknown } = { text, int, num, list, json };

/** One condition. All have the same members, whatever they ask, so that one piece of code serves them. */
export interface Test {
  /** Its number in `OPS`; 0: `run` says. */
  readonly op: number;
  readonly key: string;
  readonly kind: Kind;
  /** `has(args.KEY) and …`: false, not unknown, where the argument is absent. */
  readonly guarded: boolean;
  readonly text: string;
  readonly set: ReadonlySet<string>;
  readonly glob: Glob | null;
  readonly low: Num;
  /** Of `between`. */
  readonly high: number;
  readonly run: Predicate;
  readonly below: () => Below;
  /** In words; between other conditions in brackets. */
  readonly words: (among: boolean) => string;
}

const NO_SET: ReadonlySet<string> = new Set();
const NEVER: Predicate = () => 1;
const NOTHING: Below = { facts: [], reads: [], leaves: [] };

/** A function of the module. */
export const running = (
  run: Predicate,
  below: () => Below = () => NOTHING,
  words: Test['words'] = () => '',
): Test => ({
  op: 0,
  key: '',
  kind: 'json',
  guarded: false,
  text: '',
  set: NO_SET,
  glob: null,
  low: 0,
  high: 0,
  run,
  below,
  words,
});

/** What a question compares with; each uses one of them. */
export interface Other {
  readonly text?: string;
  readonly set?: ReadonlySet<string>;
  readonly glob?: Glob;
  readonly low?: Num;
  readonly high?: number;
}

/** A question about `args.KEY`. */
export function asking(op: number, key: string, kind: Kind, guarded: boolean, other: Other): Test {
  const { text: of = '', set = NO_SET, glob = null, low = 0, high = 0 } = other;
  const below = (): Below => {
    const reads = [`/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`];
    if (op === HAS) return { facts: [], reads, leaves: [] };
    const bare = guarded ? asking(op, key, kind, false, other) : test;
    const value: Value = (args) => READERS[kind](Object.hasOwn(args, key) ? args[key] : undefined);
    return { facts: [], reads, leaves: [{ test: bare, reads: [{ label: `args.${key}`, value }] }] };
  };
  const test: Test = {
    op,
    key,
    kind,
    guarded: guarded || op === HAS,
    text: of,
    set,
    glob,
    low,
    high,
    run: NEVER,
    below,
    words: () => wordsOf(test),
  };
  return test;
}

/** As policies write it. */
function wordsOf({ op, key, guarded, text: other, set, glob, low, high }: Test): string {
  const read = `args.${key}`;
  const name = OPS[op] ?? 'run';
  const quoted = JSON.stringify(other);
  const number = typeof low === 'number' ? String(low) : other;
  const asked = (): string => {
    switch (name) {
      case 'startsWith':
        return `${read} starts with ${quoted}`;
      case 'endsWith':
        return `${read} ends with ${quoted}`;
      case 'contains':
      case 'under':
        return `${read} ${name} ${quoted}`;
      case 'equal':
        return `${read} == ${quoted}`;
      case 'differ':
        return `${read} != ${quoted}`;
      case 'like':
        return `${read} like ${JSON.stringify(glob === null ? '' : globText(glob))}`;
      case 'in':
        return `${read} in [${[...set].map((item) => JSON.stringify(item)).join(', ')}]`;
      case 'between':
        return `${read} >= ${number} and ${read} <= ${high}`;
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
        return `${read} ${name} ${number}`;
      case 'has':
      case 'run':
        return '';
    }
  };
  return [...(guarded ? [`has(${read})`] : []), ...(name === 'has' ? [] : [asked()])].join(' and ');
}

const globText = ({ parts, gaps }: Glob): string =>
  parts.map((part, i) => (i === 0 ? part : `${gaps[i - 1] === 'a' ? '**' : '*'}${part}`)).join('');

export function valueOf(
  test: Test,
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Kleene {
  const { op, key } = test;
  if (op === 0) return test.run(args, request, facts, pin);
  if (!Object.hasOwn(args, key)) return test.guarded && args !== UNKNOWN_ARGS ? 0 : 1;
  const value = args[key];
  if (op > LAST_OF_TEXT) {
    if (typeof value !== 'number') return 1;
    const known = test.kind === 'int' ? Number.isInteger(value) : Number.isFinite(value);
    return known ? ofNumber(test, value) : 1;
  }
  return op === HAS ? 2 : typeof value === 'string' ? ofText(test, value) : 1;
}

function ofText({ op, text: other, set, glob }: Test, value: string): Kleene {
  switch (op) {
    case 2:
      return value.startsWith(other) ? 2 : 0;
    case 3:
      return value.endsWith(other) ? 2 : 0;
    case 4:
      return contains(value, other);
    case 5:
      return under(value, other);
    case 6:
      return value === other ? 2 : 0;
    case 7:
      return value === other ? 0 : 2;
    case 8:
      return glob?.matches(value) === true ? 2 : 0;
    default:
      return set.has(value) ? 2 : 0;
  }
}

function ofNumber({ op, low, high }: Test, value: number): Kleene {
  if (op === 16) return value >= (low as number) && value <= high ? 2 : 0;
  // The difference of two doubles is zero only where they are equal.
  const order = typeof low === 'number' ? value - low : compareNumbers(value, low);
  switch (op) {
    case 10:
      return order === 0 ? 2 : 0;
    case 11:
      return order === 0 ? 0 : 2;
    case 12:
      return order < 0 ? 2 : 0;
    case 13:
      return order <= 0 ? 2 : 0;
    case 14:
      return order > 0 ? 2 : 0;
    default:
      return order >= 0 ? 2 : 0;
  }
}

/** The value of a conjunction: false as soon as one is false. */
export function leastOf(
  tests: readonly Test[],
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Kleene {
  let value: Kleene = 2;
  for (let i = 0; i < tests.length; i++) {
    const x = valueOf(tests[i] as Test, args, request, facts, pin);
    if (x === 0) return 0;
    if (x < value) value = x;
  }
  return value;
}

/** Arguments of any request made of JSON. */
export const argsOf = (value: unknown): Args =>
  typeof value === 'object' && value !== null ? (value as Args) : NO_ARGS;
const NO_ARGS: { readonly [key: string]: Json } = {};
