// SPDX-License-Identifier: Apache-2.0
/** The tool definitions that the operator accepted (`sepal.lock`), and which live ones still equal them. */
import { readFileSync } from 'node:fs';
import { canonical, type JsonObject } from '../verify/format/canonical.js';
import { digest } from '../verify/format/hash.js';
import { parseStrict } from '../verify/format/json.js';
import { isObject } from './wire/message.js';
import { lineColumn } from './wire/spans.js';

export interface Pin {
  readonly server: string;
  readonly name: string;
  /** `sha256:…` over the JCS form of the whole definition. */
  readonly hash: string;
  readonly definition: JsonObject;
}

/** Pins by server, then by the upstream's own tool name. */
export type Pins = ReadonlyMap<string, ReadonlyMap<string, Pin>>;

export type PinsResult =
  | { readonly ok: true; readonly pins: Pins }
  | { readonly ok: false; readonly message: string; readonly help: string };

const LIMITS = { size: 64 * 1024 * 1024, depth: 128, keys: 1_000_000 };

/** The hash that a definition is pinned by. */
export const definitionHash = (definition: JsonObject): string => digest(canonical(definition));

export function loadPins(file: string): PinsResult {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(error);
    return {
      ok: false,
      message: `cannot read ${file}: ${why}`,
      help: 'pin the tools with `sepal tools pull`',
    };
  }
  return readPins(bytes, file);
}

/** Checks version, shape and every hash: a pin whose definition was edited is refused, not used. */
export function readPins(bytes: Uint8Array, file: string): PinsResult {
  const help =
    'restore it from version control, or pin the tools again with `sepal tools pull` and review the difference';
  const bad = (message: string): PinsResult => ({ ok: false, message: `${file}: ${message}`, help });
  const parsed = parseStrict(bytes, LIMITS);
  if (!parsed.ok) {
    const { line, column } = lineColumn(Buffer.from(bytes).toString('utf8'), parsed.error.offset);
    return { ok: false, message: `${file}:${line}:${column}: ${parsed.error.message}`, help };
  }
  if (!isObject(parsed.value) || parsed.value['version'] !== 1) return bad('this is not a lock of version 1');
  const servers = parsed.value['servers'] ?? {};
  if (!isObject(servers)) return bad('`servers` is not an object');
  const pins = new Map<string, Map<string, Pin>>();
  for (const [server, entry] of Object.entries(servers)) {
    const tools = isObject(entry) ? (entry['tools'] ?? {}) : null;
    if (!isObject(tools)) return bad(`\`servers.${server}.tools\` is not an object`);
    const own = new Map<string, Pin>();
    for (const [name, tool] of Object.entries(tools)) {
      const pin = readPin(server, name, tool);
      if (typeof pin === 'string') return bad(pin);
      own.set(name, pin);
    }
    pins.set(server, own);
  }
  return { ok: true, pins };
}

function readPin(server: string, name: string, tool: unknown): Pin | string {
  const where = `\`servers.${server}.tools.${name}\``;
  if (!isObject(tool) || !isObject(tool['definition']) || typeof tool['hash'] !== 'string') {
    return `${where} lacks \`hash\` or \`definition\``;
  }
  const { hash, definition } = tool as { readonly hash: string; readonly definition: JsonObject };
  if (definition['name'] !== name) return `${where} holds the definition of another tool`;
  if (definitionHash(definition) !== hash) return `${where} does not have the hash that it was pinned by`;
  return { server, name, hash, definition };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export interface Drift {
  readonly server: string;
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly missing: readonly string[];
}

/** Name and hash of each live definition. */
export function hashesOf(live: readonly JsonObject[]): ReadonlyMap<string, string> {
  return new Map(live.map((tool) => [textOf(tool['name']), definitionHash(tool)]));
}

/** What is live against what is pinned. */
export function compare(
  server: string,
  pins: ReadonlyMap<string, Pin>,
  live: ReadonlyMap<string, string>,
): Drift {
  const missing = [...pins.keys()].filter((name) => !live.has(name));
  const changed = [...pins.values()].filter(({ name, hash }) => live.has(name) && live.get(name) !== hash);
  const added = [...live.keys()].filter((name) => !pins.has(name));
  return { server, changed: changed.map(({ name }) => name), missing, added };
}
