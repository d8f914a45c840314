// SPDX-License-Identifier: Apache-2.0
/**
 * The receipt log: one writer, group commit. An entry gets its place and its signature when it is appended; all entries that wait
 * are written together and flushed once; only then does `append` resolve. After any failed write or flush nothing is taken any
 * more until the process starts again, except outcomes while there is room left for them.
 */
import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Body } from '../verify/format/body.js';
import { CONTEXT } from '../verify/format/entry.js';
import { hashText } from '../verify/format/hash.js';
import { keyBody } from '../verify/format/keys.js';
import { parseRevocation } from '../verify/format/trust.js';
import { leafHash } from '../verify/format/tree.js';
import { settleApart, sweepApart } from './apart.js';
import { Chain, type Signed } from './chain.js';
import { CheckpointFile, checkpointNote } from './checkpoints.js';
import { LogFailure } from './failure.js';
import { Folding } from './folding.js';
import { type FileLayer, isFull, realFiles, together } from './files.js';
import { KeyNotes } from './key-notes.js';
import { Keyring, type Signers, type Step } from './keyring.js';
import { loadKeys, type Secrets } from './keys.js';
import { type Lock, lockFolder } from './lock.js';
import { findOpenings, OpeningsFile } from './openings.js';
import { readFrom } from './read.js';
import { type Recovered, recover } from './recover.js';
import type { Folds, Saved } from './snapshot.js';
import { MAX_BATCH, type Place, Store } from './store.js';
import type { Appended, Draft, Openings, ReceiptLog, Rotated, StoredEntry, When } from './types.js';

export interface LogOptions {
  readonly dir: string;
  /** Folder of the keys, outside `dir`. */
  readonly keysDir: string;
  readonly origin: string;
  /** At most this long until a few entries are covered by a checkpoint; many are covered every second. */
  readonly checkpointSeconds: number;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  readonly files?: FileLayer;
  /** Called once, when the log stops taking entries. */
  readonly onFailure?: (error: Error) => void;
  /** Size at which a new segment begins. */
  readonly segmentBytes?: number;
  /** Keys that do not lie in `keysDir`. */
  readonly secrets?: Secrets;
  /** A new epoch key after so long or so many entries, whichever comes first; by default only when asked. */
  readonly epoch?: { readonly hours: number; readonly entries: number };
  /** A snapshot after so many entries (and when the log is closed), of folds that are kept. */
  readonly snapshotEntries?: number;
  /** What went wrong without stopping the log: a key could not be changed, a snapshot not be written or not be used. */
  readonly onTrouble?: (message: string) => void;
}

/** Opens a log, or begins it. Throws a `LogFailure` or `KeyFailure` that says what to do. */
export async function openLog(options: LogOptions): Promise<Log> {
  const { dir, origin } = options;
  const keys = loadKeys(options.keysDir, origin, options.secrets);
  const files = options.files ?? realFiles;
  let lock: Lock | null = null;
  let log: Log | null = null;
  try {
    const made = mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (made !== undefined) files.flushFolder(dirname(made));
    lock = await lockFolder(dir);
    const recovered = await recover(dir, origin, keys, files);
    const { logKey, epoch } = recovered;
    const ring = new Keyring(
      options.keysDir,
      origin,
      keys,
      logKey === null ? null : { log: logKey, epoch },
      files,
    );
    log = new Log(options, ring, lock, files, recovered);
    await log.begin(recovered);
    return log;
  } catch (error) {
    await (log === null ? lock?.release() : log.abandon(false));
    if (error instanceof LogFailure) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new LogFailure(`cannot open the receipt log in ${dir}: ${why}`, { cause: error });
  }
}

interface Waiting extends Signed {
  readonly draft: Draft;
  readonly clear: Openings | undefined;
  readonly resolve: (receipt: Appended) => void;
  readonly reject: (error: Error) => void;
  /** Who signs what follows, once this entry is on the disk. */
  readonly brings?: Signers;
}

