// SPDX-License-Identifier: Apache-2.0
/** Doing something again whenever one of its files changes, until the process is interrupted. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';

/** Editors write a file in several steps, and some replace it: what happens within this is one change. */
const QUIET_MS = 80;

/**
 * Runs `round` now and after each change; it gives the absolute paths that it read, also of files that are missing or broken. Folders
 * are watched, so that a file which is replaced or comes back is seen; `watching` is told once they are. Ends when `signal` does.
 */
export async function watchAndRun(
  round: () => Promise<readonly string[]>,
  watching: (files: readonly string[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const watchers = new Map<string, FSWatcher>();
  let names = new Set<string>();
  let wake: () => void = () => undefined;
  let changed = false;
  let timer: NodeJS.Timeout | null = null;
  const touched = (path: string): void => {
    if (!names.has(path)) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      changed = true;
      wake();
    }, QUIET_MS);
  };
  const stop = (): void => {
    if (timer !== null) clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
    wake();
  };
  signal.addEventListener('abort', stop, { once: true });
  while (!signal.aborted) {
    changed = false;
    const started = Date.now();
    const files = await round();
    names = new Set(files);
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      if (watchers.has(folder) || signal.aborted) continue;
      const watcher = watchFolder(folder, touched);
      if (watcher !== null) watchers.set(folder, watcher);
    }
    // What was written before its folder was watched is a change, too.
    if (files.some((file) => (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > started)) continue;
    watching(files);
    if (!changed && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
  }
}

/** Null where the folder is not there: then nothing in it was read either. */
function watchFolder(folder: string, touched: (path: string) => void): FSWatcher | null {
  try {
    const watcher = watch(folder, (_event, name) => {
      if (name !== null) touched(join(folder, name));
    });
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
