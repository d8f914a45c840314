// SPDX-License-Identifier: Apache-2.0
// Where an issuer's keys are, as its metadata says: only for the very issuer, asked seldom, and never somewhere else.
import { afterEach, describe, expect, it } from 'vitest';
import { keySource } from '../../../runtime/decide/jwks.js';
import { issuerFault, keysOf, metadataUrls } from '../../../runtime/decide/issuer-metadata.js';
import { type Issuer, issuedKey, issuer } from '../../helpers/issuer.js';

const open: Issuer[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

type Answer = { readonly status?: number; readonly body: unknown } | null;

async function issuing(answer: (path: string, base: string) => Answer) {
  const key = await issuedKey('one');
  const asked: string[] = [];
  const own = await issuer([key.jwk], (path, base) => {
    asked.push(path);
    return answer(path, base);
  });
  open.push(own);
  return { own, key, asked, base: new URL(own.url).origin };
}

describe('the metadata of an issuer', () => {
  it('is looked for where both standards put it', () => {
    expect(metadataUrls('https://id.example.com')).toEqual([
      'https://id.example.com/.well-known/oauth-authorization-server',
      'https://id.example.com/.well-known/openid-configuration',
    ]);
    expect(metadataUrls('https://id.example.com/realms/a')).toEqual([
      'https://id.example.com/.well-known/oauth-authorization-server/realms/a',
      'https://id.example.com/.well-known/openid-configuration/realms/a',
      'https://id.example.com/realms/a/.well-known/openid-configuration',
    ]);
  });

  it.each([
    ['/.well-known/oauth-authorization-server', ''],
    ['/.well-known/openid-configuration', ''],
    ['/realms/a/.well-known/openid-configuration', '/realms/a'],
  ])('names the keys (%s)', async (where, path) => {
    const { base, asked } = await issuing((at, own) =>
      at === where ? { body: { issuer: `${own}${path}`, jwks_uri: `${own}/jwks` } } : null,
    );
    expect(await keysOf(`${base}${path}`, 1000)).toEqual({ url: `${base}/jwks` });
    expect(asked.at(-1)).toBe(where);
  });

  it('of another issuer, a look-alike too, ends the search', async () => {
    for (const other of ['https://evil.example', 'SAME/', 'SAME?x']) {
      const { base, asked } = await issuing((_, own) => ({
        body: { issuer: other.replace('SAME', own), jwks_uri: `${own}/jwks` },
      }));
      expect(await keysOf(base, 1000)).toEqual({ fault: 'its metadata names another issuer' });
      expect(asked).toHaveLength(1);
    }
  });

  it.each([
    [{ jwks_uri: 'http://keys.example/jwks' }, 'an address of keys that is not https'],
    [{ jwks_uri: 'file:///etc/passwd' }, 'an address of keys that is not https'],
    [{ jwks_uri: 7 }, 'its metadata names no keys'],
    [{}, 'its metadata names no keys'],
  ])('that names %j is not used', async (more, why) => {
    const { base } = await issuing((_, own) => ({ body: { issuer: own, ...more } }));
    expect(await keysOf(base, 1000)).toEqual({ fault: expect.stringContaining(why) as string });
  });

  it('that is a redirect, a fault or no JSON is none', async () => {
    const moved = await issuing(() => ({ status: 302, body: {} }));
    expect(await keysOf(moved.base, 1000)).toEqual({ fault: 'its metadata was answered with 302' });
    const none = await issuing(() => null);
    expect(await keysOf(none.base, 1000)).toEqual({ fault: 'it publishes no metadata' });
  });

  it('cannot be asked of everything that may be an issuer', () => {
    expect(issuerFault('https://id.example.com/a')).toBeNull();
    expect(issuerFault('urn:my-issuer')).toBe('is not an https URL');
    expect(issuerFault('http://id.example.com')).toBe('is not an https URL');
    expect(issuerFault('https://id.example.com/?tenant=a')).toContain('query');
  });

  it('is kept: keys are asked for again without it, and it is asked again when they are not there', async () => {
    let at = '/jwks';
    const { own, asked, base, key } = await issuing((_, origin) => ({
      body: { issuer: origin, jwks_uri: `${origin}${at}` },
    }));
    let now = 0;
    const said: string[] = [];
    const keys = keySource({ url: null, issuer: base, now: () => now, say: (line) => said.push(line) });
    const header = { alg: key.alg, kid: 'one' };
    const token = { payload: '', signature: '' };
    await Promise.all(Array.from({ length: 20 }, () => keys.key(header, token)));
    expect([asked.length, own.asked()]).toEqual([1, 1]);
    now += 11 * 60_000;
    await keys.key(header, token);
    expect([asked.length, own.asked()]).toEqual([1, 2]);
    own.answer = (request, response) => {
      response.statusCode = request.url === '/jwks' ? 404 : 200;
      response.end(JSON.stringify({ keys: own.keys }));
    };
    at = '/keys/new';
    now += 11 * 60_000;
    await keys.key(header, token);
    expect(said.join()).toContain('it answered 404');
    now += 31_000;
    await keys.key(header, token);
    expect(keys.state().fault).toBeNull();
    expect(asked.length).toBe(2);
    // Made-up keys reach nobody within the cool-down.
    for (let i = 0; i < 20; i++)
      await keys.key({ alg: key.alg, kid: `made up ${i}` }, token).catch(() => undefined);
    expect(asked.length).toBe(2);
  });
});
