// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { didYouMean } from '../../compiler/diagnostics/suggest.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure, why } from '../failure.js';
import { readText } from '../files.js';
import { packageRoot } from '../install.js';
import type { Io } from '../terminal.js';

export const command = defineCommand({
  usage: 'explain CODE | --list',
  about:
    'Prints the page of an error or warning: what it means, what to avoid, what to prefer. Works offline.',
  options: { list: { type: 'boolean', help: 'list every code with its title' } },
  takes: ['CODE?'],
  run: ({ values, rest }, io) => {
    const folder = join(packageRoot(), 'docs', 'errors');
    const codes = pages(folder);
    if (values.list) {
      for (const code of codes) io.out(`${title(readText(join(folder, `${code}.md`)), code)}\n`);
      return Promise.resolve(EXIT.ok);
    }
    const [given] = rest;
    if (given === undefined)
      throw new Failure(
        '`sepal explain` needs CODE',
        'for example `sepal explain SEP3001`; `--list` lists all',
      );
    explain(folder, codes, given, io);
    return Promise.resolve(EXIT.ok);
  },
});

function pages(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^SEP\d{4}\.md$/.test(name))
      .map((name) => name.slice(0, -3))
      .sort();
  } catch (error) {
    throw new Failure(`cannot read the error pages in ${folder}: ${why(error)}`, 'install sepal again');
  }
}

function explain(folder: string, codes: readonly string[], given: string, io: Io): void {
  const word = given.toUpperCase();
  const code = /^\d{4}$/.test(word) ? `SEP${word}` : word;
  if (!codes.includes(code)) {
    throw new Failure(
      `there is no code \`${given}\``,
      (/^SEP\d{4}$/.test(code) ? null : didYouMean(code, codes)) ?? '`sepal explain --list` lists all',
    );
  }
  io.out(`${readText(join(folder, `${code}.md`)).trimEnd()}\n`);
}

/** The first heading of a page. */
function title(page: string, code: string): string {
  const line =
    page
      .split('\n')
      .find((each) => each.startsWith('# '))
      ?.slice(2) ?? code;
  return line.startsWith(code) ? line : `${code}: ${line}`;
}
