// SPDX-License-Identifier: Apache-2.0
// Broken files: sepal.json, policy, lock, log, keys, tokens. The gateway refuses to start and says what, where and what to do.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { edit, expectClear, folder, gateway, must, sepal, setup } from '../helpers/command.js';

const GOOD = {
  policy: 'p.sep',
  mcpServers: { fs: { command: 'node', args: ['server.js'] } },
  receipts: { origin: 'o/l' },
};

describe('sepal.json', () => {
  const rows: readonly (readonly [name: string, text: string | object, says: RegExp])[] = [
    ['is not JSON', '{', /sepal\.json:1:2: expected a key in double quotes\n.*strict JSON: no comments/],
    ['is a list', '[]', /the file must be an object, not a list\n.*docs\/operators\.md/],
    ['is empty', '{}', /`policy` is missing\n.*\n.*`mcpServers` is missing\n.*\n.*`receipts` is missing/],
    ['has a key twice', '{"policy":"a",\n"policy":"b"}', /sepal\.json:2:1: the same key stands twice/],
    [
      'has an unknown key',
      { ...GOOD, listn: {} },
      /sepal\.json:1:\d+: unknown key `listn`\n.*did you mean `listen`\?/,
    ],
    [
      'has an unknown key in a server',
      { ...GOOD, mcpServers: { fs: { comand: 'x' } } },
      /did you mean `command`\?/,
    ],
    ['has a wrong type', { ...GOOD, policy: 5 }, /`policy` must be a text, not a number/],
    ['has a wrong type inside', { ...GOOD, approvers: {} }, /`approvers` must be a list, not an object/],
    [
      'has a wrong word',
      { ...GOOD, names: 'prefix' },
      /`names` must be one of "prefix-when-several", "always", "never"/,
    ],
    [
      'has a wrong number',
      { ...GOOD, approvals: { holdSeconds: -1 } },
      /`approvals\.holdSeconds` must be at least 0/,
    ],
    ['has a wrong address', { ...GOOD, listen: { http: '4002' } }, /`listen\.http` must be `host:port`/],
    [
      'has a wrong duration',
      { ...GOOD, identity: { sessionIdle: 5 } },
      /`identity\.sessionIdle` must be a text/,
    ],
    [
      'names no principal',
      { ...GOOD, identity: { stdio: { principal: 'bob' } } },
      /must be a principal: `agent:x`/,
    ],
    [
      'lacks a variable',
      { ...GOOD, mcpServers: { w: { url: 'http://x/${env:NOPE_X}' } } },
      /the environment variable `NOPE_X` is not set/,
    ],
    [
      'has both command and url',
      { ...GOOD, mcpServers: { w: { command: 'x', url: 'y' } } },
      /either a `command` or a `url`/,
    ],
    [
      'asks for what comes later',
      { ...GOOD, console: { http: '127.0.0.1:1' } },
      /`console` is not supported yet/,
    ],
    [
      'listens to the world',
      { ...GOOD, listen: { http: '0.0.0.0:4002' } },
      /not a loopback address and there is no TLS/,
    ],
  ];
  it.concurrent.each(rows)('%s', async (_name, text, says) => {
    const dir = folder();
    writeFileSync(join(dir, 'sepal.json'), typeof text === 'string' ? text : JSON.stringify(text));
    expectClear(await sepal(dir, ['token', 'list']), 1, says);
  });

  it('is a folder, or not UTF-8', async () => {
    const dir = folder();
    mkdirSync(join(dir, 'sepal.json'));
    expectClear(await sepal(dir, ['token', 'list']), 1, /cannot read .*sepal\.json: it is a folder/);
    rmSync(join(dir, 'sepal.json'), { recursive: true });
    writeFileSync(join(dir, 'sepal.json'), Buffer.from([0xff]));
    expectClear(await sepal(dir, ['token', 'list']), 1, /not valid UTF-8/);
  });

  it('asks for no variable where no server is started', async () => {
    const dir = await setup();
    edit(dir, 'sepal.json', (text) => text.replace('"maxProcesses": 20', '"env": { "X": "${env:NOPE_X}" }'));
    await must(dir, 0, 'check');
    await must(dir, 2, 'decide', '--as', 'agent:local', '--call', 'fs/move_file', '--args', MOVE);
    expectClear(await sepal(dir, ['tools', 'diff']), 1, /`NOPE_X` is not set/);
  });
});

const MOVE = '{"source":"/a","destination":"/b"}';

type Break = (dir: string) => void;
const remove =
  (path: string): Break =>
  (dir) =>
    rmSync(join(dir, path), { recursive: true });
