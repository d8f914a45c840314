// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the entries of a log at start: what the last checkpoint covers is taken on the signed root, what follows on its signatures,
 * under the keys that the log names and that the root and the log key vouch for.
 */
import type { Body, KeyBody } from '../verify/format/body.js';
import { nodeVerifier, type Verifier } from '../verify/format/ed25519.js';
import { CONTEXT, type ParsedEntry, parseEntry } from '../verify/format/entry.js';
import { type Hash, hashText } from '../verify/format/hash.js';
import { checkKeyBody } from '../verify/format/keys.js';
import { parseVerifierKey, printVerifierKey, type VerifierKey } from '../verify/format/note.js';
import { CompactTree, leafHash } from '../verify/format/tree.js';
import type { Last } from './chain.js';
import type { LastCheckpoint } from './checkpoints.js';
import { LogFailure } from './failure.js';
import type { EpochInForce } from './keyring.js';
import type { LogKeys } from './keys.js';

/** What the entries up to some place come to. */
export interface ScanState {
  readonly tree: CompactTree;
  readonly last: Last | null;
  readonly genesis: string | null;
  /** Calls allowed without an outcome: call id and leaf of the decision. */
  readonly open: ReadonlyMap<string, string>;
  readonly logKey: VerifierKey | null;
  readonly epoch: EpochInForce | null;
}

/** A snapshot that the entries after it must name. */
export interface Awaited {
  readonly state: ScanState;
  readonly hash: string;
}

export class Scanner {
  private readonly origin: string;
  private readonly keys: LogKeys;
  private readonly mark: number;
  private readonly tree: CompactTree;
  private readonly open: Map<string, string>;
  private last: Last | null;
  private genesis: string | null;
  private logKey: VerifierKey | null;
  private epoch: EpochInForce | null;
  /** Genesis is signed by the key that entry 1 brings. */
  private unsigned: ParsedEntry | null = null;
  private rootAtMark: Hash | null = null;
  private logKeyAtMark: VerifierKey | null = null;
  private awaited: string | null;
  /** Making one costs as much as checking a signature. */
  private verifies: { readonly key: VerifierKey; readonly verify: Verifier | null } | null = null;

  /** `mark`: so many entries are covered by a checkpoint. */
  constructor(origin: string, keys: LogKeys, mark: number, from: Awaited | null) {
    this.origin = origin;
    this.keys = keys;
    this.mark = mark;
    const state = from?.state;
    this.tree = state?.tree ?? new CompactTree();
    this.open = new Map(state?.open);
    this.last = state?.last ?? null;
    this.genesis = state?.genesis ?? null;
    this.logKey = state?.logKey ?? null;
    this.epoch = state?.epoch ?? null;
    this.awaited = from?.hash ?? null;
  }

  get size(): number {
    return this.tree.size;
  }

  /** Was the snapshot that reading began with named by an entry that a checkpoint covers? */
  get isVouched(): boolean {
    return this.awaited === null;
  }

  /** False when these bytes were never written out. */
  entry(bytes: Buffer, segment: string): boolean {
    const covered = this.size < this.mark;
    if (!covered && bytes.includes(0)) return false;
    const body = covered ? parseBody(bytes) : this.check(bytes);
    const wrong = typeof body === 'string' ? body : this.place(body);
    if (typeof body === 'string' || wrong !== null) {
      throw new LogFailure(
        `entry ${this.size} in ${segment} ${wrong ?? ''}; check the log with \`sepal verify\` and restore it from a copy`,
      );
    }
    if (covered) this.bring(body);
    const hash = leafHash(bytes);
    const leaf = hashText(hash);
    this.tree.append(hash);
    this.genesis ??= leaf;
    this.last = { seq: body.seq, leaf, time: Date.parse(body.time) };
    this.follow(body, leaf);
    if (this.size === this.mark) {
      this.rootAtMark = this.tree.root();
      this.logKeyAtMark = this.logKey;
    }
    return true;
  }

