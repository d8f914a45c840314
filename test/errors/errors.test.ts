// SPDX-License-Identifier: Apache-2.0
/**
 * One code = one golden case = one page. `SEPnnnn/input.sep` (and, where it differs, its own `sepal.lock`) renders as `expected.txt`;
 * UPDATE_GOLDEN=1 writes it. The page's Avoid block raises the code, its Prefer block does not.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { command } from '../../cli/commands/explain.js';
import type { Io } from '../../cli/terminal.js';
import { CODES } from '../../compiler/diagnostics/messages.js';
import { renderHuman } from '../../compiler/diagnostics/render.js';
import { checkText, pinModules, policy } from '../helpers/policy.js';
import { SHOP_LOCK } from '../helpers/shop.js';

/** Modules that cases and pages may import; all but the last are pinned. */
const MODULES = {
  'acme.baseline': `sep 1
policy acme.baseline 1.0.0 tighten
principals trusted = agent:ops-*
deny no_shell: any -> */run_shell*
`,
  'acme.circle': 'sep 1\npolicy acme.circle 1.0.0\nimport acme.case\n',
  'acme.generous': 'sep 1\npolicy acme.generous 1.0.0 tighten\nallow everything: agent:* -> fs/*\n',
  'acme.changed': 'sep 1\npolicy acme.changed 1.0.0\n',
};
const { 'acme.changed': _, ...PINNED } = MODULES;
const LOCK = pinModules(SHOP_LOCK, PINNED);

const here = import.meta.dirname;
const pages = resolve(here, '../../docs/errors');
const read = (path: string): string => readFileSync(path, 'utf8');
const page = (code: string): string => read(join(pages, `${code}.md`));

describe.each(CODES)('%s', (code) => {
  it('renders its golden case', () => {
    const source = read(join(here, code, 'input.sep'));
    const own = join(here, code, 'sepal.lock');
    const lock = existsSync(own) ? read(own) : SHOP_LOCK;
    const { diagnostics, output } = checkText(source, lock === SHOP_LOCK ? LOCK : lock, MODULES, true);
    expect(diagnostics.map((d) => d.code)).toContain(code);
    const failed = diagnostics.some((d) => d.severity === 'error');
    expect(output === null).toBe(failed);
    const sources = new Map([
      ...Object.entries(MODULES).map(([name, text]) => [`${name}.sep`, text] as const),
      ['input.sep', source], ['sepal.lock', lock]]);
    const rendered = renderHuman(diagnostics, sources);
    const golden = join(here, code, 'expected.txt');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, rendered);
    expect(rendered).toBe(read(golden));
  });

  it('has a page with its headings, and examples that are what they say', () => {
    const text = page(code);
    expect(text.startsWith(`# ${code}: `)).toBe(true);
    const avoid = section(text, 'Avoid');
    const prefer = section(text, 'Prefer');
    expect(section(text, 'Why').length).toBeGreaterThan(80);
    expect(codesOf(avoid)).toContain(code);
    expect(checkText(whole(prefer), LOCK, MODULES).diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
    expect(codesOf(prefer)).not.toContain(code);
  });

  it('is explained by the command without a network', async () => {
    const printed = await explained(code);
    expect(printed.startsWith(`# ${code}: `)).toBe(true);
    expect(printed).toBe(page(code));
    expect(await explained(code.toLowerCase())).toBe(printed);
    expect(await explained(code.slice(3))).toBe(printed);
  });
});

/** What `sepal explain` prints. */
async function explained(code: string): Promise<string> {
  let out = '';
  const io: Io = {
    out: (text) => {
      out += text;
    },
    err: () => {},
    env: {},
    cwd: here,
    colour: false,
    now: () => 0,
  };
  await command.run({ values: {}, rest: [code] }, io);
  return out;
}

it('a code that is not there is answered by one that is', async () => {
  await expect(explained('SEP3010x')).rejects.toThrow('there is no code `SEP3010x`');
});

it('has no case and no page for a code that is not in the table', () => {
  const cases = readdirSync(here).filter((name) => name.startsWith('SEP'));
  expect(cases.sort()).toEqual(CODES);
  expect(readdirSync(pages).map((name) => name.replace('.md', '')).sort()).toEqual(CODES);
});

function section(text: string, heading: string): string {
  const start = text.indexOf(`\n## ${heading}\n`);
  expect(start, `the heading ${heading}`).toBeGreaterThan(0);
  const body = text.slice(start + heading.length + 5);
  const end = body.indexOf('\n## ');
  return body.slice(0, end < 0 ? undefined : end).trim();
}

/** The policy in a fenced block; one that starts with neither `sep` nor `policy` stands below the usual header. */
function whole(block: string): string {
  const code = block.slice(block.indexOf('\n') + 1, block.lastIndexOf('```'));
  return /^(sep|policy) /.test(code) ? code : policy(code);
}

/** A block of JSON is a lock, and is asked with a policy that uses one. */
function codesOf(block: string): readonly string[] {
  const lock = block.startsWith('```json') ? block.slice(8, block.lastIndexOf('```')) : null;
  const source = lock === null ? whole(block) : policy('deny locked: any -> fs/*\n');
  return checkText(source, lock ?? LOCK, MODULES, true).diagnostics.map((d) => d.code);
}
