// SPDX-License-Identifier: Apache-2.0
/** One receipt, verified from its proof and the trust file alone (docs/receipt-format.md, "One receipt"). */
import { nodeVerifier } from './format/ed25519.js';
import { type ParsedEntry, parseEntry } from './format/entry.js';
import { equivocationFault, signedBy } from './format/equivocation.js';
import { hashText } from './format/hash.js';
import { checkKeyBody } from './format/keys.js';
import type { VerifierKey } from './format/note.js';
import { entryEnd } from './format/segment.js';
import { parseTlogProof, type TlogProof } from './format/tlog-proof.js';
import { leafHash, verifyInclusion } from './format/tree.js';
import { type Trust, trustOf } from './format/trust.js';
import { Findings, type Report } from './report.js';
import { Witnessed } from './witnessed.js';

const PROPERTIES = ['bytes', 'signatures', 'keys', 'tree', 'split view'] as const;
const REQUIRED: readonly string[] = ['bytes', 'signatures', 'keys', 'tree'];

/** The report on a `.tlog-proof` text. Throws a `TrustError` when the trust file is not one, never on what the proof holds. */
export function verifyReceipt(text: string, trustText?: string): Report {
  const trust = trustText === undefined ? null : trustOf(trustText);
  const findings = new Findings(PROPERTIES, REQUIRED);
  const proof = parseTlogProof(text);
  if (typeof proof === 'string') findings.fail('bytes', null, `this is not a proof: ${proof}`);
  else checkProof(proof, trust, findings);
  for (const name of REQUIRED) {
    if (typeof proof === 'string' && name !== 'bytes')
      findings.skip(name as 'tree', 'there is no proof to read');
  }
  return findings.report(typeof proof === 'string' ? 0 : 1);
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
  if (pieces === null || bytes === undefined || pieces.length > 2)
    return unread(findings, 'the extra data is not one receipt, or a key entry and a receipt');
  const parsed = parseEntry(bytes, trust?.extensions ?? []);
  if (!parsed.ok) return unread(findings, parsed.why);
  const { entry } = parsed;
  if (entry.body.seq !== index)
    findings.fail('bytes', index, `the receipt says that it is entry ${entry.body.seq}`);
  if (trust !== null && entry.body.log !== trust.origin)
    findings.fail('bytes', index, 'the receipt is of another log');
  findings.note('bytes', `entry ${index}, ${entry.body.type}, leaf ${hashText(leafHash(bytes))}`);
  checkTree(proof, bytes, entry.body.time, trust, findings);
  if (trust === null) {
    for (const name of ['signatures', 'keys'] as const)
      findings.skip(name, 'no trust file: keys never come from a log');
    return;
  }
  const key = epochKey(pieces.length === 2 ? pieces[0] : undefined, entry, index, trust, findings);
  if (key !== null) checkSignature(entry, key, index, findings);
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
  if (trust === null) {
    findings.skip('split view', 'no trust file');
    return findings.skip('tree', 'without a trust file no key says who signed the checkpoint');
  }
  if (checkpoint.origin !== trust.origin) findings.fail('tree', null, 'the checkpoint is of another log');
  if (!signedBy(checkpoint, trust)) {
    findings.fail('tree', null, 'the checkpoint is not signed by the log key of the trust file');
  }
  findings.note('tree', `one of the ${checkpoint.size} entries that the log key signed for`);
  const witnessed = new Witnessed(trust);
  witnessed.checkpoint(checkpoint, time, findings);
  witnessed.finish(findings, checkpoint.size);
}

/** The key that signed the receipt: the one that a `key` entry brings, certified by the log key of the trust file. */
function epochKey(
  bytes: Buffer | undefined,
  entry: ParsedEntry,
  index: number,
  trust: Trust,
  findings: Findings,
): VerifierKey | null {
  const own = entry.body.type === 'key';
  const certifying = bytes === undefined ? null : parseEntry(bytes, trust.extensions);
  const body = own ? entry.body : certifying?.ok === true ? certifying.entry.body : null;
  const log = nodeVerifier(trust.logKey.key);
  // Genesis is signed by the key that entry 1 brings.
  const placed = body !== null && (own || body.seq < index || (index === 0 && body.seq === 1));
  if (body?.key?.purpose !== 'epoch' || body.log !== trust.origin || !placed || log === null) {
    findings.fail('keys', index, 'no key entry of this log certifies the key that signed the receipt');
    return null;
  }
  const key = checkKeyBody(body.log, body.key, log, 'required');
  if (typeof key === 'string') {
    findings.fail('keys', index, key);
    return null;
  }
  // The key entry is signed by the key that it brings.
  if (certifying?.ok === true && !own && !isSigned(certifying.entry, key)) {
    findings.fail('keys', index, 'the key entry is not signed by the key that it brings');
    return null;
  }
  findings.note(
    'keys',
    `certified by the log key in entry ${body.seq}; later revocations are in the whole log only`,
  );
  return key;
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