  private check(bytes: Buffer): Body | string {
    const parsed = parseEntry(bytes);
    if (!parsed.ok) return `is not as the writer writes it (${parsed.why})`;
    const { entry } = parsed;
    const { body } = entry;
    const wrong = body.key === undefined ? null : this.certified(body.log, body.key);
    if (wrong !== null) return wrong;
    if (body.seq === 0) {
      this.bring(body);
      this.unsigned = entry;
      return body;
    }
    this.bring(body);
    const first = this.unsigned;
    this.unsigned = null;
    return this.signed(first) ?? this.signed(entry) ?? body;
  }

  /** Null when the entry is signed by the epoch key in force; else what is wrong with it. */
  private signed(entry: ParsedEntry | null): string | null {
    if (entry === null) return null;
    const { signature, text } = entry;
    const key = this.epoch?.key ?? this.keys.epoch;
    if (key === null) return 'is signed by a key that is not here';
    if (signature.name !== key.name || signature.id !== key.id) {
      return `is signed by ${signature.name}+${signature.id}, not by the epoch key in force (${key.name}+${key.id})`;
    }
    if (this.verifies?.key !== key) this.verifies = { key, verify: nodeVerifier(key.key) };
    return this.verifies.verify?.(text, signature.signature) === true ? null : 'has a wrong signature';
  }

  /** Null when a key is vouched for by the one above it. */
  private certified(log: string, body: KeyBody): string | null {
    if (body.purpose === 'root+log') return null;
    const by = body.purpose === 'log' ? this.keys.root : this.logKey;
    const verify = by === null ? null : nodeVerifier(by.key);
    const key = verify === null ? '' : checkKeyBody(log, body, verify, 'required');
    return typeof key === 'string' ? `names other keys than those in use (${key})` : null;
  }

  /** The keys that a `key` entry or genesis brings into force; covered ones are vouched for by the signed root. */
  private bring(body: Body): void {
    const key = body.key === undefined ? null : parseVerifierKey(body.key.key);
    if (key === null) {
      if (body.seal !== undefined && this.epoch !== null) this.epoch = { ...this.epoch, sealed: true };
      return;
    }
    if (body.key?.purpose === 'epoch')
      this.epoch = { key, seq: body.seq, time: Date.parse(body.time), sealed: false };
    else this.logKey = key;
  }

  private place(body: Body): string | null {
    if (body.log !== this.origin) {
      return `belongs to the log ${JSON.stringify(body.log)}, not to ${this.origin}`;
    }
    if (body.seq !== this.size) return `has the number ${String(body.seq)}`;
    if (body.prev !== this.last?.leaf)
      return 'does not follow the entry before it (the hash chain is broken)';
    const { root } = this.keys;
    const isOurs = body.seq !== 0 || body.key?.root === printVerifierKey(root.name, root.key);
    return isOurs ? null : 'names other keys than those in use: the log was begun with others';
  }

  private follow(body: Body, leaf: string): void {
    if (body.snapshot !== undefined && body.snapshot.hash === this.awaited && body.seq < this.mark)
      this.awaited = null;
    if (body.call === undefined) return;
    if (body.type === 'outcome') this.open.delete(body.call);
    const allowed = body.type === 'decide' && body.phase === 'call' && body.decision?.effect === 'allow';
    if (allowed) this.open.set(body.call, leaf);
  }

  compare({ size, root, isSignedBy }: LastCheckpoint, path: string): void {
    const key = this.logKeyAtMark ?? this.logKey;
    if (key !== null && !isSignedBy(key)) {
      throw new LogFailure(
        `the last checkpoint in ${path} is not signed by the log key in use; restore the log from a copy`,
      );
    }
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

  result(): ScanState {
    const wrong = this.signed(this.unsigned);
    if (wrong !== null) throw new LogFailure(`entry 0 ${wrong}; restore the log from a copy`);
    const { tree, last, genesis, open, logKey, epoch } = this;
    return { tree, last, genesis, open, logKey, epoch };
  }
}

function parseBody(bytes: Buffer): Body | string {
  try {
    return JSON.parse(bytes.toString('utf8', CONTEXT.length, bytes.indexOf(10, CONTEXT.length))) as Body;
  } catch {
    return 'does not hold JSON';
  }
}
