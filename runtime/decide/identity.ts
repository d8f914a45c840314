// SPDX-License-Identifier: Apache-2.0
/**
 * Who is calling. Identity comes from a verified credential or from the operator's configuration; everything else that a request says about
 * itself is a claim. A presented credential that does not hold is refused: nobody falls back to being anonymous.
 */
import type { Principal } from '../verify/format/body.js';
import type { JsonObject } from '../verify/format/canonical.js';
import type { Ceiling } from './ceiling.js';
import { nameFault, principalFault } from './principal-names.js';
import type { Sessions } from './sessions.js';
import { findToken, mayActAs, type TokenEntry } from './tokens.js';

export type AuthMethod = 'token' | 'stdio' | 'anonymous';

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
  /** `WWW-Authenticate` of a 401. */
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
  http(caller: HttpCaller): Authenticated;
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
    http: (caller) => authenticateHttp(caller, options),
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
  if (method !== 'token') return true;
  if (expires !== null && !(options.wall() < expires)) return false;
  for (const entry of options.tokens().values())
    if (entry.id === credential) return mayActAs(entry, principal);
  return false;
}

function authenticateHttp(caller: HttpCaller, options: AuthenticatorOptions): Authenticated {
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
  if (header.length > 4096) return null;
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
