// SPDX-License-Identifier: Apache-2.0
// The documents say what is true: links and anchors resolve, policies compile, commands exist, references match the code.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Command } from '../cli/command.js';
import { fullCompiler } from '../cli/full-compiler.js';
import { runCommand } from '../cli/run.js';
import { VERBS } from '../cli/verbs.js';
import { check } from '../compiler/check.js';
import { readConfig } from '../runtime/config.js';
import { configSchema } from '../runtime/config-schema.js';
import { lockText } from './helpers/lock.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const SKIPPED = new Set(['node_modules', 'dist', '.git', 'coverage', '.sepal']);

function markdown(dir: string): readonly string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(dir, entry.name);
    return entry.isDirectory() ? markdown(path) : entry.name.endsWith('.md') ? [path] : [];
  });
}

const PAGES = markdown(ROOT).map((path) => ({
  path,
  name: relative(ROOT, path),
  text: readFileSync(path, 'utf8'),
}));

interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

function blocks(page: { readonly name: string; readonly text: string }): readonly Block[] {
  const found: Block[] = [];
  let open: { readonly line: number; readonly language: string; readonly lines: string[] } | null = null;
  page.text.split('\n').forEach((line, i) => {
    if (!line.startsWith('```')) open?.lines.push(line);
    else if (open === null) open = { line: i + 2, language: line.slice(3).trim(), lines: [] };
    else {
      found.push({ page: page.name, line: open.line, language: open.language, text: open.lines.join('\n') });
      open = null;
    }
  });
  expect(open, `${page.name}: a block is not closed`).toBe(null);
  return found;
}

const BLOCKS = PAGES.flatMap(blocks);
const at = (block: Block): string => `${block.page}:${block.line}`;

/** As GitHub makes it of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

describe('links', () => {
  const outsideBlocks = (text: string): string =>
    text.replaceAll(/^```[^]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');
  const anchorsOf = (text: string): ReadonlySet<string> =>
    new Set(
      text
        .replaceAll(/^```[^]*?^```/gm, '')
        .split('\n')
        .flatMap((line) => (/^#+ /.test(line) ? [anchor(line.replace(/^#+ /, ''))] : [])),
    );

  it.each(PAGES.map((page) => [page.name, page] as const))('of %s resolve', (_name, page) => {
    const broken = [...outsideBlocks(page.text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
      if (/^[a-z]+:/.test(target)) return [];
      const [file = '', fragment] = target.split('#');
      const path = file === '' ? page.path : resolve(dirname(page.path), file);
      if (!existsSync(path)) return [target];
      return fragment === undefined || anchorsOf(readFileSync(path, 'utf8')).has(fragment) ? [] : [target];
    });
    expect(broken).toEqual([]);
  });
});

/** The pinned tools that policies of the documents speak of: the real ones of the quickstart, and a few made up for prose. */
const LOCK: string = (() => {
  const string = { type: 'string' };
  const made = ['read_thing', 'delete_file', 'admin_reset'].map((name) => ({
    name,
    inputSchema: { type: 'object', properties: { path: string, content: string }, required: ['path'] },
  }));
  return lockText({ fs: made }, readFileSync(join(ROOT, 'examples/quickstart/sepal.lock'), 'utf8'));
})();

const COOKBOOK = readFileSync(join(ROOT, 'examples/cookbook/sepal.lock'), 'utf8');

describe('policies', () => {
  // What imports is run with its modules by test/e2e/language-page.test.ts.
  const policies = BLOCKS.filter((block) => block.language === 'sep' && !/^import /m.test(block.text));

  it('are many', () => {
    expect(policies.length).toBeGreaterThan(6);
  });

  it.each(policies.map((block) => [at(block), block] as const))('at %s compile', (_at, { page, text }) => {
    const whole = text.startsWith('sep 1')
      ? text
      : `sep 1\npolicy docs.example 1.0.0\ntools "sepal.lock"\n${text}`;
    const input = {
      source: { path: 'p.sep', text: whole },
      readLock: () => ({
        path: 'sepal.lock',
        text: ['docs/cookbook.md', 'docs/language.md'].includes(page) ? COOKBOOK : LOCK,
      }),
    };
    const errors = check(input, fullCompiler).diagnostics.filter((d) => d.severity === 'error');
    expect(errors.map((d) => `${d.code} ${d.message}`)).toEqual([]);
  });
});

