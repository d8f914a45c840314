// SPDX-License-Identifier: Apache-2.0
// prove, diff, reach: answers, exit codes and the shapes that scripts read.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { edit, folder, must } from '../helpers/command.js';

const EXAMPLE = join(import.meta.dirname, '../../examples/filesystem');
const BROKEN = 'prove never allow on fs/write_file unless args.path under "/srv/data/drafts/public"';

/** The example in a folder of its own. */
function example(change: ((text: string) => string) | null = null): string {
  const dir = folder();
  cpSync(EXAMPLE, dir, { recursive: true });
  if (change !== null) edit(dir, 'policy.sep', change);
  return dir;
}

describe('prove', () => {
  it('proves what the example claims', async () => {
    const { out, err } = await must(example(), 0, 'prove', 'policy.sep');
    expect(out).toMatch(/^proved: prove never allow on fs\/write_file unless/m);
    expect(err).toMatch(/^\d+ proved, 0 refuted, 0 undecided in \d+ ms\n$/);
  });

  it('refutes with a question that `sepal decide` answers so', async () => {
    const dir = example((text) => `${text}\n${BROKEN}\n`);
    const { out } = await must(dir, 6, 'prove', 'policy.sep', '--format', 'json');
    const { version, statements } = JSON.parse(out) as {
      readonly version: number;
      readonly statements: readonly {
        readonly status: string;
        readonly witness: object | null;
        readonly statement: string;
      }[];
    };
    expect(version).toBe(1);
    const refuted = statements.filter(({ status }) => status === 'refuted');
    expect(refuted.map(({ statement }) => statement)).toEqual([BROKEN]);
    writeFileSync(join(dir, 'questions.jsonl'), `${JSON.stringify(refuted[0]?.witness)}\n`);
    const asked = await must(dir, 0, 'decide', '--policy', 'policy.sep', '--batch', 'questions.jsonl');
    expect(JSON.parse(asked.out)).toMatchObject({ decision: 'allow' });
  });

  it('writes the witness as a test, which fails until the policy is mended', async () => {
    const dir = example((text) => `${text}\n${BROKEN}\n`);
    await must(dir, 6, 'prove', 'policy.sep', '--write-tests');
    expect(readFileSync(join(dir, 'policy.sep'), 'utf8')).toContain('test "witness: prove never allow');
    await must(dir, 6, 'test', 'policy.sep');
    edit(dir, 'policy.sep', (text) =>
      text.replace(
        'fs/write_file when { args.path under "/srv/data/drafts" }',
        'fs/write_file when { args.path under "/srv/data/drafts/public" }',
      ),
    );
    await must(dir, 6, 'test', 'policy.sep', '--filter', 'reads and writes');
    await must(dir, 0, 'test', 'policy.sep', '--filter', 'witness');
    await must(dir, 0, 'prove', 'policy.sep');
    const { err } = await must(dir, 0, 'prove', 'policy.sep', '--write-tests');
    expect(err).toContain('0 tests added');
  });

  it('writes what the other policy decides where it is wider', async () => {
    const dir = example((text) => `${text}\nprove not wider than "old.sep"\n`);
    cpSync(join(EXAMPLE, 'policy.sep'), join(dir, 'old.sep'));
    await must(dir, 0, 'prove', 'policy.sep');
    edit(dir, 'policy.sep', (text) => text.replace('when { args.path under "/srv/data" }', ''));
    await must(dir, 6, 'prove', 'policy.sep', '--write-tests');
    const tests = readFileSync(join(dir, 'policy.sep'), 'utf8').split('test "witness: prove not wider')[1];
    expect(tests).toMatch(/=> deny/);
    await must(dir, 6, 'test', 'policy.sep', '--filter', 'not wider');
  });
});

describe('a certificate', () => {
  it('is written, checked, and refused for a policy that decides otherwise', async () => {
    const dir = example();
    await must(dir, 0, 'prove', 'policy.sep', '--certificate', 'proof.json');
    expect((await must(dir, 0, 'prove', 'policy.sep', '--check', 'proof.json')).err).toMatch(
      /^\d+ questions asked, 0 faults\n$/,
    );
    edit(dir, 'policy.sep', (text) => text.replace('when { args.path under "/srv/data" }', ''));
    await must(dir, 6, 'prove', 'policy.sep', '--check', 'proof.json');
    await must(dir, 1, 'prove', 'policy.sep', '--check', 'sepal.lock');
  });
});

