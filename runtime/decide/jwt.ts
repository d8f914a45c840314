// SPDX-License-Identifier: Apache-2.0
/**
 * Signed tokens of an issuer that the operator trusts: signature, issuer, audience, time. Nothing in a token leads to a key or a URL that the
 * operator did not name.
 */
import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { JsonObject } from '../verify/format/canonical.js';
import { parseStrict } from '../verify/format/json.js';
import type { KeySource } from './jwks.js';
import { type JwtConfig, type JwtResult, mean, type Proven } from './jwt-claims.js';

export interface JwtVerifier {
  verify(token: string): Promise<JwtResult>;
  readonly keys: KeySource;
  readonly config: JwtConfig;
}

/** Media types of tokens that grant access; others (`logout+jwt`, `dpop+jwt` …) were made for something else. */
const TYPES = new Set(['jwt', 'at+jwt', 'application/at+jwt', 'application/jwt']);
const MAX_TOKEN = 12 * 1024;
const MAX_KNOWN = 1000;

export function jwtVerifier(config: JwtConfig, keys: KeySource, wall: () => number): JwtVerifier {
  const known = new Map<string, { readonly proven: Proven; readonly generation: number }>();
  return {
    keys,
    config,
    async verify(token) {
      if (token.length > MAX_TOKEN) return no('it is too long');
      const id = createHash('sha256').update(token).digest('base64');
      const before = known.get(id);
      if (
        before !== undefined &&
        keys.fresh() &&
        before.generation === keys.generation() &&
        wall() < before.proven.expires
      )
        return { ok: true, proven: before.proven };
      known.delete(id);
      const result = await check(token, config, keys, wall);
      if (result.ok) {
        if (known.size >= MAX_KNOWN) known.clear();
        known.set(id, { proven: result.proven, generation: keys.generation() });
      }
      return result;
    },
  };
}

const no = (why: string): { readonly ok: false; readonly why: string } => ({ ok: false, why });

async function check(
  token: string,
  config: JwtConfig,
  keys: KeySource,
  wall: () => number,
): Promise<JwtResult> {
  try {
    const { protectedHeader } = await jwtVerify(token, (header, jws) => keys.key(header, jws), {
      issuer: config.issuer,
      audience: [...config.audience],
      algorithms: [...config.algorithms],
      clockTolerance: config.skewMs / 1000,
      currentDate: new Date(wall()),
      requiredClaims: ['iss', 'aud', 'exp'],
    });
    if (protectedHeader.typ !== undefined && !TYPES.has(protectedHeader.typ.toLowerCase()))
      return no('its type is not that of an access token');
  } catch (error) {
    return no(reasonOf(error));
  }
  const claims = claimsOf(token);
  return claims === null ? no('its claims can be read in two ways') : mean(claims, config);
}

/** Never a value of the token: what is in it is foreign text. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the claim ${error.claim} does not hold (${error.reason})`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed';
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'it was signed with a key that the issuer does not publish';
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return 'it does not say with which of several keys it was signed';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not hold';
  return 'it cannot be read';
}

/** Of a token whose signature holds. A claim that stands twice could mean two things. */
function claimsOf(token: string): JsonObject | null {
  const parsed = parseStrict(Buffer.from(token.split('.')[1] ?? '', 'base64url'));
  const value = parsed.ok ? parsed.value : null;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}
