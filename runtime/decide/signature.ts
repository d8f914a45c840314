// SPDX-License-Identifier: Apache-2.0
/**
 * Who stands for a bundle: an Ed25519 signature in `NAME.manifest.json` over everything else in it. The manifest holds the hash of
 * the module's bytes, so the signature covers exactly the bytes that are evaluated.
 */
import { canonical } from '../verify/format/canonical.js';
import { nodeVerifier } from '../verify/format/ed25519.js';
import { parseBase64, parseVerifierKey, type VerifierKey } from '../verify/format/note.js';

export interface BundleSignature {
  /** The publisher's verifier key: `name+id+base64`. */
  readonly key: string;
  /** The last day, in UTC, on which the bundle may be loaded; null: no last day. */
  readonly expires: string | null;
  /** `sha256:…` of `NAME.ts`, which nothing loads and people read. */
  readonly readable: string;
  /** Base64, over `signedText`. */
  readonly value: string;
}

/** Whose bundles are loaded, and when it is. */
export interface Trust {
  /** Verifier keys; empty: unsigned bundles are loaded too. */
  readonly publishers: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What a publisher signs: a line that says what it is, and the manifest in canonical form without the value of its signature. */
export function signedText(manifest: object, signature: Omit<BundleSignature, 'value'>): string {
  const { key, expires, readable } = signature;
  return `sepal bundle, version 1\n${canonical({ ...manifest, signature: { key, expires, readable } })}\n`;
}

/**
 * What is wrong with the signature of a manifest, or null. A signature that does not verify is wrong whoever is trusted; that it
 * is missing, of someone else or too old matters only to those who name publishers.
 */
export function signatureFault(
  manifest: { readonly signature: BundleSignature | null },
  { publishers, now }: Trust,
): string | null {
  const { signature } = manifest;
  const wanted = publishers.length > 0;
  if (signature === null) {
    return wanted ? 'the bundle is not signed, and `trustedPublishers` is set; build it with `--sign`' : null;
  }
  const key = parseVerifierKey(signature.key);
  const verify = key === null ? null : nodeVerifier(key.key);
  const value = parseBase64(signature.value);
  if (key === null || verify === null || value === null) return 'the signature of the bundle is malformed';
  if (!verify(Buffer.from(signedText(manifest, signature)), value)) {
    return 'the signature does not fit the bundle: it was changed after it was signed';
  }
  if (!wanted) return null;
  if (!publishers.some((one) => sameKey(parseVerifierKey(one), key))) {
    return `the bundle is signed by \`${key.name}+${key.id}\`, which is not among \`trustedPublishers\``;
  }
  if (signature.expires !== null && now >= Date.parse(`${signature.expires}T00:00:00Z`) + DAY) {
    return `the signature of the bundle was good until ${signature.expires}; build and sign it again`;
  }
  return null;
}
const DAY = 86_400_000;

const sameKey = (a: VerifierKey | null, b: VerifierKey): boolean =>
  a !== null && Buffer.compare(a.key, b.key) === 0;
