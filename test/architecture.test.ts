// SPDX-License-Identifier: Apache-2.0
// The arrows of docs/architecture.md, checked on the imports of the real files.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

interface Room {
  /** Path prefix of the files that the row speaks of; the longest prefix wins. */
  readonly room: string;
  /** Path prefixes inside the repository that may be imported. */
  readonly may: readonly string[];
  /** Packages that may be imported; `node:` allows Node's own modules. */
  readonly packages: readonly string[];
}

const ARROWS: readonly Room[] = [
  { room: 'grammar/', may: ['grammar/'], packages: ['chevrotain'] },
  { room: 'stdlib/', may: ['stdlib/'], packages: [] },
  { room: 'compiler/', may: ['compiler/', 'grammar/', 'stdlib/'], packages: [] },
  { room: 'compiler/import/', may: ['compiler/', 'grammar/', 'stdlib/'], packages: ['yaml'] },
  { room: 'runtime/verify/', may: ['runtime/verify/'], packages: ['node:', 'tweetnacl'] },
  { room: 'runtime/log/', may: ['runtime/log/', 'runtime/verify/format/'], packages: ['node:'] },
  {
    room: 'runtime/decide/',
    may: ['runtime/decide/', 'runtime/verify/format/', 'stdlib/', 'runtime/config'],
    packages: ['node:', 'zod', 'jose', 'undici'],
  },
  {
    room: 'runtime/approvals/',
    may: [
      'runtime/approvals/',
      'runtime/log/',
      'runtime/verify/format/',
      'stdlib/',
      'runtime/decide/',
      'runtime/ending',
    ],
    packages: ['node:', 'zod'],
  },
  {
    room: 'runtime/scan/',
    may: ['runtime/scan/', 'stdlib/', 'runtime/threads'],
    packages: ['node:', 'libphonenumber-js'],
  },
  {
    room: 'runtime/control/',
    may: ['runtime/control/', 'runtime/approvals/', 'runtime/decide/', 'runtime/verify/format/', 'stdlib/'],
    packages: ['node:', 'zod'],
  },
  {
    room: 'runtime/',
    may: ['runtime/', 'stdlib/'],
    packages: [
      'node:',
      'zod',
      'undici',
      '@cfworker/json-schema',
      '@modelcontextprotocol/sdk',
      'prom-client',
      '@opentelemetry',
    ],
  },
  {
    room: 'cli/page/',
    may: ['cli/', 'grammar/', 'compiler/', 'stdlib/', 'runtime/'],
    packages: ['node:', 'tweetnacl'],
  },
  {
    room: 'cli/',
    may: ['cli/', 'grammar/', 'compiler/', 'stdlib/', 'runtime/'],
    packages: ['node:', 'zod', '@modelcontextprotocol/sdk'],
  },
  {
    room: 'cli/commands/lsp',
    may: ['cli/', 'editor/lsp/'],
    packages: [],
  },
  {
    room: 'editor/',
    may: ['editor/', 'cli/', 'grammar/', 'compiler/', 'stdlib/', 'runtime/'],
    packages: ['node:', 'vscode-languageserver', 'vscode-languageserver-textdocument'],
  },
  {
    room: 'editor/vscode/',
    may: ['editor/vscode/'],
    packages: ['node:', 'vscode', 'vscode-jsonrpc', 'vscode-languageserver-protocol'],
  },
  {
    room: 'examples/',
    may: ['examples/', 'runtime/', 'compiler/', 'cli/'],
    packages: ['node:', '@modelcontextprotocol/sdk'],
  },
];

/** Import specifiers of a file: static, dynamic and re-exports, without a parser (comments are cut first). */
function imports(source: string): readonly string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found = code.matchAll(/(?:^|[;\s}])(?:from|import)\s*\(?\s*'([^'\n]+)'/g);
  return [...found].map((match) => match[1] ?? '');
}

/** What `file` (relative to the root) imports against the table: one line per violation. */
function violations(file: string, source: string): readonly string[] {
  const row = ARROWS.filter((r) => file.startsWith(r.room)).sort((a, b) => b.room.length - a.room.length)[0];
  if (row === undefined) return [];
  return imports(source).flatMap((specifier) => {
    if (specifier.startsWith('.')) {
      const target = relative(root, resolve(root, dirname(file), specifier));
      return row.may.some((prefix) => target.startsWith(prefix)) ? [] : [`${file} imports ${target}`];
    }
    const allowed = row.packages.some((name) =>
      name === 'node:' ? specifier.startsWith(name) : specifier === name || specifier.startsWith(`${name}/`),
    );
    return allowed ? [] : [`${file} imports the package ${specifier}`];
  });
}

function sources(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules') && !/(^|\/)dist\//.test(name))
    .map((name) => join(folder, name));
}

const FOLDERS = ['grammar', 'compiler', 'stdlib', 'runtime', 'cli', 'editor', 'examples'];

describe('the house', () => {
  it('imports only along the arrows', () => {
    const files = FOLDERS.flatMap(sources);
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap((file) => violations(file, readFileSync(join(root, file), 'utf8')))).toEqual([]);
  });

  it('notices a planted violation of every arrow', () => {
    const planted: readonly (readonly [string, string])[] = [
      ['grammar/parse.ts', "import { check } from '../compiler/check.js';"],
      ['stdlib/path.ts', "import { readFileSync } from 'node:fs';"],
      ['compiler/check.ts', "import type { ReceiptLog } from '../runtime/log/types.js';"],
      ['compiler/lock.ts', "import { readFileSync } from 'node:fs';"],
      ['runtime/gateway/call.ts', "import { compile } from '../../compiler/compile.js';"],
      ['runtime/gateway/call.ts', "const { parse } = await import('../../grammar/parse.js');"],
      ['runtime/verify/verify.ts', "import { openLog } from '../log/writer.js';"],
      ['runtime/verify/verify.ts', "import { z } from 'zod';"],
      ['runtime/log/writer.ts', "export { verify } from '../verify/verify.js';"],
      ['cli/main.ts', "import ajv from 'ajv';"],
    ];
    for (const [file, source] of planted) expect(violations(file, source), file + source).toHaveLength(1);
  });

  it('keeps every source file below 600 lines and without default exports', () => {
    const bad = FOLDERS.flatMap(sources).flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      const lines = text.split('\n').length;
      return [
        ...(lines > 600 ? [`${file} has ${lines} lines`] : []),
        ...(/^export default/m.test(text) ? [`${file} has a default export`] : []),
        ...(text.startsWith('// SPDX-License-Identifier: Apache-2.0') ||
        text.startsWith('#!/usr/bin/env node\n// SPDX-License-Identifier: Apache-2.0')
          ? []
          : [`${file} lacks its licence line`]),
      ];
    });
    expect(bad).toEqual([]);
  });
});
