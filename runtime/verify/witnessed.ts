// SPDX-License-Identifier: Apache-2.0
/** What speaks against a split view: cosignatures of witnesses, and checkpoints that others were shown. */
import { cosignedAt } from './format/cosignature.js';
import { type Checkpoint, parseCheckpoint } from './format/checkpoint.js';
import { printEquivocation } from './format/equivocation.js';
import { ProofTree } from './format/proof.js';
import { type CompactTree, leafHash } from './format/tree.js';
import type { Trust } from './format/trust.js';
import { keyLines, type LogKeys } from './log-keys.js';
import type { Findings } from './report.js';
import { type LogSource, storedEntries } from './source.js';

/** Clocks may differ by so much. */
const CLOCK_SECONDS = 300;

/** Counts the witnesses of each checkpoint whose root is the tree's. */
export class Witnessed {
  private readonly trust: Trust;
  private size = -1;
  private seconds = 0;
  private most = 0;

  constructor(trust: Trust) {
    this.trust = trust;
  }

  /** `time` is that of the last entry which the checkpoint covers. */
  checkpoint(checkpoint: Checkpoint, time: string | null, findings: Findings): void {
    const { witnesses, quorum } = this.trust;
    if (quorum === 0 || checkpoint.size < this.size) return;
    const times = witnesses
      .map((witness) => cosignedAt(checkpoint, witness))
      .filter((time): time is number => time !== null)
      .sort((a, b) => a - b);
    if (times.length < quorum) return;
    this.size = checkpoint.size;
    this.most = times.length;
    // By then a quorum had seen this tree.
    this.seconds = times[quorum - 1] ?? 0;
    if (time !== null && Date.parse(time) / 1000 > this.seconds + CLOCK_SECONDS)
      findings.fail(
        'time',
        checkpoint.size - 1,
        'the entry says a later time than the witnesses that saw it',
      );
  }

  /** Did a quorum say when it saw the log? */
  get timed(): boolean {
    return this.size >= 0;
  }

  finish(findings: Findings, size: number): void {
    const { witnesses, quorum } = this.trust;
    if (findings.failed('tree')) return findings.skip('split view', 'the tree itself does not hold');
    if (quorum === 0) {
      const why = witnesses.length === 0 ? 'names no witness' : 'asks for no witness (quorum 0)';
      return findings.skip('split view', `the trust file ${why}`);
    }
    if (this.size < 0)
      return findings.skip(
        'split view',
        `no checkpoint is cosigned by ${quorum} of the ${witnesses.length} witnesses`,
      );
    const seen = `${this.most} of ${witnesses.length} witnesses cosigned ${this.size} entries`;
    const when = `by ${new Date(this.seconds * 1000).toISOString()}`;
    findings.note('time', `entries below ${this.size} were there ${when} (witnesses)`);
    if (this.size < size)
      findings.skip('split view', `${seen} ${when}, none of them what came after`, this.size);
    else findings.note('split view', `${seen} ${when}`);
  }
}

/** A checkpoint that others were shown is not one of this log. */
export class CheckpointError extends Error {}

interface Seen {
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

/** Checkpoints from elsewhere: a witness, another auditor, an earlier audit. Each must be of the same tree. */
export class SeenElsewhere {
  private readonly seen: Seen[];
  private readonly count: number;
  private conflict: Seen | null = null;
  private readonly keys: LogKeys;

  constructor(notes: readonly string[], keys: LogKeys) {
    this.keys = keys;
    this.seen = notes.map((note, i) => {
      const checkpoint = parseCheckpoint(note);
      if (checkpoint === null)
        throw new CheckpointError(`number ${i + 1} is not in the form of a checkpoint`);
      return { note, checkpoint };
    });
    this.seen.sort((a, b) => a.checkpoint.size - b.checkpoint.size);
    this.count = notes.length;
  }

  get awaited(): number {
    return this.seen[0]?.checkpoint.size ?? Infinity;
  }

  /** Compares those of the tree's present size. */
  meet(tree: CompactTree, findings: Findings): void {
    while (this.awaited <= tree.size) {
      const one = this.seen.shift();
      if (one !== undefined) this.requireSigned(one);
      if (one === undefined || one.checkpoint.root.equals(tree.root())) continue;
      this.conflict ??= one;
      const why = `the log key signed another tree of ${tree.size} entries for somebody else`;
      const entry = tree.size === 0 ? null : tree.size - 1;
      for (const name of ['split view', 'seen elsewhere'] as const) findings.fail(name, entry, why);
    }
  }

  /** Only what the log key signed speaks against a log; which one, is known when the log has been read up to that size. */
  private requireSigned({ checkpoint }: Seen): void {
    if (!this.keys.signs(checkpoint))
      throw new CheckpointError(
        `the one of size ${checkpoint.size} is not signed by the log key of the trust file, nor by one that the root certified in this log`,
      );
  }

  finish(size: number, findings: Findings): void {
    for (const one of this.seen) this.requireSigned(one);
    const [longer] = this.seen;
    if (longer !== undefined) {
      const why = `the log is cut: a checkpoint seen elsewhere speaks of ${longer.checkpoint.size} entries, there are ${size}`;
      for (const name of ['tail', 'seen elsewhere'] as const) findings.fail(name, size, why);
    }
    if (this.conflict === null && longer === undefined)
      findings.note('seen elsewhere', `${this.count} checkpoints are of this tree`);
  }

  /** The proof that the log key signed two histories, where a checkpoint of this log covers the conflict. */
  async evidence(source: LogSource, own: Seen | null): Promise<string | null> {
    const other = this.conflict;
    if (other === null || own === null || own.checkpoint.size < other.checkpoint.size) return null;
    const { size } = other.checkpoint;
    const keys = keyLines([other, own].map(({ checkpoint }) => this.keys.signer(checkpoint)));
    if (size === own.checkpoint.size) return printEquivocation(other.note, own.note, null, keys);
    const tree = new ProofTree();
    for await (const entry of storedEntries(source)) {
      tree.append(leafHash(entry));
      if (tree.size === own.checkpoint.size) break;
    }
    const hashes = tree.consistency(size, own.checkpoint.size);
    return printEquivocation(other.note, own.note, { root: tree.root(size), hashes }, keys);
  }
}
