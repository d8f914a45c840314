// SPDX-License-Identifier: Apache-2.0
/**
 * The public keys of an issuer: fetched over HTTP without following redirects, with a cap and a timeout, kept, and fetched again when they are
 * old or a token names a key that is not among them; the latter at most once in a cool-down, so that made-up key ids reach nobody.
 */
import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import { request } from 'undici';
import { capped } from './capped.js';
import { keysOf } from './issuer-metadata.js';
import { parseStrict } from '../verify/format/json.js';

export interface KeySource {
  /** The key that a header names; rejects where there is none. */
  key(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey>;
  /** Fetches now; the fault in words, or null. */
  refresh(): Promise<string | null>;
  /** Were they fetched lately? */
  fresh(): boolean;
  /** Changes with each set of other keys: what was verified by an older one has to be verified again. */
  generation(): number;
  /** What an operator is told: are there keys, and how old are they? */
  state(): { readonly keys: number; readonly ageMs: number | null; readonly fault: string | null };
}

export interface KeySourceOptions {
  /** Where they are; null asks the issuer. */
  readonly url: string | null;
  readonly issuer: string;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  readonly say: (line: string) => void;
  readonly freshMs?: number;
  readonly staleMs?: number;
  readonly coolDownMs?: number;
  readonly timeoutMs?: number;
}

const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;
/** Fetched again after this. */
const FRESH_MS = 10 * 60_000;
/** Where that fails, used no longer than this: a key that was withdrawn must end. */
const STALE_MS = 60 * 60_000;
const COOL_DOWN_MS = 30_000;
/** What the issuer said of their place is believed so long, or until they are not there. */
const PLACE_MS = 60 * 60_000;
const TIMEOUT_MS = 5_000;

interface Held {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  readonly text: string;
  readonly keys: number;
  readonly at: number;
}

export function keySource(options: KeySourceOptions): KeySource {
  const { now, say, freshMs = FRESH_MS, staleMs = STALE_MS, coolDownMs = COOL_DOWN_MS } = options;
  let held: Held | null = null;
  let generation = 0;
  let asked = Number.NEGATIVE_INFINITY;
  let fault: string | null = null;
  let running: Promise<string | null> | null = null;

  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  let place: { readonly url: string; readonly at: number } | null = null;
  const locate = async (): Promise<{ readonly url: string } | { readonly fault: string }> => {
    if (options.url !== null) return { url: options.url };
    if (place !== null && now() - place.at < PLACE_MS) return place;
    const found = await keysOf(options.issuer, timeoutMs);
    place = 'url' in found ? { url: found.url, at: now() } : null;
    return found;
  };
  const fetchFrom = async (
    from: { readonly url: string } | { readonly fault: string },
  ): Promise<Omit<Held, 'at'> | string> => {
    if ('fault' in from) return from.fault;
    const read = await fetchKeys(from.url, timeoutMs);
    if (typeof read === 'string') place = null;
    return read;
  };
  const fetchNow = async (): Promise<string | null> => {
    asked = now();
    const read = await fetchFrom(await locate());
    if (typeof read === 'string') {
      if (read !== fault) say(`the keys of the token issuer cannot be had: ${read}`);
      fault = read;
      return read;
    }
    if (held?.text !== read.text) generation++;
    held = { ...read, at: now() };
    fault = null;
    return null;
  };
  const refresh = (): Promise<string | null> => {
    running ??= fetchNow().finally(() => {
      running = null;
    });
    return running;
  };
  /** Whoever comes while a fetch runs waits for it; no other is begun within the cool-down. */
  const refreshIfCool = async (): Promise<void> => {
    if (running !== null || now() - asked >= coolDownMs) await refresh();
  };
  const inUse = (): Held | null => (held !== null && now() - held.at < staleMs ? held : null);
  return {
    refresh,
    generation: () => generation,
    fresh: () => held !== null && now() - held.at < freshMs,
    state: () => ({ keys: held?.keys ?? 0, ageMs: held === null ? null : now() - held.at, fault }),
    async key(header, token) {
      if (held === null || now() - held.at >= freshMs) await refreshIfCool();
      const before = inUse();
      if (before === null) throw new errors.JWKSNoMatchingKey('no keys are known');
      try {
        return await before.find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refreshIfCool();
        const after = inUse();
        if (after === null || after.text === before.text) throw error;
        return await after.find(header, token);
      }
    },
  };
}

async function fetchKeys(url: string, timeoutMs: number): Promise<Omit<Held, 'at'> | string> {
  try {
    const { statusCode, body } = await request(url, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await capped(body, MAX_BYTES);
    if (statusCode !== 200) return `it answered ${statusCode}`;
    if (text === null) return `it answered more than ${MAX_BYTES} bytes`;
    return readKeys(text.toString('utf8'));
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError'
      ? `no answer within ${timeoutMs} ms`
      : code(error);
  }
}

const code = (error: unknown): string =>
  (error as { readonly code?: string }).code ?? (error instanceof Error ? error.name : 'unknown error');

function readKeys(text: string): Omit<Held, 'at'> | string {
  const parsed = parseStrict(text);
  if (!parsed.ok) return 'it answered something that is not JSON';
  const set = JSON.parse(text) as { readonly keys?: unknown } | null;
  if (typeof set !== 'object' || set === null || !Array.isArray(set.keys))
    return 'it answered no set of keys';
  if (set.keys.length > MAX_KEYS) return `it answered more than ${MAX_KEYS} keys`;
  try {
    return { find: createLocalJWKSet(set as unknown as JSONWebKeySet), text, keys: set.keys.length };
  } catch {
    return 'it answered no set of keys';
  }
}
