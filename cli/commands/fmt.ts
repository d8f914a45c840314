// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { type Code, diagnose } from '../../compiler/diagnostics/diagnostic.js';
import { renderHuman } from '../../compiler/diagnostics/render.js';
import { format } from '../../grammar/format.js';
import { readCorrect } from '../../grammar/read.js';
import { defineCommand } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { readStdin, readText, replaceFile } from '../files.js';
import { policyPath, shortPath } from '../sources.js';
import type { Io } from '../terminal.js';

export const command = defineCommand({
  usage: 'fmt [FILE...] [--check]',
  about:
    'Rewrites policies in their canonical form; `-` reads from stdin and prints to stdout.\nPrints the names of the files that it changed. A file with syntax errors is left as it is (exit 3).',
  options: {
    check: { type: 'boolean', help: 'change nothing; exit 6 when a file is not in its canonical form' },
  },
  takes: ['FILE...'],
  run: async ({ values, rest }, io) => {
    const names = rest.length === 0 ? [shortPath(await policyPath(undefined, io), io)] : rest;
    const codes: ExitCode[] = [];
    for (const name of names) {
      codes.push(
        name === '-' ? await formatStdin(values.check, io) : await formatFile(name, values.check, io),
      );
    }
    const worst = codes.includes(EXIT.policy)
      ? EXIT.policy
      : codes.includes(EXIT.differs)
        ? EXIT.differs
        : EXIT.ok;
    return worst;
  },
});

async function formatFile(name: string, check: boolean, io: Io): Promise<ExitCode> {
  const path = resolve(io.cwd, name);
  const before = readText(path, 'name a `.sep` file, or `-` for stdin');
  const after = await canonicalForm(name, before, io);
  if (after === null) return EXIT.policy;
  if (after === before) return EXIT.ok;
  io.out(`${name}\n`);
  if (check) return EXIT.differs;
  replaceFile(path, after);
  return EXIT.ok;
}

async function formatStdin(check: boolean, io: Io): Promise<ExitCode> {
  const before = await readStdin();
  const after = await canonicalForm('stdin', before, io);
  if (after === null) return EXIT.policy;
  if (check) return after === before ? EXIT.ok : EXIT.differs;
  io.out(after);
  return EXIT.ok;
}

/** Null when the text has syntax errors, which are then printed. */
async function canonicalForm(name: string, text: string, io: Io): Promise<string | null> {
  const { file, faults } = readCorrect(text) ?? (await import('../../grammar/parse.js')).parse(text);
  if (faults.length === 0) return format(file, text);
  const diagnostics = faults.map((fault) => diagnose(fault.code as Code, name, fault.span, fault.args));
  io.err(`${renderHuman(diagnostics, new Map([[name, text]]), false)}\n`);
  return null;
}
