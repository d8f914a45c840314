// SPDX-License-Identifier: Apache-2.0
/**
 * What conditions consist of: the commonest questions, one argument against a constant, as data that all go through the same code,
 * which is soon compiled, where a function of its own for each would stay cold in a policy of thousands of rules; and functions of
 * the module for all else.
 */
import type { Facts, Json, Request } from './abi.js';
import type { Num } from './decimal.js';
import type { Glob } from './glob.js';
import { under } from './path.js';
import {
  type Args,
  type Comparison,
  compareNum,
  contains,
  int,
  json,
  type Kleene,
  list,
  num,
  text,
  UNKNOWN_ARGS,
} from './values.js';

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

/** The kinds of value that an argument is read as, in the order of their numbers in modules. */
export const KINDS = ['text', 'int', 'num', 'list', 'json'] as const;
export type Kind = (typeof KINDS)[number];
const READERS: { readonly [kind in Kind]: (value: unknown) => unknown } = { text, int, num, list, json };

/** One condition. */
export interface Test {
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
): Test => ({ run, below, words });

/** What a question compares with; each uses one of them. */
export interface Other {
  readonly text?: string;
  readonly set?: ReadonlySet<string>;
  readonly glob?: Glob;
  readonly low?: Num;
  readonly high?: number;
}

/** A question about `args.KEY`, by its number; guarded: false, not unknown, where the argument is absent. */
export function asking(op: number, key: string, kind: Kind, guarded: boolean, other: Other): Test {
  const name = OPS[op] ?? 'run';
  const below = (): Below => {
    const reads = [`/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`];
    if (op === HAS) return { facts: [], reads, leaves: [] };
    const bare = guarded ? asking(op, key, kind, false, other) : test;
    const value: Value = (args) => READERS[kind](Object.hasOwn(args, key) ? args[key] : undefined);
    return { facts: [], reads, leaves: [{ test: bare, reads: [{ label: `args.${key}`, value }] }] };
  };
  const test: Test = {
    run: asker(name, key, kind, guarded, other),
    below,
    words: () => wordsOf(name, key, guarded || op === HAS, other),
  };
  return test;
}

/** As policies write it. */
function wordsOf(name: Op, key: string, guarded: boolean, compared: Other): string {
  const { text: other = '', set = NO_SET, glob = null, low = 0, high = 0 } = compared;
  const read = `args.${key}`;
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

/**
 * The predicate of a question: a closure of few kinds, each soon compiled. A member is read first and looked at for being the
 * object's own only where that can change the answer: a question behind `has` that does not hold of what was read is false
 * whether or not the member was there.
 */
function asker(op: Op, key: string, kind: Kind, guarded: boolean, other: Other): Predicate {
  const { text: part = '', set = NO_SET, glob = null, low = 0, high = 0 } = other;
  const none = (args: Args): Kleene =>
    guarded && args !== UNKNOWN_ARGS && !Object.hasOwn(args, key) ? 0 : 1;
  /** Of a value that was read: what was found about it, if the member is the object's own. */
  const own = (args: Args, found: Kleene): Kleene => (Object.hasOwn(args, key) ? found : none(args));
  const ofText =
    (holds: (value: string) => Kleene): Predicate =>
    (args) => {
      const value = args[key];
      if (typeof value !== 'string') return none(args);
      const found = holds(value);
      return found === 0 && guarded ? 0 : own(args, found);
    };
  switch (op) {
    case 'run':
      return NEVER;
    case 'has':
      return (args) => (Object.hasOwn(args, key) ? 2 : args === UNKNOWN_ARGS ? 1 : 0);
    case 'startsWith':
      return (args) => {
        const value = args[key];
        if (typeof value !== 'string') return none(args);
        return value.startsWith(part) ? own(args, 2) : guarded ? 0 : own(args, 0);
      };
    case 'endsWith':
      return ofText((value) => (value.endsWith(part) ? 2 : 0));
    case 'contains':
      return ofText((value) => contains(value, part));
    case 'under':
      return ofText((value) => under(value, part));
    case 'equal':
      return (args) => {
        const value = args[key];
        if (typeof value !== 'string') return none(args);
        return value === part ? own(args, 2) : guarded ? 0 : own(args, 0);
      };
    case 'differ':
      return ofText((value) => (value === part ? 0 : 2));
    case 'like': {
      const matches = glob === null ? () => false : glob.matches;
      return (args) => {
        const value = args[key];
        if (typeof value !== 'string') return none(args);
        return matches(value) ? own(args, 2) : guarded ? 0 : own(args, 0);
      };
    }
    case 'in':
      return (args) => {
        const value = args[key];
        if (typeof value !== 'string') return none(args);
        return set.has(value) ? own(args, 2) : guarded ? 0 : own(args, 0);
      };
    case 'between':
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return ofNumber(op, { key, whole: kind === 'int', guarded, low, high }, none, own);
  }
}

interface OfNumber {
  readonly key: string;
  readonly whole: boolean;
  readonly guarded: boolean;
  readonly low: Num;
  readonly high: number;
}

function ofNumber(
  op: 'between' | Comparison,
  { key, whole, guarded, low, high }: OfNumber,
  none: (args: Args) => Kleene,
  own: (args: Args, found: Kleene) => Kleene,
): Predicate {
  if (op !== 'between')
    return (args) => {
      const value = whole ? int(args[key]) : num(args[key]);
      if (value === undefined) return none(args);
      const found = compareNum(op, value, low);
      return found === 0 && guarded ? 0 : own(args, found);
    };
  const least = Number(low);
  return (args) => {
    const value = whole ? int(args[key]) : num(args[key]);
    if (value === undefined) return none(args);
    return value >= least && value <= high ? own(args, 2) : guarded ? 0 : own(args, 0);
  };
}

/** The value of a conjunction: false as soon as one is false. */
export function leastOf(
  tests: readonly Predicate[],
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Kleene {
  let value: Kleene = 2;
  for (let i = 0; i < tests.length; i++) {
    const x = (tests[i] as Predicate)(args, request, facts, pin);
    if (x === 0) return 0;
    if (x < value) value = x;
  }
  return value;
}

/** Arguments of any request made of JSON. */
export const argsOf = (value: unknown): Args =>
  typeof value === 'object' && value !== null ? (value as Args) : NO_ARGS;
const NO_ARGS: { readonly [key: string]: Json } = {};
