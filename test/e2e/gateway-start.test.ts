// SPDX-License-Identifier: Apache-2.0
// The gateway refuses to start where it could not keep its promise: one clear message, which says what, where and what to do.
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createGateway } from '../../runtime/gateway/gateway.js';
import { configOf, loaded, memoryLog, policyOf, scratch } from '../helpers/gateway.js';
import { bundleCommand, project, type Project, runGateway, session } from '../helpers/gateway-process.js';

let command: Awaited<ReturnType<typeof bundleCommand>>;
let template: Project;
const made: string[] = [];

beforeAll(async () => {
  command = await bundleCommand();
  template = await project();
});
afterAll(() => {
  command.remove();
  for (const dir of [template.dir, ...made]) rmSync(dir, { recursive: true, force: true });
});

/** A copy of a project that works. */
function copy(): string {
  const dir = scratch();
  cpSync(template.dir, dir, { recursive: true });
  for (const secret of ['tokens.json', '.sepal', '.sepal/keys'])
    chmodSync(join(dir, secret), statSync(join(template.dir, secret)).mode);
  made.push(dir);
  return dir;
}

/** Starts it; what it says when it refuses. */
async function refusal(dir: string): Promise<string> {
  const run = await runGateway(command.file, { dir });
  if (run.url !== null) run.child.kill('SIGKILL');
  const code = await run.ended;
  expect(run.url, 'it does not listen').toBeNull();
  expect(code).toBeGreaterThan(0);
  expect(run.stderr()).not.toMatch(/\n\s+at |node:internal/);
  return run.stderr();
}

const edit = (file: string, change: (text: string) => string): void =>
  writeFileSync(file, change(readFileSync(file, 'utf8')));

const firstSegment = (dir: string): string => {
  const folder = join(dir, '.sepal/log/entries');
  return join(folder, readdirSync(folder).sort()[0] ?? '');
};

