// SPDX-License-Identifier: Apache-2.0
/**
 * What conditions consist of: the commonest questions, one argument against a constant, as data that all go through the same code,
 * which is soon compiled, where a function of its own for each would stay cold in a policy of thousands of rules; and functions of
 * the module for all else.
 */
import type { Facts, Json, Request } from './abi.js';
import type { Num } from './decimal.js';
import type { Glob, Matcher } from './glob.js';
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

/** The kinds of value that an argument is read as, in the order of their numbers in modules. */
export const KINDS = ['text', 'int', 'num', 'list', 'json'] as const;
export type Kind = (typeof KINDS)[number];
const READERS: { readonly [kind in Kind]: (value: unknown) => unknown } = { text, int, num, list, json };

/** One condition. */
export interface Test {
  /** What a decision asks. */
  readonly ask: Ask;
  readonly run: Predicate;
  readonly below: () => Below;
  /** In words; between other conditions in brackets. */
  readonly words: (among: boolean) => string;
}
/** A condition as a decision asks it (`holds`); what is asked of one kind of question only stands last. */
export interface Ask {
  readonly op: Op;
  /** Asks about a number, else about a text. */
  readonly number: boolean;
  readonly key: string;
  /** False, not unknown, where the argument is absent. */
  readonly guarded: boolean;
  /** Only whole numbers are numbers. */
  readonly whole: boolean;
  readonly text: string;
  readonly low: Num;
  readonly high: number;
  readonly set: ReadonlySet<string>;
  readonly matches: Matcher;
  /** A function of the module. */
  readonly run: Predicate;
}

const NO_SET: ReadonlySet<string> = new Set();
const NO_MATCH: Matcher = () => false;
const NEVER: Predicate = () => 1;
const NOTHING: Below = { facts: [], reads: [], leaves: [] };

/** A function of the module. */
export const running = (
  run: Predicate,
  below: () => Below = () => NOTHING,
  words: Test['words'] = () => '',
): Test => ({ ask: askOf('run', '', 'json', false, {}, run), run, below, words });

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
    if (name === 'has') return { facts: [], reads, leaves: [] };
    const bare = guarded ? asking(op, key, kind, false, other) : test;
    const value: Value = (args) => READERS[kind](Object.hasOwn(args, key) ? args[key] : undefined);
    return { facts: [], reads, leaves: [{ test: bare, reads: [{ label: `args.${key}`, value }] }] };
  };
  const ask = askOf(name, key, kind, guarded, other, NEVER);
  const test: Test = {
    ask,
    run: (args, request, facts, pin) => holds(ask, args, request, facts, pin),
    below,
    words: () => wordsOf(name, key, guarded || name === 'has', other),
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

function askOf(op: Op, key: string, kind: Kind, guarded: boolean, other: Other, run: Predicate): Ask {
  const { text: part = '', set = NO_SET, glob = null, low = 0, high = 0 } = other;
  return {
    op,
    number: OPS.indexOf(op) >= OPS.indexOf('=='),
    key,
    guarded,
    whole: kind === 'int',
    text: part,
    low: op === 'between' ? Number(low) : low,
    high,
    set,
    matches: glob === null ? NO_MATCH : glob.matches,
    run,
  };
}

/**
 * Does the condition hold? One piece of code for all questions, which is soon compiled. A member is read first and looked at for
 * being the object's own only where that can change the answer: a question behind `has` that does not hold of what was read is
 * false whether or not the member was there.
 */
export function holds(ask: Ask, args: Args, request: Request, facts: Facts, pin: Pin | undefined): Kleene {
  const { op, number, key } = ask;
  if (op === 'run') return ask.run(args, request, facts, pin);
  if (op === 'has') return Object.hasOwn(args, key) ? 2 : args === UNKNOWN_ARGS ? 1 : 0;
  const value = args[key];
  let found: Kleene;
  if (!number) {
    if (typeof value !== 'string') return none(ask, args);
    found = ofText(ask, value);
  } else {
    if (typeof value !== 'number' || !(ask.whole ? Number.isInteger(value) : Number.isFinite(value)))
      return none(ask, args);
    found =
      op === 'between' ? (value >= (ask.low as number) && value <= ask.high ? 2 : 0) : ofNumber(ask, value);
  }
  if (found === 0 && ask.guarded) return 0;
  return Object.hasOwn(args, key) ? found : none(ask, args);
}

/** Of an argument that is absent, or of another type. */
const none = ({ guarded, key }: Ask, args: Args): Kleene =>
  guarded && args !== UNKNOWN_ARGS && !Object.hasOwn(args, key) ? 0 : 1;

function ofText({ op, text: part, set, matches }: Ask, value: string): Kleene {
  switch (op) {
    case 'startsWith':
      return value.startsWith(part) ? 2 : 0;
    case 'endsWith':
      return value.endsWith(part) ? 2 : 0;
    case 'contains':
      return contains(value, part);
    case 'under':
      return under(value, part);
    case 'equal':
      return value === part ? 2 : 0;
    case 'differ':
      return value === part ? 0 : 2;
    case 'like':
      return matches(value) ? 2 : 0;
    default:
      return set.has(value) ? 2 : 0;
  }
}

const ofNumber = ({ op, low }: Ask, value: number): Kleene => compareNum(op as Comparison, value, low);

/** The value of a conjunction from one of its conditions on: false as soon as one is false. */
export function leastOf(
  asks: readonly Ask[],
  from: number,
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Kleene {
  let value: Kleene = 2;
  for (let i = from; i < asks.length; i++) {
    const x = holds(asks[i] as Ask, args, request, facts, pin);
    if (x === 0) return 0;
    if (x < value) value = x;
  }
  return value;
}

/** Arguments of any request made of JSON. */
export const argsOf = (value: unknown): Args =>
  typeof value === 'object' && value !== null ? (value as Args) : NO_ARGS;
const NO_ARGS: { readonly [key: string]: Json } = {};
