// SPDX-License-Identifier: Apache-2.0
/** What the claims of a verified token mean here: who calls, for whom, with which roles and scopes. What cannot be read in one way is refused. */
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import { type Action, withinCeiling } from './ceiling.js';
import { claimNamed, fillTemplate, type Template } from './claim-template.js';
import { nameFault, principalFault } from './principal-names.js';

export interface JwtConfig {
  /** Exactly what `iss` says. */
  readonly issuer: string;
  /** `aud` must name one of these, byte for byte. */
  readonly audience: readonly string[];
  /** Null: the issuer's metadata says where its keys are. */
  readonly jwksUri: string | null;
  readonly algorithms: readonly string[];
  readonly skewMs: number;
  readonly principal: Template;
  readonly onBehalfOf: Template | null;
  readonly rolesClaim: string | null;
  readonly userRolesClaim: string | null;
  readonly scopeClaim: string;
  /** Scopes only ever tighten: without them an action is refused, with them the policy decides. */
  readonly scopes: {
    readonly baseline: readonly string[];
    /** Patterns of actions by the scope that they need besides. */
    readonly actions: { readonly [scope: string]: readonly string[] };
  };
}

/** What a token that holds says. */
export interface Proven {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly user: string | null;
  readonly userRoles: readonly string[];
  readonly scopes: readonly string[];
  /** Issuer and client, never the token. */
  readonly credential: string;
  readonly claims: JsonObject;
  /** Wall time in milliseconds. */
  readonly expires: number;
}

/** `why` is for the event entry: no part of the token but names of claims. */
export type JwtResult =
  | { readonly ok: true; readonly proven: Proven }
  | { readonly ok: false; readonly why: string };

const ASYMMETRIC = new Set(
  ['RS', 'PS', 'ES']
    .flatMap((kind) => ['256', '384', '512'].map((size) => kind + size))
    .concat('EdDSA', 'Ed25519'),
);
export const isAsymmetric = (algorithm: string): boolean => ASYMMETRIC.has(algorithm);

/** Claims of ID tokens, which say who logged in somewhere and grant nothing. */
const ID_TOKEN = ['nonce', 'at_hash', 'c_hash', 's_hash'];
const MAX_NAMES = 1000;

const no = (why: string): { readonly ok: false; readonly why: string } => ({ ok: false, why });

/** Is this one of ours (opaque), or somebody's signed token? */
export const looksSigned = (token: string): boolean =>
  token.split('.').length === 3 && token.startsWith('ey');

/** What the claims of a token that holds mean here. */
export function mean(claims: JsonObject, config: JwtConfig): JwtResult {
  const foreign = ID_TOKEN.find((name) => Object.hasOwn(claims, name));
  if (foreign !== undefined || claims['token_use'] === 'id')
    return no('it is an ID token, which grants no access');
  if (Object.hasOwn(claims, 'cnf'))
    return no('it is bound to a key of its holder (cnf), which is not checked here');
  const principal = nameBy(config.principal, claims);
  if ('why' in principal) return no(principal.why);
  const user = config.onBehalfOf === null ? null : nameBy(config.onBehalfOf, claims);
  if (user !== null && 'why' in user) return no(user.why);
  const roles = namesIn(claims, config.rolesClaim);
  const userRoles = user === null ? [] : namesIn(claims, config.userRolesClaim);
  const client = claims['client_id'] ?? claims['azp'] ?? null;
  if (typeof roles === 'string' || typeof userRoles === 'string')
    return no(`its roles ${typeof roles === 'string' ? roles : String(userRoles)}`);
  if (client !== null && (typeof client !== 'string' || nameFault(client) !== null))
    return no('its client cannot be named');
  const expires = claims['exp'];
  return {
    ok: true,
    proven: {
      principal: principal.name,
      roles,
      user: user?.name ?? null,
      userRoles,
      scopes: scopesIn(claims, config.scopeClaim),
      credential: client === null ? config.issuer : `${config.issuer} ${client}`,
      claims,
      expires: typeof expires === 'number' ? expires * 1000 + config.skewMs : 0,
    },
  };
}

function nameBy(
  template: Template,
  claims: JsonObject,
): { readonly name: string } | { readonly why: string } {
  const filled = fillTemplate(template, claims);
  if ('why' in filled) return filled;
  const fault = principalFault(filled.name);
  return fault === null ? filled : { why: `the name made of its claims ${fault}` };
}

/** A list of names (or one name); what is wrong with it in words. An absent claim is an empty list. */
function namesIn(claims: JsonObject, name: string | null): readonly string[] | string {
  const value = name === null ? undefined : claimNamed(claims, name);
  if (value === undefined) return [];
  const list: readonly JsonValue[] = Array.isArray(value)
    ? (value as readonly JsonValue[])
    : [value as JsonValue];
  if (list.length > MAX_NAMES) return 'are too many';
  for (const one of list) {
    if (typeof one !== 'string') return 'are not texts';
    const fault = nameFault(one);
    if (fault !== null) return `hold one that ${fault}`;
  }
  return list as readonly string[];
}

/** RFC 9068 writes one text with spaces, others a list. */
function scopesIn(claims: JsonObject, name: string): readonly string[] {
  const value = claimNamed(claims, name);
  const words =
    typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? (value as readonly unknown[]) : [];
  return words.filter((word): word is string => typeof word === 'string' && word !== '');
}

/** The scopes that a token lacks for an action: empty, or all that the action needs, so that one step up is enough. */
export function scopesFor(config: JwtConfig, held: readonly string[], action: Action): readonly string[] {
  const needed = Object.entries(config.scopes.actions).flatMap(([scope, actions]) =>
    withinCeiling({ actions }, action) ? [scope] : [],
  );
  const all = [...new Set([...config.scopes.baseline, ...needed])];
  return all.every((scope) => held.includes(scope)) ? [] : all;
}