describe('diff', () => {
  it('says what is widened and tightened, and ends with 6 only for the first', async () => {
    const dir = example();
    cpSync(join(dir, 'policy.sep'), join(dir, 'old.sep'));
    expect((await must(dir, 0, 'diff', 'old.sep', 'policy.sep')).out).toBe(
      'equal: no call is decided otherwise\n',
    );
    edit(dir, 'policy.sep', (text) =>
      text.replace('when { args.path under "/srv/data" }', 'when { args.path under "/srv" }'),
    );
    const { out } = await must(dir, 6, 'diff', 'old.sep', 'policy.sep');
    expect(out).toMatch(/^widened: deny → allow: agent:\* on fs\/read_text_file when .*"\/srv"/);
    expect(out).toContain('  for example agent:');
    await must(dir, 0, 'diff', 'policy.sep', 'old.sep');
    const { out: markdown } = await must(dir, 6, 'diff', 'old.sep', 'policy.sep', '--format', 'markdown');
    expect(markdown).toMatch(/^### widened\n\n\| decision \|/);
    const shape = JSON.parse(
      (await must(dir, 6, 'diff', 'old.sep', 'policy.sep', '--format', 'json')).out,
    ) as object;
    expect(shape).toMatchObject({
      equal: false,
      widened: [
        { from: 'deny', to: 'allow', where: expect.any(String), witness: { call: 'fs/read_text_file' } },
      ],
      tightened: [],
    });
  });
});

describe('build --against', () => {
  it('refuses to widen unless that is accepted', async () => {
    const dir = example();
    cpSync(join(dir, 'policy.sep'), join(dir, 'old.sep'));
    await must(dir, 0, 'build', 'policy.sep', '--out', 'out', '--against', 'old.sep');
    edit(dir, 'policy.sep', (text) => text.replace('when { args.path under "/srv/data" }', ''));
    await expect(
      must(dir, 6, 'build', 'policy.sep', '--out', 'wider', '--against', 'old.sep'),
    ).resolves.toMatchObject({
      err: expect.stringMatching(/^widened: deny → allow[^]*nothing is written/),
    });
    expect(existsSync(join(dir, 'wider'))).toBe(false);
    await must(dir, 0, 'build', 'policy.sep', '--out', 'wider', '--against', 'old.sep', '--accept-widening');
  });
});

describe('build --against a bundle', () => {
  it('compares with the rules of a signed bundle, all of which must be as it was signed', async () => {
    const dir = example();
    await must(dir, 0, 'keygen', 'publisher', '--name', 'acme.example/policies', '--out', 'publisher.key');
    await must(
      dir,
      0,
      'build',
      'policy.sep',
      '--out',
      'old',
      '--sign',
      'publisher.key',
      '--publisher',
      'acme.example/policies',
    );
    const against = (...more: readonly string[]) =>
      ['build', 'policy.sep', '--out', 'new', '--against', 'old/policy.manifest.json', ...more] as const;
    await must(dir, 0, ...against());
    edit(dir, 'policy.sep', (text) => text.replace('when { args.path under "/srv/data" }', ''));
    const { err } = await must(dir, 6, ...against());
    expect(err).toMatch(/^widened: deny → allow[^]*for example[^]*nothing is written/);
    await must(dir, 0, ...against('--accept-widening'));
    edit(dir, 'old/policy.rules.json', (text) => text.replace('"agent:"', '"agentx:"'));
    expect((await must(dir, 1, ...against())).err).toContain('is not the one that');
    edit(dir, 'old/policy.manifest.json', (text) => text.replace(/"steps": \d+/, '"steps": 1'));
    expect((await must(dir, 1, ...against())).err).toContain('the signature does not fit the bundle');
  });
});

describe('test --mutate', () => {
  it('shows what no test notices, with the test that would', async () => {
    const dir = example();
    const { out } = await must(dir, 6, 'test', 'policy.sep', '--mutate');
    expect(out).toMatch(/^survived: .*: /m);
    expect(out).toMatch(/mutation: \d+ killed, \d+ survived, \d+ equivalent \(not counted\): [\d.]+ %\n$/);
    const { mutation } = JSON.parse(
      (await must(dir, 6, 'test', 'policy.sep', '--mutate', '--format', 'json')).out,
    ) as {
      readonly mutation: object;
    };
    expect(mutation).toMatchObject({
      killed: expect.any(Number),
      survived: expect.any(Number),
      equivalent: expect.any(Number),
      score: expect.any(Number),
    });
  });
});

describe('reach', () => {
  it('lists what a principal can be allowed', async () => {
    const { out } = await must(example(), 0, 'reach', 'policy.sep', '--as', 'agent:writer');
    expect(out).toMatch(/allow +fs\/read_text_file +args\.path under "\/srv\/data"/);
    expect(out).toMatch(/review +fs\/move_file/);
    expect((await must(example(), 0, 'reach', 'policy.sep', '--as', 'user:dana')).out).toBe(
      'user:dana can reach nothing\n',
    );
    expect(
      (await must(example(), 0, 'reach', 'policy.sep', '--as', 'agent:writer', '--format', 'svg')).out,
    ).toMatch(/^<svg /);
    await expect(must(example(), 1, 'reach', 'policy.sep', '--as', 'writer')).resolves.toMatchObject({
      code: 1,
    });
  });
});
