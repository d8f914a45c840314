// SPDX-License-Identifier: Apache-2.0
/**
 * The log keys of a log, by position: that of the trust file first, then those that the root certifies in `key` entries of purpose
 * `log`. A checkpoint of size n is signed by the last of them that stands below n, an epoch key certified by the last before it.
 */
import type { KeyBody } from './format/body.js';
import type { Checkpoint } from './format/checkpoint.js';
import { nodeVerifier, type Verifier } from './format/ed25519.js';
import { checkKeyBody } from './format/keys.js';
import { printVerifierKey, type VerifierKey } from './format/note.js';
import type { Trust } from './format/trust.js';

export interface LogKey {
  readonly key: VerifierKey;
  readonly verify: Verifier;
  /** By the root; null for that of the trust file. */
  readonly certificate: string | null;
  /** Size of the largest checkpoint that it signed and that holds. */
  signed: number;
}

const NEVER: Verifier = () => false;
/** A log does not change its log key so often. */
const MAX_KEYS = 1_000;

export class LogKeys {
  private readonly trust: Trust;
  private readonly root: Verifier;
  private readonly keys: LogKey[];

  constructor(trust: Trust) {
    this.trust = trust;
    this.root = nodeVerifier(trust.root.key) ?? NEVER;
    this.keys = [logKey(trust.logKey, null)];
  }

  /** The one in force where the log was read to. */
  get current(): LogKey {
    return this.keys.at(-1) ?? logKey(this.trust.logKey, null);
  }

  /** All of them, the first first. */
  get all(): readonly LogKey[] {
    return this.keys;
  }

  /** Takes in what a `key` entry of purpose `log` brings, or says what is wrong with it. */
  add(log: string, body: KeyBody): string | null {
    const key = checkKeyBody(log, body, this.root, 'required');
    if (typeof key === 'string') return key;
    if (this.keys.length >= MAX_KEYS) return `more than ${MAX_KEYS} log keys`;
    this.keys.push(logKey(key, body.certificate ?? null));
    return null;
  }

  /** Is the checkpoint of this log, and signed by the log key in force? */
  signs(checkpoint: Checkpoint): boolean {
    return checkpoint.origin === this.trust.origin && isSignedBy(checkpoint, this.current);
  }

  /** The key that signed a checkpoint; null where none of them did. */
  signer(checkpoint: Checkpoint): LogKey | null {
    return this.keys.find((key) => isSignedBy(checkpoint, key)) ?? null;
  }
}

function logKey(key: VerifierKey, certificate: string | null): LogKey {
  return { key, verify: nodeVerifier(key.key) ?? NEVER, certificate, signed: 0 };
}

function isSignedBy(checkpoint: Checkpoint, { key, verify }: LogKey): boolean {
  const text = Buffer.from(checkpoint.text);
  return checkpoint.signatures.some(
    ({ name, id, signature }) => name === key.name && id === key.id && verify(text, signature),
  );
}

/** `key` lines of a proof of equivocation: the keys that the trust file does not name, with the root's certificate. */
export const keyLines = (keys: readonly (LogKey | null)[]): readonly string[] => [
  ...new Set(
    keys.flatMap((one) =>
      one === null || one.certificate === null
        ? []
        : [`key ${one.certificate} ${printVerifierKey(one.key.name, one.key.key)}`],
    ),
  ),
];
