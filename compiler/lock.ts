// SPDX-License-Identifier: Apache-2.0
/** `sepal.lock`: the pinned tool definitions (docs/interface). Text in, tools or one diagnostic out. */
import type { Parse } from '../grammar/read.js';
import { type Diagnostic, diagnose } from './diagnostics/diagnostic.js';
import type { HintsIr, Span } from './ir.js';
import { offsetOf } from './json-position.js';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

/** What the compiler needs from outside: a reader of policies, the strict JSON parser, the canonical writer, SHA-256 as `sha256:…`. */
export interface Host {
  readonly parse: Parse;
  readonly parseJson: (text: string) => ParsedJson;
  readonly canonical: (value: unknown) => string;
  readonly hash: (text: string) => string;
}
export type ParsedJson =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly error: { readonly message: string; readonly offset: number } };

export interface PinnedTool {
  readonly server: string;
  readonly name: string;
  readonly hash: string;
  readonly description: string;
  readonly inputSchema: JsonValue;
  readonly hints: HintsIr;
}

export interface PinnedPrompt {
  readonly server: string;
  readonly name: string;
}

export interface Lock {
  /** False for a policy without a `tools` statement. */
  readonly named: boolean;
  /** Sorted by server, then name. */
  readonly tools: readonly PinnedTool[];
  readonly prompts: readonly PinnedPrompt[];
  /** Hash of the text of each module, by policy name. */
  readonly modules: ReadonlyMap<string, string>;
}

export const NO_LOCK: Lock = { named: false, tools: [], prompts: [], modules: new Map() };

type Path = readonly string[];
/** What is wrong, and with which member of the lock. */
interface Fault {
  readonly what: string;
  readonly at: Path;
}

/** The lock, or everything that is wrong with it. */
export function readLock(
  file: { readonly path: string; readonly text: string },
  host: Host,
): Lock | readonly Diagnostic[] {
  const parsed = host.parseJson(file.text);
  const report = (what: string, start: number): Diagnostic => {
    const span: Span = { start, end: Math.min(file.text.length, start + 1) };
    return diagnose('SEP2010', file.path, span, { what });
  };
  if (!parsed.ok) return [report(`the lock cannot be read: ${parsed.error.message}`, parsed.error.offset)];
  const faults: Fault[] = [];
  const lock = lockOf(parsed.value, host, faults);
  if (faults.length === 0) return lock;
  const said = faults.slice(0, MAX_SAID).map((f) => report(f.what, offsetOf(file.text, f.at)));
  const more = faults.length - said.length;
  return more === 0 ? said : [...said, report(`the lock has ${more} more faults of this kind`, 0)];
}

/** A lock that was rewritten as a whole has as many faults as tools: the first ones say it. */
const MAX_SAID = 20;
const MAX_SHOWN = 80;

/** A name from the lock, which may be anything, as a part of a message. */
const quoted = (name: string): string =>
  `\`${name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name}\``;

function lockOf(value: JsonValue, host: Host, faults: Fault[]): Lock {
  const lock = object(value, 'the lock', [], faults);
  only(lock, ['version', 'modules', 'servers'], 'the lock', [], faults);
  if (lock['version'] !== 1) faults.push({ what: 'the `version` of the lock is not 1', at: ['version'] });
  const servers = object(lock['servers'] ?? {}, '`servers`', ['servers'], faults);
  const tools: PinnedTool[] = [];
  const prompts: PinnedPrompt[] = [];
  for (const server of Object.keys(servers).sort()) {
    const at = ['servers', server];
    const entry = object(servers[server] ?? null, `the server ${quoted(server)}`, at, faults);
    only(entry, SERVER_KEYS, `the server ${quoted(server)}`, at, faults);
    if (server === '' || server.includes('/')) {
      const what = `the server name ${quoted(server)} is empty or holds a \`/\`: \`server/tool\` would have two readings`;
      faults.push({ what, at });
    }
    const pins = object(entry['tools'] ?? {}, `the tools of ${quoted(server)}`, [...at, 'tools'], faults);
    for (const name of Object.keys(pins).sort()) {
      const tool = pinnedTool(server, name, pins[name] ?? null, host, faults);
      if (tool !== null) tools.push(tool);
    }
    const offered = object(
      entry['prompts'] ?? {},
      `the prompts of ${quoted(server)}`,
      [...at, 'prompts'],
      faults,
    );
    for (const name of Object.keys(offered).sort()) prompts.push({ server, name });
  }
  const modules = new Map<string, string>();
  const pinned = object(lock['modules'] ?? {}, '`modules`', ['modules'], faults);
  for (const [name, hash] of Object.entries(pinned)) {
    if (typeof hash === 'string') modules.set(name, hash);
    else faults.push({ what: `the hash of the module ${quoted(name)} is not text`, at: ['modules', name] });
  }
  return { named: true, tools, prompts, modules };
}

const SERVER_KEYS = [
  'info',
  'protocol',
  'instructions',
  'capabilities',
  'tools',
  'resources',
  'templates',
  'prompts',
];

function pinnedTool(
  server: string,
  name: string,
  value: JsonValue,
  host: Host,
  faults: Fault[],
): PinnedTool | null {
  const what = quoted(`${server}/${name}`);
  const at = ['servers', server, 'tools', name];
  const before = faults.length;
  const pin = object(value, what, at, faults);
  only(pin, ['hash', 'definition'], what, at, faults);
  const definition = object(
    pin['definition'] ?? null,
    `the definition of ${what}`,
    [...at, 'definition'],
    faults,
  );
  if (faults.length > before) return null;
  if (definition['name'] !== name) {
    faults.push({ what: `the definition of ${what} has another name`, at: [...at, 'definition', 'name'] });
  }
  const hash = host.hash(host.canonical(definition));
  if (pin['hash'] !== hash) {
    faults.push({ what: `the hash of ${what} does not fit its definition`, at: [...at, 'hash'] });
  }
  const annotations = definition['annotations'];
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
function object(value: JsonValue, what: string, at: Path, faults: Fault[]): JsonObject {
  if (isObject(value)) return value;
  faults.push({ what: `${what} is not an object`, at });
  return {};
}
function only(value: JsonObject, keys: readonly string[], what: string, at: Path, faults: Fault[]): void {
  for (const key of Object.keys(value)) {
    if (!keys.includes(key))
      faults.push({ what: `${what} has an unknown key ${quoted(key)}`, at: [...at, key] });
  }
}