interface Asked {
  /** The checkpoint covers at least so many entries: those that were appended before it was asked for. */
  readonly size: number;
  readonly resolve: (note: string) => void;
  readonly reject: (error: Error) => void;
}

const MAX_WAITING = 64 * 1024 * 1024;
const SOON_MS = 5;
const TICK_MS = 1000;
/** So many entries that no checkpoint covers make a log busy. */
const BUSY = 16;
const SNAPSHOT_ENTRIES = 100_000;
/** After a change of keys that failed, the next is tried when this has passed. */
const RETRY_MS = 60_000;
/** A `seal` and the `key` entry after it are written together; no more bytes than this. */
const PAIR = 4 * 1024;

/** An outcome closes a call that was let through already; it must find its place even when nothing new does. */
const isClosing = (entry: { readonly draft: Draft }): boolean => entry.draft.type === 'outcome';

export class Log implements ReceiptLog {
  readonly origin: string;
  readonly openingsFolder: string;
  private readonly options: LogOptions;
  private readonly keys: Keyring;
  private readonly lock: Lock;
  private readonly store: Store;
  private readonly sealed: OpeningsFile;
  private readonly checkpoints: CheckpointFile;
  private readonly chain: Chain;
  private readonly tree: Recovered['tree'];
  private readonly starts: number[];
  private readonly timer: NodeJS.Timeout;
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private asked: Asked[] = [];
  private working: Promise<void> | null = null;
  private late: NodeJS.Timeout | null = null;
  /** Something waits that must not wait for more. */
  private hurry = false;
  private durable: Place;
  private lastLeaf: string | null;
  private first: string | null;
  private covered: number;
  /** When the oldest entry that no checkpoint covers became durable. */
  private uncoveredAt = 0;
  private broken: Error | null = null;
  /** After a failure: outcomes may still be written. */
  private room = false;
  private closing: Promise<void> | null = null;
  private rotating: Promise<Rotated> | null = null;
  private retryAt = 0;
  /** The `key` entry that brought the epoch key in force, and its time in milliseconds. */
  private epochAt: { readonly seq: number; readonly time: number };
  private readonly keyNotes = new KeyNotes((from) => this.raw(from));
  private readonly folding: Folding;
  private lastTime: number;

