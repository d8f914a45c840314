// SPDX-License-Identifier: Apache-2.0
/** A real receipt log in a scratch folder, and the entries that tests put into it. */
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogOptions } from '../../runtime/log/log.js';
import { createKeys, type Draft, loadKeys, type Log, openLog, trustText } from '../../runtime/log/index.js';
import type { Body } from '../../runtime/verify/format/body.js';
import { CONTEXT } from '../../runtime/verify/format/entry.js';
import { digest, hashText } from '../../runtime/verify/format/hash.js';
import { scanEntries } from '../../runtime/verify/format/segment.js';
import { leafHash } from '../../runtime/verify/format/tree.js';
import { type Report, verify } from '../../runtime/verify/index.js';

export const ORIGIN = 'log.test/log';
const POLICY = {
  name: 'test',
  version: '1.0.0',
  source: digest('source'),
  module: digest('module'),
  compiler: digest('compiler'),
};

export const policyDraft: Draft = { type: 'policy', policy: POLICY };

/** A decision about a call of its own. `filler` makes the entry longer. */
export function decided(
  effect: 'allow' | 'deny',
  activation: string,
  filler = '',
): Draft & { readonly call: string } {
  return {
    type: 'decide',
    call: randomBytes(16).toString('base64'),
    phase: 'call',
    principal: {
      id: 'agent:test',
      roles: ['reader'],
      auth: { method: 'token', credential: 't1' },
      session: digest('session'),
    },
    intent: {
      kind: 'tool',
      method: 'tools/call',
      server: 'fs',
      name: 'read_text_file',
      definition: digest('definition'),
      args_root: digest('args'),
      args_count: 1,
      digest: digest('intent'),
    },
    policy: { ...POLICY, activation },
    reads: ['/path'],
    decision: { effect, rules: ['reading'], default: false, steps: 12, reason: `tested${filler}` },
  };
}

export const outcomeOf = (call: string, decide: string, status: 'ok' | 'unknown' = 'ok'): Draft => ({
  type: 'outcome',
  call,
  refs: { decide },
  outcome: { status },
});

export const clearText = (word: string) => ({
  salt: Buffer.from(word.padEnd(16, '.').slice(0, 16)).toString('base64'),
  intent: JSON.stringify({ word }),
});

export interface Scratch {
  readonly folder: string;
  readonly dir: string;
  readonly keysDir: string;
  open(more?: Partial<LogOptions>): Promise<Log>;
  verify(at?: string): Promise<Report>;
  remove(): void;
}

/** For tests that need no real disk: a folder in memory is faster. */
export function memoryFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sepal-log-'));
}

/** Keys and the place of a log in `folder`, by default a new one. */
export function scratch(folder = mkdtempSync(join(tmpdir(), 'sepal-log-'))): Scratch {
  const dir = join(folder, 'log');
  const keysDir = join(folder, 'keys');
  createKeys(keysDir, ORIGIN);
  return {
    folder,
    dir,
    keysDir,
    open: (more = {}) => openLog({ dir, keysDir, origin: ORIGIN, checkpointSeconds: 3600, ...more }),
    verify: (at = dir) => verify(at, { trust: trustText(ORIGIN, loadKeys(keysDir, ORIGIN), null) }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What a crash now would leave: the folder as it is, without the socket, which cannot be copied. */
export function copyLog(from: string, to: string): string {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  return to;
}

export interface Found {
  readonly body: Body;
  readonly leaf: string;
}

/** What stands in the segments now, read with the format code alone. */
export function entriesOn(dir: string): readonly Found[] {
  const entries = join(dir, 'entries');
  return readdirSync(entries)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .flatMap((name) => {
      const bytes = readFileSync(join(entries, name));
      const found: Found[] = [];
      scanEntries(bytes, (start, end) => {
        const json = bytes.toString(
          'utf8',
          start + CONTEXT.length,
          bytes.indexOf(10, start + CONTEXT.length),
        );
        found.push({
          body: JSON.parse(json) as Body,
          leaf: hashText(leafHash(bytes.subarray(start, end))),
        });
      });
      return found;
    });
}

export const failedOf = (report: Report): readonly string[] =>
  report.properties.filter(({ status }) => status === 'fail').map(({ name, detail }) => `${name}: ${detail}`);

/** Calls that were let through and have no outcome. */
export function unsettled(entries: readonly Found[]): readonly string[] {
  const open = new Set<string>();
  for (const { body } of entries) {
    if (body.call === undefined) continue;
    if (body.type === 'decide' && body.decision?.effect === 'allow') open.add(body.call);
    if (body.type === 'outcome') open.delete(body.call);
  }
  return [...open];
}
