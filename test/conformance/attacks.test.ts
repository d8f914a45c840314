// SPDX-License-Identifier: Apache-2.0
// What auditors attack, row by row: the vectors and tests that show each attack caught. The list is complete, and everything that it names is there.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

interface Row {
  readonly attack: string;
  /** Of test/vectors; those of `bad` must fail, those of `incomplete` must not pass, those of `good` must. */
  readonly vectors: readonly string[];
  /** A file of tests and a name in it. */
  readonly tests?: readonly (readonly [string, string])[];
}

const ROWS: readonly Row[] = [
  { attack: 'Edit one receipt', vectors: ['bad/edit', 'bad/edit-resigned'] },
  { attack: 'Delete / insert in the middle', vectors: ['bad/delete', 'bad/insert', 'bad/gap'] },
  { attack: 'Reorder', vectors: ['bad/reorder'] },
  { attack: 'Cut the tail', vectors: ['bad/cut', 'bad/cut-with-checkpoints', 'incomplete/tail'] },
  { attack: 'Delete everything', vectors: ['bad/nothing', 'bad/nothing-at-all', 'bad/begun-again'] },
  {
    attack: 'Fork / split view',
    vectors: [
      'bad/two-roots',
      'bad/split-view',
      'bad/split-view-log-key',
      'bad/equivocation',
      'bad/equivocation-log-key',
    ],
  },
  {
    attack: 'Benign fork by concurrency',
    vectors: ['bad/concurrent'],
    tests: [['test/unit/log/lock.test.ts', 'is refused, told which is the first']],
  },
  {
    attack: 'Replay of a receipt to another log or call',
    vectors: [
      'bad/other-log',
      'bad/other-call',
      'bad/approval-reused',
      'bad/approval-other-intent',
      'bad/opening-moved',
      'bad/log-key-of-another-log',
    ],
  },
  {
    attack: 'Key theft, back-dating',
    vectors: [
      'bad/rewrite',
      'bad/clock-ahead',
      'bad/revoked',
      'bad/trust-revokes',
      'bad/log-key-revoked',
      'bad/epoch-by-revoked',
      'bad/old-epoch',
    ],
    tests: [['test/unit/log/rotate.test.ts', 'ends under load without a gap']],
  },
  {
    attack: 'Key substitution (self-signed forgery)',
    vectors: ['bad/key-substitution', 'bad/log-key-uncertified', 'bad/uncertified', 'incomplete/no-trust'],
  },
  {
    attack: 'Gateway omits receipts',
    vectors: ['bad/held-missing', 'bad/held-beyond', 'bad/hidden'],
    tests: [['test/e2e/reconcile.test.ts', 'shows what each of them leaves out']],
  },
  {
    attack: 'Crash after the action, before the receipt',
    vectors: ['bad/lost', 'good/restart'],
    tests: [['test/fault/gateway-kill.test.ts', 'lose no receipt and forward nothing without one']],
  },
  {
    attack: 'Crash in the middle of a write',
    vectors: ['incomplete/torn', 'bad/torn-earlier'],
    tests: [
      ['test/unit/log/recover.test.ts', 'ends at the last whole entry, wherever the last three are cut'],
    ],
  },
  {
    attack: 'Policy swap',
    vectors: ['bad/policy-swapped', 'bad/policy-never'],
    tests: [['test/unit/replay.test.ts', 'catches a module that is not the one of the source']],
  },
  { attack: 'Backdated policy activation', vectors: ['bad/policy-later'] },
  {
    attack: 'Canonicalisation ambiguity',
    vectors: ['bad/white-space', 'bad/key-order', 'bad/escapes', 'bad/exponent', 'bad/float'],
    tests: [['test/property/receipts/quick-body.test.ts', 'the quick way and the strict one agree']],
  },
  {
    attack: 'Duplicate JSON keys',
    vectors: ['bad/duplicate-key', 'bad/duplicate-key-escaped'],
    tests: [['test/property/receipts/json.test.ts', 'duplicate_key']],
  },
  { attack: 'Huge numbers', vectors: ['bad/huge-number', 'bad/unsafe-integer'] },
  { attack: 'Unicode: lone surrogates', vectors: ['bad/lone-surrogate', 'bad/not-utf-8'] },
  { attack: 'Unicode: composed against decomposed', vectors: ['good/unicode'] },
  { attack: 'Integer-like keys, `__proto__`', vectors: ['bad/extension-number-key', 'bad/proto'] },
  { attack: 'Deep nesting (stack bomb)', vectors: ['bad/extension-deep'] },
  { attack: 'Signature malleability (S + kL)', vectors: ['bad/malleable', 'bad/short-signature'] },
  {
    attack: 'Small-order or non-canonical key',
    vectors: ['bad/small-order-key', 'bad/approval-weak-key', 'refused/trust-small-order'],
  },
  { attack: 'Cofactored against cofactorless', vectors: ['bad/cofactored'] },
  {
    attack: 'Secrets or personal data in arguments',
    vectors: ['good/openings-reads'],
    tests: [['test/e2e/gateway-privacy.test.ts', 'keeps what is planted sealed']],
  },
  { attack: 'Guessing unsalted argument hashes', vectors: ['bad/opening-lie', 'bad/opening-lie-full'] },
  { attack: 'Log injection through tool names', vectors: ['good/control-characters', 'bad/two-signatures'] },
  { attack: 'Clock lies', vectors: ['bad/clock', 'bad/clock-ahead', 'bad/no-time'] },
  { attack: 'Algorithm confusion', vectors: ['bad/other-algorithm', 'refused/trust-witness-type'] },
];

const RESULTS: { readonly [kind: string]: string } = {
  good: 'pass',
  bad: 'fail',
  incomplete: 'incomplete',
  refused: 'refused',
};

describe('each attack', () => {
  it.each(ROWS.map((row) => [row.attack, row] as const))('%s', (_, { vectors, tests = [] }) => {
    expect(vectors.length).toBeGreaterThan(0);
    for (const name of vectors) {
      const file = join(root, 'test/vectors', name, 'expected.json');
      const { result } = JSON.parse(readFileSync(file, 'utf8')) as { readonly result: string };
      expect(result, name).toBe(RESULTS[name.split('/')[0] ?? '']);
    }
    for (const [file, name] of tests) expect(readFileSync(join(root, file), 'utf8'), file).toContain(name);
  });

  it('of the table of attacks has its row here', (context) => {
    const page = join(root, '../shared/field/receipts.md');
    if (!existsSync(page))
      return context.skip('the page with the table of attacks is not beside this repository');
    const [, table = ''] = readFileSync(page, 'utf8').split('\n## 2. ');
    const attacks = [...(table.split('\n## ')[0] ?? '').matchAll(/^\| ([^|]+) \|/gm)]
      .map(([, name = '']) => name.trim())
      .filter((name) => name !== 'Attack' && !name.startsWith('---'));
    expect(ROWS.map(({ attack }) => attack)).toEqual(attacks);
  });
});
