// SPDX-License-Identifier: Apache-2.0
/**
 * Start-up: reads the log once, checks chain and last checkpoint, finds the end, and which calls were allowed without an outcome.
 * What follows the last whole entry is a torn write and is cut; damage before that is not repaired but refused.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Body } from '../verify/format/body.js';
import { parseCheckpoint, splitCheckpoints } from '../verify/format/checkpoint.js';
import { CONTEXT } from '../verify/format/entry.js';
import { type Hash, hashText } from '../verify/format/hash.js';
import { entryEnd, scanEntries, segmentName } from '../verify/format/segment.js';
import { CompactTree, leafHash } from '../verify/format/tree.js';
import { LogFailure } from './failure.js';
import { segments } from './store.js';

export interface Recovered {
  /** Null for a log that has not begun. */
  readonly last: { readonly seq: number; readonly leaf: string; readonly time: number } | null;
  readonly genesis: string | null;
  readonly tree: CompactTree;
  readonly end: { readonly index: number; readonly position: number };
  /** Bytes of torn writes that the writer cuts. */
  readonly torn: number;
  /** Calls allowed without an outcome: call id and leaf of the decision. */
  readonly open: ReadonlyMap<string, string>;
  readonly checkpointSize: number;
  /** Bytes of `checkpoints` that are whole. */
  readonly checkpointBytes: number;
}

/** No unacknowledged batch is longer; whole entries farther behind a hole were acknowledged. */
export const MAX_BATCH = 256 * 1024;

export function recover(dir: string, origin: string): Recovered {
  const entries = join(dir, 'entries');
  const checkpoint = lastCheckpoint(dir, origin);
  const state = new Scanner(origin, checkpoint?.size ?? 0);
  let end = { index: 0, position: 0 };
  let torn = 0;
  const numbers = segments(entries);
  for (const [i, index] of numbers.entries()) {
    const name = segmentName(index);
    if (index !== i)
      throw new LogFailure(`${join(entries, name)} follows a missing segment; restore it from a copy`);
    const bytes = readFileSync(join(entries, name));
    const scan = scanEntries(bytes, (start, stop) => state.entry(bytes.subarray(start, stop), name));
    if (scan.torn > 0) checkTail(bytes, scan.end, i === numbers.length - 1, join(entries, name), state.next);
    end = { index, position: scan.end };
    torn = scan.torn;
  }
  if (checkpoint !== null) state.compare(checkpoint.size, checkpoint.root);
  const whole = checkpoint?.bytes ?? 0;
  return { ...state.result(), end, torn, checkpointSize: checkpoint?.size ?? 0, checkpointBytes: whole };
}

/** A torn write is at the very end; whole entries beyond reach of one batch mean damage. */
function checkTail(bytes: Buffer, end: number, last: boolean, path: string, seq: number): void {
  const damaged = (why: string): never => {
    throw new LogFailure(
      `${path} is damaged at byte ${end}, where entry ${seq} should start: ${why}; check it with \`sepal verify\` and restore the log from a copy`,
    );
  };
  if (!last) damaged('the segment goes on after something that is no entry');
  for (let at = bytes.indexOf(CONTEXT, end + MAX_BATCH); at >= 0; at = bytes.indexOf(CONTEXT, at + 1)) {
    if (entryEnd(bytes, at) > 0) damaged('whole entries follow it');
  }
}

class Scanner {
  private readonly origin: string;
  private readonly mark: number;
  private readonly tree = new CompactTree();
  private readonly open = new Map<string, string>();
  private previous: { seq: number; leaf: string; time: number } | null = null;
  private genesis: string | null = null;
  private rootAtMark: Hash | null = null;

  constructor(origin: string, mark: number) {
    this.origin = origin;
    this.mark = mark;
  }

  get next(): number {
    return this.tree.size;
  }

  entry(bytes: Buffer, segment: string): void {
    const seq = this.tree.size;
    const fail = (why: string): never => {
      throw new LogFailure(
        `entry ${seq} in ${segment} ${why}; check the log with \`sepal verify\` and restore it from a copy`,
      );
    };
    let body: Body;
    try {
      body = JSON.parse(bytes.toString('utf8', CONTEXT.length, bytes.indexOf(10, CONTEXT.length))) as Body;
    } catch {
      return fail('does not hold JSON');
    }
    if (body.log !== this.origin)
      fail(`belongs to the log ${JSON.stringify(body.log)}, not to ${this.origin}`);
    if (body.seq !== seq) fail(`has the number ${String(body.seq)}`);
    if (body.prev !== this.previous?.leaf)
      fail('does not follow the entry before it (the hash chain is broken)');
    const hash = leafHash(bytes);
    const leaf = hashText(hash);
    this.tree.append(hash);
    if (this.tree.size === this.mark) this.rootAtMark = this.tree.root();
    this.genesis ??= leaf;
    this.previous = { seq, leaf, time: Date.parse(body.time) };
    this.follow(body, leaf);
  }

  private follow(body: Body, leaf: string): void {
    if (body.call === undefined) return;
    if (body.type === 'outcome') this.open.delete(body.call);
    const allowed = body.type === 'decide' && body.phase === 'call' && body.decision?.effect === 'allow';
    if (allowed) this.open.set(body.call, leaf);
  }

  compare(size: number, root: Hash): void {
    if (size > this.tree.size) {
      throw new LogFailure(
        `the log ends at entry ${this.tree.size - 1}, but its last checkpoint covers ${size} entries: it was cut; restore it from a copy`,
      );
    }
    if (size > 0 && this.rootAtMark?.equals(root) !== true) {
      throw new LogFailure(
        `the log does not agree with its checkpoint at size ${size}: it was changed; restore it from a copy`,
      );
    }
  }

  result(): Pick<Recovered, 'last' | 'genesis' | 'tree' | 'open'> {
    return { last: this.previous, genesis: this.genesis, tree: this.tree, open: this.open };
  }
}

function lastCheckpoint(
  dir: string,
  origin: string,
): { readonly size: number; readonly root: Hash; readonly bytes: number } | null {
  const path = join(dir, 'checkpoints');
  if (!existsSync(path)) return null;
  const text = readFileSync(path, 'utf8');
  const { notes, torn } = splitCheckpoints(text);
  const last = notes.at(-1);
  if (last === undefined) return null;
  const checkpoint = parseCheckpoint(last);
  if (checkpoint === null || checkpoint.origin !== origin) {
    throw new LogFailure(
      `${path} ends in something that is no checkpoint of ${origin}; restore it from a copy`,
    );
  }
  return {
    size: checkpoint.size,
    root: checkpoint.root,
    bytes: Buffer.byteLength(text) - Buffer.byteLength(torn),
  };
}
