// SPDX-License-Identifier: Apache-2.0
// Signed tokens at the HTTP front: the table of what must be refused, key rotation, scopes, metadata, and that no token goes anywhere.
import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, type MemoryLog, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import {
  AUDIENCE,
  claims,
  type IssuedKey,
  ISSUER,
  issuedKey,
  type Issuer,
  issuer,
  nowSeconds,
  signed,
} from '../helpers/issuer.js';
import { type HttpStub, httpStub } from '../helpers/upstream-http.js';

const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(claims()).filter(([name]) => !names.includes(name)));
const hello = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
};
const module = policyOf(
  ({ principal, user, intent }) =>
    principal === 'agent:reporter' && user === 'user:dana' && intent.name !== 'never'
      ? { effect: 'allow', rules: ['a'] }
      : { effect: 'deny', default: true },
  (name) => name === 'unseen',
);

let [first, second]: IssuedKey[] = [];
let stub: HttpStub;
let keys: Issuer;
let gateway: Gateway;
let log: MemoryLog;
let said: string[];
let url = '';
let monotonic = 0;

beforeAll(async () => {
  [first, second] = [await issuedKey('one'), await issuedKey('two', 'RS256')];
  stub = await httpStub();
  keys = await issuer([first.jwk]);
  const config = configOf(scratch(), {
    mcpServers: { s: { url: stub.url } },
    identity: {
      jwt: {
        issuer: ISSUER,
        audience: AUDIENCE,
        jwksUri: keys.url,
        principal: 'agent:${claim.act.sub}',
        onBehalfOf: 'user:${claim.sub}',
        rolesClaim: 'agent_roles',
        userRolesClaim: 'realm.roles',
        scopes: { baseline: [], actions: { 's.go': ['s/go'], 's.more': ['s/g*'] } },
      },
    },
    listen: { http: '127.0.0.1:0', limits: { perCredential: '10000/1m', unauthenticated: '10000/1m' } },
  });
  await pin(config);
  ({ gateway, log, said } = await startGateway(config, module, {
    clock: { wall: Date.now, monotonic: () => monotonic },
  }));
  const front = await gateway.serveHttp();
  url = `http://127.0.0.1:${front.address.port}/mcp`;
});
afterAll(async () => {
  await gateway?.close();
  await keys?.close();
  await stub?.close();
});
beforeEach(() => {
  keys.keys = [first?.jwk ?? {}];
  keys.answer = null;
  monotonic += 31_000;
});

