// SPDX-License-Identifier: Apache-2.0
// Writes the part of docs/cli.md that the command says of itself. Run after `npm run build`; test/docs.test.ts compares.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sepal = (...args) =>
  execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { encoding: 'utf8' });

const verbs = sepal('--help')
  .split('\n')
  .map((line) => /^ {2}([a-z]+(?: [a-z]+)?) {2,}/.exec(line)?.[1])
  .filter((verb) => verb !== undefined);
const sections = verbs.map(
  (verb) => `### sepal ${verb}\n\n\`\`\`text\n${sepal(...verb.split(' '), '--help').trimEnd()}\n\`\`\`\n`,
);

const file = join(root, 'docs/cli.md');
const MARK = '<!-- Below: written by scripts/cli-reference.mjs. -->\n';
const [head] = readFileSync(file, 'utf8').split(MARK);
writeFileSync(file, `${head}${MARK}\n${sections.join('\n')}`);