describe('the gateway refuses to start', () => {
  const cases: readonly (readonly [string, (dir: string) => void, readonly RegExp[]])[] = [
    ['without sepal.json', (dir) => rmSync(join(dir, 'sepal.json')), [/sepal\.json/, /sepal init/]],
    [
      'with broken JSON in it',
      (dir) => edit(join(dir, 'sepal.json'), (text) => text.replace('{', '{,')),
      [/sepal\.json:1:2/, /strict JSON/],
    ],
    [
      'with an unknown key in it',
      (dir) => edit(join(dir, 'sepal.json'), (text) => text.replace('"approvals"', '"aprovals"')),
      [/sepal\.json:\d+:\d+/, /unknown key `aprovals`/, /did you mean `approvals`/],
    ],
    ['without its policy', (dir) => rmSync(join(dir, 'policy.sep')), [/policy\.sep/, /help/]],
    [
      'with a policy that has errors',
      (dir) => appendFileSync(join(dir, 'policy.sep'), 'allow more: agent:* -> s/rum\n'),
      [/SEP\d{4}/, /policy\.sep:\d+:\d+/, /s\/run|rum/],
    ],
    ['without its lock', (dir) => rmSync(join(dir, 'sepal.lock')), [/sepal\.lock/, /sepal tools pull/]],
    [
      'with a lock that was edited by hand',
      (dir) => edit(join(dir, 'sepal.lock'), (text) => text.replace('"type":"object"', '"type":"array"')),
      [/sepal\.lock/, /hash/],
    ],
    [
      'with a lock that is no JSON',
      (dir) => writeFileSync(join(dir, 'sepal.lock'), '{"version":1,'),
      [/sepal\.lock/],
    ],
    [
      'without its keys',
      (dir) => rmSync(join(dir, '.sepal/keys'), { recursive: true }),
      [/keys/, /sepal keygen|sepal init/],
    ],
    [
      'with a key that is no key',
      (dir) => writeFileSync(join(dir, '.sepal/keys/epoch.pem'), 'hello\n', { mode: 0o600 }),
      [/epoch\.pem/, /restore it/],
    ],
    [
      'with a key that others can read',
      (dir) => chmodSync(join(dir, '.sepal/keys/log.pem'), 0o644),
      [/log\.pem/, /chmod/],
    ],
    [
      'with tokens that others can read',
      (dir) => chmodSync(join(dir, 'tokens.json'), 0o644),
      [/tokens\.json/, /chmod/],
    ],
    [
      'with tokens that are not readable as such',
      (dir) => writeFileSync(join(dir, 'tokens.json'), '{"version":1,"tokens":[{}]}', { mode: 0o600 }),
      [/tokens\.json/],
    ],
    [
      'with a log that is not a folder',
      (dir) => {
        rmSync(join(dir, '.sepal/log'), { recursive: true });
        writeFileSync(join(dir, '.sepal/log'), '');
      },
      [/\.sepal\/log/],
    ],
    [
      'with a log that cannot be written',
      (dir) => {
        rmSync(join(dir, '.sepal/log'), { recursive: true });
        symlinkSync('/proc/self/no-such-folder', join(dir, '.sepal/log'));
      },
      [/\.sepal\/log/],
    ],
    [
      'with a log that was changed in the middle',
      (dir) => {
        const file = firstSegment(dir);
        const bytes = readFileSync(file);
        const at = bytes.indexOf('"genesis"');
        bytes[at + 2] = 'E'.charCodeAt(0);
        writeFileSync(file, bytes);
      },
      [/log/, /sepal verify/],
    ],
    [
      'with the log of another origin',
      (dir) => edit(join(dir, 'sepal.json'), (text) => text.replace('kill.test/log', 'other.test/log')),
      [/other\.test\/log|kill\.test\/log/],
    ],
    [
      'with two tools under one name',
      (dir) =>
        edit(join(dir, 'sepal.json'), (text) => {
          const config = JSON.parse(text) as { mcpServers: { [name: string]: unknown }; names?: string };
          config.mcpServers['t'] = config.mcpServers['s'];
          config.names = 'never';
          const lock = JSON.parse(readFileSync(join(dir, 'sepal.lock'), 'utf8')) as {
            servers: { [name: string]: unknown };
          };
          lock.servers['t'] = lock.servers['s'];
          writeFileSync(join(dir, 'sepal.lock'), JSON.stringify(lock));
          return JSON.stringify(config);
        }),
      [/`\w+`/, /"prefix-when-several"/],
    ],
    [
      'with an approver whose key is none',
      (dir) => edit(join(dir, 'sepal.json'), (text) => text.replace(/"key": "eve\+[^"]+"/, '"key": "eve"')),
      [/user:eve/, /key/],
    ],
    [
      'off loopback without TLS',
      (dir) => edit(join(dir, 'sepal.json'), (text) => text.replace('127.0.0.1:0', '0.0.0.0:0')),
      [/0\.0\.0\.0/, /TLS/, /trustProxy/],
    ],
    [
      'with a setting that this release does not have',
      (dir) =>
        edit(join(dir, 'sepal.json'), (text) =>
          text.replace('"policy"', '"store": "postgres://x", "policy"'),
        ),
      [/`store` is not supported yet/],
    ],
    [
      'with something else in place of the control socket',
      (dir) => mkdirSync(join(dir, '.sepal/control.sock')),
      [/control\.sock/],
    ],
  ];

  it.each(cases)('%s', async (_what, spoil, words) => {
    const dir = copy();
    spoil(dir);
    const said = await refusal(dir);
    for (const word of words) expect(said).toMatch(word);
    expect(said.split('\n').length, 'short').toBeLessThan(12);
  });

  it('where its port is taken', async () => {
    const dir = copy();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { readonly port: number };
    edit(join(dir, 'sepal.json'), (text) => text.replace('127.0.0.1:0', `127.0.0.1:${port}`));
    const said = await refusal(dir);
    other.close();
    expect(said).toContain(`127.0.0.1:${port} is in use by another process`);
    expect(said).toContain('listen.http');
  });

  it('where another gateway holds the log, which goes on', async () => {
    const dir = copy();
    const first = await runGateway(command.file, { dir });
    const said = await refusal(dir);
    expect(said).toMatch(/process \d+ writes the log .+ already; .+ stop it/);
    const { ask } = await session(first.url ?? '', template.token);
    expect(await ask('tools/call', { name: 'run', arguments: { id: 'x' } })).toMatchObject({ result: {} });
    first.child.kill('SIGTERM');
    await first.ended;
  });

  it('but starts on what it was made for, and ends in order', async () => {
    const dir = copy();
    const run = await runGateway(command.file, { dir });
    expect(run.url, run.stderr()).not.toBeNull();
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });
});

describe('the self-test', () => {
  it('stops a gateway that would not deny, before anything is forwarded', async () => {
    vi.resetModules();
    vi.doMock('../../runtime/decide/ceiling.js', async (original) => ({
      ...(await original<object>()),
      withinCeiling: () => true,
    }));
    const { createGateway: broken } = await import('../../runtime/gateway/gateway.js');
    const { dir, config, journal } = template;
    const before = journal();
    const start = broken({
      config,
      policy: loaded(policyOf(() => ({ effect: 'allow', rules: ['all'] }))),
      log: memoryLog(),
      kid: 'deadbeef',
      version: '0',
      env: process.env,
      clock: { wall: Date.now, monotonic: () => performance.now() },
      say: () => undefined,
      control: null,
    });
    await expect(start).rejects.toMatchObject({
      name: 'StartRefused',
      message: 'a call that nobody may make was not denied',
    });
    expect(journal(), dir).toEqual(before);
    vi.doUnmock('../../runtime/decide/ceiling.js');
    vi.resetModules();
  });

  it('stops a policy that cannot be evaluated', async () => {
    const dir = scratch();
    writeFileSync(join(dir, 'sepal.lock'), '{"servers":{},"version":1}');
    const start = createGateway({
      config: configOf(dir, {}),
      policy: loaded(
        policyOf(() => {
          throw new Error('boom');
        }),
      ),
      log: memoryLog(),
      kid: 'deadbeef',
      version: '0',
      env: process.env,
      clock: { wall: Date.now, monotonic: () => performance.now() },
      say: () => undefined,
      control: null,
    });
    await expect(start).rejects.toMatchObject({
      name: 'StartRefused',
      message: expect.stringContaining('boom'),
    });
  });
});
