// SPDX-License-Identifier: Apache-2.0
/**
 * Bearer tokens (`tokens.json`): hashed at rest, scoped to a principal, with a ceiling and an expiry. Reading and changing are pure
 * functions over the list; `token-file.ts` puts it on disk.
 *
 * ```
 * { "version": 1, "tokens": [ { "id": "tk_1f0c…", "hash": "sha256:…", "principal": "agent:writer", "actAs": ["agent:copy-*"],
 *   "roles": ["editor"], "onBehalfOf": null, "ceiling": { "actions": ["fs/read_*"] }, "expires": "2026-12-31T00:00:00.000Z" } ] }
 * ```
 */
import { timingSafeEqual } from 'node:crypto';
import { canonical, type JsonObject, type JsonValue } from '../verify/format/canonical.js';
import { digest, parseHash } from '../verify/format/hash.js';
import { parseStrict } from '../verify/format/json.js';
import { type Ceiling, ceilingFault, globMatches } from './ceiling.js';
import { nameFault, principalFault } from './principal-names.js';

export interface TokenEntry {
  /** Public name of the credential; stands in receipts. */
  readonly id: string;
  /** SHA-256 of the token, `sha256:…`; the token itself is nowhere. */
  readonly hash: string;
  readonly principal: string;
  /** Principals that the credential may claim with `X-Agent-Principal`; `*` matches any run of characters. */
  readonly actAs: readonly string[];
  readonly roles: readonly string[];
  /** The user for whom the holder acts. */
  readonly onBehalfOf: { readonly id: string; readonly roles: readonly string[] } | null;
  readonly ceiling: Ceiling | null;
  /** RFC 3339, UTC; null for a token without an end. */
  readonly expires: string | null;
  /** Values of `claim.x` facts, as the operator vouches for them. */
  readonly claims?: JsonObject;
}

/** What a caller says about a new token. */
export interface TokenSpec {
  readonly principal: string;
  readonly actAs?: readonly string[];
  readonly roles?: readonly string[];
  readonly onBehalfOf?: { readonly id: string; readonly roles: readonly string[] } | null;
  readonly ceiling?: Ceiling | null;
  readonly expires?: string | null;
  readonly claims?: JsonObject;
}

/** Random bytes, as `node:crypto` gives them. */
export type RandomBytes = (size: number) => Uint8Array;

/** A fault of a token list or of a request to change it. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly help: string;
  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

const PREFIX = 'sepal_';
const SECRET_LENGTH = 43;
const FILE_LIMITS = { size: 16 * 1024 * 1024, depth: 8, keys: 1_000_000 };

/** The hash under which a presented token would be stored; null when the text cannot be a token of ours. */
export function tokenHash(token: string): string | null {
  if (token.length !== PREFIX.length + SECRET_LENGTH || !token.startsWith(PREFIX)) return null;
  return /^[A-Za-z0-9_-]{43}$/.test(token.slice(PREFIX.length)) ? digest(token) : null;
}

/** A new token and its entry. The token is shown once and kept by nobody. */
export function createToken(
  spec: TokenSpec,
  random: RandomBytes,
): { readonly token: string; readonly entry: TokenEntry } {
  const { token, hash } = secret(random);
  const entry: TokenEntry = {
    id: `tk_${Buffer.from(random(8)).toString('hex')}`,
    hash,
    principal: spec.principal,
    actAs: spec.actAs ?? [],
    roles: spec.roles ?? [],
    onBehalfOf: spec.onBehalfOf ?? null,
    ceiling: spec.ceiling ?? null,
    expires: spec.expires ?? null,
    ...(Object.keys(spec.claims ?? {}).length === 0 ? {} : { claims: spec.claims ?? {} }),
  };
  const wrong = entryFault(entry);
  if (wrong !== null)
    throw new TokenError(`cannot create the token: ${wrong}`, 'correct the value and try again');
  return { token, entry };
}

