// SPDX-License-Identifier: Apache-2.0
// Diagnostics for other tools: what each format promises, with hostile texts in every place.
import { describe, expect, it } from 'vitest';
import { diagnose, type Diagnostic } from '../../../../compiler/diagnostics/diagnostic.js';
import { renderGithub, renderJunit, renderSarif } from '../../../../compiler/diagnostics/formats.js';
import { renderHuman, renderJson, renderPlain } from '../../../../compiler/diagnostics/render.js';
import { checkText, policy } from '../../../helpers/policy.js';
import { SHOP_LOCK } from '../../../helpers/shop.js';

const NAME = 'dir/a b,c:d%.sep';
const EVIL = 'a"<&>\u202e\u001b[2J%\r\n::error::x';
const text = 'sep 1\npolicy a.b 1.0.0\ndeny x: any -> fs/*\nlast';
const sources = new Map([[NAME, text]]);
const span = { start: text.indexOf('deny'), end: text.indexOf('last') + 2 };
const finding: Diagnostic = diagnose(
  'SEP2002',
  NAME,
  span,
  { name: EVIL },
  {
    labels: [{ file: NAME, span: { start: 0, end: 3 }, text: 'first' }],
    fixes: [{ title: 'do', edits: [{ file: NAME, span: { start: 0, end: 5 }, text: 'sep 2' }], safe: false }],
  },
);
const warning = diagnose('SEP4002', NAME, { start: 6, end: 12 }, { name: 'policy' });

describe('sarif', () => {
  it('has rules, results in order, places in UTF-16 columns, related places and fixes', () => {
    const log: unknown = JSON.parse(renderSarif([finding, warning], sources, '1.2.3'));
    const uri = 'dir/a%20b%2Cc%3Ad%25.sep';
    expect(log).toMatchObject({
      $schema: expect.stringMatching(/sarif-schema-2\.1\.0\.json$/) as unknown,
      version: '2.1.0',
      runs: [
        {
          columnKind: 'utf16CodeUnits',
          tool: {
            driver: { name: 'sepal', version: '1.2.3', rules: [{ id: 'SEP2002' }, { id: 'SEP4002' }] },
          },
          results: [
            { ruleId: 'SEP4002', ruleIndex: 1, level: 'warning' },
            {
              ruleId: 'SEP2002',
              ruleIndex: 0,
              level: 'error',
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri },
                    region: {
                      startLine: 3,
                      startColumn: 1,
                      endLine: 4,
                      endColumn: 3,
                      charOffset: span.start,
                    },
                  },
                },
              ],
              relatedLocations: [{ id: 1, message: { text: 'first' } }],
              fixes: [
                {
                  artifactChanges: [
                    {
                      artifactLocation: { uri },
                      replacements: [
                        { insertedContent: { text: 'sep 2' }, deletedRegion: { charLength: 5 } },
                      ],
                    },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('has no region in a file that is not known, and no results without findings', () => {
    expect(renderSarif([warning], new Map(), '1')).not.toContain('startLine');
    expect(JSON.parse(renderSarif([], sources, '1'))).toMatchObject({ runs: [{ results: [] }] });
  });
});

it('github has one command a line, and no text of a policy starts another', () => {
  const out = renderGithub([finding, warning], sources);
  const lines = out.trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toBe(
    '::warning file=dir/a b%2Cc%3Ad%25.sep,line=2,endLine=2,col=1,endColumn=7,title=SEP4002::`policy` is never used%0Aremove it, or use it',
  );
  expect(lines[1]).toMatch(/^::error file=[^:]*,line=3,endLine=4,title=SEP2002::/);
  expect(lines[1]).toContain('%25%0D%0A');
});

it('junit fails a file with errors, keeps warnings, and escapes what XML cannot hold', () => {
  const out = renderJunit(['ok.sep', NAME], [finding, warning], sources);
  expect(out).toContain('<testsuites tests="2" failures="1">');
  expect(out).toContain('<testcase classname="sepal.check" name="ok.sep"/>');
  expect(out.match(/<failure /g)).toHaveLength(1);
  expect(out).toMatch(/<system-out>[^<]*SEP4002/);
  expect(out).toContain('a&quot;&lt;&amp;&gt;\\u{202e}\\u{1b}[2J');
  expect(Array.from(out).filter((c) => c !== '\n' && /[\p{Cc}\p{Cf}]/u.test(c))).toEqual([]);
});

describe('frames', () => {
  const frame = (source: string, start: number, end: number): readonly string[] =>
    renderHuman([diagnose('SEP2014', 'f', { start, end }, { name: 'x' })], new Map([['f', source]]))
      .split('\n')
      .slice(2, -2);

  it('a span over lines shows where it starts and where it ends', () => {
    const source = 'deny a:\n  any\n  -> fs/* // end\n';
    expect(frame(source, 5, source.indexOf(' //'))).toEqual([
      '   |',
      ' 1 | deny a:',
      '   |      ^^',
      '   | …',
      ' 3 |   -> fs/* // end',
      '   |   ^^^^^^^',
    ]);
  });

  it('two lines need no dots, and a line break at the end is no line', () => {
    expect(frame('ab\ncd\n', 1, 4)).toEqual(['   |', ' 1 | ab', '   |  ^', ' 2 | cd', '   | ^']);
    expect(frame('ab\ncd\n', 0, 3)).toEqual(['   |', ' 1 | ab', '   | ^^']);
    expect(frame('ab\r\ncd\r\n', 0, 6)).toEqual(['   |', ' 1 | ab', '   | ^^', ' 2 | cd', '   | ^^']);
  });

  it('the gutter is as wide as the last number', () => {
    const source = `${'\n'.repeat(8)}x\ny\n`;
    expect(frame(source, 8, 11)).toEqual(['    |', '  9 | x', '    | ^', ' 10 | y', '    | ^']);
  });

  it('tabs are one blank, wide characters two columns, hidden ones escapes', () => {
    expect(frame('\tab', 1, 2)).toEqual(['   |', ' 1 |  ab', '   |  ^']);
    expect(frame('日本x', 1, 2)).toEqual(['   |', ' 1 | 日本x', '   |   ^^']);
    expect(frame('a\u202ebc', 1, 2)).toEqual(['   |', ' 1 | a\\u{202e}bc', '   |  ^^^^^^^^']);
    expect(frame('a\u0000b', 2, 3)).toEqual(['   |', ' 1 | a\\u{0}b', '   |       ^']);
  });
});

it('hidden characters are escaped in JSON, which reads the same', () => {
  for (const out of [renderJson([finding], sources), renderSarif([finding], sources, '1')]) {
    expect(Array.from(out).filter((c) => c !== '\n' && /[\p{Cc}\p{Cf}]/u.test(c))).toEqual([]);
    expect(JSON.stringify(JSON.parse(out))).toContain('\u202e');
  }
});

it('the source of a policy cannot write to the terminal in any format', () => {
  const body = `deny a: any -> fs/* when { args.nope == "\u001b[31m\u0007" } // \u202e\u2066\n`;
  const { diagnostics } = checkText(policy(body), SHOP_LOCK);
  const all = new Map([['input.sep', policy(body)]]);
  expect(diagnostics.length).toBeGreaterThan(0);
  for (const out of [
    renderHuman(diagnostics, all),
    renderPlain(diagnostics, all),
    renderGithub(diagnostics, all),
  ]) {
    expect(Array.from(out).filter((c) => c !== '\n' && /[\p{Cc}\p{Cf}]/u.test(c))).toEqual([]);
  }
});
