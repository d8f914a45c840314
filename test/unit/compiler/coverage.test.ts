// SPDX-License-Identifier: Apache-2.0
// Coverage by hand: what is seen, what decides, where it stands, and how it is printed.
import { describe, expect, it } from 'vitest';
import { compile } from '../../../compiler/compile.js';
import { type Coverage, type LeafCoverage, Observer } from '../../../compiler/testing/coverage.js';
import { percentOf, renderCoverage, renderLcov } from '../../../compiler/testing/render-coverage.js';
import { renderTestsJunit } from '../../../compiler/testing/junit.js';
import { runTests } from '../../../compiler/testing/run.js';
import type { TestReport } from '../../../compiler/testing/types.js';
import { std } from '../../../stdlib/std.js';
import type { CompiledModule } from '../../../stdlib/abi.js';
import { host, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

async function measured(
  body: string,
): Promise<{ readonly source: string; readonly coverage: Coverage; readonly report: TestReport }> {
  const source = policy(body);
  const input = {
    source: { path: 'p.sep', text: source },
    readLock: (path: string) => ({ path, text: SHOP_LOCK }),
  };
  const { output, diagnostics } = compile(input, host, { version: '0', hash: '0', tz: '0', unicode: '0' });
  if (output === null) throw new Error(diagnostics.map((d) => d.message).join('\n'));
  const url = `data:text/javascript;base64,${Buffer.from(output.js).toString('base64')}`;
  const module = ((await import(url)) as CompiledModule).link(std);
  const { file, ir } = output;
  const observer = new Observer(ir, file);
  const observe = observer.observe.bind(observer);
  const report = runTests({
    path: 'p.sep',
    source,
    file,
    ir,
    module,
    misfit: () => null,
    scan: () => undefined,
    observe,
  });
  expect(report.tests.flatMap((test) => test.failures)).toEqual([]);
  return { source, coverage: observer.report(), report };
}

/** `text: true/false/unknown deciding true/false` of each condition of a unit. */
const seen = ({ coverage }: { readonly coverage: Coverage }, unit: string): readonly string[] =>
  coverage.parts.filter((part) => part.unit === unit).flatMap((part) => part.conditions.map(shown));
const shown = (one: LeafCoverage): string =>
  `${one.text}: ${one.true}/${one.false}/${one.unknown} deciding ${one.decidingTrue}/${one.decidingFalse}`;

const call = (path: string, content: string, answer: string): string =>
  `fs/write_file { path: "${path}", content: "${content}" } => ${answer}\n`;
const AND = 'allow a: agent:* -> fs/write_file when { args.path under "/d" and args.content == "x" }\n';
const OR = 'allow a: agent:* -> fs/write_file when { args.path under "/d" or args.content == "x" }\n';

describe('MC/DC', () => {
  it.each([
    ['and: true, true', AND, call('/d/a', 'x', 'allow'), ['1/0/0 deciding 1/0', '1/0/0 deciding 1/0']],
    // The second being false, the first decides nothing.
    ['and: true, false', AND, call('/d/a', 'y', 'deny'), ['1/0/0 deciding 0/0', '0/1/0 deciding 0/1']],
    ['and: false, false', AND, call('/e', 'y', 'deny'), ['0/1/0 deciding 0/0', '0/1/0 deciding 0/0']],
    ['or: true, true', OR, call('/d/a', 'x', 'allow'), ['1/0/0 deciding 0/0', '1/0/0 deciding 0/0']],
    ['or: true, false', OR, call('/d/a', 'y', 'allow'), ['1/0/0 deciding 1/0', '0/1/0 deciding 0/0']],
    ['or: false, false', OR, call('/e', 'y', 'deny'), ['0/1/0 deciding 0/1', '0/1/0 deciding 0/1']],
    // Unknown decides nothing itself, and lets the other decide between false and unknown.
    ['and: unknown, true', AND, call('/d/../a', 'x', 'deny'), ['0/0/1 deciding 0/0', '1/0/0 deciding 1/0']],
    ['or: unknown, true', OR, call('/d/../a', 'x', 'allow'), ['0/0/1 deciding 0/0', '1/0/0 deciding 1/0']],
  ])('%s', async (_name, rule, question, expected) => {
    const found = seen(await measured(`${rule}test "t" { as agent:x ${question} }\n`), 'a');
    expect(found.map((text) => text.replace(/^.*: /, ''))).toEqual(expected);
  });

  it('two coupled conditions are each covered where no pair differs in one alone (masking)', async () => {
    const rule =
      'allow a: agent:* -> fs/write_file when { args.content == "x" and args.path under "/d" or args.content != "x" and args.path under "/e" }\n';
    const questions = ['/d/a|x|allow', '/e/a|x|deny', '/e/a|y|allow', '/d/a|y|deny'].map((one) =>
      call(...(one.split('|') as [string, string, string])),
    );
    const { coverage } = await measured(`${rule}test "t" { as agent:x ${questions.join(' ')} }\n`);
    expect(coverage.parts[0]?.conditions.map((one) => [one.decidingTrue > 0, one.decidingFalse > 0])).toEqual(
      [
        [true, true],
        [true, true],
        [true, true],
        [true, true],
      ],
    );
    expect(percentOf(coverage)).toBe(100);
  });
});

describe('parts', () => {
  const BLOCK = `role lead
let inside = args.path under "/d"
decide b for agent:* on fs/write_file {
  case inside => allow
  case args.content == "x" => review by role:lead timeout 5m
  otherwise => deny
}
deny nothing: agent:z -> fs/write_file
limit few: 3 per 1h on fs/write_file
`;

  it('cases, otherwise, rules and limits that are met, and those that are not', async () => {
    const made = await measured(
      `${BLOCK}test "t" { as agent:x ${call('/d/a', 'y', 'allow')} ${call('/e', 'x', 'review')} }\n`,
    );
    const held = made.coverage.parts.map((part) => `${part.unit} ${part.part} ${part.held}/${part.asked}`);
    expect(held).toEqual([
      'b case 1 1/2',
      'b case 2 1/1',
      'b otherwise 0/0',
      'few rule 0/2',
      'nothing rule 0/0',
    ]);
    const text = renderCoverage(made.coverage, 'p.sep', made.source);
    expect(text).toContain('p.sep:10:16  b\n');
    expect(text).toContain('= no question reaches it');
    expect(text).toContain('= it is never false');
    expect(text).toContain('coverage: 0 of 2 rules, 2 of 3 cases, 1 of 2 conditions (masking MC/DC): 55.5 %');
    // Where a predicate says it, its place is in the predicate.
    expect(made.coverage.parts[0]?.conditions[0]?.span).toMatchObject({
      start: made.source.indexOf('args.path under'),
    });
  });

  it('an unknown case leaves open whether the others are reached', async () => {
    const made = await measured(`${BLOCK}test "t" { as agent:x ${call('/d/../a', 'y', 'deny')} }\n`);
    expect(made.coverage.parts.slice(0, 3).map((part) => `${part.held}/${part.asked}`)).toEqual([
      '0/1',
      '0/1',
      '0/1',
    ]);
    expect(renderCoverage(made.coverage, 'p.sep', made.source)).toContain('it is never known');
  });

  it('scores and what imports and templates brought count too', async () => {
    const made =
      await measured(`score risk: per session { add 5 on fs/write_file when { args.content == "x" } add 1 on pay/* }
template t(root: path) { allow use: agent:* -> fs/write_file when { args.path under root } }
instance one = t("/d")
deny risky: any -> * when { risk >= 7 }
test "t" { as agent:x in session "s" ${call('/d/a', 'x', 'allow')} ${call('/d/a', 'y', 'allow')} ${call('/d/a', 'x', 'allow')} ${call('/d/a', 'x', 'deny')} }\n`);
    expect(seen(made, 'risk')).toEqual(['args.content == "x": 3/1/0 deciding 3/1']);
    expect(seen(made, 'risky')).toEqual(['risk >= 7: 1/3/0 deciding 1/3']);
    expect(seen(made, 'one.use')).toEqual(['args.path under "/d": 4/0/0 deciding 4/0']);
    expect(renderCoverage(made.coverage, 'p.sep', made.source)).toContain(
      '--> one.use: `args.path under "/d"`',
    );
  });

  it('both decisions of a delegated call are seen', async () => {
    const made = await measured(`delegation strict
allow a: any -> fs/write_file when { args.path under "/d" and principal in agent:* }
test "t" { as agent:x for user:dana ${call('/d/a', 'x', 'deny')} }\n`);
    expect(seen(made, 'a')[1]).toBe('principal in agent:*: 1/1/0 deciding 1/1');
  });
});

describe('lcov and JUnit', () => {
  it('say the same in their own words', async () => {
    const made = await measured(`${AND}deny nothing: agent:z -> fs/write_file when { args.content == "<&\\"" }
test "t" { as agent:x ${call('/d/a', 'x', 'allow')} ${call('/d/a', 'y', 'deny')} }\n`);
    const rows = renderLcov(made.coverage, 'p.sep', made.source).split('\n');
    expect(rows.slice(0, 2)).toEqual(['TN:', 'SF:p.sep']);
    expect(rows).toContain('FNDA:1,a');
    expect(rows).toContain('BRDA:5,0,1,0');
    expect(rows).toContain('BRDA:6,1,0,-');
    expect(rows).toContain('BRF:6');
    expect(rows).toContain('BRH:3');
    expect(rows).toContain('DA:6,0');
    expect(rows.at(-2)).toBe('end_of_record');
    const failing: TestReport = {
      ...made.report,
      failed: 1,
      tests: [
        {
          title: 'a <b> "c" \u0001',
          file: 'p.sep',
          line: 3,
          passed: false,
          questions: 1,
          failures: [
            {
              span: { start: 0, end: 1 },
              line: 3,
              column: 1,
              question: 'q',
              expected: 'allow',
              actual: 'deny',
              notes: ['<note>'],
            },
          ],
        },
      ],
    };
    const xml = renderTestsJunit([{ file: 'p.sep', report: failing }]);
    expect(xml).toContain('name="a &lt;b&gt; &quot;c&quot; ');
    expect(xml).not.toContain('\u0001');
    expect(xml).toContain('&lt;note&gt;');
  });
});
