// SPDX-License-Identifier: Apache-2.0
/** Compiling in tests: the real host, and locks with true hashes. */
import { type Checked, check, type Result } from '../../compiler/check.js';
import type { Host, JsonValue } from '../../compiler/lock.js';
import { parse } from '../../grammar/parse.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { parseStrict } from '../../runtime/verify/format/json.js';

export const host: Host = { parse, parseJson: (text) => parseStrict(text), canonical, hash: digest };

export interface ToolDefinition {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema?: JsonValue;
  readonly annotations?: JsonValue;
}

/** The text of a lock that pins `servers`. */
export function lockText(servers: { readonly [server: string]: readonly ToolDefinition[] }): string {
  const pins = Object.entries(servers).map(([server, tools]) => {
    const entries = tools.map((definition) => [
      definition.name,
      { definition, hash: digest(canonical(definition)) },
    ]);
    return [server, { tools: Object.fromEntries(entries) as unknown }];
  });
  return `${JSON.stringify(sortKeys({ version: 1, servers: Object.fromEntries(pins) as unknown }), null, 2)}\n`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sortKeys(member)]));
}

/** A tool whose arguments are `properties`; those with a name ending in `?` are optional. */
export function tool(
  name: string,
  properties: { readonly [name: string]: JsonValue },
  annotations?: JsonValue,
): ToolDefinition {
  const entries = Object.entries(properties).map(
    ([key, schema]) => [key.replace(/\?$/, ''), schema] as const,
  );
  const required = Object.keys(properties).filter((key) => !key.endsWith('?'));
  const inputSchema = { type: 'object', properties: Object.fromEntries(entries), required };
  return annotations === undefined ? { name, inputSchema } : { name, inputSchema, annotations };
}

/** The day on which tests check. */
const TODAY = '2026-01-05';

/** Checks a policy; `lock` is what its `tools` statement finds. */
export function checkText(
  text: string,
  lock: string | null,
  modules: { readonly [name: string]: string } = {},
  deep = false,
): Result<Checked> {
  const readLock = (path: string) => (lock === null ? null : { path, text: lock });
  const readModule = (name: string) =>
    Object.hasOwn(modules, name) ? { path: `${name}.sep`, text: modules[name] ?? '' } : null;
  return check({ source: { path: 'input.sep', text }, readLock, readModule, today: TODAY, deep }, host);
}

/** The lock with modules pinned. */
export function pinModules(lock: string, modules: { readonly [name: string]: string }): string {
  const pins = Object.entries(modules).map(([name, text]) => [name, digest(text)]);
  return JSON.stringify(
    { ...(JSON.parse(lock) as object), modules: Object.fromEntries(pins) as unknown },
    null,
    2,
  );
}

/** `sep 1`, a name and the lock in front of `body`. */
export const policy = (body: string): string =>
  `sep 1\npolicy acme.case 1.0.0\ntools "sepal.lock"\n\n${body}`;

/** The codes that checking `body`, below the usual header, gives. */
export const codesOf = (body: string, lock: string | null): readonly string[] =>
  checkText(policy(body), lock).diagnostics.map((d) => d.code);
