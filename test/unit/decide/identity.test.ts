// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type Authenticated,
  createAuthenticator,
  type Headers,
  type IdentityConfig,
  receiptPrincipal,
} from '../../../runtime/decide/identity.js';
import { principalFault } from '../../../runtime/decide/principal-names.js';
import { Sessions } from '../../../runtime/decide/sessions.js';
import { createToken, indexTokens, type TokenEntry, type TokenSpec } from '../../../runtime/decide/tokens.js';
import { START, testClock } from '../../helpers/reviews.js';

const NOBODY: IdentityConfig = { stdio: null, anonymous: null };

function setUp(specs: readonly TokenSpec[] = [], config: IdentityConfig = NOBODY) {
  const made = specs.map((spec) => createToken(spec, randomBytes));
  let entries: readonly TokenEntry[] = made.map(({ entry }) => entry);
  const clock = testClock();
  const sessions = new Sessions({ idleMs: 1_800_000, wall: clock.wall, monotonic: clock.monotonic });
  const authenticator = createAuthenticator({
    config,
    tokens: () => indexTokens(entries),
    sessions,
    wall: clock.wall,
  });
  const ask = (headers: Headers, loopback = true): Authenticated => {
    const found = authenticator.http({ headers, loopback });
    if (found instanceof Promise) throw new Error('an opaque token is looked up at once');
    return found;
  };
  const bearer = (i: number, more: Headers = {}) =>
    ask({ authorization: [`Bearer ${made[i]?.token}`], ...more });
  return { made, clock, authenticator, ask, bearer, keep: (list: readonly TokenEntry[]) => (entries = list) };
}

const status = (result: ReturnType<ReturnType<typeof setUp>['ask']>) =>
  result.ok ? 200 : result.refusal.status;

describe('a bearer token', () => {
  const writer: TokenSpec = {
    principal: 'agent:writer',
    actAs: ['agent:copy-*', 'service:build'],
    roles: ['editor'],
    onBehalfOf: { id: 'user:dana', roles: ['analyst'] },
    ceiling: { actions: ['fs/read_*'] },
    expires: new Date(START + 60_000).toISOString(),
  };

  test('gives the identity of its entry and nothing of the client’s', () => {
    const { bearer, made } = setUp([writer]);
    const result = bearer(0, { 'x-user': ['user:root'], 'mcp-session-id': ['mine'] });
    if (!result.ok) throw new Error(result.refusal.detail);
    expect(result.identity).toMatchObject({
      principal: 'agent:writer',
      roles: ['editor'],
      user: 'user:dana',
      userRoles: ['analyst'],
      method: 'token',
      credential: made[0]?.entry.id,
      ceiling: { actions: ['fs/read_*'] },
    });
    expect(receiptPrincipal(result.identity)).toEqual({
      id: 'agent:writer',
      roles: ['editor'],
      auth: { method: 'token', credential: made[0]?.entry.id },
      on_behalf_of: { id: 'user:dana', roles: ['analyst'] },
      session: result.identity.session,
    });
  });

  test('is read in any case of the scheme, once, and in its exact form', () => {
    const { ask, made } = setUp([writer]);
    const token = made[0]!.token;
    expect(status(ask({ authorization: [`bearer ${token}`] }))).toBe(200);
    expect(status(ask({ authorization: `BEARER ${token}` }))).toBe(200);
    for (const bad of [
      `Bearer  ${token}`,
      `Bearer ${token} `,
      `Bearer ${token},`,
      `Basic ${token}`,
      token,
      'Bearer ',
      'several',
      '',
      `Bearer ${token.slice(0, -1)}`,
      `Bearer ${token}A`,
      `Bearer ${'a'.repeat(5000)}`,
    ]) {
      expect([bad, status(ask({ authorization: [bad] }))]).toEqual([bad, 401]);
    }
    expect(status(ask({ authorization: [`Bearer ${token}`, `Bearer ${token}`] }))).toBe(401);
    expect(status(ask({}))).toBe(401);
  });

  test('ends when it expires, when it is revoked, and says which in the log alone', () => {
    const { bearer, clock, keep } = setUp([writer]);
    clock.pass(59_999);
    expect(status(bearer(0))).toBe(200);
    clock.pass(1);
    const late = bearer(0);
    expect(late).toMatchObject({
      ok: false,
      refusal: {
        status: 401,
        message: 'the token is not valid',
        challenge: 'Bearer realm="sepal", error="invalid_token"',
      },
    });
    const { bearer: other, keep: keepOther } = setUp([{ principal: 'agent:x' }]);
    keepOther([]);
    expect(other(0)).toMatchObject({
      ok: false,
      refusal: { status: 401, message: 'the token is not valid' },
    });
    keep([]);
  });

  test('may claim what its entry lists, by exact name or glob', () => {
    const { bearer } = setUp([writer]);
    const as = (name: string) => bearer(0, { 'x-agent-principal': [name] });
    for (const name of ['agent:writer', 'agent:copy-7', 'service:build']) {
      const result = as(name);
      expect(result.ok && result.identity.principal).toBe(name);
    }
    for (const name of [
      'agent:root',
      'agent:copy',
      'user:copy-1',
      'service:build2',
      'Agent:writer',
      'agent:copy-*',
      'agent:copy-\u200b1',
      'agent:copy-e\u0301',
      'agent:copy-1, agent:copy-2',
      'agent:copy- 1',
      '',
      'several',
    ]) {
      const result = as(name);
      expect([name, status(result)]).toEqual([name, 403]);
      expect(result.ok ? null : result.refusal.identity?.principal).toBe('agent:writer');
      expect(result.ok ? '' : result.refusal.message).not.toContain(name || '\0');
    }
    expect(status(bearer(0, { 'x-agent-principal': ['agent:copy-1', 'agent:copy-1'] }))).toBe(403);
  });
});

