// SPDX-License-Identifier: Apache-2.0
/** Receipts that somebody else holds: each must stand in the log at its place. */
import { type Findings } from './report.js';
import { parseEntry } from './format/entry.js';
import { hashText, parseHash } from './format/hash.js';
import { parseStrict } from './format/json.js';
import type { JsonValue } from './format/canonical.js';
import { entryEnd } from './format/segment.js';
import { parseBase64 } from './format/note.js';
import { PROOF_HEADER, parseTlogProof } from './format/tlog-proof.js';
import { leafHash } from './format/tree.js';
import { isObject } from './openings.js';
import { isSignedReceipt, verifyReceipt } from './receipt.js';

export interface Held {
  /** Origin of the log; null when the holder kept only the number. */
  readonly log: string | null;
  readonly seq: number;
  readonly hash: string;
  /** The whole receipt with its proof: then its absence can be shown to anybody. */
  readonly proof: string | null;
  /** The receipt's own bytes after those of the `key` entries that it needs (`authorization/receipt`): then that it was signed. */
  readonly signed: Buffer | null;
}

/** The file of held receipts cannot be read; the message says why. */
export class HeldError extends Error {}

const LIMITS = { size: 256 * 1024 * 1024, depth: 80, keys: 10_000_000 };

/**
 * One `.tlog-proof`; or JSON, one value or one a line: what the gateway sent in `_meta` (`{"id", "hash", "seq", …}`), or whole
 * answers that have it somewhere inside; with `signed` (`authorization/receipt`) its own bytes are there as well.
 */
export function parseHeld(text: string): readonly Held[] {
  if (text.startsWith(`${PROOF_HEADER}\n`)) return [heldProof(text)];
  const whole = parseStrict(text, LIMITS);
  const values = whole.ok ? [whole.value] : linesAsJson(text);
  const held = values.flatMap((value) => [...receiptsIn(value)]);
  if (held.length === 0)
    throw new HeldError('it holds no receipt: neither `_meta` of answers nor a .tlog-proof');
  return held;
}

function linesAsJson(text: string): readonly JsonValue[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const parsed = parseStrict(line, LIMITS);
    if (!parsed.ok) throw new HeldError(`line ${i + 1} is not JSON: ${parsed.error.message}`);
    return [parsed.value];
  });
}

/** The receipts in a value: itself, or what stands under `dev.sepal/receipt` at any depth. */
function* receiptsIn(value: JsonValue): Generator<Held> {
  const own = asReceipt(value);
  if (own !== null) yield own;
  else if (Array.isArray(value)) for (const item of value) yield* receiptsIn(item as JsonValue);
  else if (isObject(value)) for (const item of Object.values(value)) yield* receiptsIn(item);
}

function asReceipt(value: JsonValue): Held | null {
  if (!isObject(value)) return null;
  const { id, seq, hash } = value;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 0) return null;
  if (typeof hash !== 'string' || parseHash(hash) === null) return null;
  const cut = typeof id === 'string' ? id.lastIndexOf('#') : -1;
  const log = typeof id === 'string' && cut > 0 ? id.slice(0, cut) : null;
  const text = value['signed'];
  const signed = typeof text === 'string' ? parseBase64(text) : null;
  const own = signed === null ? null : lastEntry(signed);
  if (text !== undefined && (own === null || hashText(leafHash(own)) !== hash))
    throw new HeldError(`the signed bytes of receipt ${seq} are not those of its hash`);
  return { log, seq, hash, proof: null, signed };
}

/** The last of entries that lie one after another; null where other bytes are among them. */
function lastEntry(bytes: Buffer): Buffer | null {
  let last: Buffer | null = null;
  for (let at = 0; at < bytes.length; ) {
    const end = entryEnd(bytes, at);
    if (end < 0) return null;
    last = bytes.subarray(at, end);
    at = end;
  }
  return last;
}

function heldProof(text: string): Held {
  const proof = parseTlogProof(text);
  const extra = typeof proof === 'string' ? null : proof.extra;
  if (typeof proof === 'string' || extra === null) throw new HeldError('it is not a receipt with its proof');
  const last = lastEntry(extra);
  if (last === null) throw new HeldError('it is not a receipt with its proof');
  const parsed = parseEntry(last);
  if (!parsed.ok) throw new HeldError('its receipt cannot be read');
  return {
    log: parsed.entry.body.log,
    seq: proof.index,
    hash: hashText(leafHash(last)),
    proof: text,
    signed: null,
  };
}

/** Compares, entry by entry, as the log is read. */
export class HeldReceipts {
  private readonly bySeq = new Map<number, Held[]>();
  private readonly trust: string | undefined;
  private readonly findings: Findings;
  private matched = 0;
  private readonly count: number;

  constructor(held: readonly Held[], trust: string | undefined, findings: Findings) {
    this.trust = trust;
    this.findings = findings;
    this.count = held.length;
    for (const one of held) {
      const list = this.bySeq.get(one.seq);
      if (list === undefined) this.bySeq.set(one.seq, [one]);
      else list.push(one);
    }
  }

  entry(seq: number, leaf: string, origin: string | null): void {
    for (const held of this.bySeq.get(seq) ?? []) {
      if (held.log !== null && origin !== null && held.log !== origin) {
        this.findings.fail('held receipts', seq, 'a held receipt is of another log');
      } else if (held.hash !== leaf) {
        this.findings.fail(
          'held receipts',
          seq,
          `a held receipt is not the entry in the log${this.weight(held)}`,
        );
      } else this.matched++;
    }
    this.bySeq.delete(seq);
  }

  finish(size: number): void {
    for (const [seq, list] of this.bySeq) {
      const [first] = list;
      if (first === undefined) continue;
      this.findings.fail(
        'held receipts',
        seq,
        `a receipt of this entry was handed out, but the log has ${size} entries: it is cut, or older than the receipt${this.weight(first)}`,
      );
    }
    this.findings.note('held receipts', `${this.matched} of ${this.count} are in the log`);
  }

  /** What the holder can show to others. */
  private weight(held: Held): string {
    if (held.proof === null && held.signed !== null) {
      return this.trust !== undefined && isSignedReceipt(held.signed, this.trust)
        ? ' (it is signed by a key that the log key certified: anybody can check this)'
        : ' (its own signature does not verify)';
    }
    if (held.proof === null) return " (by the holder's own word)";
    const sound = this.trust !== undefined && verifyReceipt(held.proof, this.trust).result === 'pass';
    return sound
      ? ' (its proof is signed by the log key: anybody can check this)'
      : ' (its own proof does not verify)';
  }
}
