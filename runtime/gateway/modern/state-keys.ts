// SPDX-License-Identifier: Apache-2.0
/**
 * The keys under which clients keep states for us. They lie beside the other keys (`states.key`, 0600), so that a state is known as ours after a
 * restart; each serves for a day, and opens what it has closed for one more.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartRefused } from '../start.js';

const NAME = 'states.key';
const KEY_BYTES = 32;
const DAY_MS = 86_400_000;
const MAX_KEYS = 4;

interface Kept {
  /** RFC 3339. */
  readonly made: string;
  /** Base64. */
  readonly key: string;
}

export interface StateKeys {
  /** The key that closes now. */
  current(): Buffer;
  /** All that open, the newest first. */
  all(): readonly Buffer[];
}

/** Those in `folder`; without such a folder they are of this process alone. Throws `StartRefused` where others can read them. */
export function stateKeys(folder: string, wall: () => number): StateKeys {
  const file = existsSync(folder) ? join(folder, NAME) : null;
  let kept = file === null ? [] : read(file);
  const fresh = (): void => {
    const now = wall();
    const [newest] = kept;
    const age = newest === undefined ? Number.POSITIVE_INFINITY : now - Date.parse(newest.made);
    if (age >= 0 && age < DAY_MS) return;
    const made = { made: new Date(now).toISOString(), key: randomBytes(KEY_BYTES).toString('base64') };
    const good = kept.filter((one) => Math.abs(now - Date.parse(one.made)) < 2 * DAY_MS);
    kept = [made, ...good].slice(0, MAX_KEYS);
    if (file !== null) write(file, kept);
  };
  const bytes = ({ key }: Kept): Buffer => Buffer.from(key, 'base64');
  fresh();
  return {
    current: () => {
      fresh();
      return bytes(kept[0] ?? { made: '', key: '' });
    },
    all: () => kept.map(bytes),
  };
}

/** A file that is not whole is begun anew: what was closed under its keys is refused, and nothing else is lost. */
function read(file: string): readonly Kept[] {
  if (!existsSync(file)) return [];
  if ((statSync(file).mode & 0o077) !== 0)
    throw new StartRefused(`${file} can be read by others`, `run \`chmod 600 ${file}\``);
  try {
    const list = JSON.parse(readFileSync(file, 'utf8')) as unknown;
    return Array.isArray(list) ? list.filter(isKept) : [];
  } catch {
    return [];
  }
}

function isKept(one: unknown): one is Kept {
  const { made, key } = (one ?? {}) as { readonly made?: unknown; readonly key?: unknown };
  return (
    typeof made === 'string' &&
    !Number.isNaN(Date.parse(made)) &&
    typeof key === 'string' &&
    Buffer.from(key, 'base64').length === KEY_BYTES
  );
}

function write(file: string, kept: readonly Kept[]): void {
  const next = `${file}.${process.pid}.new`;
  writeFileSync(next, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, file);
}
