// SPDX-License-Identifier: Apache-2.0
/** Follows the file `checkpoints` beside the entries: each root is compared when the tree has grown to its size. */
import { type Checkpoint, parseCheckpoint } from './format/checkpoint.js';
import type { CompactTree } from './format/tree.js';
import type { Trust } from './format/trust.js';
import type { LogKeys } from './log-keys.js';
import type { Findings } from './report.js';
import { Witnessed } from './witnessed.js';

const MAX_NOTE = 64 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The notes of a file of checkpoints, one by one; `torn` is true when bytes follow the last whole one. */
export async function* checkpointNotes(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<string, { torn: boolean }> {
  let carry: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    let at = 0;
    for (;;) {
      const body = bytes.indexOf('\n\n', at);
      const end = body < 0 ? -1 : bytes.indexOf('\n\n', body + 2);
      if (end < 0) break;
      yield decode(bytes.subarray(at, end + 1));
      at = end + 2;
    }
    carry = bytes.subarray(at);
    if (carry.length > MAX_NOTE) return { torn: true };
  }
  return { torn: carry.length > 0 };
}

/** The notes of both files in order of size, so that one pass over the log meets them all; `torn` speaks of the first. */
export async function* mergedNotes(
  checkpoints: AsyncGenerator<string, { torn: boolean }>,
  cosigned: AsyncGenerator<string, { torn: boolean }>,
): AsyncGenerator<string, { torn: boolean }> {
  try {
    let own = await checkpoints.next();
    let other = await cosigned.next();
    while (own.done !== true || other.done !== true) {
      if (own.done !== true && (other.done === true || sizeOf(own.value) <= sizeOf(other.value))) {
        yield own.value;
        own = await checkpoints.next();
      } else if (other.done !== true) {
        yield other.value;
        other = await cosigned.next();
      }
    }
    return own.value;
  } finally {
    await checkpoints.return({ torn: false });
    await cosigned.return({ torn: false });
  }
}

const sizeOf = (note: string): number => parseCheckpoint(note)?.size ?? 0;

/** Bytes that are not UTF-8 become a text that is no checkpoint. */
function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return '';
  }
}

/** Walks the checkpoints in step with the growing tree. */
export class CheckpointFollower {
  /** Entries below this size are covered by a checkpoint that the log key signed and whose root is the tree's. */
  proven = 0;
  /** The last one that holds. */
  proof: { readonly note: string; readonly checkpoint: Checkpoint } | null = null;
  private provenTime: string | null = null;
  private note = '';
  private next: Checkpoint | null = null;
  private count = 0;
  private done = false;
  private torn = false;
  private last = 0;
  private readonly notes: AsyncGenerator<string, { torn: boolean }>;
  private readonly origin: string | null;
  private readonly keys: LogKeys | null;
  private readonly findings: Findings;
  private readonly witnessed: Witnessed | null;

  constructor(
    chunks: AsyncIterable<Buffer> | null,
    cosigned: AsyncIterable<Buffer> | null,
    trust: Trust | null,
    keys: LogKeys | null,
    findings: Findings,
  ) {
    const notes = checkpointNotes(chunks ?? []);
    this.notes = cosigned === null ? notes : mergedNotes(notes, checkpointNotes(cosigned));
    this.origin = trust?.origin ?? null;
    this.keys = keys;
    this.findings = findings;
    this.witnessed = trust === null ? null : new Witnessed(trust);
  }

  /** The size that the next checkpoint speaks of; Infinity when there is none. Needed before the tree grows past it. */
  get awaited(): number {
    return this.done ? Infinity : (this.next?.size ?? 0);
  }

  /** Compares every checkpoint of the tree's present size; `time` is the last entry's. */
  async meet(tree: CompactTree, time: string | null): Promise<void> {
    while (!this.done && this.awaited <= tree.size) {
      if (this.next !== null) this.compare(this.next, tree, time);
      await this.read();
    }
  }

