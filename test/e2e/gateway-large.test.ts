// SPDX-License-Identifier: Apache-2.0
// 5 MB of arguments through the built gateway: scanned to the last character, in a thread, while calls of others are answered.
// The figures are those of `npm run bench -- large`; here only the order of events counts, since machines that run tests are shared.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { call, client, folder, gateway, must } from '../helpers/command.js';

const upstream = resolve(import.meta.dirname, '../../bench/scan/upstream.mjs');
const TOKEN = `ghp_${'mxp4d8UQb2oziU9A3k2a3Qu8k6pvmT0yGLu6'}`;
const LINE =
  'The report of the third quarter says that revenue grew in every region, and that costs stayed flat.\n';
const LARGE = LINE.repeat(Math.ceil(5_000_000 / LINE.length));

const freePort = (): Promise<number> =>
  new Promise((found) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { readonly port: number };
      probe.close(() => found(port));
    });
  });

async function serve(): Promise<string> {
  const port = await freePort();
  const child = spawn(process.execPath, [upstream], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill());
  const url = `http://127.0.0.1:${port}/mcp`;
  await expect
    .poll(
      () =>
        fetch(url).then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 20_000 },
    )
    .toBe(405);
  return url;
}

it('scans a large argument in full while others are answered', async () => {
  const dir = folder();
  await must(dir, 0, 'init', dir);
  const file = join(dir, 'sepal.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as { [key: string]: unknown };
  const mcpServers = { small: { url: await serve() }, large: { url: await serve() } };
  const listen = { http: `127.0.0.1:${await freePort()}` };
  writeFileSync(file, JSON.stringify({ ...config, policy: 'p.sep', mcpServers, listen }));
  writeFileSync(
    join(dir, 'p.sep'),
    'sep 1\npolicy acme.large 1.0.0\ntools "sepal.lock"\nallow take: agent:* -> */take\n' +
      'deny leaving: any -> */* when { has_secrets(args) } because "No secrets"\n',
  );
  await must(dir, 0, 'tools', 'pull');
  const made = await must(dir, 0, 'token', 'create', '--principal', 'agent:a', '--json');
  const { token } = JSON.parse(made.out) as { readonly token: string };
  const running = await gateway(dir);
  onTestFinished(async () => void (await running.stop()));
  const [one, other] = await Promise.all([client(running.url, token), client(running.url, token)]);
  onTestFinished(async () => void (await Promise.all([one.close(), other.close()])));

  expect(await call(one, 'large__take', { text: `${LARGE}token ${TOKEN}` })).toMatchObject({
    isError: true,
    text: 'Denied: No secrets',
  });
  let over = false;
  const large = call(one, 'large__take', { text: LARGE }).finally(() => {
    over = true;
  });
  let meanwhile = 0;
  while (!over) {
    expect(await call(other, 'small__take', { text: 'small' })).toMatchObject({ isError: false, text: '5' });
    if (!over) meanwhile++;
  }
  expect(await large).toMatchObject({ isError: false, text: String(LARGE.length) });
  expect(meanwhile).toBeGreaterThanOrEqual(3);
});