/** A new secret for the same entry: the old token ends, the id (and with it the session) stays. */
export function rotateToken(
  tokens: readonly TokenEntry[],
  id: string,
  random: RandomBytes,
): { readonly token: string; readonly tokens: readonly TokenEntry[] } {
  requireToken(tokens, id);
  const { token, hash } = secret(random);
  return { token, tokens: tokens.map((entry) => (entry.id === id ? { ...entry, hash } : entry)) };
}

/** The list without the token. */
export function revokeToken(tokens: readonly TokenEntry[], id: string): readonly TokenEntry[] {
  requireToken(tokens, id);
  return tokens.filter((entry) => entry.id !== id);
}

function requireToken(tokens: readonly TokenEntry[], id: string): void {
  if (tokens.some((entry) => entry.id === id)) return;
  throw new TokenError(`there is no token ${JSON.stringify(id)}`, 'list the tokens with `sepal token list`');
}

function secret(random: RandomBytes): { readonly token: string; readonly hash: string } {
  const token = PREFIX + Buffer.from(random(32)).toString('base64url');
  return { token, hash: digest(token) };
}

/** Finds the entry of a presented token. The map is asked for the hash, so its timing says nothing about any token. */
export function findToken(index: ReadonlyMap<string, TokenEntry>, token: string): TokenEntry | null {
  const hash = tokenHash(token);
  const entry = hash === null ? undefined : index.get(hash);
  if (hash === null || entry === undefined) return null;
  return timingSafeEqual(Buffer.from(hash), Buffer.from(entry.hash)) ? entry : null;
}

export function indexTokens(tokens: readonly TokenEntry[]): ReadonlyMap<string, TokenEntry> {
  return new Map(tokens.map((entry) => [entry.hash, entry]));
}

/** May the holder claim this principal? Its own always. */
export function mayActAs(entry: TokenEntry, principal: string): boolean {
  return (
    principal === entry.principal || entry.actAs.some((pattern) => globMatches(pattern, principal, false))
  );
}

/** The file's text: keys sorted, one entry a line, so that a diff shows which token changed. */
export function printTokens(tokens: readonly TokenEntry[]): string {
  const lines = [...tokens].sort((a, b) => (a.id < b.id ? -1 : 1)).map((entry) => `    ${canonical(entry)}`);
  return `{\n  "version": 1,\n  "tokens": [${lines.length === 0 ? '' : `\n${lines.join(',\n')}\n  `}]\n}\n`;
}

/** Reads the file's text; throws a TokenError that names the entry and never a hash. */
export function parseTokens(text: string | Uint8Array): readonly TokenEntry[] {
  const parsed = parseStrict(text, FILE_LIMITS);
  if (!parsed.ok) throw corrupt(`${parsed.error.message} (offset ${parsed.error.offset})`);
  const file = record(parsed.value);
  if (file === null || file['version'] !== 1 || !onlyKeys(file, ['version', 'tokens'])) {
    throw corrupt('it is not `{ "version": 1, "tokens": [ … ] }`');
  }
  const list = file['tokens'];
  if (!Array.isArray(list)) throw corrupt('`tokens` is not a list');
  const tokens = list.map((value: JsonValue, i) => readEntry(value, `tokens[${i}]`));
  for (const [what, of] of [
    ['id', (e: TokenEntry) => e.id],
    ['hash', (e: TokenEntry) => e.hash],
  ] as const) {
    if (new Set(tokens.map(of)).size !== tokens.length) throw corrupt(`two tokens have the same ${what}`);
  }
  return tokens;
}

function corrupt(why: string): TokenError {
  return new TokenError(
    `the token list cannot be read: ${why}`,
    'restore the file from a backup, or remove it and create the tokens anew with `sepal token create`',
  );
}

const KEYS = ['id', 'hash', 'principal', 'actAs', 'roles', 'onBehalfOf', 'ceiling', 'expires', 'claims'];

