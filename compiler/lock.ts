// SPDX-License-Identifier: Apache-2.0
/** `sepal.lock`: the pinned tool definitions (docs/interface). Text in, tools or one diagnostic out. */
import { type Diagnostic, diagnose } from './diagnostics/diagnostic.js';
import type { HintsIr, Span } from './ir.js';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

/** What the compiler needs from outside: the strict JSON parser, the canonical writer, SHA-256 as `sha256:…`. */
export interface Host {
  parseJson(
    text: string,
  ):
    | { readonly ok: true; readonly value: JsonValue }
    | { readonly ok: false; readonly error: { readonly message: string; readonly offset: number } };
  canonical(value: unknown): string;
  hash(text: string): string;
}

export interface PinnedTool {
  readonly server: string;
  readonly name: string;
  readonly hash: string;
  readonly description: string;
  readonly inputSchema: JsonValue;
  readonly hints: HintsIr;
}

export interface Lock {
  /** Sorted by server, then name. */
  readonly tools: readonly PinnedTool[];
}

class Unusable extends Error {
  readonly offset: number;
  constructor(what: string, offset = 0) {
    super(what);
    this.offset = offset;
  }
}

export function readLock(
  file: { readonly path: string; readonly text: string },
  host: Host,
): Lock | Diagnostic {
  try {
    const parsed = host.parseJson(file.text);
    if (!parsed.ok) throw new Unusable(`the lock is not JSON: ${parsed.error.message}`, parsed.error.offset);
    return { tools: tools(parsed.value, host) };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    const span: Span = { start: error.offset, end: error.offset + 1 };
    return diagnose('SEP2010', file.path, span, { what: error.message });
  }
}

function tools(value: JsonValue, host: Host): readonly PinnedTool[] {
  const lock = object(value, 'the lock');
  only(lock, ['version', 'modules', 'servers'], 'the lock');
  if (lock['version'] !== 1) throw new Unusable('the lock has a `version` other than 1');
  const servers = object(lock['servers'] ?? {}, '`servers`');
  return Object.keys(servers)
    .sort()
    .flatMap((server) => serverTools(server, object(servers[server] ?? null, `server \`${server}\``), host));
}

function serverTools(server: string, entry: JsonObject, host: Host): readonly PinnedTool[] {
  only(
    entry,
    ['info', 'protocol', 'instructions', 'tools', 'resources', 'templates', 'prompts'],
    `server \`${server}\``,
  );
  const pins = object(entry['tools'] ?? {}, `the tools of \`${server}\``);
  return Object.keys(pins)
    .sort()
    .map((name) => pinned(server, name, object(pins[name] ?? null, `\`${server}/${name}\``), host));
}

function pinned(server: string, name: string, pin: JsonObject, host: Host): PinnedTool {
  const what = `\`${server}/${name}\``;
  only(pin, ['hash', 'definition'], what);
  const definition = object(pin['definition'] ?? null, `the definition of ${what}`);
  if (definition['name'] !== name) throw new Unusable(`the definition of ${what} has another name`);
  const hash = host.hash(host.canonical(definition));
  if (pin['hash'] !== hash) throw new Unusable(`the hash of ${what} does not fit its definition`);
  const annotations = definition['annotations'] ?? {};
  return {
    server,
    name,
    hash,
    description: typeof definition['description'] === 'string' ? definition['description'] : '',
    inputSchema: definition['inputSchema'] ?? { type: 'object' },
    hints: hintsOf(isObject(annotations) ? annotations : {}),
  };
}

/** Hints that the server does not send have their MCP defaults. */
function hintsOf(annotations: JsonObject): HintsIr {
  const hint = (name: string, otherwise: boolean): boolean => {
    const value = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
    return typeof value === 'boolean' ? value : otherwise;
  };
  const readOnly = hint('readOnlyHint', false);
  return {
    readOnly,
    destructive: hint('destructiveHint', !readOnly),
    idempotent: hint('idempotentHint', false),
    openWorld: hint('openWorldHint', true),
  };
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function object(value: JsonValue, what: string): JsonObject {
  if (!isObject(value)) throw new Unusable(`${what} is not an object`);
  return value;
}
function only(value: JsonObject, keys: readonly string[], what: string): void {
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new Unusable(`${what} has an unknown key \`${unknown}\``);
}
