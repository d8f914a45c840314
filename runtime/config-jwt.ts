// SPDX-License-Identifier: Apache-2.0
/** `identity.jwt` of `sepal.json`: whose signed tokens are accepted, and what their claims mean here. */
import { ceilingFault } from './decide/ceiling.js';
import { isAsymmetric, type JwtConfig } from './decide/jwt-claims.js';
import { readTemplate } from './decide/claim-template.js';
import { httpsOrLoopback, issuerFault } from './decide/issuer-metadata.js';
import { type ConfigFile, parseDuration } from './config-schema.js';
import type { ConfigError } from './config.js';

type JwtFile = NonNullable<ConfigFile['identity']['jwt']>;
type Place = (path: readonly (string | number)[], message: string, help: string) => ConfigError;

const AT = ['identity', 'jwt'] as const;
const MAX_SKEW_MS = 300_000;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;

/** What is wrong with the section; empty where there is none. */
export function jwtErrors(jwt: JwtFile | null, place: Place): readonly ConfigError[] {
  if (jwt === null) return [];
  const found: ConfigError[] = [];
  const bad = (key: string, message: string, help: string): void =>
    void found.push(place([...AT, ...key.split('.')], message, help));
  const unasked = jwt.jwksUri === null ? issuerFault(jwt.issuer) : null;
  if (unasked !== null)
    bad('issuer', `the issuer ${unasked}, so it cannot be asked for its keys`, 'name `jwksUri`');
  if (jwt.jwksUri !== null && !httpsOrLoopback(jwt.jwksUri))
    bad('jwksUri', 'keys must come over https', 'plain http is for loopback addresses only');
  for (const name of jwt.algorithms)
    if (!isAsymmetric(name))
      bad(
        'algorithms',
        `\`${name}\` is not an algorithm with a public key`,
        'for example RS256, ES256 or EdDSA',
      );
  for (const key of ['principal', 'onBehalfOf'] as const) {
    const template = jwt[key] === null ? null : readTemplate(jwt[key]);
    if (typeof template === 'string') bad(key, template, 'for example `agent:${claim.act.sub}`');
  }
  const skew = parseDuration(jwt.clockSkew) ?? 0;
  if (skew > MAX_SKEW_MS)
    bad('clockSkew', 'clocks may differ by 5 minutes at most', 'set the clocks of both machines');
  found.push(...scopeErrors(jwt.scopes, place));
  return found;
}

function scopeErrors({ baseline, actions }: JwtFile['scopes'], place: Place): readonly ConfigError[] {
  const unreadable = [...baseline, ...Object.keys(actions)].filter(
    (scope) => !SCOPE.test(scope) || scope.includes('*'),
  );
  const words = unreadable.map((scope) =>
    place(
      [...AT, 'scopes'],
      `${JSON.stringify(scope)} is no scope`,
      'a scope is a word without spaces, quotes and `*`',
    ),
  );
  const patterns = Object.entries(actions).flatMap(([scope, list]) => {
    const fault = ceilingFault({ actions: list });
    return fault === null
      ? []
      : [place([...AT, 'scopes', 'actions', scope], fault, 'write it as a ceiling: `fs/write_*`')];
  });
  return [...words, ...patterns];
}

/** The checked section in the form that the verifier takes. */
export function jwtConfig(jwt: JwtFile | null): JwtConfig | null {
  if (jwt === null) return null;
  const template = (text: string) => {
    const read = readTemplate(text);
    if (typeof read === 'string') throw new TypeError(read);
    return read;
  };
  return {
    issuer: jwt.issuer,
    audience: typeof jwt.audience === 'string' ? [jwt.audience] : jwt.audience,
    jwksUri: jwt.jwksUri,
    algorithms: jwt.algorithms,
    skewMs: parseDuration(jwt.clockSkew) ?? 0,
    principal: template(jwt.principal),
    onBehalfOf: jwt.onBehalfOf === null ? null : template(jwt.onBehalfOf),
    rolesClaim: jwt.rolesClaim,
    userRolesClaim: jwt.userRolesClaim,
    scopeClaim: jwt.scopeClaim,
    scopes: jwt.scopes,
  };
}