describe('without a credential', () => {
  const anonymous: IdentityConfig = { stdio: null, anonymous: 'agent:anyone' };

  test('only the configured principal, only on loopback', () => {
    const { ask } = setUp([], anonymous);
    expect(ask({})).toMatchObject({
      ok: true,
      identity: { principal: 'agent:anyone', method: 'anonymous', credential: null },
    });
    expect(status(ask({}, false))).toBe(401);
    expect(status(setUp().ask({}))).toBe(401);
  });

  test('nobody falls back to it with a bad token, or claims more', () => {
    const { ask } = setUp([], anonymous);
    expect(status(ask({ authorization: ['Bearer sepal_nonsense'] }))).toBe(401);
    expect(status(ask({ 'x-agent-principal': ['agent:anyone'] }))).toBe(200);
    expect(status(ask({ 'x-agent-principal': ['agent:root'] }))).toBe(403);
  });
});

test('stdio is who the configuration says', () => {
  const { authenticator } = setUp([], {
    stdio: { principal: 'agent:local', roles: ['dev'] },
    anonymous: null,
  });
  expect(authenticator.stdio()).toMatchObject({
    ok: true,
    identity: { principal: 'agent:local', roles: ['dev'], method: 'stdio' },
  });
  expect(setUp().authenticator.stdio()).toMatchObject({ ok: false, refusal: { status: 401 } });
});

test('a configured name that could not stand in a receipt stops the start', () => {
  expect(() => setUp([], { stdio: { principal: 'agent:a\u202eb', roles: [] }, anonymous: null })).toThrow(
    /identity\.stdio\.principal holds/,
  );
  expect(() => setUp([], { stdio: { principal: 'agent:a', roles: ['x\u0000'] }, anonymous: null })).toThrow(
    /role/,
  );
  expect(() => setUp([], { stdio: null, anonymous: 'anyone' })).toThrow(/identity\.anonymous does not start/);
});

test('names are NFC, visible, of a known kind', () => {
  for (const good of [
    'agent:a',
    'user:dana@example.com',
    'service:ci/1',
    'agent:añb',
    'agent:東京',
    'agent:🙂',
  ])
    expect([good, principalFault(good)]).toEqual([good, null]);
  const unseen = [
    '\u0000',
    '\u001b',
    '\u007f',
    '\u0085',
    '\u00ad',
    '\u034f',
    '\u061c',
    '\u115f',
    '\u180e',
    '\u200b',
    '\u200d',
    '\u202e',
    '\u2028',
    '\u2060',
    '\u2800',
    '\u3164',
    '\ufe0f',
    '\ufeff',
    '\uffa0',
    '\ufff9',
    '\u{e0001}',
    '\u{e0100}',
    '\ud800',
    '\ue000',
    ' ',
    '\u00a0',
    '\u3000',
    '\t',
  ];
  for (const c of unseen)
    expect([c, principalFault(`agent:a${c}b`)]).toEqual([
      c,
      'holds white space, control or invisible characters',
    ]);
  for (const bad of [
    'agent:',
    'a',
    'admin:x',
    ':x',
    '',
    'agent:e\u0301',
    'agent:*',
    `agent:${'x'.repeat(200)}`,
  ])
    expect([bad, principalFault(bad) === null]).toEqual([bad, false]);
});

test('a credential holds until it is revoked, loses the principal or expires; a configured one always', () => {
  const expires = new Date(START + 60_000).toISOString();
  const { authenticator, bearer, made, keep, clock } = setUp(
    [{ principal: 'agent:a', actAs: ['agent:b'], expires }],
    { stdio: { principal: 'agent:local', roles: [] }, anonymous: null },
  );
  const result = bearer(0, { 'x-agent-principal': ['agent:b'] });
  const local = authenticator.stdio();
  if (!result.ok || !local.ok) throw new Error('refused');
  const holds = (): boolean => authenticator.holds(result.identity);
  const [entry] = made.map((one) => one.entry);
  if (entry === undefined) throw new Error('no entry');
  expect(holds()).toBe(true);
  keep([{ ...entry, hash: createToken({ principal: 'agent:a' }, randomBytes).entry.hash }]);
  expect(holds(), 'rotated').toBe(true);
  keep([{ ...entry, actAs: [] }]);
  expect(holds(), 'no longer that principal').toBe(false);
  keep([]);
  expect(holds(), 'revoked').toBe(false);
  expect(authenticator.holds(local.identity)).toBe(true);
  keep([entry]);
  clock.pass(60_000);
  expect(holds(), 'expired').toBe(false);
});
