// SPDX-License-Identifier: Apache-2.0
/** One receipt, verified from its proof and the trust file alone (docs/receipt-format.md, "One receipt"). */
import { nodeVerifier } from './format/ed25519.js';
import { type ParsedEntry, parseEntry } from './format/entry.js';
import { equivocationFault } from './format/equivocation.js';
import { hashText } from './format/hash.js';
import { checkKeyBody, fingerprint } from './format/keys.js';
import { printVerifierKey, type VerifierKey } from './format/note.js';
import { entryEnd } from './format/segment.js';
import { parseTlogProof, type TlogProof } from './format/tlog-proof.js';
import { leafHash, verifyInclusion } from './format/tree.js';
import { type Trust, trustOf } from './format/trust.js';
import { type LogKey, LogKeys } from './log-keys.js';
import { Findings, type Report } from './report.js';
import { Witnessed } from './witnessed.js';

const PROPERTIES = ['bytes', 'signatures', 'keys', 'tree', 'split view'] as const;
/** Key entries and the receipt. */
const MAX_PIECES = 16;
const REQUIRED: readonly string[] = ['bytes', 'signatures', 'keys', 'tree'];

/** The report on a `.tlog-proof` text. Throws a `TrustError` when the trust file is not one, never on what the proof holds. */
export function verifyReceipt(text: string, trustText?: string): Report {
  const trust = trustText === undefined ? null : trustOf(trustText);
  const findings = new Findings(PROPERTIES, REQUIRED);
  const proof = parseTlogProof(text);
  if (typeof proof === 'string') findings.fail('bytes', null, `this is not a proof: ${proof}`);
  else checkProof(proof, trust, findings);
  for (const name of PROPERTIES) {
    if (typeof proof === 'string' && name !== 'bytes') findings.skip(name, 'there is no proof to read');
  }
  return findings.report(typeof proof === 'string' ? 0 : 1);
}

/** Is this a receipt of the trust file's log under a certified key, by its own bytes after those of the `key` entries that it needs? */
export function isSignedReceipt(bytes: Buffer, trustText: string): boolean {
  const trust = trustOf(trustText);
  const findings = new Findings(['bytes', 'signatures', 'keys'], ['bytes', 'signatures', 'keys']);
  const pieces = split(bytes);
  const own = pieces?.at(-1);
  const parsed = own === undefined ? null : parseEntry(own, trust.extensions);
  if (pieces === null || pieces.length > MAX_PIECES || parsed?.ok !== true) return false;
  const { entry } = parsed;
  const { log, seq } = entry.body;
  if (log !== trust.origin) return false;
  const signers = keysOf(pieces.slice(0, -1), entry, seq, trust, findings);
  if (signers.epoch === null) return false;
  checkSignature(entry, signers.epoch.key, seq, findings);
  revocations(signers, seq, seq, trust, findings);
  return findings.report(1).result === 'pass';
}

/** The report on a proof of equivocation: *fail* when it holds, since the log key signed two histories. */
export function verifyEquivocation(text: string, trustText?: string): Report {
  const trust = trustText === undefined ? null : trustOf(trustText);
  const findings = new Findings(['split view'], ['split view']);
  const why = trust === null ? 'no trust file: no key says who signed' : equivocationFault(text, trust);
  if (why === null) findings.fail('split view', null, 'the log key signed two histories: this proof holds');
  else findings.skip('split view', `this file proves nothing: ${why}`);
  return findings.report(0);
}

function checkProof(proof: TlogProof, trust: Trust | null, findings: Findings): void {
  const { index } = proof;
  const pieces = split(proof.extra ?? Buffer.alloc(0));
  const bytes = pieces?.at(-1);
  if (pieces === null || bytes === undefined || pieces.length > MAX_PIECES)
    return unread(findings, 'the extra data is not one receipt, after the key entries that it needs');
  const parsed = parseEntry(bytes, trust?.extensions ?? []);
  if (!parsed.ok) return unread(findings, parsed.why);
  const { entry } = parsed;
  if (entry.body.seq !== index)
    findings.fail('bytes', index, `the receipt says that it is entry ${entry.body.seq}`);
  if (trust !== null && entry.body.log !== trust.origin)
    findings.fail('bytes', index, 'the receipt is of another log');
  findings.note('bytes', `entry ${index}, ${entry.body.type}, leaf ${hashText(leafHash(bytes))}`);
  const signers = trust === null ? null : keysOf(pieces.slice(0, -1), entry, index, trust, findings);
  checkTree(proof, bytes, entry.body.time, trust, signers, findings);
  if (trust === null || signers === null) {
    for (const name of ['signatures', 'keys'] as const)
      findings.skip(name, 'no trust file: keys never come from a log');
    return;
  }
  if (signers.epoch === null) {
    findings.fail('keys', index, 'no key entry of this log certifies the key that signed the receipt');
    return;
  }
  checkSignature(entry, signers.epoch.key, index, findings);
  revocations(signers, proof.checkpoint.size, index, trust, findings);
}

function unread(findings: Findings, why: string): void {
  findings.fail('bytes', null, why);
  for (const name of ['signatures', 'keys', 'tree', 'split view'] as const)
    findings.skip(name, 'there is no receipt to read');
}

