// SPDX-License-Identifier: Apache-2.0
/** The auditor's trust file: which log, which keys. Keys never come from a receipt. */
import { COSIGNATURE } from './cosignature.js';
import type { Revocation } from './body.js';
import { admissibleKey, nodeVerifier } from './ed25519.js';
import { parseHash } from './hash.js';
import type { JsonValue } from './canonical.js';
import { isRevokedBy } from './keys.js';
import { parseStrict } from './json.js';
import { isOrigin, parseVerifierKey, type VerifierKey } from './note.js';

export interface Trust {
  readonly origin: string;
  readonly root: VerifierKey;
  readonly logKey: VerifierKey;
  /** Leaf hash of entry 0, the log's identity; null when the log was not yet begun when the file was written. */
  readonly genesis: string | null;
  readonly witnesses: readonly VerifierKey[];
  readonly quorum: number;
  /** Keys of approvers by id; null when the file does not list any, so that only the log names them. */
  readonly approvers: ReadonlyMap<string, readonly VerifierKey[]> | null;
  /** Names of `ext` members that may stand in entries. */
  readonly extensions: readonly string[];
  /** Keys that the root revoked, each signed by it: the log need not say so itself. */
  readonly revoked: readonly Revocation[];
}

/** The trust file is not one. */
export class TrustError extends Error {}

/** The trust file; throws a `TrustError` that says what is wrong with it. */
export function trustOf(text: string): Trust {
  const trust = parseTrust(text);
  if (typeof trust === 'string') throw new TrustError(trust);
  return trust;
}

const MEMBERS = [
  'origin',
  'root',
  'logKey',
  'genesis',
  'witnesses',
  'quorum',
  'approvers',
  'extensions',
  'revoked',
];

/** The trust file, or what is wrong with it. */
export function parseTrust(text: string): Trust | string {
  const parsed = parseStrict(text);
  if (!parsed.ok) return `not JSON: ${parsed.error.message} at offset ${parsed.error.offset}`;
  const value = parsed.value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not an object';
  const file = value as { readonly [key: string]: unknown };
  const unknown = Object.keys(file).find((key) => !MEMBERS.includes(key));
  if (unknown !== undefined) return `unknown member "${unknown}"`;
  const key = (name: string): VerifierKey | null => {
    const text = file[name];
    return typeof text === 'string' ? trustedKey(text) : null;
  };
  const [root, logKey] = [key('root'), key('logKey')];
  if (typeof file['origin'] !== 'string' || !isOrigin(file['origin']))
    return 'origin is missing or not one line of text';
  if (root === null) return 'root is not a verifier key (name+id+base64)';
  if (logKey === null) return 'logKey is not a verifier key (name+id+base64)';
  const genesis = file['genesis'] ?? null;
  if (genesis !== null && (typeof genesis !== 'string' || parseHash(genesis) === null)) {
    return 'genesis is not a sha256 hash';
  }
  const witnesses = strings(file['witnesses'] ?? [])?.map((text) => trustedKey(text, COSIGNATURE));
  if (witnesses === undefined || witnesses.includes(null))
    return 'witnesses is not a list of verifier keys of type 0x04 (name+id+base64)';
  const quorum = file['quorum'] ?? 0;
  if (
    typeof quorum !== 'number' ||
    !Number.isSafeInteger(quorum) ||
    quorum < 0 ||
    quorum > witnesses.length
  ) {
    return 'quorum is not a number between 0 and the number of witnesses';
  }
  if (new Set(witnesses.map((w) => w?.key.toString('hex'))).size < witnesses.length)
    return 'witnesses names one key twice';
  const approvers = file['approvers'] === undefined ? null : approverKeys(file['approvers']);
  if (approvers === undefined) return 'approvers is not a list of {"id", "key"} with verifier keys';
  const extensions = strings(file['extensions'] ?? []);
  if (extensions === undefined) return 'extensions is not a list of names';
  const { origin } = file as { readonly origin: string };
  const revoked = revocations(file['revoked'] ?? [], origin, root);
  if (typeof revoked === 'string') return revoked;
  return {
    origin,
    root,
    logKey,
    genesis,
    witnesses: witnesses.filter((w): w is VerifierKey => w !== null),
    quorum,
    approvers,
    extensions,
    revoked,
  };
}

const STATEMENT = ['log', 'key', 'from', 'reason', 'certificate'];

/** A statement of the root that a key is revoked, as `sepal keygen revocation` prints it; or what is wrong with it. */
export function parseRevocation(value: unknown, origin: string, root: VerifierKey): Revocation | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is not an object';
  const { log, key, from, reason, certificate } = value as { readonly [name: string]: unknown };
  const unknown = Object.keys(value).find((name) => !STATEMENT.includes(name));
  if (unknown !== undefined) return `unknown member "${unknown}"`;
  if (log !== undefined && log !== origin) return `it is of the log ${JSON.stringify(log)}`;
  if (typeof key !== 'string' || !Number.isSafeInteger(from) || (from as number) < 0)
    return 'it does not name a key and a position';
  if (typeof certificate !== 'string' || (reason !== undefined && typeof reason !== 'string'))
    return 'it has no certificate, or a reason that is no text';
  const revocation = {
    key,
    from: from as number,
    ...(reason === undefined ? {} : { reason }),
    certificate,
  };
  return isRevokedBy(nodeVerifier(root.key), origin, revocation)
    ? revocation
    : 'its certificate is not the root’s';
}

function revocations(value: unknown, origin: string, root: VerifierKey): readonly Revocation[] | string {
  if (!Array.isArray(value)) return 'revoked is not a list';
  const found: Revocation[] = [];
  for (const [i, item] of (value as readonly JsonValue[]).entries()) {
    const parsed = parseRevocation(item, origin, root);
    if (typeof parsed === 'string') return `revoked[${i}]: ${parsed}`;
    found.push(parsed);
  }
  return found;
}

/** A key of small order would make anything verify: it is refused where it is admitted. */
function trustedKey(text: string, algorithm?: number): VerifierKey | null {
  const key = parseVerifierKey(text, algorithm);
  return key !== null && admissibleKey(key.key) ? key : null;
}

function approverKeys(value: unknown): ReadonlyMap<string, readonly VerifierKey[]> | undefined {
  if (!Array.isArray(value)) return undefined;
  const keys = new Map<string, VerifierKey[]>();
  for (const item of value as readonly unknown[]) {
    if (typeof item !== 'object' || item === null) return undefined;
    const { id, key: text, ...more } = item as { readonly [name: string]: unknown };
    const key = typeof text === 'string' ? trustedKey(text) : null;
    if (typeof id !== 'string' || key === null || Object.keys(more).length > 0) return undefined;
    keys.set(id, [...(keys.get(id) ?? []), key]);
  }
  return keys;
}

function strings(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((item): item is string => typeof item === 'string')
    ? value
    : undefined;
}
