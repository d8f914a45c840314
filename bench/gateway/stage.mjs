// SPDX-License-Identifier: Apache-2.0
// What the benches of the gateway set up: a folder with policy, config, keys and pins, and processes that are waited for and ended.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import {
  closeSync,
  fdatasync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** The command to measure: what bench/run.mjs has just built, else what `npm run build` did. */
export const sepal = resolve(process.argv[2] ?? join(here, '../../dist/cli/main.js'));
export const echo = join(here, 'echo.mjs');
export const node = process.execPath;

const policyOf = ({ rule }) =>
  `sep 1\npolicy bench.gateway 1.0.0\ntools "sepal.lock"\n\n${rule}\ndeny evil: agent:evil-* -> up/*\n`;

export const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

const cli = (cwd, ...args) => execFileSync(node, [sepal, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' });

export async function until(probe, what) {
  for (let i = 0; i < 600; i++) {
    try {
      return await probe();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`${what} did not start`);
}

/** A folder with policy, config, keys, lock; `upstream` is an entry of mcpServers, `more` others by name. */
export async function setUp(upstream, work, more = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'sepal-bench-'));
  const port = await freePort();
  cli(tmpdir(), 'init', dir);
  const config = JSON.parse(readFileSync(join(dir, 'sepal.json'), 'utf8'));
  config.policy = 'bench.sep';
  config.mcpServers = { up: upstream, ...more };
  config.listen = {
    ...config.listen,
    http: `127.0.0.1:${port}`,
    limits: { perCredential: '100000000/1m', unauthenticated: '60/1m' },
  };
  config.identity = { ...config.identity, stdio: { principal: 'agent:bench', roles: [] } };
  writeFileSync(join(dir, 'sepal.json'), JSON.stringify(config, null, 2));
  writeFileSync(join(dir, 'bench.sep'), policyOf(work));
  cli(dir, 'tools', 'pull');
  const token = JSON.parse(cli(dir, 'token', 'create', '--principal', 'agent:bench', '--json')).token;
  return { dir, port, token, config: join(dir, 'sepal.json') };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** A process that is killed with the bench, `detached` in a session of its own; `stop` waits for its end. What it says on stderr goes into the error of `failed`. */
export function start(command, args, env = {}, detached = false) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
    detached,
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-4000)));
  const ended = new Promise((done) => child.once('exit', done));
  const kill = () => child.kill();
  process.once('exit', kill);
  return {
    pid: child.pid,
    said: () => said,
    stop: async () => {
      process.removeListener('exit', kill);
      kill();
      await ended;
    },
  };
}

/**
 * The p50 of one durable receipt by itself, in ms: 1 KB signed, written where space is allocated, and flushed. Nothing that forwards a
 * call only after its receipt is on the disk adds less.
 */
export async function receiptAlone(count) {
  const dir = mkdtempSync(join(tmpdir(), 'sepal-bench-'));
  const fd = openSync(join(dir, 'receipts'), 'w');
  writeSync(fd, Buffer.alloc(count * 1024));
  fsyncSync(fd);
  const { privateKey } = generateKeyPairSync('ed25519');
  const times = [];
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.alloc(1024, i);
    const start = performance.now();
    sign(null, bytes, privateKey).copy(bytes);
    writeSync(fd, bytes, 0, bytes.length, i * 1024);
    await new Promise((done, failed) => fdatasync(fd, (error) => (error ? failed(error) : done())));
    times.push(performance.now() - start);
  }
  closeSync(fd);
  remove(dir);
  return median(times);
}

export const remove = (dir) => rmSync(dir, { recursive: true, force: true });
