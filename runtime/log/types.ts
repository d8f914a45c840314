// SPDX-License-Identifier: Apache-2.0
/** What the rest of the runtime knows of the receipt log: append, read back, and whether it still works. */
import type { Body, EntryType } from '../verify/format/body.js';
import type { Apart } from './apart.js';
import type { Folds, Saved } from './snapshot.js';

/** A body before the writer has given it its place: `v log seq prev time boot clock` are the writer's. */
export type Draft = Omit<Body, 'v' | 'log' | 'seq' | 'prev' | 'time' | 'boot' | 'clock' | 'type'> & {
  readonly type: EntryType;
};

/** Clear text that belongs to an entry; sealed beside the log in the same batch (docs/receipts, Privacy). */
export interface Openings {
  /** Base64 of the receipt's 16-byte salt. */
  readonly salt: string;
  /** The whole canonical intent, JCS text. */
  readonly intent?: string;
  /** In place of `intent`: a large one, written already (apart.ts). What is read back has it in `intent`. */
  readonly intentApart?: Apart;
  /** Values of the facts used, JCS text of an object. */
  readonly facts?: string;
  /** Canonical result text. */
  readonly result?: string;
  /** An answer that waits for a person, as runtime/gateway/release.ts writes it; never disclosed. */
  readonly held?: string;
}

export interface Appended {
  readonly seq: number;
  /** `sha256:…` leaf hash. */
  readonly leaf: string;
  readonly time: string;
  /** The receipt's id, `<origin>#<seq>`. */
  readonly id: string;
  /** Key id (8 hex digits) of the epoch key. */
  readonly kid: string;
}

/** A new epoch began. */
export interface Rotated {
  /** Its key. */
  readonly epoch: string;
  /** The log key that took over; null where none did. */
  readonly logKey: string | null;
  /** The first entry that the new epoch key signed. */
  readonly from: number;
}

export interface StoredEntry {
  readonly body: Body;
  readonly leaf: string;
}

/** `soon`: the entry may wait a few milliseconds for the next group commit (an outcome, which nothing waits for). */
export type When = 'now' | 'soon';

/**
 * A single-writer, append-only log. `append` resolves once the entry is durable (fdatasync) and rejects with a
 * `LogFailure` after any failed write or flush; from then on every append rejects until restart.
 */
export interface ReceiptLog {
  readonly origin: string;
  append(draft: Draft, openings?: Openings, when?: When): Promise<Appended>;
  /** Entries in order from `from` (default 0), read from disk. */
  entries(from?: number): AsyncIterable<StoredEntry>;
  /** Clear text kept beside an entry, or null when there is none or it was erased. */
  openings(seq: number): Promise<Openings | null>;
  /** A receipt to keep: the entry's own bytes, after those of the `key` entries that vouch for who signed it. */
  signed?(seq: number): Promise<Buffer | null>;
  /** A secret that stays the same for this log, for hashes in place of what must not be kept. */
  maskKey?(): Buffer;
  /** Size and root over everything durable. */
  head(): { readonly size: number; readonly root: string };
  /** Writes and returns a checkpoint now (also done by timer and at close). */
  checkpoint(): Promise<string>;
  /** The folder below which large clear text may be written before its entry is appended; without it there is none. */
  readonly openingsFolder?: string;
  /** State of folds below some size, from the snapshot that the start used; null where it used none. */
  snapshotState?(): Saved | null;
  /** From here on snapshots are made of these folds, which have observed the entries below `size`. */
  keep?(folds: Folds, size: number): Promise<void>;
  /** Begins a new epoch, and takes in a log key that waits, while entries go on. */
  rotate?(): Promise<Rotated>;
  /** Writes down a revocation that the root signed. */
  revoke?(statement: unknown): Promise<Appended>;
  /** Why the log refuses to append, or null while it works. */
  failure(): Error | null;
  close(): Promise<void>;
}
