// SPDX-License-Identifier: Apache-2.0
/** `sepal.lock` as the tools verbs read and write it: keys sorted, hashes over the JCS form of whole definitions. */
import { canonical, type JsonObject, type JsonValue } from '../runtime/verify/format/canonical.js';
import { digest } from '../runtime/verify/format/hash.js';
import { parseStrict } from '../runtime/verify/format/json.js';
import { Failure } from './failure.js';
import { readTextIfThere } from './files.js';
import { type Pin, type PinKind, type Pins, readPins } from '../runtime/gateway/pins.js';

export interface LockedTool {
  readonly hash: string;
  readonly definition: JsonObject;
}

export interface LockedServer {
  readonly info: JsonValue;
  readonly protocol: string;
  /** What the server said it can do; null in locks that do not say. */
  readonly capabilities: JsonObject | null;
  /** What it tells models about itself. */
  readonly instructions: string | null;
  readonly tools: ReadonlyMap<string, LockedTool>;
  readonly prompts: ReadonlyMap<string, LockedTool>;
}

export interface LockFile {
  readonly modules: JsonValue;
  readonly servers: ReadonlyMap<string, LockedServer>;
}

const LIMITS = { size: 64 * 1024 * 1024, depth: 128, keys: 1_000_000 };

/** The lock, every hash checked; null when there is no file yet. */
export function readLockFile(path: string): LockFile | null {
  const text = readTextIfThere(path);
  if (text === null) return null;
  const pins = readPins(Buffer.from(text), path);
  if (!pins.ok)
    throw new Failure(pins.message, `${pins.help}; \`sepal tools pull --replace\` writes it anew`);
  const parsed = parseStrict(text, LIMITS);
  return lockOf(parsed.ok ? parsed.value : null, pins.pins, pins.prompts);
}

function lockOf(value: JsonValue, pins: Pins, prompts: Pins): LockFile {
  const file = asObject(value);
  const entries = asObject(file['servers'] ?? null);
  const servers = new Map<string, LockedServer>();
  for (const [name, tools] of pins) {
    const entry = asObject(entries[name] ?? null);
    const protocol = entry['protocol'];
    servers.set(name, {
      info: entry['info'] ?? {},
      protocol: typeof protocol === 'string' ? protocol : '',
      capabilities: Object.hasOwn(entry, 'capabilities') ? asObject(entry['capabilities'] ?? null) : null,
      instructions: textOf(entry['instructions']),
      tools: lockedOf(tools),
      prompts: lockedOf(prompts.get(name)),
    });
  }
  return { modules: file['modules'] ?? {}, servers };
}

const textOf = (value: JsonValue | undefined): string | null => (typeof value === 'string' ? value : null);

const lockedOf = (pins: ReadonlyMap<string, Pin> | undefined): ReadonlyMap<string, LockedTool> =>
  new Map([...(pins ?? [])].map(([name, { hash, definition }]) => [name, { hash, definition }]));

/** The text of the file: two spaces, keys sorted at every depth, so that a diff shows what changed and nothing else. */
export function printLock(lock: LockFile): string {
  const servers = [...lock.servers].map(([name, server]) => [
    name,
    {
      info: server.info,
      protocol: server.protocol,
      ...(server.capabilities === null ? {} : { capabilities: server.capabilities }),
      ...(server.instructions === null ? {} : { instructions: server.instructions }),
      tools: Object.fromEntries(server.tools),
      ...(server.prompts.size === 0 ? {} : { prompts: Object.fromEntries(server.prompts) }),
    },
  ]);
  const file = { version: 1, modules: lock.modules, servers: Object.fromEntries(servers) as JsonObject };
  return `${JSON.stringify(sorted(file as unknown as JsonValue), null, 2)}\n`;
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const object = value as JsonObject;
  const out: { [key: string]: JsonValue } = Object.create(null);
  for (const key of Object.keys(object).sort()) out[key] = sorted(object[key] ?? null);
  return out;
}

