// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LockFile, printLock, readLockFile } from '../../../cli/lock-file.js';
import { fullCompiler } from '../../../cli/full-compiler.js';
import { filesScaffold, reviewScaffold } from '../../../cli/scaffold.js';
import { check } from '../../../compiler/check.js';
import { format, parse } from '../../../grammar/index.js';
import { folder } from '../../helpers/command.js';
import { lockText } from '../../helpers/lock.js';

interface Definition {
  readonly name: string;
  readonly [member: string]: unknown;
}

function lockOf(definitions: readonly Definition[]): LockFile {
  const path = join(folder(), 'sepal.lock');
  writeFileSync(path, lockText({ s: definitions }));
  const lock = readLockFile(path);
  if (lock === null) throw new Error('the lock was not written');
  return lock;
}
const tool = (name: string, more: object = {}): Definition => ({
  name,
  inputSchema: { type: 'object' },
  ...more,
});

/** Errors of a policy against a lock; it must be in its canonical form too. */
function errorsOf(policy: string, lock: LockFile): readonly string[] {
  expect(format(parse(policy).file, policy)).toBe(policy);
  const input = {
    source: { path: 'policy.sep', text: policy },
    readLock: () => ({ path: 'sepal.lock', text: printLock(lock) }),
  };
  return check(input, fullCompiler)
    .diagnostics.filter((d) => d.severity === 'error')
    .map((d) => d.message);
}

describe('a policy for servers that are taken over', () => {
  it.each([
    ['plain names', ['read', 'write']],
    ['names that are words of the language', ['allow', 'test', 'null', 'on', 'args']],
    [
      'names with other characters',
      ['a b', 'a"b', 'a\\b', 'a//b', 'x->y', '{', '}', '\u00e4', "'", '-', '.', 'a*b'],
    ],
    [
      'names that would end a comment or a text',
      ['a\nallow x: any -> */*', '*/', '" => allow', '\u2028', '\u0000'],
    ],
  ])('is right for %s', (_what, names) => {
    const lock = lockOf(names.map((name) => tool(name, { annotations: { readOnlyHint: true } })));
    const { policy } = reviewScaffold({}, lock);
    expect(errorsOf(policy, lock)).toEqual([]);
    // Every grant is the one review.
    expect(policy.split('\n').filter((line) => /^(allow|review) /.test(line))).toHaveLength(1);
  });

  it('asks a question that fits a schema, where there is one', () => {
    const strict = {
      inputSchema: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
    };
    expect(reviewScaffold({}, lockOf([tool('a', strict), tool('b')])).policy).toMatch(
      / {2}s\/b \{\} => review by everything/,
    );
    expect(reviewScaffold({}, lockOf([tool('a', strict)])).policy).not.toContain('=> review by');
  });

  it('grants nothing where nothing is pinned', () => {
    const lock = lockOf([]);
    const { policy } = reviewScaffold({}, lock);
    expect(errorsOf(policy, lock)).toEqual([]);
    expect(policy).not.toMatch(/^(allow|review) /m);
  });
});

describe('the policy for a folder of files', () => {
  it('is in its canonical form', () => {
    const { policy } = filesScaffold('/x');
    expect(format(parse(policy).file, policy)).toBe(policy);
  });
});
