// SPDX-License-Identifier: Apache-2.0
/** The folder that the demo plays in, and the real command as child processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandFile, packageRoot } from '../../cli/install.js';

/** A step of the demo did not go as it must: the demo ends with exit 1. */
export class Unexpected extends Error {}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Stage {
  readonly dir: string;
  readonly scratch: string;
  /** Runs `sepal …` in the folder and waits for its end. */
  sepal(...args: readonly string[]): Promise<Ran>;
  /** As `sepal`, but fails when the exit code is another. */
  must(code: number, ...args: readonly string[]): Promise<string>;
}

/** Copies the example to a new folder. */
export function openStage(): Stage {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'sepal-quickstart-')));
  const example = join(packageRoot(), 'examples', 'quickstart');
  for (const name of ['policy.sep', 'sepal.lock', 'scratch']) {
    cpSync(join(example, name), join(dir, name), { recursive: true });
  }
  const sepal = (...args: readonly string[]): Promise<Ran> => run(dir, args);
  const must = async (code: number, ...args: readonly string[]): Promise<string> => {
    const ran = await sepal(...args);
    if (ran.code === code) return ran.out;
    throw new Unexpected(
      `\`sepal ${args.join(' ')}\` ended with ${ran.code}, not ${code}:\n${ran.out}${ran.err}`,
    );
  };
  return { dir, scratch: join(dir, 'scratch'), sepal, must };
}

function run(dir: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [commandFile(), ...args], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, out, err }));
  });
}

/** The example's sepal.json, with this machine's paths, a free address and the approver in it. */
export async function writeConfig(stage: Stage, approver: unknown, once: boolean): Promise<void> {
  const template = readFileSync(join(packageRoot(), 'examples', 'quickstart', 'sepal.json'), 'utf8');
  const config = JSON.parse(template) as {
    mcpServers: { [name: string]: { command: string; args: string[] } };
    listen: { http: string };
    approvers: unknown[];
    config: { [name: string]: string };
  };
  const server = (name: string): string =>
    createRequire(import.meta.url).resolve(`@modelcontextprotocol/server-${name}/dist/index.js`);
  const { fs, memory } = config.mcpServers;
  if (fs === undefined || memory === undefined) throw new Unexpected('sepal.json lacks its servers');
  fs.command = process.execPath;
  fs.args = [server('filesystem'), 'scratch'];
  memory.command = process.execPath;
  memory.args = [server('memory')];
  if (once || !(await isFree(4002))) config.listen.http = '127.0.0.1:0';
  config.approvers = [approver];
  config.config = { scratch: stage.scratch, drafts: join(stage.scratch, 'drafts') };
  writeFileSync(join(stage.dir, 'sepal.json'), `${JSON.stringify(config, null, 2)}\n`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

export interface RunningGateway {
  readonly url: string;
  readonly ended: Promise<number>;
  stop(): Promise<number>;
}

const START_MS = 30_000;

/** `sepal gateway` as a child; resolves once it listens. */
export async function startGateway(stage: Stage): Promise<RunningGateway> {
  const child = spawn(process.execPath, [commandFile(), 'gateway'], {
    cwd: stage.dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  const url = await listening(child);
  const stop = (): Promise<number> => {
    child.kill('SIGTERM');
    return ended;
  };
  return { url, ended, stop };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    let err = '';
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Unexpected(`the gateway does not listen after ${START_MS / 1000} s:\n${err}`));
    }, START_MS);
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
      const found = /^listening on (\S+)$/m.exec(out)?.[1];
      if (found === undefined) return;
      clearTimeout(late);
      resolve(found);
    });
    child.once('close', () => {
      clearTimeout(late);
      reject(new Unexpected(`the gateway did not start:\n${err}`));
    });
  });
}
