// SPDX-License-Identifier: Apache-2.0
// Keeps what a bench printed: the whole of it in docs/measured.md, under the machine and the date of that run, and each of its aims in the
// README's table. Nothing is typed by hand, so no figure can be older or better than a run that was made.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const HEAD = `# Measured

Written by \`npm run bench -- --record\`: each part is what one bench printed, unchanged, under the machine, the load and the date of its run.
[How it measures](benchmarks.md). Read the ratios: they were taken in one run, the rest differs from machine to machine.
`;
const BEGIN = '<!-- measured: written by `npm run bench -- --record` -->';
const END = '<!-- /measured -->';
const AIM = /^- (reached|\*\*missed\*\*): (.+) — measured (.+)$/;

/**
 * Puts one bench's output in its place.
 * @param {string} root the repository
 * @param {readonly string[]} order the names of all benches, in the order of the page
 * @param {{name: string, title: string, conditions: string, printed: string}} run
 */
export function record(root, order, { name, title, conditions, printed }) {
  const page = join(root, 'docs/measured.md');
  const parts = sections(page);
  parts.set(name, `## ${title} (\`npm run bench -- ${name}\`)\n\n${conditions}\n\n${printed.trim()}\n`);
  const kept = order.filter((each) => parts.has(each));
  writeFileSync(page, [HEAD, ...kept.map((each) => parts.get(each))].join('\n'));
  const readme = join(root, 'README.md');
  writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), table(kept, parts)));
}

/** The parts of the page by the name of their bench. */
function sections(page) {
  const parts = new Map();
  for (const part of text(page)
    .split(/^(?=## )/m)
    .slice(1)) {
    const name = /^## .*\(`npm run bench -- (\w+)`\)$/m.exec(part)?.[1];
    if (name !== undefined) parts.set(name, `${part.trim()}\n`);
  }
  return parts;
}

function text(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function table(names, parts) {
  const rows = names.flatMap((name) =>
    parts
      .get(name)
      .split('\n')
      .flatMap((line) => {
        const [, verdict, aim, measured] = AIM.exec(line) ?? [];
        return verdict === undefined ? [] : [`| ${name} | ${aim} | ${measured} | ${verdict} |`];
      }),
  );
  return ['| bench | aim | measured | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function withTable(readme, rows) {
  const from = readme.indexOf(BEGIN);
  const to = readme.indexOf(END);
  if (from < 0 || to < from) throw new Error(`README.md has no place for the figures: ${BEGIN} … ${END}`);
  return `${readme.slice(0, from)}${BEGIN}\n\n${rows}\n\n${readme.slice(to)}`;
}
