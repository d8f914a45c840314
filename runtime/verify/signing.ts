// SPDX-License-Identifier: Apache-2.0
/** Who signed each entry: the epoch keys that the log certifies, starting from the keys of the trust file, and nothing else. */
import type { Body, Revocation } from './format/body.js';
import {
  laterVerifier,
  type LaterVerifier,
  naclVerifier,
  nodeVerifier,
  type Verifier,
} from './format/ed25519.js';
import { parseHash } from './format/hash.js';
import { checkKeyBody, fingerprint, isRevokedBy } from './format/keys.js';
import { type NoteSignature, printVerifierKey, type VerifierKey } from './format/note.js';
import type { Trust } from './format/trust.js';
import type { LogKey, LogKeys } from './log-keys.js';
import type { Findings } from './report.js';

export interface SignedEntry {
  readonly seq: number;
  /** What is signed. */
  readonly text: Uint8Array;
  readonly signature: NoteSignature;
  readonly body: Body;
}

export interface SigningOptions {
  /** Every signature, or only those of entries that no checkpoint covers. */
  readonly signatures: 'all' | 'checkpoint';
  /** How many signatures tweetnacl checks again: none, one in a hundred, or all. */
  readonly secondOpinion: 'none' | 'sample' | 'all';
  /** What stands behind `node:crypto` here, for the report. */
  readonly library: string;
}

interface Epoch {
  readonly key: VerifierKey;
  readonly verify: LaterVerifier;
  readonly again: Verifier;
  readonly from: number;
  to: number;
  sealed: boolean;
  /** Which log key certified it, and where. */
  readonly by: LogKey;
  readonly at: number;
}

interface Revoked extends Revocation {
  /** The entry that says so; null for the trust file. */
  readonly seq: number | null;
}

const SAMPLE = 100;
/** Signatures that are checked at once, each with its entry in memory. */
const CROWD = 2048;
/** Epochs and revocations that are kept in memory. */
const MAX_KEPT = 10_000;

export class Signatures {
  private readonly trust: Trust;
  private readonly options: SigningOptions;
  private readonly findings: Findings;
  private readonly root: Verifier | null;
  private readonly logKeys: LogKeys;
  private readonly epochs: Epoch[] = [];
  private readonly revoked: Revoked[];
  /** Genesis waits for entry 1, which certifies the key that signed both. */
  private genesis: SignedEntry | null = null;
  private checked = 0;
  private pending = 0;
  private awaited = -1;
  private wake: (() => void) | null = null;
  private failures = 0;
  private first: { readonly seq: number; readonly detail: string } | null = null;
  private twice = 0;
  private left = 0;

  constructor(trust: Trust, logKeys: LogKeys, options: SigningOptions, findings: Findings) {
    this.trust = trust;
    this.options = options;
    this.findings = findings;
    this.root = nodeVerifier(trust.root.key);
    this.logKeys = logKeys;
    this.revoked = trust.revoked.map((one) => ({ ...one, seq: null }));
  }

  /** `covered`: a checkpoint of a larger size is still to come, so that the tree will speak for this entry. */
  entry(entry: SignedEntry, leaf: Buffer, covered: boolean): void {
    if (entry.seq === 0) this.begin(entry, leaf);
    else {
      if (entry.body.type === 'key') this.newKey(entry);
      else if (entry.seq === 1) this.findings.fail('keys', 1, 'entry 1 does not certify the first epoch key');
      if (entry.seq === 1 && this.genesis !== null) this.check(this.genesis, true);
      this.check(entry, !covered || entry.body.type === 'key');
      this.after(entry);
    }
  }

  private begin(entry: SignedEntry, leaf: Buffer): void {
    const key = entry.body.type === 'genesis' ? entry.body.key : undefined;
    if (key === undefined) return this.findings.fail('keys', 0, 'entry 0 is not genesis');
    this.genesis = entry;
    const { trust, findings } = this;
    if (trust.genesis === null) findings.note('keys', 'the trust file does not name the genesis');
    else if (parseHash(trust.genesis)?.equals(leaf) !== true) {
      findings.fail('keys', 0, 'genesis is not the one of the trust file: this is another log');
    }
    if (key.purpose !== 'root+log' || key.root !== printVerifierKey(trust.root.name, trust.root.key)) {
      findings.fail('keys', 0, 'genesis does not name the root of the trust file');
    }
    if (key.key !== printVerifierKey(trust.logKey.name, trust.logKey.key)) {
      findings.fail('keys', 0, 'genesis does not name the log key of the trust file');
    }
    const checked = this.root === null ? '' : checkKeyBody(entry.body.log, key, this.root, 'optional');
    if (typeof checked === 'string') findings.fail('keys', 0, checked);
    if (key.certificate === undefined)
      findings.note('keys', 'genesis holds no certificate of the log key by the root');
  }

  private newKey(entry: SignedEntry): void {
    const { log, key: body } = entry.body;
    if (body === undefined) return;
    if (body.purpose === 'log') {
      const wrong = this.logKeys.add(log, body);
      if (wrong !== null) this.findings.fail('keys', entry.seq, wrong);
      return;
    }
    if (body.purpose !== 'epoch')
      return this.findings.fail('keys', entry.seq, 'the root stands in genesis only');
    const by = this.logKeys.current;
    const key = checkKeyBody(log, body, by.verify, 'required');
    if (typeof key === 'string') return this.findings.fail('keys', entry.seq, key);
    const [verify, again] = [laterVerifier(key.key), naclVerifier(key.key)];
    if (verify === null || again === null) return;
    if (this.epochs.length > MAX_KEPT) {
      // A log does not change its keys so often; what is forgotten here is said.
      this.findings.skip('keys', `more than ${MAX_KEPT} epoch keys`, entry.seq);
      this.epochs.pop();
    }
    this.epochs.push({
      key,
      verify,
      again,
      from: entry.seq === 1 ? 0 : entry.seq,
      to: entry.seq,
      sealed: false,
      by,
      at: entry.seq,
    });
  }

