// SPDX-License-Identifier: Apache-2.0
// `fact x: type from claim.y`: values of the verified credential, by own property; absent is unknown.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAuthenticator } from '../../../runtime/decide/identity.js';
import { localLimits } from '../../../runtime/decide/limits.js';
import {
  createToken,
  indexTokens,
  parseTokens,
  printTokens,
  TokenError,
} from '../../../runtime/decide/tokens.js';
import { evaluator } from '../../../runtime/gateway/evaluate.js';
import type { PolicyModule, Request } from '../../../stdlib/abi.js';
import { loaded, policyOf } from '../../helpers/gateway.js';

const { token, entry } = createToken(
  { principal: 'agent:a', claims: { region: 'eu', org: { unit: 'sales' }, level: 3 } },
  randomBytes,
);
const authenticator = createAuthenticator({
  config: { stdio: { principal: 'agent:local', roles: [], claims: { region: 'us' } }, anonymous: null },
  tokens: () => indexTokens(parseTokens(printTokens([entry]))),
  sessions: { enter: () => 'session' },
  wall: () => 0,
});

const facts = ['region', 'org.unit', 'level', 'missing', 'constructor'].map((path) => ({
  name: path,
  type: { kind: path === 'level' ? 'int' : 'string' },
  source: 'claim',
  path: path.split('.'),
}));
const module: PolicyModule = {
  ...policyOf(() => ({ effect: 'deny' })),
  needs: () => facts.map(({ name }) => name),
};
const request: Request = {
  principal: 'agent:a',
  roles: [],
  user: null,
  userRoles: [],
  session: 's',
  intent: { kind: 'tool', server: 's', name: 't', args: {} },
};
const decide = evaluator({
  policyOf: () => loaded(module, facts),
  config: { region: 'config' },
  limits: localLimits([]),
  definitionOf: () => null,
  now: () => 0,
  scanner: { fact: async () => undefined, text: async () => undefined } as never,
  services: { value: async () => undefined } as never,
  say: () => undefined,
});

describe('claims', () => {
  it('of a token and of stdio are facts', async () => {
    const http = await authenticator.http({ headers: { authorization: `Bearer ${token}` }, loopback: true });
    if (!http.ok) throw new Error(http.refusal.message);
    const { facts: read } = await decide(module, request, 'call', undefined, {
      claims: http.identity.claims ?? {},
    });
    expect({ ...read }).toEqual({ region: 'eu', 'org.unit': 'sales', level: 3 });
    const stdio = authenticator.stdio();
    if (!stdio.ok) throw new Error(stdio.refusal.message);
    const local = await decide(module, request, 'call', undefined, { claims: stdio.identity.claims ?? {} });
    expect({ ...local.facts }).toEqual({ region: 'us' });
  });

  it('are unknown without a credential that has them', async () => {
    expect({ ...(await decide(module, request, 'call')).facts }).toEqual({});
  });

  it('survive the file, and only as an object', () => {
    expect(parseTokens(printTokens([entry]))[0]?.claims).toEqual(entry.claims);
    expect(printTokens([createToken({ principal: 'agent:a' }, randomBytes).entry])).not.toContain('claims');
    expect(() => parseTokens(printTokens([{ ...entry, claims: [] as never }]))).toThrow(TokenError);
  });
});
