// SPDX-License-Identifier: Apache-2.0
/**
 * Who is calling. Identity comes from a verified credential or from the operator's configuration; everything else that a request says about
 * itself is a claim. A presented credential that does not hold is refused: nobody falls back to being anonymous.
 */
import type { Principal } from '../verify/format/body.js';
import type { JsonObject } from '../verify/format/canonical.js';
import type { Ceiling } from './ceiling.js';
import { nameFault, principalFault } from './principal-names.js';
import { looksSigned, type Proven, scopesFor } from './jwt-claims.js';
import type { JwtVerifier } from './jwt.js';
import type { Sessions } from './sessions.js';
import { findToken, mayActAs, type TokenEntry } from './tokens.js';

export type AuthMethod = 'token' | 'jwt' | 'stdio' | 'anonymous';

export interface Identity {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly user: string | null;
  readonly userRoles: readonly string[];
  readonly method: AuthMethod;
  /** Public id of the credential; null for stdio and anonymous. */
  readonly credential: string | null;
  /** Asked after the policy's decision; null admits whatever the policy admits. */
  readonly ceiling: Ceiling | null;
  /** What the credential was granted, where it says so; without them an action may be refused, never allowed. */
  readonly scopes?: readonly string[];
  /** Our session, the same commitment that stands in receipts. */
  readonly session: string;
  /** What the verified credential says besides, for `claim.x` facts. */
  readonly claims?: JsonObject;
  /** When the credential ends, in ms of wall time; an open stream must end then too. */
  readonly expires: number | null;
}

export interface AuthRefusal {
  readonly kind: 'unauthenticated' | 'forbidden';
  readonly status: 401 | 403;
  /** For the caller: one plain sentence, no secret and no other principal's data. */
  readonly message: string;
  /** `WWW-Authenticate` of a 401, or of a 403 that a token with more scopes would not get. */
  readonly challenge: string | null;
  /** For the event entry: why, without the credential. */
  readonly detail: string;
  /** For the receipt of a 403: who the credential proved the caller to be. */
  readonly identity: Identity | null;
}

export type Authenticated =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly refusal: AuthRefusal };

export interface IdentityConfig {
  readonly stdio: {
    readonly principal: string;
    readonly roles: readonly string[];
    readonly claims?: JsonObject;
  } | null;
  readonly anonymous: string | null;
}

/** Headers with one list per name (`IncomingMessage.headersDistinct`), so that a doubled header is seen. */
export type Headers = { readonly [name: string]: string | readonly string[] | undefined };

export interface HttpCaller {
  readonly headers: Headers;
  /** Does the listener stand on a loopback address? */
  readonly loopback: boolean;
}

export interface Authenticator {
  http(caller: HttpCaller): Authenticated | Promise<Authenticated>;
  stdio(): Authenticated;
  /** Does the credential that proved this identity still hold (not revoked, not expired)? */
  holds(identity: Identity): boolean;
}

export interface AuthenticatorOptions {
  readonly config: IdentityConfig;
  /** The tokens in force now; asked at every request, so that a revocation holds at once. */
  readonly tokens: () => ReadonlyMap<string, TokenEntry>;
  readonly sessions: Pick<Sessions, 'enter'>;
  readonly wall: () => number;
  /** For tokens of `identity.jwt`; null or absent where none are taken. */
  readonly jwt?: JwtVerifier | null;
  /** Where the protected-resource metadata stands; every challenge names it. */
  readonly metadata?: string | null;
}

