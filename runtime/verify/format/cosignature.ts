// SPDX-License-Identifier: Apache-2.0
/**
 * Cosignatures of witnesses (c2sp.org/tlog-cosignature), Ed25519 only (type 0x04): an eight-byte time and a signature over
 * `"cosignature/v1\ntime " || time || "\n" || text of the checkpoint`.
 */
import type { Checkpoint } from './checkpoint.js';
import { nodeVerifier } from './ed25519.js';
import { keyId, type VerifierKey } from './note.js';

export const COSIGNATURE = 4;

/** What a witness signs; `time` in seconds since 1970. */
export function cosignedText(time: number, checkpointText: string): string {
  return `cosignature/v1\ntime ${time}\n${checkpointText}`;
}

/** Time and signature as they stand in a signature line. */
export function cosignatureBytes(time: number, signature: Uint8Array): Buffer {
  const bytes = Buffer.alloc(8 + signature.length);
  bytes.writeBigUInt64BE(BigInt(time));
  bytes.set(signature, 8);
  return bytes;
}

/** When the witness cosigned the checkpoint, in seconds since 1970; null when it did not. */
export function cosignedAt(checkpoint: Checkpoint, witness: VerifierKey): number | null {
  const verify = nodeVerifier(witness.key);
  const id = keyId(witness.name, witness.key, COSIGNATURE);
  for (const line of checkpoint.signatures) {
    if (line.name !== witness.name || line.id !== id || line.signature.length !== 72) continue;
    const time = line.signature.readBigUInt64BE(0);
    if (time > BigInt(Number.MAX_SAFE_INTEGER)) continue;
    const text = Buffer.from(cosignedText(Number(time), checkpoint.text));
    if (verify?.(text, line.signature.subarray(8)) === true) return Number(time);
  }
  return null;
}
