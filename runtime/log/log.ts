// SPDX-License-Identifier: Apache-2.0
/**
 * The receipt log: one writer, group commit. An entry gets its place and its signature when it is appended; all entries that wait
 * are written together and flushed once; only then does `append` resolve. After any failed write or flush nothing is taken any
 * more until the process starts again.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Body } from '../verify/format/body.js';
import { canonical } from '../verify/format/canonical.js';
import { checkBody } from '../verify/format/check-body.js';
import { checkpointText } from '../verify/format/checkpoint.js';
import { CONTEXT, entryNote, MAX_ENTRY } from '../verify/format/entry.js';
import { type Hash, hashText } from '../verify/format/hash.js';
import { keyBody } from '../verify/format/keys.js';
import { certificateText } from '../verify/format/approval.js';
import { signatureLine } from '../verify/format/note.js';
import { scanEntries, segmentName } from '../verify/format/segment.js';
import { leafHash } from '../verify/format/tree.js';
import { LogFailure } from './failure.js';
import { type FileLayer, realFiles, writeAll } from './files.js';
import { type LogKeys, loadKeys } from './keys.js';
import { type Lock, lockFolder } from './lock.js';
import { findOpenings, OpeningsFile, seal } from './openings.js';
import { MAX_BATCH, type Recovered, recover } from './recover.js';
import { segments, Store } from './store.js';
import type { Appended, Draft, Openings, ReceiptLog, StoredEntry, When } from './types.js';

export interface LogOptions {
  readonly dir: string;
  /** Folder of the keys, outside `dir`. */
  readonly keysDir: string;
  readonly origin: string;
  /** At most this long until entries are covered by a checkpoint when the log is idle. */
  readonly checkpointSeconds: number;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  readonly files?: FileLayer;
  /** Called once, when the log stops taking entries. */
  readonly onFailure?: (error: Error) => void;
}

