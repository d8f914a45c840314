// SPDX-License-Identifier: Apache-2.0
/** A child process as upstream: argv without a shell, an allow-listed environment, its own process group, killed as a group. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { StdioServer } from '../../config.js';
import { answeredBy } from '../wire/answer.js';
import { lineSplitter } from '../wire/lines.js';
import { type Channel, type ChannelEvents, NotSent } from './channel.js';
import { meter, unasked } from './meter.js';
import { endOfLine, paced } from './paced.js';
import { forget, outliveNot } from './reaper.js';

const INHERITED = ['HOME', 'PATH', 'SHELL', 'TERM'];
/** One message of an upstream; a longer one is answered with an error and the upstream lives on. */
export const MAX_LINE = 16 * 1024 * 1024;
const MAX_QUEUED = 64 * 1024 * 1024;
const GRACE_MS = 1500;
/** Of its stderr, for the operator. */
const LAST_WORDS = 400;

/** Groups that must not outlive us; after a SIGKILL the reaper sees to them. */
const groups = new Set<number>();
let guarded = false;

function guardGroups(): void {
  if (guarded) return;
  guarded = true;
  process.on('exit', () => {
    for (const pid of groups) signal(pid, 'SIGKILL');
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    groups.delete(pid);
  }
}

/** What a child sees of our environment: four harmless names and what the operator configured. */
export function childEnvironment(
  server: StdioServer,
  own: { readonly [name: string]: string | undefined },
): { [name: string]: string } {
  const env: { [name: string]: string } = {};
  for (const name of INHERITED) {
    const value = own[name];
    if (value !== undefined) env[name] = value;
  }
  return Object.assign(env, server.env);
}

/** Starts the process; rejects with `NotSent` when it cannot be started. */
export async function openStdio(
  server: StdioServer,
  own: { readonly [name: string]: string | undefined },
  events: ChannelEvents,
): Promise<Channel> {
  guardGroups();
  const child = spawn(server.command, [...server.args], {
    cwd: server.cwd,
    env: childEnvironment(server, own),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    shell: false,
    windowsHide: true,
  });
  await started(child, server.command);
  const pid = child.pid ?? 0;
  groups.add(pid);
  outliveNot(pid);
  return attach(child, pid, server, events);
}

function started(child: ChildProcess, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new NotSent(
          'its program cannot be started',
          `cannot start \`${command}\`: ${error.code ?? error.message}`,
        ),
      );
    });
  });
}

const NOTHING = Buffer.alloc(0);
const SPACES = new Set([9, 10, 13, 32]);

/** Is `{` the first of its bytes that is no white space? */
function opensObject(bytes: Buffer): boolean {
  let at = 0;
  while (SPACES.has(bytes[at] ?? 0)) at++;
  return bytes[at] === 0x7b;
}

function attach(child: ChildProcess, pid: number, server: StdioServer, events: ChannelEvents): Channel {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new NotSent('the process has no pipes');
  let open = true;
  let lastWords = '';
  const end = (why: string, detail = why): void => {
    if (!open) return;
    open = false;
    events.lost(null, why);
    events.closed(why, detail);
  };
  const said = meter(events, server.share);
  /** In the middle of a line that is long already: all that comes of it costs little. */
  let long = false;
  const take = lineSplitter(MAX_LINE, {
    line: (bytes) => {
      const text = bytes.toString('utf8').trim();
      if (text.startsWith('{')) return unasked(said, bytes.length, events.message(text, null));
      if (text.length > 0) events.noise(bytes.length);
      said.said(bytes.length);
    },
    large: (parts, size) => {
      long = false;
      if (opensObject(parts[0] ?? NOTHING)) return unasked(said, size, events.message(parts, null));
      events.noise(size);
      said.said(size);
    },
    tooLong: (head, tail) => {
      long = false;
      const id = answeredBy(head, tail);
      if (id === null) events.noise(MAX_LINE);
      else events.lost(id, `an answer over ${MAX_LINE} bytes`);
    },
    growing: (bytes) => {
      long = true;
      said.growing(bytes);
    },
    dropped: (bytes, line) => said.dropped(bytes, line),
  });
  const words = meter(events, server.share);
  const pipes = [
    paced(stdout, said, take, (chunk, at) => (long ? endOfLine(chunk, at) : null)),
    paced(
      stderr,
      words,
      (chunk) => {
        lastWords = (lastWords + chunk.subarray(-LAST_WORDS).toString('utf8')).slice(-LAST_WORDS);
        words.dropped(chunk.length, false);
      },
      (chunk) => chunk.length,
    ),
  ];
  child.once('exit', () => {
    for (const pipe of pipes) pipe.hurry();
  });
  for (const stream of [stdin, stdout, stderr])
    stream.on('error', () => end('the pipe to the process broke'));
  child.on('error', () => end('the process failed'));
  child.on('close', (code, by) => {
    const words = lastWords.trim().split('\n').at(-1)?.trim() ?? '';
    const why = `the process ended (${by ?? `code ${code}`})`;
    end(why, words === '' ? why : `${why}: ${words.slice(0, 200)}`);
    signal(pid, 'SIGKILL');
    groups.delete(pid);
    forget(pid);
  });
  return {
    kind: 'stdio',
    send: (text) =>
      new Promise((resolve, reject) => {
        if (!open || !stdin.writable) return reject(new NotSent('the process has ended'));
        if (stdin.writableLength > MAX_QUEUED)
          return reject(new NotSent('the process does not read its input'));
        const sent = (error: Error | null | undefined): void =>
          error ? end('the pipe to the process broke') : undefined;
        if (typeof text === 'string') stdin.write(`${text}\n`, sent);
        else {
          stdin.write(text);
          stdin.write('\n', sent);
        }
        return resolve();
      }),
    negotiated: () => undefined,
    listen: () => undefined,
    abandon: () => undefined,
    close: () => stop(child, pid, () => end('closed')),
  };
}

/** Close stdin, then SIGTERM, then SIGKILL, each to the whole group. */
async function stop(child: ChildProcess, pid: number, end: () => void): Promise<void> {
  end();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<boolean>((resolve) => child.once('exit', () => resolve(true)));
  const within = (ms: number): Promise<boolean> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    return Promise.race([gone, late]).finally(() => clearTimeout(timer));
  };
  child.stdin?.end();
  if (!(await within(300))) {
    signal(pid, 'SIGTERM');
    if (!(await within(GRACE_MS))) signal(pid, 'SIGKILL');
  }
  signal(pid, 'SIGKILL');
}
