// SPDX-License-Identifier: Apache-2.0
/**
 * Takes the checkpoints of a log to witnesses (c2sp.org/tlog-witness) and keeps what they cosign in the file `cosigned` of the log
 * folder, in the form of `checkpoints`. It reads the log and never writes to it, so it may run beside the writer.
 */
import { appendFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointNotes } from '../verify/checkpoints.js';
import {
  type Checkpoint,
  cosignedAt,
  leafHash,
  parseCheckpoint,
  parseDecimal,
  parseSignatureLine,
  ProofTree,
  type VerifierKey,
} from '../verify/format/index.js';
import { folderSource, segmentEntries } from '../verify/source.js';

export interface WitnessPlace {
  /** Submission prefix. */
  readonly url: string;
  /** Of type 0x04. */
  readonly key: VerifierKey;
}

export interface Round {
  readonly size: number;
  /** Names of the witnesses that cosigned, and what went wrong with the others. */
  readonly cosigned: readonly string[];
  readonly failed: readonly { readonly name: string; readonly why: string }[];
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 64 * 1024;

export class Cosigner {
  private readonly dir: string;
  private readonly witnesses: readonly WitnessPlace[];
  /** How much each witness has cosigned, as far as is known here. */
  private readonly sizes = new Map<string, number>();
  private tree = new ProofTree();
  /** By segment that is full: how many entries there are at its end. */
  private readonly ends = new Map<string, number>();
  /** The note that was kept last: of an idle log it is replaced, so that its tail stays fresh and the file small. */
  private kept: { readonly size: number; readonly offset: number } | null = null;

  constructor(dir: string, witnesses: readonly WitnessPlace[]) {
    this.dir = dir;
    this.witnesses = witnesses;
  }

  /** Takes the last checkpoint to every witness, again where nothing is new; null when there is none. */
  async round(): Promise<Round | null> {
    const last = await this.last();
    if (last === null || last.checkpoint.size === 0) return null;
    await this.grow(last.checkpoint);
    const answers = await Promise.all(this.witnesses.map((witness) => this.ask(witness, last)));
    const lines = answers.flatMap((answer) => ('line' in answer ? [answer.line] : []));
    if (lines.length > 0) this.keep(last.checkpoint.size, `${last.note}${lines.join('')}\n`);
    const failed = answers.flatMap((answer) => ('why' in answer ? [answer] : []));
    const cosigned = answers.flatMap((answer) => ('line' in answer ? [answer.name] : []));
    return { size: last.checkpoint.size, cosigned, failed };
  }

  private keep(size: number, note: string): void {
    const path = join(this.dir, 'cosigned');
    const end = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    const again = this.kept?.size === size && this.kept.offset < end;
    const offset = again ? (this.kept?.offset ?? end) : end;
    if (again) truncateSync(path, offset);
    appendFileSync(path, note, { mode: 0o600, flush: true });
    this.kept = { size, offset };
  }

  private async last(): Promise<{ readonly note: string; readonly checkpoint: Checkpoint } | null> {
    const chunks = await folderSource(this.dir).checkpoints();
    let found: { readonly note: string; readonly checkpoint: Checkpoint } | null = null;
    if (chunks === null) return null;
    for await (const note of checkpointNotes(chunks)) {
      const checkpoint = parseCheckpoint(note);
      if (checkpoint !== null) found = { note, checkpoint };
    }
    return found;
  }

  /** Reads the entries up to the checkpoint, but for the segments that were read to their end before. */
  private async grow({ size, root }: Checkpoint): Promise<void> {
    if (this.tree.size > size) {
      this.tree = new ProofTree();
      this.ends.clear();
    }
    let seen = 0;
    for (const segment of await folderSource(this.dir).segments()) {
      const end = this.ends.get(segment.name);
      if (end !== undefined && end <= this.tree.size && end <= size) {
        seen = end;
        continue;
      }
      for await (const entry of segmentEntries(segment)) {
        if (seen >= this.tree.size) this.tree.append(leafHash(entry));
        seen++;
        if (this.tree.size >= size) break;
      }
      if (this.tree.size >= size) break;
      if (!segment.last) this.ends.set(segment.name, seen);
    }
    if (this.tree.size !== size || !this.tree.root().equals(root))
      throw new Error(`the entries in ${this.dir} do not have the root of its last checkpoint`);
  }

  private async ask(
    { url, key }: WitnessPlace,
    { note, checkpoint }: { readonly note: string; readonly checkpoint: Checkpoint },
  ): Promise<
    { readonly name: string; readonly line: string } | { readonly name: string; readonly why: string }
  > {
    const { name } = key;
    try {
      for (let tries = 0; tries < 3; tries++) {
        const old = Math.min(this.sizes.get(name) ?? 0, checkpoint.size);
        const hashes = this.tree
          .consistency(old, checkpoint.size)
          .map((hash) => `${hash.toString('base64')}\n`);
        const answer = await post(url, `old ${old}\n${hashes.join('')}\n${note}`);
        if (answer.status === 409) {
          const size = answer.type === 'text/x.tlog.size' ? parseDecimal(answer.body.trimEnd()) : null;
          if (size === null || size === old) return { name, why: 'it has another checkpoint of this size' };
          if (size > checkpoint.size)
            return { name, why: `it has cosigned ${size} entries, which is more than this log has` };
          this.sizes.set(name, size);
          continue;
        }
        if (answer.status !== 200)
          return { name, why: `it answered ${answer.status}: ${answer.body.slice(0, 200).trimEnd()}` };
        const line = this.cosignature(answer.body, checkpoint, key);
        if (line === null) return { name, why: 'its answer holds no cosignature by its key' };
        this.sizes.set(name, checkpoint.size);
        return { name, line };
      }
      return { name, why: 'its size changes from answer to answer' };
    } catch (error) {
      return { name, why: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Of the lines that a witness answers, the one by its key; nothing else of the answer is kept. */
  private cosignature(body: string, checkpoint: Checkpoint, key: VerifierKey): string | null {
    for (const line of body.split('\n')) {
      const signature = parseSignatureLine(line);
      if (signature !== null && cosignedAt({ ...checkpoint, signatures: [signature] }, key) !== null)
        return `${line}\n`;
    }
    return null;
  }
}

async function post(url: string, body: string) {
  const target = `${url.replace(/\/$/, '')}/add-checkpoint`;
  const response = await fetch(target, {
    method: 'POST',
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += (part as Uint8Array).length;
    if (size > MAX_ANSWER) throw new Error('its answer is too long');
    parts.push(part as Uint8Array);
  }
  const type = response.headers.get('content-type')?.split(';')[0]?.trim() ?? '';
  return { status: response.status, type, body: Buffer.concat(parts).toString('utf8') };
}
