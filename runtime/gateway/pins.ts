// SPDX-License-Identifier: Apache-2.0
/** The definitions of tools and prompts that the operator accepted (`sepal.lock`), and which live ones still equal them. */
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

/** Pins by server, then by the upstream's own name. */
export type Pins = ReadonlyMap<string, ReadonlyMap<string, Pin>>;

/** What is pinned by name: each kind has names of its own. */
export type PinKind = 'tool' | 'prompt';

export type PinsResult =
  | {
      readonly ok: true;
      /** The tools. */
      readonly pins: Pins;
      readonly prompts: Pins;
      /** What each server said it can do when it was pinned. */
      readonly capabilities: ReadonlyMap<string, JsonObject>;
      /** What each server told models about itself when it was pinned. */
      readonly instructions: ReadonlyMap<string, string>;
    }
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
  const [pins, prompts] = [new Map<string, Map<string, Pin>>(), new Map<string, Map<string, Pin>>()];
  const capabilities = new Map<string, JsonObject>();
  const instructions = new Map<string, string>();
  for (const [server, entry] of Object.entries(servers)) {
    for (const [member, all] of [
      ['tools', pins],
      ['prompts', prompts],
    ] as const) {
      const own = readKind(server, member, isObject(entry) ? (entry[member] ?? {}) : null);
      if (typeof own === 'string') return bad(own);
      all.set(server, own);
    }
    const able = isObject(entry) ? (entry['capabilities'] ?? {}) : {};
    if (!isObject(able)) return bad(`\`servers.${server}.capabilities\` is not an object`);
    capabilities.set(server, able);
    const told = isObject(entry) ? entry['instructions'] : undefined;
    if (typeof told === 'string') instructions.set(server, told);
  }
  return { ok: true, pins, prompts, capabilities, instructions };
}

function readKind(server: string, member: 'tools' | 'prompts', pinned: unknown): Map<string, Pin> | string {
  if (!isObject(pinned)) return `\`servers.${server}.${member}\` is not an object`;
  const own = new Map<string, Pin>();
  for (const [name, one] of Object.entries(pinned)) {
    const pin = readPin(server, member, name, one);
    if (typeof pin === 'string') return pin;
    own.set(name, pin);
  }
  return own;
}

function readPin(server: string, member: string, name: string, tool: unknown): Pin | string {
  const where = `\`servers.${server}.${member}.${name}\``;
  if (!isObject(tool) || !isObject(tool['definition']) || typeof tool['hash'] !== 'string') {
    return `${where} lacks \`hash\` or \`definition\``;
  }
  const { hash, definition } = tool as { readonly hash: string; readonly definition: JsonObject };
  if (definition['name'] !== name) return `${where} holds the definition of another name`;
  if (definitionHash(definition) !== hash) return `${where} does not have the hash that it was pinned by`;
  return { server, name, hash, definition };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export interface Drift {
  readonly server: string;
  readonly kind: PinKind;
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly missing: readonly string[];
}

/** What one process listed last: name and hash of each definition of a kind. */
export interface Live {
  readonly server: string;
  readonly kind: PinKind;
  readonly hashes: ReadonlyMap<string, string>;
}

/** Name and hash of each live definition. */
export function hashesOf(live: readonly JsonObject[]): ReadonlyMap<string, string> {
  return new Map(live.map((tool) => [textOf(tool['name']), definitionHash(tool)]));
}

/** What is live against what is pinned. */
export function compare({ server, kind, hashes: live }: Live, pins: ReadonlyMap<string, Pin>): Drift {
  const missing = [...pins.keys()].filter((name) => !live.has(name));
  const changed = [...pins.values()].filter(({ name, hash }) => live.has(name) && live.get(name) !== hash);
  const added = [...live.keys()].filter((name) => !pins.has(name));
  return { server, kind, changed: changed.map(({ name }) => name), missing, added };
}
