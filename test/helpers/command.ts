// SPDX-License-Identifier: Apache-2.0
// The built command as a child process, in scratch folders. One set-up is made by `sepal init` and copied for each test.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, expect } from 'vitest';
import { commandFile } from '../../cli/install.js';
import { runCommand } from '../../cli/run.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: { readonly [name: string]: string };
  /** Interrupts the command once it has printed this. */
  readonly until?: RegExp;
}

const folders: string[] = [];
const children: ChildProcess[] = [];
// Registered first, so it runs last: whatever a failing test forgot ends here.
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const each of folders) rmSync(each, { recursive: true, force: true, maxRetries: 5 });
});

/** A folder of its own, which goes when the tests of the file are over. */
export function folder(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'sepal-cli-')));
  folders.push(dir);
  return dir;
}

const OWN_PROCESS = new Set(['gateway', 'wrap', 'verify']);

/** Runs `sepal …` in `dir`: in this process where the verb can, which is many times faster. */
export async function sepal(dir: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  if (OWN_PROCESS.has(args[0] ?? '') || options.input !== undefined) return await spawned(dir, args, options);
  let [out, err] = ['', ''];
  const code = await runCommand(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    env: { ...process.env, ...options.env },
    cwd: dir,
    colour: false,
    now: Date.now,
  });
  return { code, out, err };
}

/** Runs the built command and waits for its end; stdin is empty unless `input` is given. */
export function spawned(dir: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [commandFile(), ...args], {
      cwd: dir,
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
      if (options.until?.test(out) === true) child.kill('SIGINT');
    });
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, out, err }));
  });
}

/** As `sepal`, but the test fails unless the exit code is this one. */
export async function must(dir: string, code: number, ...args: readonly string[]): Promise<Ran> {
  const ran = await sepal(dir, args);
  expect({ args, ...ran }).toMatchObject({ code });
  return ran;
}

/** What every failure looks like: one `error:` with a help, and nothing of our insides. */
export function expectClear(ran: Ran, code: number, message: RegExp | string): void {
  const said = `${ran.out}\n${ran.err}`;
  expect(said).toMatch(message);
  expect(ran.code, said).toBe(code);
  expect(said).not.toMatch(/^\s+at .*(:\d+:\d+|node:)/m);
  expect(said).not.toMatch(/node:internal|TypeError|undefined|\[object |Error: E[A-Z]+/);
}

let base: Promise<string> | null = null;

/** A copy of what `sepal init` writes, listening on a free port. */
export async function setup(): Promise<string> {
  base ??= made();
  const dir = folder();
  cpSync(await base, dir, { recursive: true });
  edit(dir, 'sepal.json', (text) => text.replaceAll(/"\/[^"]*\/sepal-cli-[^"/]+/g, `"${dir}`));
  return dir;
}

async function made(): Promise<string> {
  const dir = folder();
  await must(dir, 0, 'init');
  edit(dir, 'sepal.json', (text) => text.replace('127.0.0.1:4002', '127.0.0.1:0'));
  return dir;
}

export function edit(dir: string, file: string, change: (text: string) => string): void {
  const path = join(dir, file);
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  expect(after, `${file} was not changed`).not.toBe(before);
  writeFileSync(path, after);
}

export interface Running {
  readonly url: string;
  readonly child: ChildProcess;
  err(): string;
  stop(): Promise<number>;
}

const START_MS = 60_000;

/** `sepal gateway`; resolves once it listens, rejects with what it said when it does not. */
export function gateway(dir: string, args: readonly string[] = []): Promise<Running> {
  const child = spawn(process.execPath, [commandFile(), 'gateway', ...args], {
    cwd: dir,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  children.push(child);
  const stop = (): Promise<number> => {
    child.kill('SIGTERM');
    return ended;
  };
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the gateway does not listen: ${err}`)), START_MS);
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
      const url = /^listening on (\S+)$/m.exec(out)?.[1];
      if (url === undefined) return;
      clearTimeout(late);
      resolve({ url, child, err: () => err, stop });
    });
    void ended.then((code) => {
      clearTimeout(late);
      reject(new Error(`the gateway ended with ${code}: ${err}`));
    });
  });
}

/** A real SDK client over HTTP. */
export async function client(url: string, token: string): Promise<Client> {
  const made = new Client({ name: 'test', version: '1.0.0' });
  await made.connect(
    new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  return made;
}

interface Answer {
  readonly isError: boolean;
  readonly text: string;
  readonly receipt: string;
}

/** One call, with the text of the answer and the id of its receipt. */
export async function call(
  by: Client,
  name: string,
  args: { readonly [key: string]: unknown },
): Promise<Answer> {
  const result = await by.callTool({ name, arguments: { ...args } });
  const parts = Array.isArray(result.content) ? (result.content as { readonly text?: string }[]) : [];
  const receipt = result._meta?.['dev.sepal/receipt'] as { readonly id?: string } | undefined;
  return {
    isError: result.isError === true,
    text: parts.map((part) => part.text ?? '').join(' '),
    receipt: receipt?.id ?? '',
  };
}