/** Throws at start when a configured name could not stand in a receipt. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { stdio, anonymous } = options.config;
  for (const [at, name] of [
    ['stdio.principal', stdio?.principal],
    ['anonymous', anonymous ?? undefined],
  ] as const) {
    const wrong = name === undefined ? null : principalFault(name);
    if (wrong !== null) throw new Error(`identity.${at} ${wrong}; write it as \`agent:name\``);
  }
  for (const role of stdio?.roles ?? []) {
    const wrong = nameFault(role);
    if (wrong !== null) throw new Error(`a role in identity.stdio.roles ${wrong}`);
  }
  return {
    http: (caller) => {
      const found = authenticateHttp(caller, options);
      return found instanceof Promise
        ? found.then((one) => challenged(one, options))
        : challenged(found, options);
    },
    stdio: () => {
      if (stdio === null)
        return unauthenticated('no principal is configured for stdio', 'identity.stdio is not configured');
      return {
        ok: true,
        identity: {
          ...configured('stdio', stdio.principal, stdio.roles, options),
          claims: stdio.claims ?? {},
        },
      };
    },
    holds: (identity) => stillHolds(identity, options),
  };
}

function stillHolds(
  { method, credential, principal, expires }: Identity,
  options: AuthenticatorOptions,
): boolean {
  if (method === 'jwt') return options.jwt != null && expires !== null && options.wall() < expires;
  if (method !== 'token') return true;
  if (expires !== null && !(options.wall() < expires)) return false;
  for (const entry of options.tokens().values())
    if (entry.id === credential) return mayActAs(entry, principal);
  return false;
}

function authenticateHttp(
  caller: HttpCaller,
  options: AuthenticatorOptions,
): Authenticated | Promise<Authenticated> {
  const authorization = readHeader(caller.headers['authorization']);
  const claim = readHeader(caller.headers['x-agent-principal']);
  if (authorization.doubled) {
    return unauthenticated('more than one Authorization header', 'two authorization headers');
  }
  if (authorization.value === null) return withoutCredential(caller, claim, options);
  const token = bearer(authorization.value);
  if (token === null) {
    return unauthenticated('the Authorization header is not a bearer token', 'not a bearer token');
  }
  if (options.jwt != null && looksSigned(token))
    return authenticateSigned(token, claim, options.jwt, options);
  const entry = findToken(options.tokens(), token);
  if (entry === null) return unauthenticated('the token is not valid', 'unknown token', 'invalid_token');
  const expires = entry.expires === null ? null : Date.parse(entry.expires);
  if (expires !== null && !(options.wall() < expires)) {
    return unauthenticated('the token is not valid', `token ${entry.id} has expired`, 'invalid_token');
  }
  const principal = claim.value ?? entry.principal;
  if (!claim.doubled && principalFault(principal) === null && mayActAs(entry, principal)) {
    return { ok: true, identity: ofToken(entry, principal, expires, options) };
  }
  return forbidden(
    `token ${entry.id} claimed another principal`,
    ofToken(entry, entry.principal, expires, options),
  );
}

async function authenticateSigned(
  token: string,
  claim: Header,
  jwt: JwtVerifier,
  options: AuthenticatorOptions,
): Promise<Authenticated> {
  const result = await jwt.verify(token);
  if (!result.ok)
    return unauthenticated('the token is not valid', `signed token: ${result.why}`, 'invalid_token');
  const { proven } = result;
  const identity = ofSigned(proven, options);
  if (claim.doubled || (claim.value ?? proven.principal) !== proven.principal)
    return forbidden('a signed token claimed another principal', identity);
  const missing = scopesFor(
    { ...jwt.config, scopes: { ...jwt.config.scopes, actions: {} } },
    proven.scopes,
    ANYTHING,
  );
  return missing.length === 0 ? { ok: true, identity } : stepUp(missing, identity);
}

/** The baseline scopes are asked for whatever is done. */
const ANYTHING = { kind: 'tool', server: '', name: '' } as const;

function ofSigned(proven: Proven, options: AuthenticatorOptions): Identity {
  const { principal, user, credential } = proven;
  const session = options.sessions.enter({ principal, user, credential, method: 'jwt' });
  return { session, ...proven, method: 'jwt', ceiling: null };
}

function stepUp(scopes: readonly string[], identity: Identity): Authenticated {
  return {
    ok: false,
    refusal: {
      kind: 'forbidden',
      status: 403,
      message: `the token lacks a scope; all of these are needed: ${scopes.join(' ')}`,
      challenge: stepUpChallenge(scopes, null),
      detail: 'a signed token lacks a scope that every call needs',
      identity,
    },
  };
}

