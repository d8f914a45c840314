// SPDX-License-Identifier: Apache-2.0
/**
 * Start-up: reads the log once and finds its end and the calls that were allowed without an outcome. The signed root vouches for
 * what the last checkpoint covers, the signatures for what follows. What a crash can leave after the last whole entry is
 * covered by the next write; anything else is damage, which is not repaired but refused.
 */
import { join } from 'node:path';
import type { Body } from '../verify/format/body.js';
import { nodeVerifier, type Verifier } from '../verify/format/ed25519.js';
import { CONTEXT, parseEntry } from '../verify/format/entry.js';
import { type Hash, hashText } from '../verify/format/hash.js';
import { printVerifierKey } from '../verify/format/note.js';
import { entryEnd, segmentName } from '../verify/format/segment.js';
import { CompactTree, leafHash } from '../verify/format/tree.js';
import type { Last } from './chain.js';
import { type LastCheckpoint, lastCheckpoint } from './checkpoints.js';
import { LogFailure } from './failure.js';
import type { FileLayer } from './files.js';
import type { LogKeys } from './keys.js';
import { readEntries, readRest, segments } from './read.js';
import { MAX_BATCH, type Place } from './store.js';

export interface Recovered {
  /** Null for a log that has not begun. */
  readonly last: Last | null;
  readonly genesis: string | null;
  readonly tree: CompactTree;
  readonly end: Place;
  /** Bytes of torn writes after the end. */
  readonly torn: number;
  /** Calls allowed without an outcome: call id and leaf of the decision. */
  readonly open: ReadonlyMap<string, string>;
  readonly checkpoint: LastCheckpoint | null;
  /** The last bytes before the end, where no checkpoint says that they reached the disk. */
  readonly unproven: Buffer;
  /** Number of the first entry of each segment. */
  readonly starts: readonly number[];
}

/** Throws a `LogFailure` that says where the log is damaged. */
export async function recover(
  dir: string,
  origin: string,
  keys: LogKeys,
  files: FileLayer,
): Promise<Recovered> {
  const entries = join(dir, 'entries');
  const checkpoint = lastCheckpoint(dir, origin, keys.log);
  const scanner = new Scanner(origin, keys, checkpoint?.size ?? 0);
  const starts: number[] = [];
  let end = { index: 0, position: 0 };
  let torn = 0;
  const numbers = segments(entries);
  for (const [i, index] of numbers.entries()) {
    const path = join(entries, segmentName(index));
    if (index !== i) {
      throw new LogFailure(
        `${join(entries, segmentName(i))} is missing, but ${segmentName(index)} is there; restore it from a copy`,
      );
    }
    starts.push(scanner.size);
    const position = await scan(path, segmentName(index), scanner);
    const rest = await readRest(path, position);
    torn = length(rest);
    const last = i === numbers.length - 1;
    const damage = last
      ? tailDamage(rest)
      : torn > 0
        ? 'the log goes on after something that is no entry'
        : null;
    if (damage !== null) throw damaged(path, position, scanner.size, damage);
    if (!last && rest.length > 0) trim(files, path, position);
    end = { index, position };
  }
  if (checkpoint !== null) scanner.compare(checkpoint);
  const isProven = scanner.size === (checkpoint?.size ?? 0);
  const unproven = isProven ? Buffer.alloc(0) : await before(join(entries, segmentName(end.index)), end);
  return { ...scanner.result(), end, torn, checkpoint, unproven, starts };
}

/** The offset after the last whole entry. */
async function scan(path: string, name: string, scanner: Scanner): Promise<number> {
  let end = 0;
  for await (const { bytes, offset, bounds } of readEntries(path)) {
    for (let i = 1; i < bounds.length; i++) {
      const stop = bounds[i] ?? 0;
      if (!scanner.entry(bytes.subarray(bounds[i - 1], stop), name)) return end;
      end = offset + stop;
    }
  }
  return end;
}

/** A crash between closing one segment and beginning the next can leave the space that was allocated ahead. */
function trim(files: FileLayer, path: string, size: number): void {
  const fd = files.open(path);
  try {
    files.truncate(fd, size);
  } finally {
    files.close(fd);
  }
}

async function before(path: string, end: Place): Promise<Buffer> {
  const from = Math.max(0, end.position - MAX_BATCH);
  return (await readRest(path, from)).subarray(0, end.position - from);
}

