// SPDX-License-Identifier: Apache-2.0
// `sepal import` on the examples: what stands in the repository is what it prints, with tests below.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { folder, must, sepal } from '../helpers/command.js';

const EXAMPLES = join(dirname(fileURLToPath(import.meta.url)), '../../examples/from-yaml');
const text = (name: string): string => readFileSync(join(EXAMPLES, name), 'utf8');

/** The commands that the page of the example gives. */
const MADE = [...text('README.md').matchAll(/\[(\w+\.sep)\].*`npx sepal (import [^`]+)`/g)];

describe('sepal import', () => {
  it('has an example of each dialect', () => {
    expect(MADE).toHaveLength(4);
  });

  it.each(MADE.map(([, file = '', line = '']) => [file, line.split(' ')] as const))(
    'prints %s',
    async (file, args) => {
      const ran = await must(EXAMPLES, 0, ...args);
      expect(text(file).startsWith(ran.out)).toBe(true);
      expect(text(file).slice(ran.out.length)).toMatch(/^\ntest "/);
      expect(ran.err).toMatch(/asked both readings \d{2,} questions: the same answers/);
      expect(ran.err).not.toContain('not asked');
    },
  );

  it('works without a lock, and says what to pin', async () => {
    const ran = await must(EXAMPLES, 0, 'import', 'files.yaml');
    expect(ran.out).toContain(
      'allow write_file: agent:content-editor -> */write_file\n  when { has(args.path) and args.path under',
    );
    expect(ran.err).toContain('write_file (path: string)');
  });

  it('writes a file that is not there yet, with the path of its lock', async () => {
    const dir = folder();
    writeFileSync(join(dir, 'sepal.lock'), text('sepal.lock'));
    writeFileSync(join(dir, 'p.yaml'), text('server.yaml'));
    const args = ['import', 'p.yaml', '--lock', 'sepal.lock', '--server', 'fs', '--out', 'policies/p.sep'];
    expect((await must(dir, 0, ...args)).out).toBe('');
    expect(readFileSync(join(dir, 'policies/p.sep'), 'utf8')).toContain('tools "../sepal.lock"');
    await must(dir, 0, 'check', 'policies/p.sep');
    expect((await must(dir, 1, ...args)).err).toContain('exists already');
  });

  it('says every fault of a file, and that it does not fit the tools', async () => {
    const dir = folder();
    writeFileSync(join(dir, 'sepal.lock'), text('sepal.lock'));
    writeFileSync(
      join(dir, 'bad.yaml'),
      'rules:\n  - tool: read_file\n    acton: allow\n  - tool: x\n    alow: true\n',
    );
    const bad = await sepal(dir, ['import', 'bad.yaml']);
    expect(bad.code).toBe(3);
    expect(bad.err).toContain('bad.yaml:3:5: the rule has no key `acton`');
    expect(bad.err).toContain('bad.yaml:5:5: the rule has no key `alow`');
    writeFileSync(
      join(dir, 'odd.yaml'),
      'rules:\n  - tool: read_file\n    parameter_constraints: { pth: { pattern: "^/a/" } }\n',
    );
    const odd = await sepal(dir, ['import', 'odd.yaml', '--lock', 'sepal.lock', '--out', 'odd.sep']);
    expect(odd.code).toBe(3);
    expect(odd.err).toContain('SEP2011');
    expect(odd.err).toContain('nothing is written');
  });
});