/** RFC 6750: names every scope that the action needs, so that one new token is enough. */
export function stepUpChallenge(scopes: readonly string[], metadata: string | null): string {
  const where = metadata === null ? '' : `, resource_metadata="${metadata}"`;
  return `Bearer realm="sepal", error="insufficient_scope", scope="${scopes.join(' ')}"${where}`;
}

/** Each challenge says where the metadata of this resource stands, and a 401 which scopes every call needs. */
function challenged(result: Authenticated, { jwt, metadata }: AuthenticatorOptions): Authenticated {
  if (result.ok || result.refusal.challenge === null) return result;
  const baseline = jwt?.config.scopes.baseline ?? [];
  const scope = result.refusal.status === 401 && baseline.length > 0 ? `, scope="${baseline.join(' ')}"` : '';
  const where = metadata == null ? '' : `, resource_metadata="${metadata}"`;
  return {
    ok: false,
    refusal: { ...result.refusal, challenge: `${result.refusal.challenge}${scope}${where}` },
  };
}

function withoutCredential(caller: HttpCaller, claim: Header, options: AuthenticatorOptions): Authenticated {
  const { anonymous } = options.config;
  if (anonymous === null || !caller.loopback)
    return unauthenticated('a bearer token is needed', 'no credential');
  const identity = configured('anonymous', anonymous, [], options);
  if (!claim.doubled && (claim.value ?? anonymous) === anonymous) return { ok: true, identity };
  return forbidden('an anonymous caller claimed another principal', identity);
}

function ofToken(
  entry: TokenEntry,
  principal: string,
  expires: number | null,
  options: AuthenticatorOptions,
): Identity {
  const user = entry.onBehalfOf?.id ?? null;
  return {
    principal,
    roles: entry.roles,
    user,
    userRoles: entry.onBehalfOf?.roles ?? [],
    method: 'token',
    credential: entry.id,
    ceiling: entry.ceiling,
    claims: entry.claims ?? {},
    session: options.sessions.enter({ principal, user, credential: entry.id, method: 'token' }),
    expires,
  };
}

function configured(
  method: 'stdio' | 'anonymous',
  principal: string,
  roles: readonly string[],
  options: AuthenticatorOptions,
): Identity {
  const session = options.sessions.enter({ principal, user: null, credential: null, method });
  return {
    principal,
    roles,
    user: null,
    userRoles: [],
    method,
    credential: null,
    ceiling: null,
    session,
    expires: null,
  };
}

/** `principal` as it stands in receipts. */
export function receiptPrincipal(identity: Identity): Principal {
  return {
    id: identity.principal,
    roles: identity.roles,
    auth: {
      method: identity.method,
      ...(identity.credential === null ? {} : { credential: identity.credential }),
    },
    ...(identity.user === null ? {} : { on_behalf_of: { id: identity.user, roles: identity.userRoles } }),
    session: identity.session,
  };
}

const MAX_HEADER = 13 * 1024;

interface Header {
  readonly value: string | null;
  readonly doubled: boolean;
}

function readHeader(header: string | readonly string[] | undefined): Header {
  const values = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  return { value: values[0] ?? null, doubled: values.length > 1 };
}

/** RFC 6750: the scheme in any case, one space, a token68. */
function bearer(header: string): string | null {
  if (header.length > MAX_HEADER) return null;
  const space = header.indexOf(' ');
  if (space < 0 || header.slice(0, space).toLowerCase() !== 'bearer') return null;
  const token = header.slice(space + 1);
  return /^[A-Za-z0-9._~+/=-]+$/.test(token) ? token : null;
}

function unauthenticated(message: string, detail: string, error?: string): Authenticated {
  const challenge = error === undefined ? 'Bearer realm="sepal"' : `Bearer realm="sepal", error="${error}"`;
  return {
    ok: false,
    refusal: { kind: 'unauthenticated', status: 401, message, challenge, detail, identity: null },
  };
}

function forbidden(detail: string, identity: Identity): Authenticated {
  const message = 'this credential may not act as the principal named in X-Agent-Principal';
  return {
    ok: false,
    refusal: { kind: 'forbidden', status: 403, message, challenge: null, detail, identity },
  };
}
