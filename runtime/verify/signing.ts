// SPDX-License-Identifier: Apache-2.0
/** Who signed each entry: the epoch keys that the log certifies, starting from the keys of the trust file, and nothing else. */
import type { Body } from './format/body.js';
import { naclVerifier, nodeVerifier, type Verifier } from './format/ed25519.js';
import { parseHash } from './format/hash.js';
import { checkKeyBody, fingerprint } from './format/keys.js';
import { type NoteSignature, printVerifierKey, type VerifierKey } from './format/note.js';
import type { Trust } from './format/trust.js';
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
  readonly verify: Verifier;
  readonly again: Verifier;
  readonly from: number;
  to: number;
  sealed: boolean;
}

const SAMPLE = 100;
/** Epochs and revocations that are kept in memory. */
const MAX_KEPT = 10_000;

export class Signatures {
  private readonly trust: Trust;
  private readonly options: SigningOptions;
  private readonly findings: Findings;
  private readonly root: Verifier | null;
  private readonly log: Verifier | null;
  private readonly epochs: Epoch[] = [];
  private readonly revoked: { readonly key: string; readonly from: number; readonly seq: number }[] = [];
  /** Genesis waits for entry 1, which certifies the key that signed both. */
  private genesis: SignedEntry | null = null;
  private checked = 0;
  private twice = 0;
  private left = 0;

  constructor(trust: Trust, options: SigningOptions, findings: Findings) {
    this.trust = trust;
    this.options = options;
    this.findings = findings;
    this.root = nodeVerifier(trust.root.key);
    this.log = nodeVerifier(trust.logKey.key);
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
    const body = entry.body.key;
    if (body === undefined || body.purpose !== 'epoch') {
      return this.findings.skip(
        'keys',
        `a key of purpose ${body?.purpose ?? '?'} is not followed yet`,
        entry.seq,
      );
    }
    const key = this.log === null ? '' : checkKeyBody(entry.body.log, body, this.log, 'required');
    if (typeof key === 'string') return this.findings.fail('keys', entry.seq, key);
    const [verify, again] = [nodeVerifier(key.key), naclVerifier(key.key)];
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
    if (!epoch.verify(entry.text, signature)) {
      return this.findings.fail('signatures', entry.seq, 'the signature does not verify');
    }
    const { secondOpinion } = this.options;
    if (secondOpinion === 'none' || (secondOpinion === 'sample' && entry.seq % SAMPLE !== 0)) return;
    this.twice++;
    if (!epoch.again(entry.text, signature)) {
      this.findings.fail('signatures', entry.seq, 'node:crypto accepts the signature, tweetnacl does not');
    }
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
    if (this.revoked.length < MAX_KEPT) this.revoked.push({ ...body.revoke, seq });
    else this.findings.skip('keys', `more than ${MAX_KEPT} revocations`, seq);
  }

  /** After the last entry: revocations speak of positions, so they may concern entries that came before. */
  finish(): void {
    const byName = new Map<string, Epoch[]>();
    for (const epoch of this.revoked.length === 0 ? [] : this.epochs) {
      for (const name of [fingerprint(epoch.key.key), printVerifierKey(epoch.key.name, epoch.key.key)])
        byName.set(name, [...(byName.get(name) ?? []), epoch]);
    }
    for (const { key, from, seq } of this.revoked) {
      for (const epoch of byName.get(key) ?? []) {
        const first = Math.max(from, epoch.from);
        if (first <= epoch.to)
          this.findings.fail('keys', first, `signed by a key that entry ${seq} revokes from ${from} on`);
      }
    }
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
    const epochs = this.epochs.length;
    this.findings.note('keys', `${epochs} epoch key${epochs === 1 ? '' : 's'} certified by the log key`);
  }
}