describe('commands', () => {
  const lines = BLOCKS.filter((block) => ['sh', 'console', 'bash'].includes(block.language)).flatMap(
    (block) =>
      block.text
        .replaceAll(/\\\n\s*/g, ' ')
        .split('\n')
        .flatMap((line) => line.split('&&'))
        .map((part) => /^\s*(?:\$ )?(?:npx )?sepal ([a-z].*)$/.exec(part.replace(/\s#.*$/, ''))?.[1]?.trim())
        .filter((line) => line !== undefined)
        .map((line) => [at(block), line] as const),
  );

  it('are many', () => {
    expect(lines.length).toBeGreaterThan(30);
  });

  it.each(lines)('%s: sepal %s', async (_at, line) => {
    const [first = '', second = ''] = line.split(' ');
    const verb = VERBS[first] ?? VERBS[`${first} ${second}`];
    expect(verb, line).toBeDefined();
    const command: Command | undefined = await verb?.load();
    const known =
      command?.raw === undefined
        ? Object.keys(command?.options ?? {})
        : ['trust', 'format', 'second-opinion', 'openings', 'policy', 'held', 'seen'];
    const own = line.split(' -- ')[0] ?? '';
    for (const [, flag = ''] of own.matchAll(/ --([a-z][a-z-]*)/g))
      expect([...known, 'help'], line).toContain(flag);
  });
});

describe('references', () => {
  it('docs/cli.md is what the command says of itself (else: npm run build && node scripts/cli-reference.mjs)', async () => {
    const page = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');
    const sections: string[] = [];
    for (const verb of Object.keys(VERBS)) {
      let out = '';
      const io = {
        out: (text: string) => void (out += text),
        err: () => undefined,
        env: {},
        cwd: ROOT,
        colour: false,
        now: Date.now,
      };
      await runCommand([...verb.split(' '), '--help'], io);
      sections.push(`### sepal ${verb}\n\n\`\`\`text\n${out.trimEnd()}\n\`\`\`\n`);
    }
    expect(page.split('cli-reference.mjs. -->\n\n')[1]).toBe(sections.join('\n'));
  });

  it('docs/operators.md lists every key of sepal.json with its default, and no other', () => {
    const page = readFileSync(join(ROOT, 'docs/operators.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `([^`]+)` \|([^|]*)\| /gm)].map(
      ([, key = '', value = '']) => [key, value.trim()] as const,
    );
    const table = rows.slice(
      rows.findIndex(([key]) => key === '$schema'),
      rows.findLastIndex(([key]) => key === 'trustedPublishers') + 1,
    );
    expect(Object.fromEntries(table)).toEqual(
      Object.fromEntries(
        keysOf(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Shape, '', false),
      ),
    );
  });

  it('configurations in the documents are read as sepal.json', () => {
    const found = BLOCKS.filter(
      (block) =>
        block.language === 'json' && /"receipts"/.test(block.text) && !block.text.includes('"pending"'),
    );
    for (const block of found) {
      const result = readConfig(block.text, '/x/sepal.json', {});
      expect(result.ok ? [] : result.errors, at(block)).toEqual([]);
    }
  });

  it('JSON in the documents is JSON', () => {
    for (const block of BLOCKS.filter(({ language }) => language === 'json'))
      expect(() => JSON.parse(block.text) as unknown, at(block)).not.toThrow();
  });
});

interface Shape {
  readonly properties?: { readonly [key: string]: Shape };
  readonly required?: readonly string[];
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly default?: unknown;
}

/** Every key with the text of its default: `required`, or nothing where the key may be left out. */
function keysOf(shape: Shape, prefix: string, optional: boolean): readonly (readonly [string, string])[] {
  const own = Object.entries(shape.properties ?? {}).flatMap(
    ([name, member]): readonly (readonly [string, string])[] => {
      const empty = JSON.stringify(member.default) === '{}' && member.properties !== undefined;
      const value =
        member.default !== undefined && !empty
          ? `\`${JSON.stringify(member.default)}\``
          : shape.required?.includes(name) === true && !optional
            ? 'required'
            : '';
      return [[`${prefix}${name}`, value], ...keysOf(member, `${prefix}${name}.`, false)];
    },
  );
  const inner = shape.anyOf?.find((each) => each.properties !== undefined);
  const record = typeof shape.additionalProperties === 'object' ? shape.additionalProperties : undefined;
  return [
    ...own,
    ...(inner === undefined ? [] : keysOf(inner, prefix, false)),
    ...(record === undefined ? [] : keysOf(record, `${prefix}NAME.`, true)),
    ...(shape.items === undefined ? [] : keysOf(shape.items, `${prefix}N.`, false)),
  ];
}
