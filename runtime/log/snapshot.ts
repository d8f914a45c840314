// SPDX-License-Identifier: Apache-2.0
/**
 * State files for a quick start: what the entries below some size come to. The writer makes one every so many entries and when it
 * closes; a `snapshot` entry then names its hash. A start believes one only if an entry that a signed checkpoint covers names it, and
 * if the tree that grows from it has the checkpoint's root; else the log is read whole. The last two are kept.
 *
 * ```
 * snapshots/000000100000.json:  "sepal.dev/snapshot/v1\n" || JSON
 * ```
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import { digest, parseHash } from '../verify/format/hash.js';
import { parseBase64, parseVerifierKey, printVerifierKey } from '../verify/format/note.js';
import { CompactTree } from '../verify/format/tree.js';
import { type FileLayer, flushed, writeAll } from './files.js';
import type { Awaited, ScanState } from './scanner.js';
import type { Place } from './store.js';
import type { StoredEntry } from './types.js';

/** Something that entries come to, one after another: what limits stand at, which sessions there are. */
export interface Fold {
  /** What the state means; state of another kind is not loaded. */
  readonly kind: string;
  observe(entry: StoredEntry): void;
  /** Plain data, from which `load` makes the same state again in a fold that has observed nothing. */
  save(): JsonValue;
  load(state: JsonValue): void;
}
export type Folds = { readonly [name: string]: Fold };

/** State of folds as a snapshot has it. */
export interface Saved {
  readonly size: number;
  readonly folds: { readonly [name: string]: { readonly kind: string; readonly state: JsonValue } };
}

/** A state file that was read; nothing of it is believed yet. */
export interface Found extends Saved {
  readonly path: string;
  readonly place: Place;
  readonly starts: readonly number[];
  /** A new copy each time, since reading goes on with it. */
  awaited(): Awaited;
}

const HEADER = 'sepal.dev/snapshot/v1\n';
const KEPT = 2;

const nameOf = (size: number): string => `${String(size).padStart(12, '0')}.json`;

/** Newest first. */
function filesIn(dir: string): readonly string[] {
  const folder = join(dir, 'snapshots');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^\d{12,16}\.json$/.test(name))
    .sort()
    .toReversed();
}

/** The newest that can be read and speaks of fewer entries than are covered; `why` says what was wrong with a newer one. */
export function findSnapshot(
  dir: string,
  origin: string,
  covered: number,
): { readonly found: Found | null; readonly why: string | null } {
  let why: string | null = null;
  for (const name of filesIn(dir)) {
    const path = join(dir, 'snapshots', name);
    const found = readSnapshot(path, origin);
    if (typeof found === 'string') why ??= `${path} ${found}`;
    else if (found.size >= covered) why ??= `no checkpoint covers the entry that names ${path}`;
    else return { found, why };
  }
  return { found: null, why };
}

/** The state file, or what is wrong with it. */
function readSnapshot(path: string, origin: string): Found | string {
  let text: string;
  let value: JsonValue;
  try {
    text = readFileSync(path, 'utf8');
    value = JSON.parse(text.slice(HEADER.length)) as JsonValue;
  } catch {
    return 'cannot be read';
  }
  if (!text.startsWith(HEADER) || !isObject(value)) return 'is no state file';
  if (value['log'] !== origin) return 'is of another log';
  const { size, place, starts, folds } = value as unknown as Found;
  const numbers = [size, place?.index, place?.position];
  if (!numbers.every(isNatural) || size < 1 || !Array.isArray(starts) || !starts.every(isNatural))
    return 'is damaged';
  const hash = digest(text);
  const awaited = (): Awaited | null => {
    const state = stateOf(value as JsonObject, size);
    return state === null ? null : { state, hash };
  };
  if (awaited() === null || starts.length !== place.index + 1 || !isObject(folds as unknown as JsonValue))
    return 'is damaged';
  return { path, size, place, starts, folds, awaited: () => awaited() as Awaited };
}

function stateOf(file: JsonObject, size: number): ScanState | null {
  const { roots, last, genesis, open, logKey, epoch } = file;
  const hashes = Array.isArray(roots)
    ? roots.map((root) => (typeof root === 'string' ? parseBase64(root) : null))
    : [null];
  const tree = hashes.includes(null) ? null : CompactTree.from(size, hashes as Buffer[]);
  const log = typeof logKey === 'string' ? parseVerifierKey(logKey) : null;
  if (tree === null || log === null || typeof genesis !== 'string' || parseHash(genesis) === null)
    return null;
  if (
    !isObject(last) ||
    last['seq'] !== size - 1 ||
    typeof last['leaf'] !== 'string' ||
    !isNatural(last['time'])
  )
    return null;
  if (!isObject(epoch) || typeof epoch['key'] !== 'string' || typeof epoch['sealed'] !== 'boolean')
    return null;
  const key = parseVerifierKey(epoch['key']);
  if (key === null || !isNatural(epoch['seq']) || !isNatural(epoch['time'])) return null;
  if (!Array.isArray(open)) return null;
  return {
    tree,
    genesis,
    last: { seq: size - 1, leaf: last['leaf'], time: last['time'] },
    open: new Map(open as unknown as readonly [string, string][]),
    logKey: log,
    epoch: { key, seq: epoch['seq'], time: epoch['time'], sealed: epoch['sealed'] },
  };
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** What goes into a state file. */
export interface State extends ScanState {
  readonly origin: string;
  readonly place: Place;
  readonly starts: readonly number[];
  readonly folds: Folds;
}

/** The text of a state file, and its hash as a `snapshot` entry names it; null for a log that has not begun. */
export function printSnapshot(
  state: State,
): { readonly text: string; readonly hash: string; readonly size: number } | null {
  const { origin, tree, last, genesis, open, logKey, epoch, place, starts, folds } = state;
  if (last === null || genesis === null || logKey === null || epoch === null) return null;
  const file = {
    log: origin,
    size: tree.size,
    place,
    starts,
    last,
    genesis,
    roots: tree.roots.map((root) => root.toString('base64')),
    open: [...open],
    logKey: printVerifierKey(logKey.name, logKey.key),
    epoch: { ...epoch, key: printVerifierKey(epoch.key.name, epoch.key.key) },
    folds: Object.fromEntries(
      Object.entries(folds).map(([name, fold]) => [name, { kind: fold.kind, state: fold.save() }]),
    ),
  };
  const text = `${HEADER}${JSON.stringify(file)}\n`;
  return { text, hash: digest(text), size: tree.size };
}

/** Writes a state file; it is there whole or not at all. */
export async function writeSnapshot(
  dir: string,
  { text, size }: { readonly text: string; readonly size: number },
  files: FileLayer,
): Promise<void> {
  const folder = join(dir, 'snapshots');
  const temporary = join(folder, 'next.tmp');
  files.makeFolder(folder);
  const fd = files.open(temporary);
  try {
    files.truncate(fd, 0);
    writeAll(files, fd, Buffer.from(text), 0);
    await flushed(files, fd);
  } finally {
    files.close(fd);
  }
  files.rename(temporary, join(folder, nameOf(size)));
  files.flushFolder(folder);
}

/** Older ones go once a newer one is named in the log. */
export function dropOld(dir: string, files: FileLayer): void {
  for (const name of filesIn(dir).slice(KEPT)) files.remove(join(dir, 'snapshots', name));
}
