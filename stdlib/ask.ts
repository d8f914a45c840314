// SPDX-License-Identifier: Apache-2.0
/**
 * The commonest conditions, one argument against a constant, made from data: all of a kind run the same code, which is soon
 * compiled, where a function of its own for each would stay cold in a policy of thousands of rules.
 */
import type { Num } from './decimal.js';
import { type Glob, like } from './glob.js';
import { under } from './path.js';
import type { Predicate } from './tables.js';
import {
  type Args,
  type Comparison,
  compareNum,
  contains,
  endsWith,
  equalText,
  get,
  has,
  inTexts,
  int,
  type Kleene,
  not,
  num,
  startsWith,
  text,
  UNKNOWN_ARGS,
} from './values.js';

/** `has(args.KEY)`. */
export const askHas =
  (key: string): Predicate =>
  (args) =>
    has(args, key);

/** `args.KEY OP TEXT`; guarded: `has(args.KEY) and args.KEY OP TEXT`. */
export function askText(
  op: 'startsWith' | 'endsWith' | 'contains' | 'under' | 'equal' | 'differ',
  key: string,
  guarded: boolean,
  other: string,
): Predicate {
  const none = (args: Args): Kleene => missing(args, key, guarded);
  switch (op) {
    case 'startsWith':
      return (args) => {
        const value = text(get(args, key));
        return value === undefined ? none(args) : startsWith(value, other);
      };
    case 'endsWith':
      return (args) => {
        const value = text(get(args, key));
        return value === undefined ? none(args) : endsWith(value, other);
      };
    case 'contains':
      return (args) => {
        const value = text(get(args, key));
        return value === undefined ? none(args) : contains(value, other);
      };
    case 'under':
      return (args) => {
        const value = text(get(args, key));
        return value === undefined ? none(args) : under(value, other);
      };
    case 'equal':
      return (args) => {
        const value = text(get(args, key));
        return value === undefined ? none(args) : equalText(value, other);
      };
    case 'differ':
      return (args) => {
        const value = text(get(args, key));
        return value === undefined ? none(args) : not(equalText(value, other));
      };
  }
}

/** `args.KEY like GLOB`. */
export const askLike =
  (key: string, guarded: boolean, glob: Glob): Predicate =>
  (args) => {
    const value = text(get(args, key));
    return value === undefined ? missing(args, key, guarded) : like(value, glob);
  };

/** `args.KEY in [TEXTS]`. */
export const askIn =
  (key: string, guarded: boolean, set: ReadonlySet<string>): Predicate =>
  (args) => {
    const value = text(get(args, key));
    return value === undefined ? missing(args, key, guarded) : inTexts(value, set);
  };

/** `args.KEY OP NUMBER`; whole: anything but an integer is unknown. */
export const askNumber =
  (op: Comparison, key: string, guarded: boolean, whole: boolean, other: Num): Predicate =>
  (args) => {
    const value = get(args, key);
    const known = whole ? int(value) : num(value);
    return known === undefined ? missing(args, key, guarded) : compareNum(op, known, other);
  };

/** Where the value is not of the kind that is asked for: unknown, but false where it is guarded and absent. */
function missing(args: Args, key: string, guarded: boolean): Kleene {
  return guarded && args !== UNKNOWN_ARGS && !Object.hasOwn(args, key) ? 0 : 1;
}