/** Opens a log, or begins it. Throws a `LogFailure` or `KeyFailure` that says what to do. */
export async function openLog(options: LogOptions): Promise<Log> {
  const keys = loadKeys(options.keysDir, options.origin);
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const lock = await lockFolder(options.dir);
  try {
    const recovered = recover(options.dir, options.origin);
    const log = new Log(options, keys, lock, recovered);
    await log.begin(recovered);
    return log;
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Waiting {
  readonly bytes: Buffer;
  readonly leaf: Hash;
  readonly openings: Buffer | null;
  readonly closing: boolean;
  readonly receipt: Appended;
  readonly resolve: (receipt: Appended) => void;
  readonly reject: (error: Error) => void;
}

const MAX_WAITING = 64 * 1024 * 1024;
const BUSY_CHECKPOINT_MS = 1000;
const SOON_MS = 5;

export class Log implements ReceiptLog {
  readonly origin: string;
  private readonly options: LogOptions;
  private readonly keys: LogKeys;
  private readonly lock: Lock;
  private readonly files: FileLayer;
  private readonly store: Store;
  private readonly sealed: OpeningsFile;
  private readonly boot = randomBytes(16).toString('base64');
  private readonly tree: Recovered['tree'];
  private readonly timer: NodeJS.Timeout;
  private next: number;
  private previous: string | null;
  private time: number;
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private flushing: Promise<void> | null = null;
  private late: NodeJS.Timeout | null = null;
  private durable: { index: number; position: number };
  private durableLeaf: string | null;
  private checkpointed: number;
  private readonly checkpointFd: number;
  private checkpointEnd: number;
  private checkpointAt = 0;
  private broken: Error | null = null;
  private closed = false;
  private first: string | null;

  constructor(options: LogOptions, keys: LogKeys, lock: Lock, from: Recovered) {
    this.options = options;
    this.origin = options.origin;
    this.keys = keys;
    this.lock = lock;
    this.files = options.files ?? realFiles;
    this.tree = from.tree;
    this.next = from.tree.size;
    this.previous = from.last?.leaf ?? null;
    this.durableLeaf = this.previous;
    this.time = from.last?.time ?? 0;
    this.first = from.genesis;
    this.durable = { ...from.end };
    this.checkpointed = from.checkpointSize;
    this.checkpointEnd = from.checkpointBytes;
    const entries = join(options.dir, 'entries');
    if (from.torn > 0) truncateSync(join(entries, segmentName(from.end.index)), from.end.position);
    this.store = new Store(entries, this.files, from.end);
    this.sealed = new OpeningsFile(join(options.dir, 'openings'), this.files);
    this.checkpointFd = this.files.open(join(options.dir, 'checkpoints'));
    this.timer = setInterval(() => void this.tick(), BUSY_CHECKPOINT_MS).unref();
  }

  /** Leaf of entry 0: the log's identity. */
  get genesis(): string {
    return this.first ?? '';
  }

  /** Genesis and first epoch of a new log; of an old one what the crash left open. */
  async begin(from: Recovered): Promise<void> {
    if (from.last === null) await this.writeGenesis();
    if (from.torn > 0 || from.open.size > 0) {
      await this.append({ type: 'recovery', recovery: { cut: from.torn, unknown: from.open.size } });
      await Promise.all(
        [...from.open].map(([call, decide]) =>
          this.append({ type: 'outcome', call, refs: { decide }, outcome: { status: 'unknown' } }),
        ),
      );
    }
    await this.checkpoint();
  }

  private async writeGenesis(): Promise<void> {
    const { root, certificate, log, epoch } = this.keys;
    const more = certificate === null ? { root } : { root, certificate };
    const genesis = this.append({ type: 'genesis', key: keyBody('root+log', log, more) });
    const own = log.sign(certificateText(this.origin, 'epoch', epoch.vkey)).toString('base64');
    const key = this.append({ type: 'key', key: keyBody('epoch', epoch, { certificate: own }) });
    this.first = (await genesis).leaf;
    await key;
  }

  append(draft: Draft, openings?: Openings, when: When = 'now'): Promise<Appended> {
    const closing = draft.type === 'outcome';
    if (this.closed) return Promise.reject(new LogFailure('the log is closed'));
    if (this.broken !== null && !(closing && this.isFull())) return Promise.reject(this.broken);
    if (this.waitingBytes > MAX_WAITING) {
      return Promise.reject(
        new LogFailure('the log is overloaded: more entries wait than memory should hold'),
      );
    }
    return new Promise((resolve, reject) => {
      let made: Omit<Waiting, 'resolve' | 'reject'>;
      try {
        made = this.sign(draft, openings, closing);
      } catch (error) {
        reject(error as Error);
        return;
      }
      this.waiting.push({ ...made, resolve, reject });
      this.waitingBytes += made.bytes.length + (made.openings?.length ?? 0);
      if (when === 'now') this.flushing ??= this.flush();
      else this.late ??= setTimeout(() => this.flushLate(), SOON_MS);
    });
  }

  private flushLate(): void {
    this.late = null;
    if (this.waiting.length > 0) this.flushing ??= this.flush();
  }

  /** Gives the entry its place, signs it, and moves the chain on; nothing changes when the body is refused. */
  private sign(
    draft: Draft,
    openings: Openings | undefined,
    closing: boolean,
  ): Omit<Waiting, 'resolve' | 'reject'> {
    const now = (this.options.clock ?? Date.now)();
    const at = Math.max(now, this.time);
    const time = new Date(at).toISOString();
    const body = {
      ...draft,
      v: 1,
      log: this.origin,
      seq: this.next,
      time,
      boot: this.boot,
      ...(this.previous === null ? {} : { prev: this.previous }),
      ...(now < this.time ? { clock: 'held' } : {}),
    } as unknown as Body;
    const checked = checkBody(body as never);
    if (typeof checked === 'string') throw new LogFailure(`this is no receipt: ${checked}`);
    const text = `${CONTEXT}${canonical(body)}\n`;
    const { epoch } = this.keys;
    const bytes = Buffer.from(entryNote(text, epoch.name, epoch.id, epoch.sign(text)));
    if (bytes.length > MAX_ENTRY)
      throw new LogFailure(`a receipt of ${bytes.length} bytes is over ${MAX_ENTRY}`);
    const leaf = leafHash(bytes);
    const receipt = {
      seq: this.next,
      leaf: hashText(leaf),
      time,
      id: `${this.origin}#${this.next}`,
      kid: epoch.id,
    };
    const sealed = openings === undefined ? null : seal(this.keys.seal, this.next, openings);
    this.next++;
    this.previous = receipt.leaf;
    this.time = at;
    return { bytes, leaf, openings: sealed, closing, receipt };
  }

  /** Writes and flushes whatever waits, batch after batch. */
  private async flush(): Promise<void> {
    // One turn for the entries that come together.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const batch = this.take();
      try {
        await this.commit(batch);
      } catch (error) {
        this.fail(error as Error, batch);
        break;
      }
    }
    this.flushing = null;
  }

  private take(): readonly Waiting[] {
    let size = 0;
    let count = 0;
    for (const entry of this.waiting) {
      if (count > 0 && size + entry.bytes.length > MAX_BATCH) break;
      size += entry.bytes.length;
      count++;
    }
    const batch = this.waiting.splice(0, count);
    for (const entry of batch) this.waitingBytes -= entry.bytes.length + (entry.openings?.length ?? 0);
    return batch;
  }

  private async commit(batch: readonly Waiting[]): Promise<void> {
    const sealed = batch.flatMap((entry) => entry.openings ?? []);
    if (sealed.length > 0) this.sealed.write(Buffer.concat(sealed));
    this.store.write(
      Buffer.concat(batch.map((entry) => entry.bytes)),
      batch.every((entry) => entry.closing),
    );
    const end = this.store.end;
    await (sealed.length > 0 ? Promise.all([this.store.flush(), this.sealed.flush()]) : this.store.flush());
    for (const entry of batch) this.tree.append(entry.leaf);
    this.durable = end;
    this.durableLeaf = batch.at(-1)?.receipt.leaf ?? this.durableLeaf;
    for (const entry of batch) entry.resolve(entry.receipt);
  }

  private fail(error: Error, batch: readonly Waiting[]): void {
    const first = this.broken === null;
    const what = `the receipt log in ${this.options.dir} cannot be written (${error.message}); everything is denied until the cause is gone and the gateway is restarted`;
    this.broken ??= new LogFailure(what, { cause: error });
    for (const entry of [...batch, ...this.waiting.splice(0)]) entry.reject(this.broken);
    this.waitingBytes = 0;
    // What was signed and not written has no place in the chain.
    this.next = this.tree.size;
    this.previous = this.durableLeaf;
    clearInterval(this.timer);
    if (first) this.options.onFailure?.(this.broken);
  }

  /** A full disk leaves room for the outcomes of calls that are under way. */
  private isFull(): boolean {
    return (this.broken?.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC';
  }

  private async tick(): Promise<void> {
    if (this.broken !== null || this.closed || this.tree.size === this.checkpointed) return;
    const idle = Date.now() - this.checkpointAt >= Math.min(this.options.checkpointSeconds, 1) * 1000;
    if (idle) await this.checkpoint().catch(() => undefined);
  }

  async checkpoint(): Promise<string> {
    if (this.broken !== null) throw this.broken;
    const { size } = this.tree;
    const text = checkpointText(this.origin, size, this.tree.root());
    const { log } = this.keys;
    const note = `${text}\n${signatureLine(log.name, log.id, log.sign(text))}`;
    if (size === this.checkpointed) return note;
    const bytes = Buffer.from(`${note}\n`);
    const position = this.checkpointEnd;
    this.checkpointEnd += bytes.length;
    this.checkpointed = size;
    this.checkpointAt = Date.now();
    try {
      writeAll(this.files, this.checkpointFd, bytes, position);
      await this.files.flush(this.checkpointFd);
    } catch (error) {
      this.fail(error as Error, []);
      throw this.broken ?? error;
    }
    return note;
  }

  async *entries(from = 0): AsyncIterable<StoredEntry> {
    const dir = join(this.options.dir, 'entries');
    const end = this.durable;
    for (const index of segments(dir)) {
      if (index > end.index) return;
      const bytes = readFileSync(join(dir, segmentName(index)));
      const found: StoredEntry[] = [];
      const limit = index === end.index ? bytes.subarray(0, end.position) : bytes;
      scanEntries(limit, (start, stop) => {
        const body = JSON.parse(
          limit.toString('utf8', start + CONTEXT.length, limit.indexOf(10, start + CONTEXT.length)),
        ) as Body;
        if (body.seq >= from) found.push({ body, leaf: hashText(leafHash(limit.subarray(start, stop))) });
      });
      yield* found;
    }
  }

  openings(seq: number): Promise<Openings | null> {
    return findOpenings(join(this.options.dir, 'openings'), this.keys.seal, seq);
  }

  head(): { readonly size: number; readonly root: string } {
    return { size: this.tree.size, root: hashText(this.tree.root()) };
  }

  failure(): Error | null {
    return this.broken;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    if (this.late !== null) clearTimeout(this.late);
    this.flushLate();
    await this.flushing;
    if (this.broken === null) await this.checkpoint();
    this.closed = true;
    clearInterval(this.timer);
    this.store.close();
    this.lock.release();
  }
}
