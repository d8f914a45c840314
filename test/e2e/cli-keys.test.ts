// SPDX-License-Identifier: Apache-2.0
// Keys, tokens and what is secret: who may read which file, and that nothing is ever overwritten.
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { expectClear, folder, gateway, must, sepal, setup } from '../helpers/command.js';

const UPSTREAM = fileURLToPath(new URL('../helpers/upstream.mjs', import.meta.url));
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('keygen', () => {
  it('makes a log under a root key from elsewhere, which the gateway writes and the trust file verifies', async () => {
    const dir = await setup();
    const offline = folder();
    const made = await must(
      offline,
      0,
      'keygen',
      'root',
      '--name',
      'gw.example.com/root',
      '--out',
      'root.pem',
    );
    expect(made.out).toMatch(/^gw\.example\.com\/root\+[0-9a-f]{8}\+\S+\n$/);
    expect(modeOf(join(offline, 'root.pem'))).toBe('600');
    expectClear(
      await sepal(offline, ['keygen', 'root', '--name', 'x', '--out', 'root.pem']),
      1,
      /root\.pem exists already/,
    );
    for (const old of ['.sepal/log', '.sepal/keys', 'trust.json'])
      rmSync(join(dir, old), { recursive: true });
    await must(
      dir,
      0,
      'keygen',
      'log',
      '--root',
      join(offline, 'root.pem'),
      '--root-name',
      'gw.example.com/root',
      '--trust',
      't.json',
    );
    expect((JSON.parse(readFileSync(join(dir, 't.json'), 'utf8')) as { readonly root: string }).root).toBe(
      made.out.trim(),
    );
    expect(statSync(join(dir, '.sepal/keys/root.pem'), { throwIfNoEntry: false })).toBeUndefined();
    const running = await gateway(dir);
    expect(await running.stop()).toBe(0);
    expect((await sepal(dir, ['verify', '.sepal/log', '--trust', 't.json'])).out).toMatch(/keys +pass/);
    expectClear(
      await sepal(dir, ['keygen', 'log', '--trust', 'other.json']),
      1,
      /there is a log in .* already/,
    );
    renameSync(join(dir, '.sepal/log'), join(dir, 'old'));
    expectClear(
      await sepal(dir, ['keygen', 'log', '--trust', 'other.json']),
      1,
      /exists already; keys are never overwritten/,
    );
    expectClear(
      await sepal(dir, ['keygen', 'log', '--root', 'policy.sep', '--trust', 'o.json']),
      1,
      /policy\.sep/,
    );
  });

  it('prints the entry of an approver, and its key opens nothing else', async () => {
    const dir = folder();
    const { out } = await must(
      dir,
      0,
      'keygen',
      'approver',
      '--id',
      'user:eve',
      '--roles',
      'a, b',
      '--out',
      'eve.key',
    );
    expect(JSON.parse(out)).toEqual({
      id: 'user:eve',
      roles: ['a', 'b'],
      key: expect.stringMatching(/^eve\+[0-9a-f]{8}\+/),
    });
    expect(modeOf(join(dir, 'eve.key'))).toBe('600');
  });
});

describe('what init writes', () => {
  it('is readable by its owner only where it is secret', async () => {
    const dir = await setup();
    for (const secret of [
      'tokens.json',
      '.sepal/approver.key',
      '.sepal/keys/log.pem',
      '.sepal/keys/root.pem',
      '.sepal/keys/seal.key',
    ])
      expect(modeOf(join(dir, secret)), secret).toBe('600');
    for (const closed of ['.sepal', '.sepal/keys', '.sepal/log'])
      expect(modeOf(join(dir, closed)), closed).toBe('700');
    expect(readFileSync(join(dir, '.gitignore'), 'utf8')).toBe('.sepal/\ntokens.json\n');
  });

  it("takes over a client's file in both spellings, keeps its values to the owner, and names what it cannot take over", async () => {
    const dir = folder();
    const server = {
      type: 'stdio',
      command: process.execPath,
      args: [UPSTREAM, 'plain'],
      env: { API_KEY: 's3cret' },
    };
    writeFileSync(join(dir, 'mcp.json'), JSON.stringify({ inputs: [], servers: { s: server } }));
    const made = await must(dir, 0, 'init', 'gw', '--from', 'mcp.json');
    expect(modeOf(join(dir, 'gw/sepal.json'))).toBe('600');
    expect(made.err).toContain('better write `${env:NAME}` there');
    expect(made.out + made.err).not.toContain('s3cret');
    writeFileSync(join(dir, 'bad.json'), JSON.stringify({ mcpServers: { s: { ...server, image: 'x' } } }));
    expectClear(
      await sepal(dir, ['init', 'gw2', '--from', 'bad.json']),
      1,
      /the server `s` has `image`, which cannot be taken over/,
    );
  });
});

describe('tokens without a gateway', () => {
  it('are kept in the file, by hash', async () => {
    const dir = await setup();
    const made = JSON.parse(
      (
        await must(
          dir,
          0,
          'token',
          'create',
          '--principal',
          'agent:w',
          '--for',
          'user:dana',
          '--user-roles',
          'r',
          '--act-as',
          'agent:copy-*',
          '--json',
        )
      ).out,
    ) as { readonly id: string; readonly token: string };
    const { tokens } = JSON.parse((await must(dir, 0, 'token', 'list', '--format', 'json')).out) as {
      readonly tokens: readonly { readonly id: string }[];
    };
    expect(tokens.find((token) => token.id === made.id)).toMatchObject({
      principal: 'agent:w',
      actAs: ['agent:copy-*'],
      onBehalfOf: { id: 'user:dana', roles: ['r'] },
    });
    expect((await must(dir, 0, 'token', 'list')).out).toMatch(
      new RegExp(`${made.id}  agent:w for user:dana`),
    );
    const rotated = (await must(dir, 0, 'token', 'rotate', made.id)).out.trim();
    const text = readFileSync(join(dir, 'tokens.json'), 'utf8');
    for (const secret of [made.token, rotated]) expect(text).not.toContain(secret.slice(6));
    expect(modeOf(join(dir, 'tokens.json'))).toBe('600');
    await must(dir, 0, 'token', 'revoke', made.id);
    expect(readFileSync(join(dir, 'tokens.json'), 'utf8')).not.toContain(made.id);
  });
});