const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const send = (token: string, body: object = hello, more: { [name: string]: string } = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${token}`, ...more },
    body: JSON.stringify(body),
  });
const key = (): IssuedKey => first as IssuedKey;
const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const good = (more: object = {}) => signed(key(), claims(more));

async function connect(token: string) {
  const response = await send(token);
  expect(response.status, await response.clone().text()).toBe(200);
  const session = { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' };
  const ask = (method: string, params: object, by = token) =>
    send(by, { jsonrpc: '2.0', id: 7, method, params }, session);
  return {
    session,
    ask,
    call: (name: string, by?: string) => ask('tools/call', { name, arguments: {} }, by),
  };
}

describe('tokens that are refused', () => {
  const cases: readonly (readonly [string, () => Promise<string>])[] = [
    ['another audience', () => good({ aud: 'https://other.example.com/mcp' })],
    ['no audience', () => signed(key(), without('aud'))],
    ['the audience with a slash more', () => good({ aud: `${AUDIENCE}/` })],
    ['the audience in another case', () => good({ aud: AUDIENCE.toUpperCase() })],
    ['a prefix of the audience', () => good({ aud: 'https://gw.example.com' })],
    ['an audience list without us', () => good({ aud: ['a', 'b'] })],
    ['an empty audience list', () => good({ aud: [] })],
    ['another issuer', () => good({ iss: 'https://evil.example.com' })],
    ['the issuer with a slash more', () => good({ iss: `${ISSUER}/` })],
    ['no issuer', () => signed(key(), without('iss'))],
    ['expired beyond the skew', () => good({ exp: nowSeconds() - 31 })],
    ['no expiry', () => signed(key(), without('exp'))],
    ['an expiry that is text', () => good({ exp: '9999999999' })],
    ['not valid yet', () => good({ nbf: nowSeconds() + 60 })],
    ['an ID token, by its nonce', () => good({ nonce: 'n' })],
    ['an ID token, by its hash', () => good({ at_hash: 'x' })],
    ['an ID token, as Cognito says', () => good({ token_use: 'id' })],
    ['a logout token', () => signed(key(), claims(), { typ: 'logout+jwt' })],
    ['a proof', () => signed(key(), claims(), { typ: 'dpop+jwt' })],
    ['bound to a key of its holder', () => good({ cnf: { jkt: 'x' } })],
    ['no actor', () => signed(key(), without('act'))],
    ['no subject', () => signed(key(), without('sub'))],
    ['an actor that is no text', () => good({ act: { sub: ['reporter'] } })],
    ['an actor with a wildcard', () => good({ act: { sub: '*' } })],
    ['an actor with a line break', () => good({ act: { sub: 'a\nb' } })],
    ['an actor with an invisible character', () => good({ act: { sub: 'repor\u200bter' } })],
    ['an actor that is not NFC', () => good({ act: { sub: 'e\u0301va' } })],
    ['an actor that is too long', () => good({ act: { sub: 'x'.repeat(300) } })],
    ['roles that are no texts', () => good({ agent_roles: [1] })],
    ['roles with a hidden character', () => good({ agent_roles: ['a\u202eb'] })],
    ['a client that cannot be named', () => good({ client_id: 'a b' })],
    ['the algorithm none', async () => `${b64({ alg: 'none' })}.${b64(claims())}.`],
    ['the algorithm none with a signature', async () => `${b64({ alg: 'none' })}.${b64(claims())}.AA`],
    [
      'HS256 signed with the public key',
      async () => {
        const text = `${b64({ alg: 'HS256', kid: 'one' })}.${b64(claims())}`;
        return `${text}.${createHmac('sha256', key().spki).update(text).digest('base64url')}`;
      },
    ],
    [
      'a key that the token brings itself',
      async () => {
        const own = await issuedKey('one');
        return signed(own, claims(), { jwk: own.jwk, jku: keys.url });
      },
    ],
    ['an algorithm that the key is not for', async () => signed({ ...(second as IssuedKey), kid: 'one' })],
    [
      'a changed payload',
      async () =>
        (await good())
          .split('.')
          .with(1, b64(claims({ sub: 'eve' })))
          .join('.'),
    ],
    ['a cut signature', async () => (await good()).slice(0, -4)],
    ['a critical extension', () => signed(key(), claims(), { crit: ['exp'], exp: 1 }).catch(() => 'ey.ey.x')],
    ['something like a token', async () => 'eyJ.eyJ.eyJ'],
    ['five parts', async () => 'eyJ.zzzz.b.c.d'],
    [
      'a claim that stands twice',
      async () => {
        const { CompactSign } = await import('jose');
        const text = JSON.stringify(claims()).replace('"sub":"dana"', '"sub":"eve","sub":"dana"');
        return new CompactSign(Buffer.from(text))
          .setProtectedHeader({ alg: 'ES256', kid: 'one' })
          .sign(key().privateKey);
      },
    ],
  ];

  it.each(cases)('%s', async (_, make) => {
    const token = await make();
    const response = await send(token);
    expect(response.status).toBe(401);
    const challenge = response.headers.get('www-authenticate') ?? '';
    expect(challenge).toContain('error="invalid_token"');
    expect(challenge).toContain(
      'resource_metadata="https://gw.example.com/.well-known/oauth-protected-resource/mcp"',
    );
    expect(await response.text()).not.toContain(token.split('.')[1] || 'nothing');
  });

  it('none of them is in the log or on stderr, and each kind of fault is', () => {
    const text = JSON.stringify(log.bodies) + said.join('\n');
    expect(text).toContain('failed_authentication');
    expect(text).not.toMatch(/ey[A-Za-z0-9_-]{10,}/);
  });
});

describe('tokens that hold', () => {
  it('give both identities to the policy and to the receipt, and the client as the credential', async () => {
    const token = await good({
      agent_roles: ['writer'],
      realm: { roles: ['analyst'] },
      scope: 's.go s.more',
    });
    const { call } = await connect(token);
    expect(await (await call('go')).json()).toMatchObject({ result: {} });
    const entry = log.bodies.findLast(({ type }) => type === 'decide');
    expect(entry?.principal).toMatchObject({
      id: 'agent:reporter',
      roles: ['writer'],
      on_behalf_of: { id: 'user:dana', roles: ['analyst'] },
      auth: { method: 'jwt', credential: 'https://id.example.com desk' },
    });
  });

  it('may name us among several audiences, be typed as access tokens, and be as late as the skew', async () => {
    for (const token of [
      await good({ aud: ['x', AUDIENCE] }),
      await signed(key(), claims(), { typ: 'at+jwt' }),
      await good({ exp: nowSeconds() - 10 }),
      await good({ nbf: nowSeconds() + 10 }),
    ])
      expect((await send(token)).status).toBe(200);
  });

  it('are the principal that they are, whatever X-Agent-Principal claims', async () => {
    const token = await good();
    expect((await send(token, hello, { 'x-agent-principal': 'agent:reporter' })).status).toBe(200);
    const other = await send(token, hello, { 'x-agent-principal': 'agent:root' });
    expect(other.status).toBe(403);
    expect(await other.json()).toMatchObject({
      error: expect.stringContaining('X-Agent-Principal') as string,
    });
  });

  it('open sessions that are nobody else’s: another user, actor or client finds none', async () => {
    const own = await connect(await good({ scope: 's.go s.more' }));
    for (const more of [{ sub: 'eve' }, { act: { sub: 'other' } }, { client_id: 'phone' }]) {
      expect((await own.call('go', await good(more))).status).toBe(404);
      for (const method of ['GET', 'DELETE']) {
        const response = await fetch(url, {
          method,
          headers: { ...headers, ...own.session, authorization: `Bearer ${await good(more)}` },
        });
        expect(response.status).toBe(404);
      }
    }
    expect((await own.call('go')).status).toBe(200);
  });

  it('never reach a server, nor any header of the client', async () => {
    const token = await good({ scope: 's.go s.more' });
    const { ask, session } = await connect(token);
    await ask('tools/call', { name: 'go', arguments: {} });
    await send(
      token,
      { jsonrpc: '2.0', id: 8, method: 'tools/call', params: { name: 'go', arguments: {} } },
      {
        ...session,
        cookie: 'sid=secret',
        'x-forwarded-user': 'root',
      },
    );
    const seen = JSON.stringify(stub.seen);
    expect(stub.seen.length).toBeGreaterThan(0);
    for (const foreign of [token, 'secret', 'x-forwarded-user', 'cookie'])
      expect(seen).not.toContain(foreign);
  });
});

describe('keys', () => {
  it('are fetched once more for an unknown one, and not again within the cool-down', async () => {
    expect((await send(await good())).status).toBe(200);
    const before = keys.asked();
    const stranger = await issuedKey('made-up');
    for (let i = 0; i < 20; i++) expect((await send(await signed(stranger))).status).toBe(401);
    expect(keys.asked()).toBe(before + 1);
    expect((await send(await good())).status).toBe(200);
  });

  it('rotate: a new one is found, an old one ends, also for tokens that were seen before', async () => {
    const old = await good();
    expect((await send(old)).status).toBe(200);
    keys.keys = [second?.jwk ?? {}];
    expect((await send(await signed(second as IssuedKey))).status).toBe(200);
    expect((await send(old)).status).toBe(401);
  });

  it('are not taken from where a redirect leads, from an answer that is too long, or from no answer', async () => {
    const stranger = await issuedKey('late');
    for (const answer of [
      (response: ServerResponse) => response.writeHead(302, { location: `${keys.url}?elsewhere` }).end(),
      (response: ServerResponse) =>
        response.writeHead(200, {}).end(JSON.stringify({ keys: [stranger.jwk], pad: 'x'.repeat(300_000) })),
      (response: ServerResponse) => response.writeHead(200, {}).end('{"keys":[],"keys":[]}'),
    ]) {
      monotonic += 31_000;
      const before = keys.asked();
      keys.answer = (_, response) => answer(response);
      expect((await send(await signed(stranger))).status).toBe(401);
      expect(keys.asked()).toBe(before + 1);
    }
    expect(said.filter((line) => line.includes('keys of the token issuer')).length).toBeGreaterThan(1);
  });

  it('that cannot be fetched again hold for an hour and no longer', async () => {
    expect((await send(await good({ jti: '1' }))).status).toBe(200);
    keys.answer = (_, response) => response.writeHead(500).end();
    monotonic += 11 * 60_000;
    expect((await send(await good({ jti: '2' }))).status).toBe(200);
    monotonic += 60 * 60_000;
    expect((await send(await good({ jti: '3' }))).status).toBe(401);
    keys.answer = null;
    monotonic += 31_000;
    expect((await send(await good({ jti: '4' }))).status).toBe(200);
  });
});

describe('scopes', () => {
  it('one 403 names every scope that the action needs; with them the policy decides', async () => {
    const poor = await connect(await good());
    const refused = await poor.call('go');
    expect(refused.status).toBe(403);
    const challenge = refused.headers.get('www-authenticate') ?? '';
    expect(challenge).toContain('error="insufficient_scope", scope="s.go s.more"');
    expect(challenge).toContain('resource_metadata="https://gw.example.com/');
    expect(await refused.json()).toMatchObject({ result: { isError: true } });
    expect(log.bodies.at(-1)).toMatchObject({ type: 'decide', decision: { effect: 'deny', default: true } });
    expect((await poor.call('go', await good({ scope: 's.go' }))).status).toBe(403);
    expect((await poor.call('go', await good({ scope: 's.more s.go' }))).status).toBe(200);
    // A weaker token on a session that a stronger one has used.
    expect((await poor.call('go')).status).toBe(403);
  });

  it('never allow: whoever the policy denies is denied, and is not sent for scopes', async () => {
    const other = await good({ act: { sub: 'other' }, scope: 's.go s.more' });
    const denied = await (await connect(other)).call('go');
    expect(denied.status).toBe(200);
    expect(await denied.json()).toMatchObject({ result: { isError: true } });
  });

  it('say nothing of tools that are not there', async () => {
    const { call } = await connect(await good());
    const answer = await call('gone');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ error: { code: -32602 } });
  });
});

describe('metadata of the resource', () => {
  it('is made of the configuration, whatever host is asked for', async () => {
    const base = new URL(url).origin;
    for (const path of [
      '/.well-known/oauth-protected-resource/mcp',
      '/.well-known/oauth-protected-resource',
    ]) {
      const response = await fetch(base + path);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        resource: AUDIENCE,
        authorization_servers: [ISSUER],
        bearer_methods_supported: ['header'],
        resource_name: 'test/log',
      });
    }
    for (const path of ['/authorize', '/token', '/register', '/.well-known/oauth-authorization-server'])
      expect((await fetch(base + path)).status).toBe(404);
  });

  it('is named by each refusal without a credential, on every verb', async () => {
    for (const method of ['POST', 'GET', 'DELETE', 'PUT']) {
      const response = await fetch(url, { method });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('resource_metadata=');
    }
  });
});
