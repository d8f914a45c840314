// SPDX-License-Identifier: Apache-2.0
// The verbs of an author: check, fmt, build, test, decide, explain, with the shapes and exit codes that scripts read.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { edit, expectClear, must, sepal, setup } from '../helpers/command.js';

let dir: string;
beforeAll(async () => {
  dir = await setup();
});

const json = (text: string): unknown => JSON.parse(text);
const copyOf = async (change: (text: string) => string): Promise<string> => {
  const own = await setup();
  edit(own, 'policy.sep', change);
  return own;
};

describe('check', () => {
  it('passes a good policy, and says so on stderr', async () => {
    expect(await must(dir, 0, 'check')).toEqual({
      code: 0,
      out: '',
      err: '1 policy: 0 errors, 0 warnings\n',
    });
  });

  it('lets warnings pass, but not with --deny-warnings', async () => {
    const open = await copyOf((text) => `${text}\nallow anything: agent:x -> fs/read_text_file\n`);
    expect((await must(open, 0, 'check')).err).toMatch(/0 errors, [1-9]\d* warning/);
    await must(open, 3, 'check', '--deny-warnings');
    await must(dir, 0, 'check', '--deny-warnings');
  });

  it('ends with 3 and one diagnostic for each error, in all formats', async () => {
    const wrong = await copyOf((text) => text.replace('fs/read_text_file,', 'fs/read_text_fil,'));
    const human = await must(wrong, 3, 'check');
    expect(human.out).toMatch(
      /error\[SEP\d{4}\]: .*read_text_fil[^]*policy\.sep:\d+:\d+[^]*did you mean `fs\/read_text_file`/,
    );
    expect(human.err).toBe('1 policy: 1 error, 0 warnings\n');
    const shape = json((await must(wrong, 3, 'check', '--format', 'json')).out);
    expect(shape).toMatchObject({
      version: 1,
      diagnostics: [
        {
          code: expect.stringMatching(/^SEP\d{4}$/),
          severity: 'error',
          file: 'policy.sep',
          start: { line: expect.any(Number), column: expect.any(Number), offset: expect.any(Number) },
          end: { line: expect.any(Number) },
          fixes: expect.any(Array),
        },
      ],
    });
    expect((await must(wrong, 3, 'check', '--format', 'plain')).out).toMatch(
      /^policy\.sep:\d+:\d+: error SEP\d{4}/,
    );
  });

  it('reports several syntax errors of one run', async () => {
    const wrong = await copyOf((text) => `${text}\nallow : x\ndeny b any -> fs/*\n`);
    const { diagnostics } = json((await must(wrong, 3, 'check', '--format', 'json')).out) as {
      readonly diagnostics: readonly unknown[];
    };
    expect(diagnostics.length).toBeGreaterThan(1);
  });
});

