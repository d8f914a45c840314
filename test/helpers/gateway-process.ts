// SPDX-License-Identifier: Apache-2.0
// The real command, bundled from the sources of this moment, and the gateway that it starts on a project of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beginLog } from '../../cli/log-keys.js';
import { createApproverKey } from '../../runtime/approvals/keys.js';
import { type Config, readConfig } from '../../runtime/config.js';
import { createToken, printTokens, type TokenSpec } from '../../runtime/decide/tokens.js';
import { pin, scratch } from './gateway.js';

const root = join(import.meta.dirname, '../..');
const HARDENED = '--disallow-code-generation-from-strings';

/** Stands below the package, where its dependencies are found. */
export async function bundleCommand(): Promise<{ readonly file: string; readonly remove: () => void }> {
  const folder = join(root, 'node_modules/.cache', `sepal-${process.pid}-${randomBytes(4).toString('hex')}`);
  const file = join(folder, 'main.mjs');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly dependencies: object;
  };
  await build({
    entryPoints: [join(root, 'cli/main.ts')],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'silent',
    external: Object.keys(manifest.dependencies)
      .filter((name) => name !== 'chevrotain')
      .flatMap((name) => [name, `${name}/*`]),
  });
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const journalServer = join(import.meta.dirname, 'journal.mjs');

export interface Project {
  readonly dir: string;
  readonly config: Config;
  /** What the upstream was made to do, one line each. */
  readonly journal: () => readonly string[];
  readonly token: string;
  readonly approver: { readonly id: string; readonly pem: string };
  readonly trust: string;
}

const POLICY = `sep 1
policy kill.test 1.0.0
tools "sepal.lock"
role lead
allow work: agent:* -> s/run, s/environment
review asking: agent:* -> s/ask by role:lead timeout 15m
deny forbidden: agent:* -> s/never because "Never"
`;

/** sepal.json, policy, lock, keys, token, approver and trust file around the journal server. */
export async function project(
  more: object = {},
  spec: TokenSpec = { principal: 'agent:a' },
  rules = '',
): Promise<Project> {
  const dir = scratch();
  const eve = createApproverKey('eve');
  const { token, entry } = createToken(spec, randomBytes);
  const notes = join(dir, 'journal');
  const file = {
    policy: 'policy.sep',
    mcpServers: { s: { command: process.execPath, args: [journalServer, notes] } },
    listen: { http: '127.0.0.1:0', limits: { perCredential: '1000000/1m' } },
    identity: { tokens: 'tokens.json', stdio: { principal: 'agent:local' } },
    approvers: [{ id: 'user:eve', roles: ['lead'], key: eve.vkey }],
    approvals: { holdSeconds: 1 },
    receipts: { origin: 'kill.test/log' },
    ...more,
  };
  writeFileSync(join(dir, 'sepal.json'), JSON.stringify(file, null, 2));
  writeFileSync(join(dir, 'policy.sep'), POLICY + rules);
  writeFileSync(join(dir, 'tokens.json'), printTokens([entry]), { mode: 0o600 });
  const read = readConfig(JSON.stringify(file), join(dir, 'sepal.json'), process.env);
  if (!read.ok) throw new Error(JSON.stringify(read.errors));
  const { config } = read;
  await pin(config);
  rmSync(notes, { force: true });
  mkdirSync(join(dir, '.sepal'), { mode: 0o700 });
  const trust = join(dir, 'trust.json');
  await beginLog(config.receipts, trust);
  return {
    dir,
    config,
    journal: () => (existsSync(notes) ? readFileSync(notes, 'utf8').split('\n').filter(Boolean) : []),
    token,
    approver: { id: 'user:eve', pem: eve.pem },
    trust,
  };
}

export const keyOf = ({ approver }: Project) => createPrivateKey(approver.pem);

export interface Running {
  readonly child: ChildProcess;
  /** The endpoint, or null when it ended before it listened. */
  readonly url: string | null;
  readonly ended: Promise<number | null>;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export interface RunOptions {
  readonly env?: { readonly [name: string]: string };
  /** No file may grow past so many blocks of 1024 bytes: a disk that fills up. */
  readonly fileLimit?: number;
  /** For node itself. */
  readonly flags?: readonly string[];
}

/** `sepal gateway` in one process, hardened from the start (the command would restart itself): a kill hits the gateway itself. */
export async function runGateway(
  command: string,
  { dir }: Pick<Project, 'dir'>,
  { env = {}, fileLimit, flags = [] }: RunOptions = {},
): Promise<Running> {
  const argv = [process.execPath, HARDENED, ...flags, command, 'gateway'];
  const [program = '', ...args] =
    fileLimit === undefined ? argv : ['bash', '-c', `ulimit -S -f ${fileLimit} && exec "$0" "$@"`, ...argv];
  const child = spawn(program, args, {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: dir, ...env },
  });
  let [out, err] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const url = await new Promise<string | null>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const found = /listening on (\S+)/.exec(out)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => resolve(null));
  });
  return { child, url, ended, stdout: () => out, stderr: () => err };
}

/** A session over HTTP, by hand. */
export async function session(url: string, token: string) {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    authorization: `Bearer ${token}`,
  };
  let id = 0;
  const send = (method: string, params: object, more: { [name: string]: string }) =>
    fetch(url, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify({ jsonrpc: '2.0', id: id++, method, params }),
    });
  const clientInfo = { name: 'x', version: '1' };
  const hello = await send('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }, {});
  await hello.text();
  const own = { 'mcp-session-id': hello.headers.get('mcp-session-id') ?? '' };
  return {
    ask: async (method: string, params: object) =>
      (await (await send(method, params, own)).json()) as { readonly [key: string]: unknown },
  };
}