  private check(entry: SignedEntry, always: boolean): void {
    const epoch = this.epochs.at(-1);
    if (epoch === undefined) return this.findings.skip('signatures', 'no epoch key is certified', entry.seq);
    const { name, id, signature } = entry.signature;
    if (name !== epoch.key.name || id !== epoch.key.id) {
      return this.findings.fail(
        'keys',
        entry.seq,
        `signed by ${name}+${id}, which is not the epoch key in force`,
      );
    }
    if (epoch.sealed) return this.findings.fail('keys', entry.seq, 'signed by an epoch key after its seal');
    epoch.to = entry.seq;
    if (!always && this.options.signatures === 'checkpoint') {
      this.left++;
      return;
    }
    this.checked++;
    this.pending++;
    epoch.verify(entry.text, signature, (good) => {
      this.judged(entry, epoch, good);
      this.pending--;
      if (this.pending <= this.awaited) this.wake?.();
    });
  }

  private judged({ seq, text, signature: { signature } }: SignedEntry, epoch: Epoch, good: boolean): void {
    if (!good) return this.failed(seq, 'the signature does not verify');
    const { secondOpinion } = this.options;
    if (secondOpinion === 'none' || (secondOpinion === 'sample' && seq % SAMPLE !== 0)) return;
    this.twice++;
    if (!epoch.again(text, signature))
      this.failed(seq, 'node:crypto accepts the signature, tweetnacl does not');
  }

  /** Answers come in any order; the report names the first entry. */
  private failed(seq: number, detail: string): void {
    this.failures++;
    if (this.first === null || seq < this.first.seq) this.first = { seq, detail };
  }

  /** Are so many signatures underway that `room` should be awaited before the next entry? */
  get crowded(): boolean {
    return this.pending > CROWD;
  }

  /** Resolves when at most so many signatures are underway. */
  async room(most = CROWD / 2): Promise<void> {
    if (this.pending <= most) return;
    this.awaited = most;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    this.awaited = -1;
    this.wake = null;
  }

  private after(entry: SignedEntry): void {
    const { body, seq } = entry;
    const epoch = this.epochs.at(-1);
    if (body.seal !== undefined && epoch !== undefined) {
      epoch.sealed = true;
      const own = [fingerprint(epoch.key.key), printVerifierKey(epoch.key.name, epoch.key.key)];
      if (!own.includes(body.seal.key) || body.seal.size !== seq)
        this.findings.fail('keys', seq, 'the seal is not of the key in force at this place');
    }
    if (body.revoke === undefined) return;
    if (body.revoke.certificate !== undefined && !isRevokedBy(this.root, body.log, body.revoke))
      this.findings.fail('keys', seq, 'the certificate of the revocation is not the root\u2019s');
    if (this.revoked.length < MAX_KEPT) this.revoked.push({ ...body.revoke, seq });
    else this.findings.skip('keys', `more than ${MAX_KEPT} revocations`, seq);
  }

  /** After the last entry: revocations speak of positions, so they may concern entries that came before. */
  async finish(): Promise<void> {
    await this.room(0);
    if (this.first !== null)
      this.findings.fail('signatures', this.first.seq, this.first.detail, this.failures);
    this.revocations();
    if (this.epochs.length === 0 && this.genesis !== null) {
      this.findings.skip('signatures', 'no epoch key is certified', 0);
    }
    if (this.left > 0) {
      this.findings.skip(
        'signatures',
        `${this.left} entries are vouched for by the signed tree only (asked for)`,
      );
    }
    this.findings.note('signatures', `${this.checked} checked with ${this.options.library}`);
    if (this.twice > 0) this.findings.note('signatures', `${this.twice} again with tweetnacl`);
    const logKeys = this.logKeys.all.length;
    if (logKeys > 1) this.findings.note('keys', `${logKeys - 1} later log keys certified by the root`);
    const epochs = this.epochs.length;
    this.findings.note('keys', `${epochs} epoch key${epochs === 1 ? '' : 's'} certified by the log key`);
  }

  private revocations(): void {
    if (this.revoked.length === 0) return;
    const epochs = byName(this.epochs);
    const logKeys = byName(this.logKeys.all);
    for (const { key, from, seq } of this.revoked) {
      const who = seq === null ? 'the trust file' : `entry ${seq}`;
      const fail = (entry: number, what: string): void =>
        this.findings.fail('keys', entry, `${what} that ${who} revokes from ${from} on`);
      for (const epoch of epochs.get(key) ?? []) {
        const first = Math.max(from, epoch.from);
        if (first <= epoch.to) fail(first, 'signed by a key');
      }
      for (const logKey of logKeys.get(key) ?? []) {
        const late = this.epochs.find(({ by, at }) => by === logKey && at >= from);
        if (logKey.signed > from)
          fail(from, `covered by a checkpoint of size ${logKey.signed}, signed by a log key`);
        else if (late !== undefined) fail(late.at, 'the epoch key is certified by a log key');
      }
    }
  }
}

/** By fingerprint and by verifier key: a revocation may name either. */
function byName<T extends { readonly key: VerifierKey }>(
  keys: readonly T[],
): ReadonlyMap<string, readonly T[]> {
  const named = new Map<string, T[]>();
  for (const one of keys) {
    for (const name of [fingerprint(one.key.key), printVerifierKey(one.key.name, one.key.key)])
      named.set(name, [...(named.get(name) ?? []), one]);
  }
  return named;
}