describe('fmt', () => {
  it('says which files differ, rewrites them once, and reads stdin', async () => {
    const own = await copyOf((text) => text.replace('allow reading:', 'allow   reading  :'));
    expect(await must(own, 6, 'fmt', '--check')).toMatchObject({ out: 'policy.sep\n' });
    expect(await must(own, 0, 'fmt')).toMatchObject({ out: 'policy.sep\n' });
    expect(await must(own, 0, 'fmt', '--check')).toMatchObject({ out: '' });
    expect(readFileSync(join(own, 'policy.sep'))).toEqual(readFileSync(join(dir, 'policy.sep')));
    const stdin = await sepal(own, ['fmt', '-'], { input: 'sep 1\npolicy  a.b   1.0.0\n' });
    expect(stdin).toMatchObject({ code: 0, out: 'sep 1\npolicy a.b 1.0.0\n' });
  });

  it('leaves a file with syntax errors alone', async () => {
    const own = await copyOf((text) => `${text}\nallow : x\n`);
    const before = readFileSync(join(own, 'policy.sep'), 'utf8');
    expect((await must(own, 3, 'fmt')).err).toMatch(/error\[SEP/);
    expect(readFileSync(join(own, 'policy.sep'), 'utf8')).toBe(before);
  });
});

describe('build', () => {
  it('writes three files, the same bytes each time, which decide like the source', async () => {
    const args = [
      '--as',
      'agent:local',
      '--call',
      'fs/read_text_file',
      '--args',
      '{"path":"/f/a"}',
      '--fact',
      'files=/f',
    ];
    await must(dir, 0, 'build', '--out', 'one');
    await must(dir, 0, 'build', '--out', 'deep/two');
    const files = readdirSync(join(dir, 'one')).sort();
    expect(files).toEqual(['policy.js', 'policy.manifest.json', 'policy.rules.json', 'policy.ts']);
    for (const file of files)
      expect(readFileSync(join(dir, 'one', file))).toEqual(readFileSync(join(dir, 'deep/two', file)));
    const own = await setup();
    await must(own, 0, 'build', '--out', 'b');
    expect((await must(own, 0, 'decide', '--policy', 'b/policy.js', ...args)).out).toMatch(
      /^allow by reading/,
    );
    expect((await must(own, 0, 'decide', '--policy', 'b/policy.manifest.json', ...args)).out).toMatch(
      /^allow/,
    );
    edit(own, 'b/policy.js', (text) => `${text}\n`);
    expectClear(
      await sepal(own, ['decide', '--policy', 'b/policy.js', ...args]),
      1,
      /hash is .* but its manifest says/,
    );
  });

  it('writes nothing for a policy with errors', async () => {
    const own = await copyOf((text) => text.replace('agent:*', 'agnt:*'));
    expectClear(await sepal(own, ['build', '--out', 'b']), 3, /the policy has \d error/);
    expect(existsSync(join(own, 'b'))).toBe(false);
  });
});

describe('test', () => {
  it('prints what passed', async () => {
    expect((await must(dir, 0, 'test')).out).toBe(
      'ok   reading\nok   writing\nok   moving\n3 passed, 0 failed; 3 of 3 rules met by a test\n',
    );
    expect((await must(dir, 0, 'test', '--filter', 'mov')).out).toMatch(/^ok {3}moving\n1 passed/);
  });

  it('shows a failing question where it stands, with what was expected and why it came out otherwise', async () => {
    const own = await copyOf((text) => text.replace('=> deny by writing', '=> allow by writing'));
    const human = await must(own, 6, 'test');
    expect(human.out).toMatch(
      /FAIL writing\n {2}--> policy\.sep:\d+:3[^]*= expected: allow by writing\n {3}= actual: {3}deny by writing\n[^]*2 passed, 1 failed/,
    );
    const shape = json((await must(own, 6, 'test', '--format', 'json')).out);
    expect(shape).toMatchObject({
      passed: 2,
      failed: 1,
      tests: expect.any(Array),
      coverage: expect.any(Object),
    });
  });
});

const FILES = ['--fact', 'files=/f', '--fact', 'drafts=/f/drafts'] as const;
const write = (path: string): readonly string[] => [
  '--as',
  'agent:local',
  '--call',
  'fs/write_file',
  '--args',
  JSON.stringify({ path, content: 'x' }),
  ...FILES,
];

describe('decide', () => {
  it('ends with 0, 2 or 4', async () => {
    expect((await must(dir, 0, 'decide', ...write('/f/drafts/a'))).out).toBe('allow by writing\n');
    expect((await must(dir, 2, 'decide', ...write('/etc/passwd'))).out).toBe(
      'deny by writing: Files may be written below the shared folder only\n',
    );
    expect((await must(dir, 4, 'decide', ...write('/f/a'))).out).toMatch(
      /^review by writing: Outside of the drafts the owner decides\n {2}needs 1 of role:owner within 900 s, asked by writing\n$/,
    );
  });

  it('prints the promised shape', async () => {
    const { out } = await must(dir, 4, 'decide', ...write('/f/a'), '--json');
    expect(json(out)).toEqual({
      decision: 'review',
      rules: ['writing'],
      matched: [{ name: 'writing', effect: 'review' }],
      default: false,
      reason: 'Outside of the drafts the owner decides',
      unknowns: [],
      approvals: [{ rule: 'writing', self: false, roles: ['owner'], quorum: 1, timeout: 900_000 }],
      timeout: 900_000,
      shadow: [],
      steps: expect.any(Number),
      policy: {
        name: 'local.files',
        version: '1.0.0',
        source: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        module: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      },
    });
  });

  it('takes the facts of sepal.json where it takes its policy, and only there', async () => {
    const own = join(dir, 'files', 'drafts', 'a.md');
    const ask = [
      '--as',
      'agent:local',
      '--call',
      'fs/write_file',
      '--args',
      JSON.stringify({ path: own, content: '' }),
    ];
    await must(dir, 0, 'decide', ...ask);
    await must(dir, 0, 'decide', ...ask, '--config', 'sepal.json', '--policy', 'policy.sep');
    expect((await must(dir, 2, 'decide', ...ask, '--policy', 'policy.sep')).out).toMatch(/unknown: drafts/);
    await must(dir, 2, 'decide', ...ask, '--fact', 'drafts=null', '--fact', 'files=null');
    mkdirSync(join(dir, 'sub'));
    await must(join(dir, 'sub'), 0, 'decide', ...ask, '--config', '../sepal.json');
  });

  it('explains unknowns, near misses and what a traversal is', async () => {
    const { out } = await must(
      dir,
      2,
      'decide',
      '--as',
      'agent:local',
      '--call',
      'fs/read_text_file',
      '--args',
      '{"path":"/f/../etc/passwd"}',
      ...FILES,
      '--explain',
    );
    expect(out).toMatch(
      /^deny \(default: no rule surely grants it\)\n {2}unknown: .*\n[^]*matched: reading \(allow, not sure\)[^]*steps: {3}at most \d+\n$/,
    );
    const near = await must(
      dir,
      2,
      'decide',
      '--as',
      'agent:local',
      '--call',
      'fs/read_text_file',
      '--args',
      '{"path":"/etc/passwd"}',
      ...FILES,
      '--explain',
    );
    expect(near.out).toMatch(/near: {4}reading \(allow\), had it held that /);
    const misfit = await must(
      dir,
      2,
      'decide',
      '--as',
      'agent:local',
      '--call',
      'fs/read_text_file',
      '--args',
      '{}',
    );
    expect(misfit.out).toMatch(/no rule was asked: .*path/);
  });

  it('explains the nearest change that would be permitted, of every rule', async () => {
    const own = await copyOf(
      () => `sep 1
policy acme.heads 1.0.0
tools "sepal.lock"
allow heads: agent:* -> fs/read_text_file when { has(args.head) and args.head <= 10 }
`,
    );
    const ask = ['--as', 'agent:x', '--call', 'fs/read_text_file', '--args', '{"path":"/a","head":99}'];
    const { out } = await must(own, 2, 'decide', ...ask, '--explain');
    expect(out).toContain('  nearest: It would be allowed with `head` of at most 10.\n');
    const shape = json((await must(own, 2, 'decide', ...ask, '--explain', '--json')).out);
    expect(shape).toMatchObject({ nearest: ['It would be allowed with `head` of at most 10.'] });
    expect((await must(own, 2, 'decide', ...ask)).out).not.toContain('nearest');
  });

  it('speaks for a user', async () => {
    await must(
      dir,
      0,
      'decide',
      ...write('/f/drafts/a').map((word) => (word === 'agent:local' ? 'agent:local for user:dana' : word)),
    );
  });

  it('answers a batch in order, one line each, from a file and from stdin', async () => {
    const question = (path: string, more: object = {}): string =>
      JSON.stringify({
        as: 'agent:local',
        call: 'fs/write_file',
        args: { path, content: 'x' },
        facts: { files: '/f', drafts: '/f/drafts' },
        ...more,
      });
    const lines = [
      question('/f/drafts/a'),
      question('/f/a', { at: '2026-03-09T13:00:00Z', session: 's1' }),
      question('/etc/x', { roles: [] }),
      question('/f/drafts/a', { facts: { files: null, drafts: null } }),
    ];
    writeFileSync(join(dir, 'q.jsonl'), `${lines.join('\n')}\n`);
    const { out } = await must(dir, 0, 'decide', '--batch', 'q.jsonl');
    const answers = out
      .trimEnd()
      .split('\n')
      .map(
        (line) => json(line) as { readonly decision: string; readonly unknowns: readonly { name: string }[] },
      );
    expect(answers.map((answer) => answer.decision)).toEqual(['allow', 'review', 'deny', 'deny']);
    expect(answers[3]?.unknowns.map((unknown) => unknown.name)).toEqual(['drafts', 'files']);
    expect(await sepal(dir, ['decide', '--batch', '-'], { input: lines.join('\n') })).toMatchObject({
      code: 0,
      out,
    });
  });

  it('says which line of a batch is wrong, and answers the others', async () => {
    const good = '{"as":"agent:local","call":"fs/list_allowed_directories"}';
    const wrong = [
      '{',
      '[]',
      '{"as":"agent:local"}',
      '{"as":"agent:a","call":"fs/x","argz":{}}',
      '{"as":"agent:a","call":"fs/x","facts":{"nope":1}}',
      '{"as":1,"call":"fs/x"}',
      '{"as":"agent:a","call":"fs/x","phase":"result"}',
    ];
    const ran = await sepal(dir, ['decide', '--batch', '-'], { input: [good, ...wrong, good].join('\n') });
    const answers = ran.out
      .trimEnd()
      .split('\n')
      .map((line) => json(line));
    expect(ran.code).toBe(1);
    expect(ran.err).toBe('7 of 9 questions could not be asked\n');
    expect(answers).toMatchObject(
      [
        { decision: 'deny' },
        { line: 2, error: /JSON/ },
        { line: 3, error: 'a question is a JSON object' },
        { line: 4, error: '`call` is missing' },
        { line: 5, error: 'unknown key `argz`', help: 'did you mean `args`?' },
        { line: 6, error: 'the policy has no fact `nope`' },
        { line: 7, error: '`as` is not a text' },
        { line: 8, error: /the phase `result` needs a result/ },
        { decision: 'deny' },
      ].map((each) =>
        'error' in each && each.error instanceof RegExp
          ? { ...each, error: expect.stringMatching(each.error) }
          : each,
      ),
    );
  });
});

describe('explain', () => {
  it('prints the page of every code offline', async () => {
    const codes = (await must(dir, 0, 'explain', '--list')).out.trimEnd().split('\n');
    expect(codes.length).toBeGreaterThan(40);
    for (const line of codes) expect(line).toMatch(/^SEP\d{4}: ./);
    for (const word of ['SEP3007', 'sep3007', '3007'])
      expect((await must(dir, 0, 'explain', word)).out).toMatch(/^# SEP3007: [^]*## Avoid[^]*## Prefer/);
  });
});
