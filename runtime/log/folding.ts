// SPDX-License-Identifier: Apache-2.0
/** Keeps folds in step with what is on the disk, and makes snapshots of them. */
import type { Body } from '../verify/format/body.js';
import type { FileLayer } from './files.js';
import type { Recovered } from './recover.js';
import { dropOld, type Folds, printSnapshot, type Saved, type State, writeSnapshot } from './snapshot.js';
import type { Appended, StoredEntry } from './types.js';

/** Closing a log makes a snapshot when this many entries would have to be read at the next start. */
const WORTH_ENTRIES = 1_000;

export interface FoldingOptions {
  readonly dir: string;
  readonly files: FileLayer;
  /** A snapshot is due after so many entries. */
  readonly every: number;
  /** Writes the `snapshot` entry, and a checkpoint over it. */
  readonly name: (snapshot: { readonly hash: string; readonly size: number }) => Promise<unknown>;
  readonly onTrouble: (message: string) => void;
}

/** Where the log stands, as far as folds do not say. */
export type Standing = Omit<State, 'open' | 'folds'>;

export class Folding {
  private readonly options: FoldingOptions;
  private readonly open: Map<string, string>;
  private folds: Folds | null = null;
  private state: Saved | null;
  /** Size of the last snapshot. */
  private last: number;
  private making: Promise<void> | null = null;

  constructor(options: FoldingOptions, from: Recovered) {
    this.options = options;
    this.open = new Map(from.open);
    this.state = from.snapshot;
    this.last = from.snapshot?.size ?? 0;
  }

  /** State of folds below some size, from the snapshot that the start used; null where it used none. */
  get saved(): Saved | null {
    return this.state;
  }

  /** An entry is on the disk. */
  observe(body: Body, { leaf }: Appended): void {
    const { type, call, phase, decision } = body;
    if (call !== undefined && type === 'outcome') this.open.delete(call);
    if (call !== undefined && phase === 'call' && decision?.effect === 'allow') this.open.set(call, leaf);
    if (this.folds === null) return;
    try {
      for (const fold of Object.values(this.folds)) fold.observe({ body, leaf });
    } catch (error) {
      this.folds = null;
      this.options.onTrouble(`no more snapshots are made: ${(error as Error).message}`);
    }
  }

  /** From here on snapshots are made of these folds, which have observed the entries below `size`. */
  async keep(
    folds: Folds,
    size: number,
    log: { readonly size: () => number; readonly entries: (from: number) => AsyncIterable<StoredEntry> },
  ): Promise<void> {
    this.state = null;
    let read = size;
    while (read < log.size()) {
      for await (const entry of log.entries(read)) {
        for (const fold of Object.values(folds)) fold.observe(entry);
        read = entry.body.seq + 1;
      }
    }
    this.folds = folds;
  }

  isDue(size: number): boolean {
    return this.folds !== null && size - this.last >= this.options.every;
  }

  isWorth(size: number): boolean {
    return this.folds !== null && size - this.last >= WORTH_ENTRIES;
  }

  /** The one that is being made, if any. */
  get busy(): Promise<void> | null {
    return this.making;
  }

  /** Makes a snapshot; a failure is told and stops nothing. */
  snapshot(standing: Standing): Promise<void> {
    this.making ??= this.make(standing)
      .catch((error: unknown) =>
        this.options.onTrouble(`a snapshot could not be written: ${(error as Error).message}`),
      )
      .finally(() => {
        this.making = null;
      });
    return this.making;
  }

  private async make(standing: Standing): Promise<void> {
    const { folds, open, options } = this;
    if (folds === null || standing.tree.size === this.last) return;
    const printed = printSnapshot({ ...standing, open, folds });
    if (printed === null) return;
    const { hash, size } = printed;
    this.last = size;
    await writeSnapshot(options.dir, printed, options.files);
    await options.name({ hash, size });
    dropOld(options.dir, options.files);
  }
}