  private compare(checkpoint: Checkpoint, tree: CompactTree, time: string | null): void {
    if (checkpoint.size < tree.size || !this.isSigned(checkpoint)) return;
    if (!checkpoint.root.equals(tree.root())) {
      const entry = checkpoint.size === 0 ? null : checkpoint.size - 1;
      this.findings.fail(
        'tree',
        entry,
        `the entries do not have the root of the checkpoint of size ${checkpoint.size}`,
      );
    } else if (!this.findings.failed('tree')) {
      this.proven = checkpoint.size;
      if (this.keys !== null) this.keys.current.signed = checkpoint.size;
      this.proof = { note: this.note, checkpoint };
      this.witnessed?.checkpoint(checkpoint, time, this.findings);
      this.provenTime = time;
    }
  }

  private async read(): Promise<void> {
    this.next = null;
    const step = await this.notes.next();
    if (step.done === true) {
      this.torn = step.value.torn;
      this.done = true;
      return;
    }
    this.count++;
    this.note = step.value;
    const checkpoint = parseCheckpoint(step.value);
    const wrong = checkpoint === null ? 'is not in the form of a checkpoint' : this.wrong(checkpoint);
    if (checkpoint === null || wrong !== null) {
      this.findings.fail('tree', null, `checkpoint ${this.count} ${wrong ?? ''}`);
      return;
    }
    this.last = checkpoint.size;
    this.next = checkpoint;
  }

  private wrong(checkpoint: Checkpoint): string | null {
    if (this.origin !== null && checkpoint.origin !== this.origin) return 'is of another log';
    if (checkpoint.size < this.last)
      return `has a smaller size (${checkpoint.size}) than the one before (${this.last})`;
    return null;
  }

  /** Which key must have signed is known when the log has been read up to its size. */
  private isSigned(checkpoint: Checkpoint): boolean {
    if (this.keys === null || this.keys.signs(checkpoint)) return true;
    this.findings.fail('tree', null, `checkpoint ${this.count} is not signed by the log key in force`);
    return false;
  }

  /** Leaves no file open, however far the log was read. */
  async close(): Promise<void> {
    await this.notes.return({ torn: false });
  }

  /** After the last entry: what the checkpoints prove of the tree and of its tail. */
  async finish(tree: CompactTree, time: string | null): Promise<void> {
    await this.meet(tree, time);
    if (this.witnessed === null) this.findings.skip('split view', 'no trust file');
    else this.witnessed.finish(this.findings, tree.size);
    if (this.witnessed?.timed !== true) this.findings.note('time', 'no outside time to compare with');
    // What speaks of more entries than there are must still be sound.
    while (!this.done) {
      if (this.next !== null && this.isSigned(this.next)) {
        const missing = `the log is cut: a checkpoint speaks of ${this.next.size} entries, there are ${tree.size}`;
        this.findings.fail('tail', tree.size, missing);
      }
      await this.read();
    }
    if (this.count === 0) {
      const why = this.torn ? 'the file of checkpoints holds no whole one' : 'there is no checkpoint';
      this.findings.skip('tree', why);
      this.findings.skip('tail', why);
      return;
    }
    if (this.keys === null) {
      this.findings.skip(
        'tree',
        'roots agree, but without a trust file no key says who signed the checkpoints',
      );
      this.findings.skip('tail', 'without a trust file no checkpoint proves it');
      return;
    }
    this.findings.note('tree', `${this.count} checkpoint${this.count === 1 ? '' : 's'}`);
    if (this.torn) this.findings.skip('tail', 'the file of checkpoints ends in the middle of one');
    if (this.proven < tree.size) {
      const since = this.provenTime === null ? '' : ` (after ${this.provenTime})`;
      this.findings.skip('tail', `tail not proven since entry ${this.proven}${since}`, this.proven);
    } else this.findings.note('tail', `a checkpoint covers all ${tree.size} entries`);
  }
}
