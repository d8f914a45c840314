// SPDX-License-Identifier: Apache-2.0
/** The verifier: reads a log once, in order, with flat memory, and says for each property what it found. Never throws on content. */
import { CheckpointFollower } from './checkpoints.js';
import type { Body } from './format/body.js';
import { parseEntry } from './format/entry.js';
import type { Disclosure } from './format/opening.js';
import { hashText } from './format/hash.js';
import { CompactTree, leafHash } from './format/tree.js';
import { type Trust, trustOf } from './format/trust.js';
import { type Held, HeldReceipts } from './held.js';
import { Linkage } from './linkage.js';
import { LogKeys } from './log-keys.js';
import { OpeningsFollower } from './openings.js';
import { Findings, type Report } from './report.js';
import { Signatures, type SigningOptions } from './signing.js';
import { entryBatches, folderSource, type LogSource } from './source.js';
import { SeenElsewhere } from './witnessed.js';
import { isTiles, tilesSource } from './tiles.js';

export interface VerifyOptions extends Partial<SigningOptions> {
  /** The text of the trust file. Without it the answer is never `pass`: keys do not come from a log. */
  readonly trust?: string;
  /** Openings (docs/receipt-format.md), compared with what the receipts commit to. */
  readonly openings?: AsyncIterable<Buffer>;
  /** Receipts that somebody else holds. */
  readonly held?: readonly Held[];
  /** Checkpoints of this log that were seen elsewhere. Needs a trust file. */
  readonly seen?: readonly string[];
  /** Decides again what the log says was decided; brought by the command that has a compiler. */
  readonly replay?: Replay;
  /** Called now and then with the number of entries read. */
  readonly onProgress?: (entries: number) => void;
}

/** Looks at each entry in order, with what is disclosed of it, and answers for "policy binding" and "replay". */
export interface Replay {
  entry(body: Body, leaf: string, disclosure: Disclosure | null): unknown;
  finish(findings: Pick<Findings, 'fail' | 'skip' | 'note'>): void;
}

/**
 * Verifies a log folder (or a source of one). Rejects only when the log cannot be read (`SourceError`) or the trust file is
 * not one (`TrustError`); whatever the log holds, the answer is a report.
 */
export async function verify(source: string | LogSource, options: VerifyOptions = {}): Promise<Report> {
  const trust = options.trust === undefined ? null : trustOf(options.trust);
  const log = typeof source === 'string' ? await openSource(source) : source;
  const findings = new Findings();
  const keys = trust === null ? null : new LogKeys(trust);
  const follower = new CheckpointFollower(
    await log.checkpoints(),
    (await log.cosigned?.()) ?? null,
    trust,
    keys,
    findings,
  );
  const audit = new Audit(trust, keys, options, findings, follower);
  try {
    await audit.run(log, options.onProgress);
  } finally {
    await follower.close();
  }
  const report = findings.report(audit.entries);
  const evidence = await audit.evidence(log);
  return evidence === null ? report : { ...report, evidence };
}

/** A log folder, or a log exported as tiles. */
export async function openSource(folder: string): Promise<LogSource> {
  return (await isTiles(folder)) ? tilesSource(folder) : folderSource(folder);
}

interface Read {
  readonly body: Body;
  readonly leaf: string;
}

class Audit {
  private readonly trust: Trust | null;
  private readonly findings: Findings;
  private readonly follower: CheckpointFollower;
  private readonly signatures: Signatures | null;
  private readonly linkage: Linkage;
  private readonly tree = new CompactTree();
  /** Leaf hash of the entry before, as `prev` names it. */
  private previous: string | undefined = undefined;
  private time: string | null = null;
  private origin: string | null;
  private unreadable = 0;
  private readonly openings: OpeningsFollower | null;
  private readonly held: HeldReceipts | null;
  private readonly replay: Replay | null;
  private readonly seen: SeenElsewhere | null;

  constructor(
    trust: Trust | null,
    keys: LogKeys | null,
    options: VerifyOptions,
    findings: Findings,
    follower: CheckpointFollower,
  ) {
    this.trust = trust;
    this.findings = findings;
    this.follower = follower;
    this.origin = trust?.origin ?? null;
    const { signatures = 'all', secondOpinion = 'none', library = 'node:crypto' } = options;
    this.signatures =
      trust === null || keys === null
        ? null
        : new Signatures(trust, keys, { signatures, secondOpinion, library }, findings);
    this.linkage = new Linkage(findings, trust?.approvers ?? null);
    const { openings, held, replay } = options;
    this.openings = openings === undefined ? null : new OpeningsFollower(openings, findings);
    this.held = held === undefined ? null : new HeldReceipts(held, options.trust, findings);
    this.replay = replay ?? null;
    this.seen = options.seen === undefined || keys === null ? null : new SeenElsewhere(options.seen, keys);
  }