/** Without the NUL bytes at the end. */
function length(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

const SECTOR = Buffer.alloc(512);

/**
 * A write that was cut short leaves an entry without its end, or pages that never reached the disk: NUL bytes. Whole entries
 * behind other bytes, or farther away than one write reaches, mean that what stood there was changed.
 */
function tailDamage(rest: Buffer): string | null {
  for (let at = rest.indexOf(CONTEXT); at >= 0; at = rest.indexOf(CONTEXT, at + 1)) {
    const end = entryEnd(rest, at);
    if (at === 0 || end < 0 || rest.subarray(at, end).includes(0)) continue;
    const hole = rest.indexOf(SECTOR);
    if (at >= MAX_BATCH || hole < 0 || hole > at) return 'whole entries follow it';
  }
  return null;
}

function damaged(path: string, at: number, seq: number, why: string): LogFailure {
  return new LogFailure(
    `${path} is damaged at byte ${at}, where entry ${seq} should stand: ${why}; check it with \`sepal verify\` and restore the log from a copy`,
  );
}

class Scanner {
  private readonly origin: string;
  private readonly keys: LogKeys;
  private readonly mark: number;
  private readonly verify: Verifier | null;
  private readonly tree = new CompactTree();
  private readonly open = new Map<string, string>();
  private last: Last | null = null;
  private genesis: string | null = null;
  private rootAtMark: Hash | null = null;

  /** `mark`: so many entries are covered by a checkpoint. */
  constructor(origin: string, keys: LogKeys, mark: number) {
    this.origin = origin;
    this.keys = keys;
    this.mark = mark;
    this.verify = nodeVerifier(keys.epoch.key);
  }

  get size(): number {
    return this.tree.size;
  }

  /** False when these bytes were never written out. */
  entry(bytes: Buffer, segment: string): boolean {
    const covered = this.size < this.mark;
    if (!covered && bytes.includes(0)) return false;
    const body = covered ? this.parse(bytes) : this.check(bytes);
    const wrong = typeof body === 'string' ? body : this.place(body);
    if (typeof body === 'string' || wrong !== null) {
      throw new LogFailure(
        `entry ${this.size} in ${segment} ${wrong ?? ''}; check the log with \`sepal verify\` and restore it from a copy`,
      );
    }
    const hash = leafHash(bytes);
    const leaf = hashText(hash);
    this.tree.append(hash);
    if (this.size === this.mark) this.rootAtMark = this.tree.root();
    this.genesis ??= leaf;
    this.last = { seq: body.seq, leaf, time: Date.parse(body.time) };
    this.follow(body, leaf);
    return true;
  }

  private parse(bytes: Buffer): Body | string {
    try {
      const json = bytes.toString('utf8', CONTEXT.length, bytes.indexOf(10, CONTEXT.length));
      return JSON.parse(json) as Body;
    } catch {
      return 'does not hold JSON';
    }
  }

  private check(bytes: Buffer): Body | string {
    const parsed = parseEntry(bytes);
    if (!parsed.ok) return `is not as the writer writes it (${parsed.why})`;
    const { body, signature, text } = parsed.entry;
    const { name, id } = this.keys.epoch;
    if (signature.name !== name || signature.id !== id) {
      return `is signed by ${signature.name}+${signature.id}, not by the epoch key in use (${name}+${id})`;
    }
    return this.verify?.(text, signature.signature) === true ? body : 'has a wrong signature';
  }

  private place(body: Body): string | null {
    if (body.log !== this.origin) {
      return `belongs to the log ${JSON.stringify(body.log)}, not to ${this.origin}`;
    }
    if (body.seq !== this.size) return `has the number ${String(body.seq)}`;
    if (body.prev !== this.last?.leaf)
      return 'does not follow the entry before it (the hash chain is broken)';
    const { root, log, epoch } = this.keys;
    const isOurs =
      (body.seq !== 0 ||
        (body.key?.key === log.vkey && body.key.root === printVerifierKey(root.name, root.key))) &&
      (body.seq !== 1 || body.key?.key === epoch.vkey);
    return isOurs ? null : 'names other keys than those in use: the log was begun with others';
  }

  private follow(body: Body, leaf: string): void {
    if (body.call === undefined) return;
    if (body.type === 'outcome') this.open.delete(body.call);
    const allowed = body.type === 'decide' && body.phase === 'call' && body.decision?.effect === 'allow';
    if (allowed) this.open.set(body.call, leaf);
  }

  compare({ size, root }: LastCheckpoint): void {
    if (size > this.size) {
      throw new LogFailure(
        `the log ends at entry ${this.size - 1}, but its last checkpoint covers ${size} entries: it was cut; restore it from a copy`,
      );
    }
    if (size > 0 && this.rootAtMark?.equals(root) !== true) {
      throw new LogFailure(
        `the log does not agree with its checkpoint at size ${size}: it was changed; restore it from a copy`,
      );
    }
  }

  result(): Pick<Recovered, 'last' | 'genesis' | 'tree' | 'open'> {
    return { last: this.last, genesis: this.genesis, tree: this.tree, open: this.open };
  }
}