/** Entries of four lines each that lie one after another; null when other bytes stand among them. */
function split(bytes: Buffer): readonly Buffer[] | null {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = entryEnd(bytes, at);
    if (end < 0) return null;
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

function checkTree(
  proof: TlogProof,
  bytes: Buffer,
  time: string,
  trust: Trust | null,
  signers: Signers | null,
  findings: Findings,
): void {
  const { checkpoint, hashes, index } = proof;
  if (!verifyInclusion(leafHash(bytes), index, checkpoint.size, hashes, checkpoint.root)) {
    findings.fail(
      'tree',
      index,
      `the proof does not lead to the root of the checkpoint of size ${checkpoint.size}`,
    );
  }
  if (trust === null || signers === null) {
    findings.skip('split view', 'no trust file');
    return findings.skip('tree', 'without a trust file no key says who signed the checkpoint');
  }
  if (checkpoint.origin !== trust.origin) findings.fail('tree', null, 'the checkpoint is of another log');
  if (!signers.logKeys.signs(checkpoint)) {
    findings.fail('tree', null, 'the checkpoint is not signed by the log key');
  }
  findings.note('tree', `one of the ${checkpoint.size} entries that the log key signed for`);
  const witnessed = new Witnessed(trust);
  witnessed.checkpoint(checkpoint, time, findings);
  witnessed.finish(findings, checkpoint.size);
}

interface Epoch {
  readonly key: VerifierKey;
  /** The entry that brought it, and the log key that certified it. */
  readonly at: number;
  readonly by: LogKey;
}

interface Signers {
  readonly logKeys: LogKeys;
  /** Null where no key entry vouches for the key that signed the receipt. */
  epoch: Epoch | null;
}

/**
 * The keys that `key` entries bring, in the order of the log: log keys certified by the root, and the epoch key certified by the log
 * key of that moment. The entry that brings the epoch key stands before the receipt; genesis is signed by the key that entry 1 brings.
 */
function keysOf(
  pieces: readonly Buffer[],
  entry: ParsedEntry,
  index: number,
  trust: Trust,
  findings: Findings,
): Signers {
  const signers: Signers = { logKeys: new LogKeys(trust), epoch: null };
  let last = -1;
  let own = entry.body.type === 'key' ? entry : null;
  for (const bytes of pieces) {
    const parsed = parseEntry(bytes, trust.extensions);
    const seq = parsed.ok && parsed.entry.body.type === 'key' ? parsed.entry.body.seq : -1;
    if (!parsed.ok || seq <= last || seq === index || parsed.entry.body.log !== trust.origin) {
      findings.fail('keys', index, 'what stands before the receipt is not key entries of this log, in order');
      return signers;
    }
    last = seq;
    if (own !== null && seq > index) {
      bringKey(own, index, signers, findings);
      own = null;
    }
    bringKey(parsed.entry, index, signers, findings);
  }
  if (own !== null) bringKey(own, index, signers, findings);
  return signers;
}

function bringKey(entry: ParsedEntry, index: number, signers: Signers, findings: Findings): void {
  const { log, seq, key: body } = entry.body;
  if (body?.purpose === 'log') {
    const wrong = signers.logKeys.add(log, body);
    if (wrong !== null) findings.fail('keys', index, wrong);
    return;
  }
  if (body?.purpose !== 'epoch' || (seq > index && !(index === 0 && seq === 1))) return;
  const by = signers.logKeys.current;
  const key = checkKeyBody(log, body, by.verify, 'required');
  if (typeof key === 'string') findings.fail('keys', index, key);
  // The key entry is signed by the key that it brings.
  else if (seq !== index && !isSigned(entry, key))
    findings.fail('keys', index, 'the key entry is not signed by the key that it brings');
  else {
    signers.epoch = { key, at: seq, by };
    findings.note(
      'keys',
      `certified by the log key in entry ${seq}; later revocations are in the whole log only`,
    );
  }
}

/** Those that the trust file lists. */
function revocations(
  { epoch, logKeys }: Signers,
  size: number,
  index: number,
  trust: Trust,
  findings: Findings,
): void {
  const is = (key: VerifierKey, name: string): boolean =>
    name === fingerprint(key.key) || name === printVerifierKey(key.name, key.key);
  for (const { key, from } of trust.revoked) {
    const revoked =
      (epoch !== null && is(epoch.key, key) && index >= from) ||
      (epoch !== null && is(epoch.by.key, key) && epoch.at >= from) ||
      (is(logKeys.current.key, key) && size > from);
    if (revoked) findings.fail('keys', index, `signed by a key that the trust file revokes from ${from} on`);
  }
}

function isSigned(entry: ParsedEntry, key: VerifierKey): boolean {
  const { name, id, signature } = entry.signature;
  return name === key.name && id === key.id && nodeVerifier(key.key)?.(entry.text, signature) === true;
}

function checkSignature(entry: ParsedEntry, key: VerifierKey, index: number, findings: Findings): void {
  const { name, id, signature } = entry.signature;
  if (name !== key.name || id !== key.id)
    findings.fail('keys', index, 'the receipt is signed by another key than the one certified');
  else if (nodeVerifier(key.key)?.(entry.text, signature) !== true)
    findings.fail('signatures', index, 'the signature does not verify');
}