/** Definitions as a server sent them, checked and hashed; a failure names the tool that cannot be pinned. */
export function pinAll(
  server: string,
  kind: PinKind,
  definitions: readonly unknown[],
): ReadonlyMap<string, LockedTool> {
  const tools = new Map<string, LockedTool>();
  definitions.forEach((sent, i) => {
    const refuse = (reason: string): Failure =>
      new Failure(
        `${kind} ${i + 1} of \`${server}\` cannot be pinned: ${reason}`,
        'the server must be corrected; nothing was written',
      );
    const definition = plain(sent, refuse);
    const name = definition['name'];
    if (typeof name !== 'string' || name === '') throw refuse('it has no name');
    if (tools.has(name)) throw refuse(`the name ${JSON.stringify(name)} stands twice`);
    tools.set(name, { hash: digest(canonical(definition)), definition });
  });
  return new Map([...tools].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Through the strict parser, as the gateway will read it: what it refuses there must not be pinned here. */
function plain(sent: unknown, refuse: (reason: string) => Failure): JsonObject {
  let text: string;
  try {
    text = canonical(sent);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  const parsed = parseStrict(text, LIMITS);
  if (!parsed.ok) throw refuse(parsed.error.message);
  if (typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value))
    throw refuse('it is not an object');
  return parsed.value as JsonObject;
}

function asObject(value: JsonValue): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

export interface ToolChange {
  readonly server: string;
  /** Tools when absent. */
  readonly kind?: 'prompt' | 'capabilities' | 'instructions';
  /** Its name; empty for `capabilities` and `instructions`. */
  readonly tool: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** Of a changed tool: the members that differ, as JSON pointers. */
  readonly members: readonly string[];
}

/** What the server offers now against what is pinned. A lock that says nothing of capabilities pins tools alone. */
export function compareServer(
  server: string,
  pinned: LockedServer | undefined,
  offered: LockedServer,
): readonly ToolChange[] {
  const tools = compareNamed(server, pinned?.tools ?? new Map(), offered.tools);
  if (pinned === undefined || pinned.capabilities === null) return tools;
  const prompts = compareNamed(server, pinned.prompts, offered.prompts);
  const members: string[] = [];
  differences(pinned.capabilities, offered.capabilities ?? {}, '', members);
  const able: ToolChange = { server, kind: 'capabilities', tool: '', change: 'changed', members };
  const told: ToolChange = { ...able, kind: 'instructions', members: [] };
  return [
    ...tools,
    ...prompts.map((change): ToolChange => ({ ...change, kind: 'prompt' })),
    ...(members.length === 0 ? [] : [able]),
    ...(pinned.instructions === offered.instructions ? [] : [told]),
  ];
}

function compareNamed(
  server: string,
  pinned: ReadonlyMap<string, LockedTool>,
  offered: ReadonlyMap<string, LockedTool>,
): readonly ToolChange[] {
  const names = [...new Set([...pinned.keys(), ...offered.keys()])].sort();
  return names.flatMap((tool): readonly ToolChange[] => {
    const [before, after] = [pinned.get(tool), offered.get(tool)];
    if (before === undefined) return [{ server, tool, change: 'added', members: [] }];
    if (after === undefined) return [{ server, tool, change: 'removed', members: [] }];
    if (before.hash === after.hash) return [];
    const members: string[] = [];
    differences(before.definition, after.definition, '', members);
    return [{ server, tool, change: 'changed', members }];
  });
}

const MAX_MEMBERS = 50;

function differences(a: JsonValue, b: JsonValue, at: string, out: string[]): void {
  if (out.length >= MAX_MEMBERS || canonical(a) === canonical(b)) return;
  const both = [a, b].every((v) => typeof v === 'object' && v !== null && !Array.isArray(v));
  if (!both) {
    out.push(at === '' ? '/' : at);
    return;
  }
  const [left, right] = [asObject(a), asObject(b)];
  for (const key of [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()) {
    if (out.length >= MAX_MEMBERS) return;
    const pointer = `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const [l, r] = [left[key], right[key]];
    if (l === undefined || r === undefined) out.push(pointer);
    else differences(l, r, pointer, out);
  }
}
