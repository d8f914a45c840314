// SPDX-License-Identifier: Apache-2.0
// The runner of the tests that live in a policy.
import { describe, expect, it } from 'vitest';
import { compile } from '../../../compiler/compile.js';
import { renderTests, runTests, type TestReport } from '../../../compiler/testing/index.js';
import type { CompiledModule } from '../../../stdlib/abi.js';
import { std } from '../../../stdlib/std.js';
import { host, pinModules, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const MODULE = 'sep 1\npolicy acme.base 1.0.0 tighten\ndeny shut: any -> fs/delete_file because "never"\n';

async function report(body: string, only: readonly string[] = []): Promise<TestReport> {
  const text = policy(`${body}\n`);
  const lock = pinModules(SHOP_LOCK, { 'acme.base': MODULE });
  const input = {
    source: { path: 'p.sep', text },
    readLock: (path: string) => ({ path, text: lock }),
    readModule: () => ({ path: 'base.sep', text: MODULE }),
  };
  const compiler = { version: '0', hash: '0', tz: '0', unicode: '0' };
  const { output, diagnostics } = compile(input, host, compiler);
  if (output === null) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join('\n'));
  const url = `data:text/javascript;base64,${Buffer.from(output.js).toString('base64')}`;
  const module = ((await import(url)) as CompiledModule).link(std);
  const { file, ir } = output;
  return runTests(
    { path: 'p.sep', source: text, file, ir, module, misfit: () => null, scan: () => undefined },
    only,
  );
}

const RULES = `role lead
fact open: bool from config.open
import acme.base
template vault(root: path) { allow use: agent:* -> fs/read_file when { args.path under root } }
instance legal = vault("/legal")
deny closed: any -> fs/read_file unless { open } because "closed"
review edits: agent:* -> fs/write_file by role:lead timeout 15m
allow pay_: agent:* -> pay/transfer when { args.amount < 10 }
`;
const outcome = async (tests: string): Promise<readonly boolean[]> =>
  (await report(RULES + tests)).tests.map((test) => test.passed);

describe('runTests', () => {
  it('asks with facts, sessions, users and approvals; rules of modules and instances by their names', async () => {
    expect(
      await outcome(`test "a" {
  as agent:x with open true in session "s" at "2026-03-09T13:00:00Z"
  fs/read_file { path: "/legal/x" } => allow by legal.use
  fs/read_file { path: "/other" } => deny by default
  fs/delete_file { path: "/" } => deny by base.shut because "never"
  as agent:x with open unavailable
  fs/read_file { path: "/legal/x" } => deny by closed because "closed"
  fs/write_file { path: "/", content: "" } => review by edits repeat 3 then approved => allow by edits
  pay/transfer { to: "b", amount: 9.99, currency: "EUR", tags: [] } => allow by pay_
}`),
    ).toEqual([true]);
  });

  it('fails where an answer, its rule, its reason or what follows an approval differs', async () => {
    const ask = (expected: string): string =>
      `test "t" { as agent:x with open false fs/read_file { path: "/legal/x" } => ${expected} }\n`;
    expect(
      await outcome(
        [
          ask('deny by closed'),
          ask('allow'),
          ask('deny by legal.use'),
          ask('deny by default'),
          ask('deny because "other"'),
          'test "u" { as agent:x fs/write_file { path: "/", content: "" } => review then approved => deny }',
        ].join(''),
      ),
    ).toEqual([true, false, false, false, false, false]);
  });

  it('an example is answered by its rule', async () => {
    expect(
      await outcome(`example closed { as agent:x with open false fs/read_file { path: "/legal/x" } => deny }
example legal.use { as agent:x with open true fs/read_file { path: "/legal/x" } => allow }
example legal.use { as agent:x with open false fs/read_file { path: "/legal/x" } => deny }
example base.shut { as agent:x fs/delete_file { path: "/" } => deny }
example edits { as agent:x fs/write_file { path: "/", content: "" } => review then approved => allow }`),
    ).toEqual([true, true, false, true, true]);
  });

  it('runs the tests whose titles are asked for, and counts the rules that they meet', async () => {
    const tests = `test "one" { as agent:x fs/delete_file { path: "/" } => deny }
test "two" { as agent:x fs/delete_file { path: "/" } => allow }
example edits { as agent:x fs/write_file { path: "/", content: "" } => review }`;
    const all = await report(RULES + tests);
    expect([all.passed, all.failed]).toEqual([2, 1]);
    expect(all.coverage).toEqual({ rules: 5, covered: 2, uncovered: ['closed', 'legal.use', 'pay_'] });
    expect((await report(RULES + tests, ['one'])).tests.map((t) => t.title)).toEqual(['one']);
    expect((await report(RULES + tests, ['example'])).tests.map((t) => t.title)).toEqual(['example edits']);
    const text = renderTests(all, policy(`${RULES + tests}\n`));
    expect(text).toContain('FAIL two\n');
    expect(text).toContain('ok   example edits\n');
    expect(text).toContain('2 passed, 1 failed; 2 of 5 rules met by a test');
  });
});
