// SPDX-License-Identifier: Apache-2.0
// `node scripts/cookbook.mjs [--check]`: docs/cookbook.md from the recipes of examples/cookbook, whose head comments are its prose.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../examples/cookbook/', import.meta.url);
const page = fileURLToPath(new URL('../docs/cookbook.md', import.meta.url));

const INTRO = `# Cookbook

Whole policies for one wish each, to copy from. All are files of [examples/cookbook](../examples/cookbook/README.md), where one \`sepal.lock\` pins the tools that
they speak of; their tests and proofs run in CI. This page is printed from them by \`node scripts/cookbook.mjs\`.

\`\`\`sh
npx sepal test examples/cookbook/01-read-one-folder.sep
npx sepal prove examples/cookbook/01-read-one-folder.sep
\`\`\`
`;

function recipe(file) {
  const lines = readFileSync(new URL(file, folder), 'utf8').split('\n');
  const start = lines.findIndex((line) => !line.startsWith('//'));
  const [title = '', , ...prose] = lines.slice(0, start).map((line) => line.replace(/^\/\/ ?/, ''));
  const number = Number(file.slice(0, 2));
  const link = `[\`${file}\`](../examples/cookbook/${file})`;
  return `## ${number}. ${title}\n\n${prose.join('\n')} (${link})\n\n\`\`\`sep\n${lines.slice(start).join('\n').trimEnd()}\n\`\`\`\n`;
}

const recipes = readdirSync(folder)
  .filter((name) => name.endsWith('.sep'))
  .sort()
  .map(recipe);
const text = [INTRO, ...recipes].join('\n');
if (process.argv.includes('--check')) process.exit(readFileSync(page, 'utf8') === text ? 0 : 1);
writeFileSync(page, text);