const write =
  (path: string, text: string): Break =>
  (dir) =>
    writeFileSync(join(dir, path), text);
const open =
  (path: string): Break =>
  (dir) =>
    chmodSync(join(dir, path), 0o644);
const change =
  (path: string, from: string | RegExp, to: string): Break =>
  (dir) =>
    edit(dir, path, (text) => text.replace(from, to));

function damage(dir: string): void {
  const file = join(dir, '.sepal/log/entries/000000.log');
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(300) ^ 1, 300);
  writeFileSync(file, bytes);
}

describe('the gateway refuses to start', () => {
  const rows: readonly (readonly [name: string, breaks: Break, code: number, says: RegExp])[] = [
    [
      'without a policy',
      remove('policy.sep'),
      1,
      /cannot read .*policy\.sep: there is no such file.*\n.*help/,
    ],
    [
      'with a wrong policy',
      change('policy.sep', 'agent:*', 'agnt:*'),
      3,
      /policy\.sep:\d+:\d+[^]*the policy has \d error/,
    ],
    ['without a lock', remove('sepal.lock'), 3, /SEP2010[^]*tools pull/],
    [
      'with a lock that is not JSON',
      write('sepal.lock', '{'),
      3,
      /the lock cannot be read[^]*sepal\.lock:1:2[^]*tools pull --replace/,
    ],
    [
      'with a lock that was changed',
      change('sepal.lock', 'Create a new directory', 'Do evil'),
      3,
      /the hash of `fs\/create_directory` does not fit[^]*sepal\.lock:\d+/,
    ],
    [
      'with a lock of another version',
      change('sepal.lock', '"version": 1', '"version": 2'),
      3,
      /`version` of the lock is not 1/,
    ],
    ['with a damaged log', damage, 1, /entry \d in [^ ]*000000\.log .*sepal verify.*restore it from a copy/],
    [
      'without its log',
      remove('.sepal/log'),
      1,
      /there is no log in .*\.sepal\/log, but there are keys for it.*\n.*restore/,
    ],
    ['without keys', remove('.sepal/keys'), 1, /the key file .* is missing/],
    ['without the log key', remove('.sepal/keys/log.pem'), 1, /log\.pem is missing/],
    ['with a damaged key', write('.sepal/keys/epoch.pem', 'x'), 1, /epoch\.pem is not a private key/],
    [
      'with a key that others can read',
      open('.sepal/keys/epoch.pem'),
      1,
      /can be read by others; run `chmod 600 /,
    ],
    [
      'with tokens that others can read',
      open('tokens.json'),
      1,
      /tokens\.json is open to other users.*\n.*chmod 600/,
    ],
    [
      'with tokens that are not JSON',
      write('tokens.json', '{'),
      1,
      /the token list cannot be read.*\n.*restore/,
    ],
    [
      'where listen.http is null',
      change('sepal.json', '"127.0.0.1:0"', 'null'),
      1,
      /`listen\.http` is null.*\n.*sepal wrap/,
    ],
  ];
  it.concurrent.each(rows)('%s', async (_name, breaks, code, says) => {
    const dir = await setup();
    breaks(dir);
    expectClear(await sepal(dir, ['gateway']), code, says);
  });

  it('where the port is taken', async () => {
    const dir = await setup();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : 0;
    edit(dir, 'sepal.json', (text) => text.replace('127.0.0.1:0', `127.0.0.1:${port}`));
    expectClear(
      await sepal(dir, ['gateway']),
      1,
      new RegExp(`127\\.0\\.0\\.1:${port} is in use.*listen\\.http`),
    );
    other.close();
  });

  it('while another one writes the same log', async () => {
    const dir = await setup();
    const running = await gateway(dir);
    expectClear(
      await sepal(dir, ['gateway']),
      1,
      /process \d+ writes the log in .* already; .*`receipts\.dir`/,
    );
    expect(await running.stop()).toBe(0);
  });
});

describe('other files', () => {
  it('says what is wrong with an approver key', async () => {
    const dir = await setup();
    chmodSync(join(dir, '.sepal/approver.key'), 0o644);
    expectClear(
      await sepal(dir, ['approvals', 'approve', '3']),
      1,
      /approver\.key is open to other users.*\n.*chmod 600/,
    );
  });

  it('warns where nobody can call and where a server cannot start', async () => {
    const dir = await setup();
    rmSync(join(dir, 'tokens.json'));
    edit(dir, 'sepal.json', (text) => text.replace(process.execPath, '/no/such/command'));
    const running = await gateway(dir);
    await running.stop();
    expect(running.err()).toContain('the command of `fs` was not found: /no/such/command');
    expect(running.err()).toContain('there are no tokens, so nobody can call');
  });
});