  constructor(options: LogOptions, keys: Keyring, lock: Lock, files: FileLayer, from: Recovered) {
    this.options = options;
    this.origin = options.origin;
    this.keys = keys;
    this.lock = lock;
    this.epochAt = from.epoch ?? { seq: 0, time: 0 };
    this.lastTime = from.last?.time ?? 0;
    const { dir, snapshotEntries: every = SNAPSHOT_ENTRIES, onTrouble = () => {} } = options;
    const name = async (snapshot: { readonly hash: string; readonly size: number }): Promise<unknown> => {
      await this.put({ type: 'snapshot', snapshot });
      return this.ask();
    };
    this.folding = new Folding({ dir, files, every, name, onTrouble }, from);
    this.tree = from.tree;
    this.chain = new Chain(options.origin, keys, from.last, options.clock ?? Date.now);
    this.lastLeaf = from.last?.leaf ?? null;
    this.first = from.genesis;
    this.durable = from.end;
    this.starts = from.starts.length === 0 ? [0] : [...from.starts];
    this.covered = from.checkpoint?.size ?? 0;
    this.openingsFolder = join(options.dir, 'openings');
    this.sealed = new OpeningsFile(this.openingsFolder, files);
    this.store = new Store(join(options.dir, 'entries'), files, from.end, from.torn, options.segmentBytes);
    try {
      this.checkpoints = new CheckpointFile(options.dir, files, from.checkpoint);
    } catch (error) {
      this.store.close(false);
      throw error;
    }
    this.timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** Leaf of entry 0: the log's identity. */
  get genesis(): string {
    return this.first ?? '';
  }

  /** Key id (8 hex digits) of the epoch key that signs now. */
  get kid(): string {
    return this.keys.now.epoch.id;
  }

  /** Genesis and first epoch of a new log; of an old one what the crash left open. */
  async begin(from: Recovered): Promise<void> {
    if (!this.lock.isHeld()) throw new LogFailure(`another process took the log in ${this.options.dir} over`);
    await sweepApart(this.openingsFolder);
    if (from.unproven.length > 0) await this.store.rewrite(from.unproven);
    if (from.distrust !== null) this.trouble(`the log was read whole: ${from.distrust}`);
    const written: Promise<Appended>[] = [];
    if (from.last === null) written.push(...this.writeGenesis());
    // A log that dies between its first two entries has its genesis and no key that vouches for it.
    else if (from.epoch === null) written.push(this.put(this.keys.firstEpoch(), { brings: this.keys.now }));
    else if (this.keys.isLost || this.keys.isStale) written.push(...this.steps(await this.keys.prepare()));
    if (from.torn > 0 || from.open.size > 0) {
      const recovery = { cut: from.torn, unknown: from.open.size };
      written.push(this.append({ type: 'recovery', recovery }));
      for (const [call, decide] of from.open) {
        written.push(
          this.append({ type: 'outcome', call, refs: { decide }, outcome: { status: 'unknown' } }),
        );
      }
    }
    const [first] = await Promise.all(written);
    if (from.last === null) this.first = first?.leaf ?? null;
    await this.checkpoint();
    if (this.keys.hasNextLogKey) await this.rotate();
    else await this.keys.settle();
  }

  private writeGenesis(): readonly Promise<Appended>[] {
    const { root, certificate, now } = this.keys;
    const more = certificate === null ? { root } : { root, certificate };
    const genesis: Draft = { type: 'genesis', key: keyBody('root+log', now.log, more) };
    return [this.append(genesis), this.put(this.keys.firstEpoch(), { brings: now })];
  }

  /** Appends the entries of a change of keys in one go; whatever is appended after them is signed by the new key. */
  private steps(steps: readonly Step[]): readonly Promise<Appended>[] {
    return steps.map(({ draft, by }) => {
      this.keys.now = by;
      return this.put(draft(this.chain.size), { brings: by });
    });
  }

  /**
   * Begins a new epoch, and takes in a log key that waits, while entries go on: what was appended before is signed by the old key, what
   * comes after by the new one. Resolves once a checkpoint covers the change and the old key is erased.
   */
  rotate(): Promise<Rotated> {
    this.rotating ??= this.turn().finally(() => {
      this.rotating = null;
    });
    return this.rotating;
  }

  private async turn(): Promise<Rotated> {
    const refused = this.refusal({ type: 'seal' });
    if (refused !== null) throw refused;
    const before = this.keys.now;
    const steps = await this.keys.prepare();
    // The disk may have failed meanwhile.
    const late = this.refusal({ type: 'seal' });
    if (late !== null) throw late;
    const entries = await Promise.all(this.steps(steps));
    await this.checkpoint();
    await this.keys.settle();
    const { epoch, log } = this.keys.now;
    return {
      epoch: epoch.vkey,
      logKey: log.vkey === before.log.vkey ? null : log.vkey,
      from: entries.at(-1)?.seq ?? 0,
    };
  }

  /** Writes down that a key is revoked. `statement` is the root's; a `LogFailure` where it is not. */
  async revoke(statement: unknown): Promise<Appended> {
    const revoke = parseRevocation(statement, this.origin, this.keys.root);
    if (typeof revoke === 'string') throw new LogFailure(`this is no revocation: ${revoke}`);
    return this.append({ type: 'revoke', revoke });
  }

  append(draft: Draft, openings?: Openings, when: When = 'now'): Promise<Appended> {
    const refusal = this.refusal(draft);
    return refusal === null ? this.put(draft, { openings, when }) : Promise.reject(refusal);
  }

  private put(draft: Draft, { openings, when, brings }: Put = {}): Promise<Appended> {
    return new Promise((resolve, reject) => {
      let signed: Signed;
      try {
        signed = this.chain.sign(draft, openings);
      } catch (error) {
        reject(error as Error);
        return;
      }
      const more = brings === undefined ? {} : { brings };
      this.wait({ draft, ...signed, clear: openings, resolve, reject, ...more });
      if (when !== 'soon') this.work();
      else this.late ??= setTimeout(() => this.workLate(), SOON_MS);
    });
  }

  private workLate(): void {
    this.late = null;
    this.work();
  }

  private refusal(draft: Draft): Error | null {
    if (this.closing !== null) return new LogFailure('the log is closed');
    if (this.broken !== null && !(this.room && isClosing({ draft }))) return this.broken;
    return this.waitingBytes > MAX_WAITING
      ? new LogFailure('the log is overloaded: more entries wait than memory should hold')
      : null;
  }

  private wait(entry: Waiting): void {
    this.waiting.push(entry);
    this.waitingBytes += sizeOf(entry);
  }

  private work(): void {
    this.hurry = true;
    this.working ??= this.loop();
  }

  /** The only place that writes: batch after batch, and checkpoints between them. */
  private async loop(): Promise<void> {
    // One turn for the entries that come together.
    await Promise.resolve();
    while (this.hurry || this.asked.length > 0) {
      if (this.waiting.length > 0) await this.batch();
      else this.hurry = false;
      const due = this.asked.filter(({ size }) => size <= this.tree.size || this.waiting.length === 0);
      if (due.length > 0) await this.mark(due);
    }
    this.working = null;
  }

  private async batch(): Promise<void> {
    if (this.late !== null) clearTimeout(this.late);
    this.late = null;
    const batch = this.take();
    // What comes from here on and may wait, waits.
    this.hurry = this.waiting.length > 0;
    try {
      await this.commit(batch);
    } catch (error) {
      return this.fail(error as Error, batch);
    }
    if (this.tree.size === this.covered) this.uncoveredAt = performance.now();
    if (this.store.end.index > this.durable.index) this.starts.push(this.tree.size);
    for (const entry of batch) this.settled(entry);
    this.durable = this.store.end;
    const last = batch.at(-1)?.receipt;
    this.lastLeaf = last?.leaf ?? this.lastLeaf;
    this.lastTime = last === undefined ? this.lastTime : Date.parse(last.time);
    for (const entry of batch) entry.resolve(entry.receipt);
    if (this.closing === null && this.folding.isDue(this.tree.size)) void this.snapshot();
  }

  /** The entry is on the disk. */
  private settled({ leaf, body, brings, receipt, clear }: Waiting): void {
    this.tree.append(leaf);
    if (clear?.intentApart !== undefined) void settleApart(this.openingsFolder, clear.intentApart.file);
    if (brings !== undefined) this.keys.durable = brings;
    if (brings !== undefined && body.key?.purpose === 'epoch')
      this.epochAt = { seq: receipt.seq, time: Date.parse(receipt.time) };
    this.folding.observe(body, receipt);
  }

  /** State of folds below some size, from the snapshot that the start used; null where it used none. */
  snapshotState(): Saved | null {
    return this.folding.saved;
  }

  /** From here on snapshots are made, with the state of these folds, which have observed the entries below `size`. */
  keep(folds: Folds, size: number): Promise<void> {
    return this.folding.keep(folds, size, {
      size: () => this.tree.size,
      entries: (from) => this.entries(from),
    });
  }

  /** Writes a state file and the entry that names it; safe to call at any time. */
  async snapshot(): Promise<void> {
    if (this.broken !== null || this.keys.isLost) return;
    const { log, epoch } = this.keys.durable;
    await this.folding.snapshot({
      origin: this.origin,
      tree: this.tree,
      last: { seq: this.tree.size - 1, leaf: this.lastLeaf ?? '', time: this.lastTime },
      genesis: this.first,
      logKey: log,
      epoch: { key: epoch, ...this.epochAt, sealed: false },
      place: this.durable,
      starts: this.starts,
    });
  }

  private trouble(message: string): void {
    this.options.onTrouble?.(message);
  }

  private take(): readonly Waiting[] {
    let size = 0;
    let count = 0;
    for (const entry of this.waiting) {
      // A sealed epoch signs nothing more, so its seal and the next key are written together.
      const room = entry.draft.type === 'seal' ? PAIR : entry.bytes.length;
      if (count > 0 && size + room > MAX_BATCH && this.waiting[count - 1]?.draft.type !== 'seal') break;
      size += entry.bytes.length;
      count++;
    }
    const batch = this.waiting.splice(0, count);
    for (const entry of batch) this.waitingBytes -= sizeOf(entry);
    return batch;
  }

  private async commit(batch: readonly Waiting[]): Promise<void> {
    const closing = batch.every(isClosing);
    const clear = await this.keepClear(batch, closing);
    // Both are written before either is flushed: waking a thread may cost this one its turn.
    const storing = this.store.commit(together(batch.map((entry) => entry.bytes)), closing);
    const keeping = clear ? this.sealed.flush() : Promise.resolve();
    const [kept, stored] = await Promise.allSettled([keeping, storing]);
    if (stored.status === 'rejected') throw stored.reason;
    if (kept.status === 'rejected') throw kept.reason;
  }

  /** Writes the sealed clear text; once the disk was found full, an outcome goes without. */
  private async keepClear(batch: readonly Waiting[], closing: boolean): Promise<boolean> {
    const lines = batch.flatMap(({ sealed }) => sealed ?? []);
    if (lines.length === 0) return false;
    try {
      await this.sealed.write(together(lines));
      return true;
    } catch (error) {
      if (this.broken !== null && closing && isFull(error)) return false;
      throw error;
    }
  }

  private fail(error: Error, batch: readonly Waiting[]): void {
    const first = this.broken === null;
    const what = `the receipt log in ${this.options.dir} cannot be written (${error.message}); everything is denied until the cause is gone and the gateway is restarted`;
    const broken = (this.broken ??= new LogFailure(what, { cause: error }));
    const onlyClosing = batch.length > 0 && batch.every(isClosing);
    this.room = isFull(error) && (first || !onlyClosing);
    this.chain.back(this.tree.size, this.lastLeaf);
    this.keys.now = this.keys.durable;
    this.sealed.close(false);
    const lost = [...batch, ...this.waiting.splice(0)];
    this.waitingBytes = 0;
    for (const entry of lost) {
      if (this.room && isClosing(entry)) {
        this.wait({ ...entry, ...this.chain.sign(entry.draft, entry.clear) });
        this.hurry = true;
      } else entry.reject(broken);
    }
    clearInterval(this.timer);
    if (first) this.options.onFailure?.(broken);
  }

  private tick(): void {
    const uncovered = this.tree.size - this.covered;
    const waited = performance.now() - this.uncoveredAt;
    const longest = this.options.checkpointSeconds * 1000 - TICK_MS;
    const due = uncovered >= BUSY || (uncovered > 0 && waited >= longest);
    if (due || !this.lock.isHeld()) this.checkpoint().catch(() => undefined);
    if (this.isEpochOver())
      this.rotate().catch((error: Error) => {
        this.retryAt = performance.now() + RETRY_MS;
        if (this.broken === null) this.trouble(`the epoch key was not changed: ${error.message}`);
      });
  }

  private isEpochOver(): boolean {
    const { epoch, clock = Date.now } = this.options;
    if (epoch === undefined || this.broken !== null || performance.now() < this.retryAt) return false;
    const entries = this.tree.size - this.epochAt.seq;
    return entries >= epoch.entries || clock() - this.epochAt.time >= epoch.hours * 3_600_000;
  }

  checkpoint(): Promise<string> {
    if (this.closing !== null) return Promise.reject(new LogFailure('the log is closed'));
    return this.ask();
  }

  private ask(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.asked.push({ size: this.chain.size, resolve, reject });
      this.work();
    });
  }

  private async mark(asked: readonly Asked[]): Promise<void> {
    this.asked = this.asked.filter((one) => !asked.includes(one));
    try {
      const note = await this.cover();
      for (const { resolve } of asked) resolve(note);
    } catch (error) {
      if (this.broken === null) this.fail(error as Error, []);
      for (const { reject } of asked) reject(this.broken ?? (error as Error));
    }
  }

  private async cover(): Promise<string> {
    if (this.broken !== null) throw this.broken;
    if (!this.lock.isHeld())
      throw new LogFailure('writer.sock is gone or changed: another process took the log over');
    const { size } = this.tree;
    const note = checkpointNote(this.keys.durable.log, this.origin, size, this.tree.root());
    if (size > this.covered) await this.checkpoints.append(note);
    this.covered = size;
    return note;
  }

  async *entries(from = 0): AsyncIterable<StoredEntry> {
    for await (const bytes of this.raw(from)) yield stored(bytes);
  }

  /** A receipt to keep: the entry as it stands in the log, after the `key` entries that vouch for who signed it. */
  async signed(seq: number): Promise<Buffer | null> {
    for await (const entry of this.raw(seq))
      return Buffer.concat([...(await this.keyNotes.needed(seq)), Buffer.from(entry)]);
    return null;
  }

  private raw(from: number): AsyncIterable<Buffer> {
    const { starts, durable } = this;
    return readFrom(join(this.options.dir, 'entries'), { starts, durable }, from);
  }

  async openings(seq: number): Promise<Openings | null> {
    for await (const { leaf } of this.entries(seq)) {
      return findOpenings(this.openingsFolder, this.keys.seal, seq, leaf);
    }
    return null;
  }

  maskKey(): Buffer {
    return createHmac('sha256', this.keys.seal).update('sepal.dev/mask/v1\n').digest();
  }

  head(): { readonly size: number; readonly root: string } {
    return { size: this.tree.size, root: hashText(this.tree.root()) };
  }

  failure(): Error | null {
    return this.broken;
  }

  /** Writes what waits and a last checkpoint; nothing is taken from here on. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    clearInterval(this.timer);
    try {
      await this.rotating?.catch(() => undefined);
      await this.folding.busy;
      if (this.broken === null && this.folding.isWorth(this.tree.size)) await this.snapshot();
      // A log that is broken says so to every append; closing it is no new failure.
      await this.ask().catch((error: unknown) => {
        if (error !== this.broken) throw error;
      });
    } finally {
      await this.abandon();
    }
  }

  /** Gives everything back; what is not `sound` stays on the disk as it is. */
  async abandon(sound = this.broken === null): Promise<void> {
    clearInterval(this.timer);
    if (this.late !== null) clearTimeout(this.late);
    this.closing ??= Promise.resolve();
    await this.working;
    try {
      this.sealed.close(sound);
      this.checkpoints.close();
      this.store.close(sound);
    } finally {
      await this.lock.release();
    }
  }
}

interface Put {
  readonly openings?: Openings | undefined;
  readonly when?: When;
  readonly brings?: Signers;
}

const sizeOf = (entry: Signed): number => entry.bytes.length + (entry.sealed?.length ?? 0);

function stored(bytes: Buffer): StoredEntry {
  const json = bytes.toString('utf8', CONTEXT.length, bytes.indexOf(10, CONTEXT.length));
  return { body: JSON.parse(json) as Body, leaf: hashText(leafHash(bytes)) };
}
