// SPDX-License-Identifier: Apache-2.0
// docs/tutorial.md, step by step: each block of policy is put behind the one before, each command is run and gives the answer that is printed
// there (UPDATE_GOLDEN=1 writes the answers).
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folder, sepal } from '../helpers/command.js';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'docs/tutorial.md');

/** The words of a command line; single quotes hold words together. */
const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

/** Times differ from run to run. */
const timeless = (text: string): string => text.replaceAll(/ in \d+ ms/g, '');

async function answered(dir: string, block: string): Promise<string> {
  const lines: string[] = [];
  for (const line of block.split('\n').filter((each) => each.startsWith('$ sepal '))) {
    const { out, err } = await sepal(dir, wordsOf(line.slice('$ sepal '.length)));
    lines.push(
      line,
      ...timeless(`${out}${err}`)
        .trimEnd()
        .split('\n')
        .filter((each) => each !== ''),
    );
  }
  return `${lines.join('\n')}\n`;
}

it('every step of the tutorial does what it says', async () => {
  const dir = folder();
  copyFileSync(join(ROOT, 'examples/quickstart/sepal.lock'), join(dir, 'sepal.lock'));
  writeFileSync(join(dir, 'policy.sep'), '');
  const page = readFileSync(PAGE, 'utf8');
  let written = '';
  let at = 0;
  let steps = 0;
  for (const match of page.matchAll(/^```(sep|console)\n([^]*?)^```$/gm)) {
    const [whole, language, block = ''] = match;
    const start = match.index + whole.indexOf('\n') + 1;
    written += page.slice(at, start);
    if (language === 'sep') {
      appendFileSync(join(dir, 'policy.sep'), steps++ === 0 ? block : `\n${block}`);
      written += block;
    } else written += await answered(dir, block);
    at = start + block.length;
  }
  written += page.slice(at);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, written);
  expect(page).toBe(written);
  expect(steps).toBeGreaterThan(5);
});
