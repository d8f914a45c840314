// SPDX-License-Identifier: Apache-2.0
/**
 * The files around open policies: what an editor holds stands before what is on the disk. A file whose text is still the same is
 * handed out as the same object, so that what the compiler knows of it stays known.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CONFIG_NAME } from '../../cli/project.js';
import { modulePaths } from '../../cli/sources.js';
import type { Input, SourceFile } from '../../compiler/check.js';
import { parseStrict } from '../../runtime/verify/format/json.js';

interface Read {
  /** Of the file on the disk: size, time, inode. */
  readonly stamp: string;
  /** Null where it cannot be read as text. */
  readonly source: SourceFile | null;
}

/** Folders that hold no policies of the author. */
const SKIPPED = new Set(['node_modules', 'dist', '.git']);
const MAX_FILES = 1_000;
const MAX_FOLDERS = 4_000;
const MAX_SIZE = 64 * 1024 * 1024;

export class World {
  /** Texts of open documents, by path. */
  private readonly open = new Map<string, SourceFile>();
  private readonly read = new Map<string, Read>();

  edit(path: string, text: string): void {
    if (this.open.get(path)?.text !== text) this.open.set(path, { path, text });
  }
  close(path: string): void {
    this.open.delete(path);
  }
  /** The same world, but for some files. */
  with(files: readonly SourceFile[]): World {
    const world = new World();
    for (const { path, text } of [...this.open.values(), ...files]) world.edit(path, text);
    return world;
  }
  /** Texts of open documents, for a thread of its own. */
  get edited(): ReadonlyMap<string, string> {
    return new Map([...this.open].map(([path, { text }]) => [path, text]));
  }

  /** Null where there is no such file, or nothing that is text. */
  source(path: string): SourceFile | null {
    const open = this.open.get(path);
    if (open !== undefined) return open;
    // Beside a document that was never saved there is nothing.
    if (!isAbsolute(path)) return null;
    const stamp = stampOf(path);
    const known = this.read.get(path);
    if (known?.stamp === stamp) return known.source;
    const text = stamp === '' ? null : textOf(path);
    const source = text === null ? null : known?.source?.text === text ? known.source : { path, text };
    this.read.set(path, { stamp, source });
    return source;
  }

  /** The names of policies that a policy at `path` may import. */
  importable(path: string): readonly string[] {
    const dirs = [dirname(path), join(dirname(path), 'modules')];
    const files = dirs.flatMap((dir) => entriesOf(dir).map((entry) => join(dir, entry.name)));
    return files.flatMap((file) => {
      const text = file.endsWith('.sep') && file !== path ? this.source(file)?.text : undefined;
      return /^sep\s+1\s+policy\s+([\w.]+)/.exec(text ?? '')?.[1] ?? [];
    });
  }

  locks(path: string): readonly string[] {
    const names = entriesOf(dirname(path)).map((entry) => entry.name);
    return names.filter((name) => name.endsWith('.lock'));
  }

  /** What the compiler reads, for the policy at `path`; each file under its absolute path. */
  input(path: string, text: string): Input {
    return {
      source: { path, text },
      readLock: (name) => (isAbsolute(path) ? this.source(resolve(dirname(path), name)) : null),
      readModule: (name, from) => {
        if (!isAbsolute(path)) return null;
        for (const place of modulePaths(name, from, path)) {
          const found = this.source(place);
          if (found !== null) return found;
        }
        return null;
      },
    };
  }

  /** The policy that the nearest sepal.json names, for the files around it; null without one. */
  root(path: string): string | null {
    for (let dir = dirname(path); ; dir = dirname(dir)) {
      const config = this.source(join(dir, CONFIG_NAME));
      if (config !== null) return policyOf(config);
      if (dir === dirname(dir)) return null;
    }
  }

  /** Every policy below the folders, in order; no more than a thousand. */
  policies(folders: readonly string[]): readonly string[] {
    const found = new Set([...this.open.keys()].filter((path) => path.endsWith('.sep')));
    const todo = [...folders];
    for (let left = MAX_FOLDERS; left > 0 && found.size < MAX_FILES; left--) {
      const dir = todo.pop();
      if (dir === undefined) break;
      for (const entry of entriesOf(dir)) {
        const path = join(dir, entry.name);
        if (entry.isDirectory() && !SKIPPED.has(entry.name)) todo.push(path);
        else if (entry.isFile() && entry.name.endsWith('.sep')) found.add(path);
      }
    }
    return [...found].sort();
  }
}

function policyOf(config: SourceFile): string | null {
  const parsed = parseStrict(config.text);
  if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null) return null;
  const policy = Object.entries(parsed.value).find(([key]) => key === 'policy')?.[1];
  return typeof policy === 'string' ? resolve(dirname(config.path), policy) : null;
}

/** Empty where there is no file to read. */
function stampOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || stat.size > MAX_SIZE) return '';
    return `${stat.size} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.ino}`;
  } catch {
    return '';
  }
}

function textOf(path: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch {
    return null;
  }
}

function entriesOf(dir: string): readonly import('node:fs').Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Null for a document that is no file: an untitled one has no surroundings. */
export function pathOf(uri: string): string | null {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : null;
  } catch {
    return null;
  }
}

/** A path as a URI. An untitled document stands for itself. */
export const uriOf = (path: string): string => (isAbsolute(path) ? pathToFileURL(path).href : path);
