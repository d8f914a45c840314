// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readTokenFile, writeTokenFile } from '../../../runtime/decide/token-file.js';
import {
  createToken,
  findToken,
  indexTokens,
  mayActAs,
  parseTokens,
  printTokens,
  revokeToken,
  rotateToken,
  TokenError,
  tokenHash,
} from '../../../runtime/decide/tokens.js';

const folder = mkdtempSync(join(tmpdir(), 'sepal-tokens-'));
afterAll(() => rmSync(folder, { recursive: true }));

const make = (principal = 'agent:a') => createToken({ principal }, randomBytes);

describe('tokens', () => {
  test('have 256 random bits, and only their hash is kept', () => {
    const { token, entry } = createToken(
      { principal: 'agent:a', roles: ['x'], ceiling: { actions: ['*'] } },
      randomBytes,
    );
    expect(token).toMatch(/^sepal_[A-Za-z0-9_-]{43}$/);
    expect(entry.hash).toBe(tokenHash(token));
    const path = join(folder, 'kept.json');
    writeTokenFile(path, [entry]);
    const file = readFileSync(path, 'utf8');
    expect(file).toContain(entry.hash);
    expect(file).not.toContain(token.slice('sepal_'.length, 20));
    expect(file).not.toContain(Buffer.from(token.slice(6), 'base64url').toString('hex'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('are found by hash alone', () => {
    const [a, b] = [make(), make()];
    const index = indexTokens([a.entry, b.entry]);
    expect(findToken(index, a.token)).toBe(a.entry);
    expect(findToken(index, b.token)).toBe(b.entry);
    expect(findToken(index, make().token)).toBeNull();
    expect(findToken(index, a.entry.hash)).toBeNull();
    expect(findToken(index, a.token.toUpperCase())).toBeNull();
  });

  test('rotation ends the old secret and keeps the id', () => {
    const a = make();
    const rotated = rotateToken([a.entry, make().entry], a.entry.id, randomBytes);
    const index = indexTokens(rotated.tokens);
    expect(findToken(index, a.token)).toBeNull();
    expect(findToken(index, rotated.token)).toMatchObject({ id: a.entry.id, principal: 'agent:a' });
    expect(() => rotateToken([], 'tk_x', randomBytes)).toThrow(/no token "tk_x"/);
  });

  test('revocation removes the entry', () => {
    const [a, b] = [make(), make()];
    expect(revokeToken([a.entry, b.entry], a.entry.id)).toEqual([b.entry]);
    expect(() => revokeToken([b.entry], a.entry.id)).toThrow(TokenError);
  });

  test('act as themselves and as what is listed', () => {
    const { entry } = createToken({ principal: 'agent:a', actAs: ['agent:b-*', 'user:c'] }, randomBytes);
    for (const [name, may] of [
      ['agent:a', true],
      ['agent:b-1', true],
      ['user:c', true],
      ['user:d', false],
      ['agent:b', false],
    ] as const) {
      expect([name, mayActAs(entry, name)]).toEqual([name, may]);
    }
  });

  test.each([
    ['principal', { principal: 'root' }],
    ['principal', { principal: 'agent:*' }],
    ['actAs', { principal: 'agent:a', actAs: ['*'] }],
    ['role', { principal: 'agent:a', roles: ['a\u0007'] }],
    ['onBehalfOf', { principal: 'agent:a', onBehalfOf: { id: 'dana', roles: [] } }],
    ['ceiling', { principal: 'agent:a', ceiling: { actions: ['read_file'] } }],
    ['expires', { principal: 'agent:a', expires: 'tomorrow' }],
    ['expires', { principal: 'agent:a', expires: '2026-12-31' }],
  ])('with a bad %s are not made', (what, spec) => {
    expect(() => createToken(spec, randomBytes)).toThrow(new RegExp(`cannot create the token: .*${what}`));
  });
});

describe('the file', () => {
  test('reads back what was written, in a fixed order', () => {
    const entries = [
      make('agent:z').entry,
      createToken(
        {
          principal: 'agent:y',
          onBehalfOf: { id: 'user:d', roles: ['r'] },
          ceiling: { actions: ['fs/*'] },
          expires: '2027-01-01T00:00:00.000Z',
          actAs: ['agent:*'],
        },
        randomBytes,
      ).entry,
    ];
    const text = printTokens(entries);
    expect([...parseTokens(text)].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
      [...entries].sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
    expect(printTokens([...entries].reverse())).toBe(text);
    expect(parseTokens(printTokens([]))).toEqual([]);
  });

  test('that is not there is an empty list', () => {
    expect(readTokenFile(join(folder, 'none.json'))).toEqual([]);
  });

  test('that others may read is refused', () => {
    const path = join(folder, 'open.json');
    writeTokenFile(path, []);
    chmodSync(path, 0o644);
    expect(() => readTokenFile(path)).toThrow(/open to other users \(mode 0644\)/);
  });

  const { entry } = make();
  const line = (more: object) => JSON.stringify({ version: 1, tokens: [{ ...entry, ...more }] });
  test.each([
    ['no JSON', '{', /cannot be read/],
    ['another version', '{"version":2,"tokens":[]}', /version/],
    ['another key', '{"version":1,"tokens":[],"x":1}', /version/],
    ['no list', '{"version":1,"tokens":{}}', /not a list/],
    ['an unknown key', line({ admin: true }), /tokens\[0\] has a key/],
    ['an unknown restriction', line({ ceiling: { actions: ['*'], maxCalls: 1 } }), /ceiling is not/],
    ['an empty ceiling object', line({ ceiling: {} }), /ceiling\.actions/],
    ['a bad hash', line({ hash: 'sha256:00' }), /hash/],
    ['a bad principal', line({ principal: 7 }), /principal is not a string/],
    ['a duplicate key', `{"version":1,"tokens":[],"tokens":[]}`, /cannot be read/],
    [
      'the same id twice',
      JSON.stringify({ version: 1, tokens: [entry, { ...make().entry, id: entry.id }] }),
      /same id/,
    ],
    [
      'the same hash twice',
      JSON.stringify({ version: 1, tokens: [entry, { ...make().entry, hash: entry.hash }] }),
      /same hash/,
    ],
  ])('with %s is refused whole, without repeating a hash', (_, text, message) => {
    expect(() => parseTokens(text)).toThrow(message);
    try {
      parseTokens(text);
    } catch (error) {
      expect(String(error)).not.toContain(entry.hash.slice(7));
    }
  });

  test('is left alone when it cannot be replaced', () => {
    const path = join(folder, 'missing', 'tokens.json');
    expect(() => writeTokenFile(path, [])).toThrow(/cannot write .*ENOENT/);
    const other = join(folder, 'full.json');
    writeTokenFile(other, [entry]);
    const before = readFileSync(other, 'utf8');
    expect(() => writeTokenFile(other, [{ ...entry, principal: 'nobody' }])).toThrow(TokenError);
    expect(readFileSync(other, 'utf8')).toBe(before);
    expect(existsSync(path)).toBe(false);
  });

  test('a folder in its place is said so', () => {
    expect(() => readTokenFile(folder)).toThrow(TokenError);
    const path = join(folder, 'text.json');
    writeFileSync(path, 'x', { mode: 0o600 });
    expect(() => readTokenFile(path)).toThrow(/cannot be read/);
  });
});