function readEntry(value: JsonValue, at: string): TokenEntry {
  const raw = record(value);
  if (raw === null) throw corrupt(`${at} is not an object`);
  if (!onlyKeys(raw, KEYS)) throw corrupt(`${at} has a key that is not one of ${KEYS.join(', ')}`);
  const user = raw['onBehalfOf'] ?? null;
  const ceiling = raw['ceiling'] ?? null;
  const entry: TokenEntry = {
    id: text(raw['id'], `${at}.id`),
    hash: text(raw['hash'], `${at}.hash`),
    principal: text(raw['principal'], `${at}.principal`),
    actAs: texts(raw['actAs'] ?? [], `${at}.actAs`),
    roles: texts(raw['roles'] ?? [], `${at}.roles`),
    onBehalfOf: user === null ? null : readUser(user, `${at}.onBehalfOf`),
    ceiling: ceiling === null ? null : readCeiling(ceiling, `${at}.ceiling`),
    expires: (raw['expires'] ?? null) === null ? null : text(raw['expires'], `${at}.expires`),
    ...(raw['claims'] === undefined ? {} : { claims: readClaims(raw['claims'], at) }),
  };
  const wrong = entryFault(entry);
  if (wrong !== null) throw corrupt(`${at}: ${wrong}`);
  return entry;
}

function readUser(value: JsonValue, at: string): { readonly id: string; readonly roles: readonly string[] } {
  const raw = record(value);
  if (raw === null || !onlyKeys(raw, ['id', 'roles'])) throw corrupt(`${at} is not \`{ "id", "roles" }\``);
  return { id: text(raw['id'], `${at}.id`), roles: texts(raw['roles'] ?? [], `${at}.roles`) };
}

function readClaims(value: JsonValue, at: string): JsonObject {
  const claims = record(value);
  if (claims === null) throw corrupt(`${at}.claims is not an object`);
  return claims;
}

/** An unknown key in a ceiling is an error: a restriction that nobody enforces must not look like one. */
function readCeiling(value: JsonValue, at: string): Ceiling {
  const raw = record(value);
  if (raw === null || !onlyKeys(raw, ['actions'])) throw corrupt(`${at} is not \`{ "actions": [ … ] }\``);
  return { actions: texts(raw['actions'], `${at}.actions`) };
}

function entryFault(entry: TokenEntry): string | null {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(entry.id)) return '`id` is not 1 to 64 letters, digits, `_` or `-`';
  if (parseHash(entry.hash) === null) return '`hash` is not a sha256 hash';
  const principal = principalFault(entry.principal);
  if (principal !== null) return `the principal ${principal}`;
  for (const pattern of entry.actAs) {
    const wrong = principalFault(pattern.replaceAll('*', 'x'));
    if (wrong !== null) return `a name in \`actAs\` ${wrong}`;
  }
  for (const role of [...entry.roles, ...(entry.onBehalfOf?.roles ?? [])]) {
    const wrong = nameFault(role);
    if (wrong !== null) return `a role ${wrong}`;
  }
  const user = entry.onBehalfOf === null ? null : principalFault(entry.onBehalfOf.id);
  if (user !== null) return `the user in \`onBehalfOf\` ${user}`;
  const ceiling = entry.ceiling === null ? null : ceilingFault(entry.ceiling);
  if (ceiling !== null) return `ceiling: ${ceiling}`;
  return entry.expires === null || isInstant(entry.expires)
    ? null
    : '`expires` is not a time such as 2026-12-31T00:00:00.000Z';
}

function isInstant(value: string): boolean {
  const ms = Date.parse(value);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === value;
}

type Raw = { readonly [key: string]: JsonValue };

function record(value: JsonValue | undefined): Raw | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : null;
}

function onlyKeys(value: Raw, keys: readonly string[]): boolean {
  return Object.keys(value).every((key) => keys.includes(key));
}

function text(value: JsonValue | undefined, at: string): string {
  if (typeof value !== 'string') throw corrupt(`${at} is not a string`);
  return value;
}

function texts(value: JsonValue | undefined, at: string): readonly string[] {
  if (!Array.isArray(value)) throw corrupt(`${at} is not a list of strings`);
  return value.map((item: JsonValue, i) => text(item, `${at}[${i}]`));
}
