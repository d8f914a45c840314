// SPDX-License-Identifier: Apache-2.0
/**
 * A small witness (c2sp.org/tlog-witness): it cosigns a checkpoint only if it continues the last one that it cosigned. Who runs it
 * beside the own gateway gains little: a witness is worth something where somebody else runs it.
 */
import { renameSync, readFileSync, writeFileSync, openSync, fsyncSync, closeSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  COSIGNATURE,
  cosignatureBytes,
  cosignedText,
  keyId,
  nodeVerifier,
  parseBase64,
  parseCheckpoint,
  parseDecimal,
  parseStrict,
  signatureLine,
  verifyConsistency,
  type VerifierKey,
} from '../verify/format/index.js';

export interface WitnessKey extends VerifierKey {
  sign(text: string): Uint8Array;
}

export interface WitnessOptions {
  readonly key: WitnessKey;
  /** Logs by origin. */
  readonly logs: ReadonlyMap<string, VerifierKey>;
  /** Where the last cosigned checkpoint of each log is kept. */
  readonly state: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface Answer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly type: 'text/plain' | 'text/x.tlog.size';
  readonly body: string;
}

interface Cosigned {
  readonly size: number;
  readonly root: Buffer;
}

const MAX_HASHES = 63;
export const MAX_REQUEST = 64 * 1024;

/** One request at a time: compare, persist and answer must not interleave, and nothing here waits. */
export class Witness {
  private readonly options: WitnessOptions;
  private readonly last: Map<string, Cosigned>;

  constructor(options: WitnessOptions) {
    this.options = options;
    this.last = readState(options.state);
  }

  /** Answers the body of one `add-checkpoint`. */
  addCheckpoint(body: string): Answer {
    const asked = parseRequest(body);
    if (asked === null) return plain(400, 'the request is not an old size, a proof and a checkpoint');
    const { old, hashes, checkpoint } = asked;
    const log = this.options.logs.get(checkpoint.origin);
    if (log === undefined) return plain(404, 'this log is not known here');
    const verify = nodeVerifier(log.key);
    const text = Buffer.from(checkpoint.text);
    const signed = checkpoint.signatures.some(
      (s) => s.name === log.name && s.id === log.id && verify?.(text, s.signature) === true,
    );
    if (!signed) return plain(403, 'no signature is by the key of this log');
    if (old > checkpoint.size) return plain(400, 'the old size is above the new one');
    const last = this.last.get(checkpoint.origin) ?? null;
    if (old !== (last?.size ?? 0)) return conflict(last?.size ?? 0);
    if (last !== null && old === checkpoint.size && !last.root.equals(checkpoint.root))
      return conflict(last.size);
    const consistent =
      last === null || last.size === 0
        ? hashes.length === 0
        : verifyConsistency(old, checkpoint.size, hashes, last.root, checkpoint.root);
    if (!consistent) return plain(422, 'the checkpoint does not continue the one that was cosigned before');
    this.last.set(checkpoint.origin, { size: checkpoint.size, root: checkpoint.root });
    writeState(this.options.state, this.last);
    return { status: 200, type: 'text/plain', body: this.cosign(checkpoint.text) };
  }

  private cosign(text: string): string {
    const { key, now } = this.options;
    const time = Math.floor(now() / 1000);
    const id = keyId(key.name, key.key, COSIGNATURE);
    return signatureLine(key.name, id, cosignatureBytes(time, key.sign(cosignedText(time, text))));
  }
}

const plain = (status: Answer['status'], body: string): Answer => ({
  status,
  type: 'text/plain',
  body: `${body}\n`,
});
const conflict = (size: number): Answer => ({ status: 409, type: 'text/x.tlog.size', body: `${size}\n` });

function parseRequest(body: string) {
  const split = body.indexOf('\n\n');
  if (split < 0 || body.length > MAX_REQUEST) return null;
  const [first = '', ...lines] = body.slice(0, split).split('\n');
  const old = first.startsWith('old ') ? parseDecimal(first.slice(4)) : null;
  const checkpoint = parseCheckpoint(body.slice(split + 2));
  if (old === null || checkpoint === null || lines.length > MAX_HASHES) return null;
  const hashes: Buffer[] = [];
  for (const line of lines) {
    const hash = parseBase64(line);
    if (hash === null || hash.length !== 32) return null;
    hashes.push(hash);
  }
  return { old, hashes, checkpoint };
}

/** A state file that is missing begins anew; one that cannot be read must not, or a fork would be cosigned. */
function readState(path: string): Map<string, Cosigned> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  const parsed = parseStrict(text);
  const entries =
    parsed.ok && typeof parsed.value === 'object' && parsed.value !== null
      ? Object.entries(parsed.value)
      : null;
  const known = new Map<string, Cosigned>();
  for (const [origin, value] of entries ?? []) {
    const { size, root } = value as { readonly size?: unknown; readonly root?: unknown };
    const bytes = typeof root === 'string' ? parseBase64(root) : null;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || bytes?.length !== 32)
      throw new Error(`the state of the witness in ${path} cannot be read`);
    known.set(origin, { size, root: bytes });
  }
  if (entries === null) throw new Error(`the state of the witness in ${path} cannot be read`);
  return known;
}

/** Durable before the answer. */
function writeState(path: string, last: ReadonlyMap<string, Cosigned>): void {
  const state = Object.fromEntries(
    [...last].map(([origin, { size, root }]) => [origin, { size, root: root.toString('base64') }]),
  );
  const temporary = `${path}.new`;
  writeFileSync(temporary, JSON.stringify(state), { mode: 0o600, flush: true });
  renameSync(temporary, path);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
