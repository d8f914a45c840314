// SPDX-License-Identifier: Apache-2.0
/** What a verb is made of, and how its arguments are read: strictly, with a did-you-mean. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { didYouMean } from '../compiler/diagnostics/suggest.js';
import type { ExitCode } from './exit-codes.js';
import { Failure } from './failure.js';
import { columns, type Io } from './terminal.js';

export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help, e.g. `FILE`. */
  readonly value?: string;
  readonly help: string;
}
export type Options = { readonly [name: string]: Option };

export type Values<O extends Options> = {
  readonly [K in keyof O]: O[K] extends { readonly type: 'boolean' }
    ? boolean
    : O[K] extends { readonly multiple: true }
      ? readonly string[]
      : string | undefined;
};

export interface Input<O extends Options> {
  readonly values: Values<O>;
  readonly rest: readonly string[];
}

export interface Command<O extends Options = Options> {
  /** Lines after `sepal`, without the options. */
  readonly usage: string;
  readonly about: string;
  readonly options: O;
  /** Names of what may stand without a flag; `...` at the end takes any number, `?` marks an optional one. */
  readonly takes?: readonly string[];
  readonly run: (input: Input<O>, io: Io) => Promise<ExitCode>;
  /** For a verb that reads its own arguments: takes the place of everything above. */
  readonly raw?: (argv: readonly string[], io: Io) => Promise<number>;
}

/** Keeps the options' types for `run`, and forgets them for the table of verbs. */
export function defineCommand<const O extends Options>(command: Command<O>): Command {
  return command as unknown as Command;
}

export function helpText(command: Command): string {
  const rows = Object.entries({ ...command.options, help: HELP }).map(([name, option]) => {
    const value = option.type === 'string' ? ` ${option.value ?? 'TEXT'}` : '';
    const short = option.short === undefined ? '' : `-${option.short}, `;
    return [`  ${short}--${name}${value}`, option.help];
  });
  return `sepal ${command.usage}\n\n${command.about}\n\noptions:\n${columns(rows)}`;
}

const HELP: Option = { type: 'boolean', short: 'h', help: 'print this' };

/** Null when the help was asked for. */
export function readArguments(
  verb: string,
  command: Command,
  argv: readonly string[],
): Input<Options> | null {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, option] of Object.entries({ ...command.options, help: HELP })) {
    options[name] = {
      type: option.type,
      ...(option.short === undefined ? {} : { short: option.short }),
      ...(option.multiple === true ? { multiple: true } : {}),
    };
  }
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string | boolean | string[]>();
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') rest.push(token.value);
    else if (token.kind === 'option') readOption(verb, command, options, token, values);
  }
  if (values.get('help') === true) return null;
  checkRest(verb, command, rest);
  const all = Object.entries(command.options).map(([name, option]) => {
    const missing = option.type === 'boolean' ? false : option.multiple === true ? [] : undefined;
    return [name, values.get(name) ?? missing] as const;
  });
  return { values: Object.fromEntries(all) as Values<Options>, rest };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
}

function readOption(
  verb: string,
  command: Command,
  options: NonNullable<ParseArgsConfig['options']>,
  token: OptionToken,
  values: Map<string, string | boolean | string[]>,
): void {
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (option === undefined) {
    const near = didYouMean(token.name, Object.keys(options))?.replace('`', '`--');
    throw new Failure(
      `\`sepal ${verb}\` has no option \`${token.rawName}\``,
      near ?? `\`sepal ${verb} --help\` lists its options`,
    );
  }
  const hint = `write \`--${token.name} ${command.options[token.name]?.value ?? 'TEXT'}\``;
  if (option.type === 'boolean') {
    if (token.value !== undefined)
      throw new Failure(`\`--${token.name}\` takes no value`, 'remove the value');
    values.set(token.name, true);
    return;
  }
  if (token.value === undefined) throw new Failure(`\`--${token.name}\` needs a value`, hint);
  if (option.multiple === true) {
    const before = values.get(token.name);
    values.set(token.name, [...(Array.isArray(before) ? before : []), token.value]);
  } else if (values.has(token.name)) {
    throw new Failure(`\`--${token.name}\` stands twice`, 'keep one of the two');
  } else values.set(token.name, token.value);
}

function checkRest(verb: string, command: Command, rest: readonly string[]): void {
  const takes = command.takes ?? [];
  const many = takes.at(-1)?.endsWith('...') === true;
  const needed = takes.filter((name) => !/\?$|\.\.\.$/.test(name));
  if (rest.length < needed.length) {
    throw new Failure(`\`sepal ${verb}\` needs ${needed[rest.length]}`, `usage: sepal ${command.usage}`);
  }
  if (!many && rest.length > takes.length) {
    throw new Failure(`\`${rest[takes.length]}\` is one argument too many`, `usage: sepal ${command.usage}`);
  }
}

/** One of a few words given as an option's value. */
export function choice<const W extends string>(
  name: string,
  given: string | undefined,
  words: readonly W[],
): W {
  const first = words[0] as W;
  if (given === undefined) return first;
  const found = words.find((word) => word === given);
  if (found !== undefined) return found;
  throw new Failure(
    `\`--${name} ${given}\`: not a known value`,
    didYouMean(given, words) ?? `write one of ${words.join(', ')}`,
  );
}

/** The value of an option that has no default. */
export function required(name: string, given: string | undefined, example: string): string {
  if (given !== undefined) return given;
  throw new Failure(`\`--${name}\` is missing`, `for example \`--${name} ${example}\``);
}
