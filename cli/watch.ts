// SPDX-License-Identifier: Apache-2.0
/** Watches the files that a policy is made of. Editors replace files whole, so folders are watched, and only what changed bytes counts. */
import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

export interface Watching {
  /** The files may be others after a change. */
  follow(files: readonly string[]): void;
  close(): void;
}

/** A file is often written in several steps: looked at only once it is quiet. */
const QUIET_MS = 200;

/** Calls `changed` when the bytes of one of the files have; a folder that cannot be watched is told to `say`, once. */
export function watchFiles(
  files: readonly string[],
  changed: () => void,
  say: (line: string) => void,
): Watching {
  let followed: readonly string[] = [];
  let seen = '';
  let quiet: NodeJS.Timeout | null = null;
  const watchers = new Map<string, FSWatcher>();
  const unwatched = new Set<string>();
  const look = (): void => {
    const now = hashOf(followed);
    if (now === seen) return;
    seen = now;
    changed();
  };
  const watchFolder = (folder: string): void => {
    if (watchers.has(folder) || unwatched.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (name !== null && !followed.some((file) => dirname(file) === folder && basename(file) === name))
          return;
        if (quiet !== null) clearTimeout(quiet);
        quiet = setTimeout(look, QUIET_MS).unref();
      });
      watcher.on('error', () => watcher.close());
      watchers.set(folder, watcher);
    } catch (error) {
      unwatched.add(folder);
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      say(`warning: ${folder} cannot be watched (${code}); put changes in force with \`sepal reload\``);
    }
  };
  const follow = (next: readonly string[]): void => {
    followed = [...new Set(next)];
    seen = hashOf(followed);
    for (const file of followed) watchFolder(dirname(file));
  };
  follow(files);
  return {
    follow,
    close: () => {
      if (quiet !== null) clearTimeout(quiet);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

function hashOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(`\n${file}\n`);
    try {
      hash.update(readFileSync(file));
    } catch {
      hash.update('absent');
    }
  }
  return hash.digest('hex');
}
