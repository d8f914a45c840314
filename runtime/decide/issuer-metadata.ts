// SPDX-License-Identifier: Apache-2.0
/**
 * Where an issuer publishes its keys, as it says itself: RFC 8414 and OpenID Connect Discovery. The metadata must name the very issuer that the
 * operator did, so that nobody answers for another; nothing of a token leads here.
 */
import { request } from 'undici';
import { parseStrict } from '../verify/format/json.js';
import { capped } from './capped.js';

const MAX_BYTES = 256 * 1024;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** https, or plain http on this machine. */
export function httpsOrLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname));
}

/** What keeps an issuer from being asked for its metadata; null where it can be. */
export function issuerFault(issuer: string): string | null {
  if (!httpsOrLoopback(issuer)) return 'is not an https URL';
  const { search, hash, username, password } = new URL(issuer);
  return search === '' && hash === '' && username === '' && password === ''
    ? null
    : 'has a query, a fragment or a user name';
}

/** The addresses in the order in which they are tried: RFC 8414, then OpenID Connect, its path before and behind. */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const own = (name: string): string => `${origin}/.well-known/${name}${path}`;
  return [
    own('oauth-authorization-server'),
    own('openid-configuration'),
    ...(path === '' ? [] : [`${origin}${path}/.well-known/openid-configuration`]),
  ];
}

/** The address of the issuer's keys, or what is wrong in words. */
export async function keysOf(
  issuer: string,
  timeoutMs: number,
): Promise<{ readonly url: string } | { readonly fault: string }> {
  let fault = 'it publishes no metadata';
  for (const url of metadataUrls(issuer)) {
    const read = await metadata(url, timeoutMs);
    if (read === null) continue;
    if (typeof read === 'string') {
      fault = read;
      continue;
    }
    if (read.issuer !== issuer) return { fault: 'its metadata names another issuer' };
    if (read.keys === null) fault = 'its metadata names no keys';
    else if (!reachable(read.keys, issuer))
      return { fault: 'its metadata names an address of keys that is not https' };
    else return { url: read.keys };
  }
  return { fault };
}

/** An issuer elsewhere has no business with this machine. */
const reachable = (keys: string, issuer: string): boolean =>
  httpsOrLoopback(keys) && (!LOOPBACK.has(new URL(keys).hostname) || LOOPBACK.has(new URL(issuer).hostname));

interface Metadata {
  readonly issuer: unknown;
  readonly keys: string | null;
}

/** Null where there is none at this address; a fault in words where it cannot be read. */
async function metadata(url: string, timeoutMs: number): Promise<Metadata | string | null> {
  try {
    const { statusCode, body } = await request(url, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await capped(body, MAX_BYTES);
    if (statusCode >= 400 && statusCode < 500) return null;
    if (statusCode !== 200) return `its metadata was answered with ${statusCode}`;
    if (text === null) return `its metadata has more than ${MAX_BYTES} bytes`;
    const parsed = parseStrict(text.toString('utf8'));
    if (!parsed.ok || parsed.value === null || typeof parsed.value !== 'object')
      return 'its metadata is not JSON';
    const { issuer, jwks_uri: keys } = parsed.value as {
      readonly issuer?: unknown;
      readonly jwks_uri?: unknown;
    };
    return { issuer, keys: typeof keys === 'string' ? keys : null };
  } catch (error) {
    const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
    return name === 'TimeoutError'
      ? `no metadata within ${timeoutMs} ms`
      : `its metadata cannot be had (${typeof code === 'string' ? code : String(name)})`;
  }
}