  get entries(): number {
    return this.tree.size;
  }

  async run(log: LogSource, onProgress: ((entries: number) => void) | undefined): Promise<void> {
    this.findings.note('time', 'never goes back');
    await this.follower.meet(this.tree, null);
    this.seen?.meet(this.tree, this.findings);
    const batches = entryBatches(log);
    for (;;) {
      const step = await batches.next();
      if (step.done === true) {
        if (step.value !== null) this.stopped(step.value);
        break;
      }
      const { bytes, bounds } = step.value;
      for (let i = 1; i < bounds.length; i++) {
        const read = this.entry(bytes.subarray(bounds[i - 1], bounds[i]));
        if (read !== null && (this.openings !== null || this.replay !== null)) await this.open(read);
        if (this.seen !== null && this.tree.size >= this.seen.awaited)
          this.seen.meet(this.tree, this.findings);
        if (this.tree.size >= this.follower.awaited) await this.follower.meet(this.tree, this.time);
        if (this.signatures?.crowded === true) await this.signatures.room();
      }
      onProgress?.(this.tree.size);
    }
    await this.follower.finish(this.tree, this.time);
    this.seen?.finish(this.tree.size, this.findings);
    await this.openings?.finish(this.tree.size);
    this.held?.finish(this.tree.size);
    await this.finish();
  }

  evidence(log: LogSource): Promise<string | null> {
    return this.seen?.evidence(log, this.follower.proof) ?? Promise.resolve(null);
  }

  /** What is disclosed of the entry, and the decision made again. */
  private async open({ body, leaf }: Read): Promise<void> {
    const disclosure =
      this.openings !== null && this.openings.awaited <= body.seq ? await this.openings.meet(body) : null;
    this.replay?.entry(body, leaf, disclosure);
  }

  private stopped({ where, torn }: { readonly where: string; readonly torn: boolean }): void {
    const at = this.tree.size;
    if (!torn)
      return this.findings.fail(
        'bytes',
        at,
        `what stands at ${where} is not an entry; nothing after it was read`,
      );
    this.findings.note('bytes', `a write was cut short at ${where}`);
    this.findings.skip('tail', `tail not proven since entry ${at}: a write was cut short at ${where}`, at);
  }

  private entry(bytes: Buffer): Read | null {
    const seq = this.tree.size;
    const leaf = leafHash(bytes);
    const name = hashText(leaf);
    const covered = this.follower.awaited !== Infinity && this.follower.awaited > seq;
    this.tree.append(leaf);
    const parsed = parseEntry(bytes, this.trust?.extensions ?? []);
    this.held?.entry(seq, name, this.origin);
    const before = this.previous;
    this.previous = name;
    if (!parsed.ok) {
      this.findings.fail('bytes', seq, parsed.why);
      this.unreadable++;
      return null;
    }
    const { body } = parsed.entry;
    this.chain(body, seq, before);
    this.signatures?.entry({ seq, ...parsed.entry }, leaf, covered);
    this.linkage.entry(body, name, bytes.length);
    this.time = body.time;
    return { body, leaf: name };
  }

  private chain(body: Body, seq: number, before: string | undefined): void {
    const { findings } = this;
    if (body.seq !== seq) findings.fail('chain', seq, `seq is ${body.seq}`);
    if (body.prev !== before) findings.fail('chain', seq, 'prev is not the leaf of the entry before');
    if ((body.type === 'genesis') !== (seq === 0)) {
      findings.fail(
        'chain',
        seq,
        seq === 0 ? 'the log does not start with genesis' : 'genesis stands inside the log',
      );
    }
    this.origin ??= body.log;
    if (body.log !== this.origin)
      findings.fail('chain', seq, `the entry is of the log ${JSON.stringify(body.log.slice(0, 200))}`);
    if (this.time !== null && body.time < this.time) findings.fail('time', seq, 'the time goes back');
  }

  private async finish(): Promise<void> {
    const { findings } = this;
    const none = this.tree.size === 0;
    if (none) findings.fail('chain', null, 'the log is empty: not even genesis is there');
    if (this.signatures === null) {
      findings.skip('signatures', 'no trust file: keys never come from a log');
      findings.skip('keys', 'no trust file');
    } else await this.signatures.finish();
    if (this.unreadable > 0) {
      const why = `${this.unreadable} entries could not be read`;
      for (const name of ['signatures', 'keys', 'chain', 'linkage', 'completeness', 'time'] as const)
        findings.skip(name, why);
    }
    this.linkage.finish();
    if (this.replay !== null) return this.replay.finish(findings);
    findings.skip('policy binding', 'no policy given to compile and compare');
    findings.skip('replay', 'no policy given to decide again with');
  }
}
