// SPDX-License-Identifier: Apache-2.0
/** Every way in which text is not a policy. `{name}` stands for a value of the fault; the compiler renders them. */
export interface FaultText {
  readonly title: string;
  readonly message: string;
  readonly help: string | null;
}

export const FAULTS = {
  SEP1001: {
    title: 'character that cannot stand here',
    message: '`{found}` means nothing in a policy{instead}',
    help: 'names with unusual characters stand in double quotes',
  },
  SEP1002: {
    title: 'unexpected text',
    message: 'expected {expected}, found {found}',
    help: null,
  },
  SEP1003: {
    title: 'string without an end',
    message: 'this string does not end on its line',
    help: 'close it with `"`, or write a line break as `\\n`',
  },
  SEP1004: {
    title: 'unknown escape in a string',
    message: 'the escape `{found}` is not known',
    help: 'known are those of JSON and `\\u{…}` with a code point in hexadecimal digits; a backslash itself is `\\\\`',
  },
  SEP1005: {
    title: 'malformed number, duration, time or date',
    message: '`{found}` is not {expected}',
    help: 'numbers are `20` or `1.5`, durations `90s`, `15m`, `4h`, `1d`, times `09:30`, dates `2026-12-25`',
  },
  SEP1006: {
    title: 'duplicate key in arguments',
    message: 'the key `{key}` stands twice in these arguments',
    help: 'the gateway refuses such calls before it asks the policy; remove one',
  },
  SEP1007: {
    title: 'chained comparison',
    message: 'comparisons do not chain',
    help: 'write two comparisons joined by `and`',
  },
  SEP1008: {
    title: 'misleading character or mixed scripts',
    message: '{what}',
    help: 'such text can look like something else; write it with the letters that it means, or as `\\u{…}`',
  },
  SEP1009: {
    title: 'policy too large',
    message: '{what}',
    help: 'split the policy into modules, or the condition into `let` predicates',
  },
  SEP1010: {
    title: 'missing or unknown edition',
    message: 'a policy starts with its edition, `sep 1`; found {found}',
    help: 'write `sep 1` and then `policy NAME 1.0.0` at the top of the file',
  },
  SEP1011: {
    title: 'clause given twice',
    message: 'this is the second `{clause}` here',
    help: 'each clause stands at most once; join conditions with `and` or `or` in one clause',
  },
} as const satisfies { readonly [code: string]: FaultText };

export type FaultCode = keyof typeof FAULTS;
