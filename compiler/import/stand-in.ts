// SPDX-License-Identifier: Apache-2.0
/** Where no lock is at hand: tools as the file speaks of them, so that the result can be compiled and asked. Never written to disk. */
import type { Host } from '../lock.js';
import { matchesAny } from './groups.js';
import type { FirstMatch } from './model.js';
import { argTests } from './questions.js';

export interface ToolGuess {
  readonly name: string;
  /** What the file reads of its arguments, as `path: string`. */
  readonly args: readonly string[];
  readonly schema: object;
}

type Kind = 'string' | 'number' | 'boolean' | null;
interface Schema {
  kind: Kind;
  readonly members: Map<string, Schema>;
}

/** One tool for each pattern: what has to be pinned before the policy can be used. */
export function toolGuesses(policy: FirstMatch): readonly ToolGuess[] {
  const names = new Set(policy.rules.flatMap((rule) => rule.tools).map((tool) => tool.replaceAll('*', 'x')));
  return [...names].map((name) => {
    const root: Schema = { kind: null, members: new Map() };
    const args: string[] = [];
    for (const rule of policy.rules.filter(({ tools }) => matchesAny(tools, name))) {
      for (const { arg, test } of argTests(rule.when)) {
        const kind =
          test === null ? null : test.op === 'is' ? 'boolean' : 'text' in test ? 'number' : 'string';
        grow(root, arg, kind);
        args.push(`${arg.join('.')}: ${kind ?? 'any'}`);
      }
    }
    return { name, args: [...new Set(args)], schema: schemaOf(root) };
  });
}

function grow(root: Schema, path: readonly string[], kind: Kind): void {
  let at = root;
  for (const name of path) {
    const next = at.members.get(name) ?? { kind: null, members: new Map() };
    at.members.set(name, next);
    at = next;
  }
  at.kind ??= kind;
}

function schemaOf({ kind, members }: Schema): object {
  if (kind !== null && members.size === 0) return { type: kind };
  const properties = Object.fromEntries([...members].map(([name, schema]) => [name, schemaOf(schema)]));
  return members.size === 0 ? {} : { type: 'object', properties };
}

/** The text of a lock that pins the guesses, all arguments optional. */
export function guessedLock(guesses: readonly ToolGuess[], server: string, host: Host): string {
  const tools = guesses.map(({ name, schema }) => {
    const definition = { name, inputSchema: { type: 'object', ...schema } };
    return [name, { definition, hash: host.hash(host.canonical(definition)) }];
  });
  const pinned: unknown = Object.fromEntries(tools);
  return JSON.stringify({ version: 1, modules: {}, servers: { [server]: { tools: pinned } } });
}
