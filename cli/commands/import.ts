// SPDX-License-Identifier: Apache-2.0
import { dirname, relative, resolve } from 'node:path';
import { renderHuman } from '../../compiler/diagnostics/render.js';
import {
  guessedLock,
  type Imported,
  type ImportFault,
  importPolicy,
  type ToolGuess,
  toolGuesses,
} from '../../compiler/import/index.js';
import { readLock } from '../../compiler/lock.js';
import { position } from '../../compiler/diagnostics/render.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { createFile, readText } from '../files.js';
import { type Comparison, compareReadings, compileImported } from '../imported.js';
import { fullCompiler } from '../full-compiler.js';
import { type Io, shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'import FILE [--lock LOCK] [--server NAME] [--approver ROLE] [--name NAME] [--out POLICY]',
  about:
    'Makes a policy of one in YAML or JSON (docs/migration.md): the first rule that matches keeps deciding, path patterns become\n`under`. The result is compiled, and asked beside the file: where the two readings differ for no reason that is said, it ends\nwith exit 6. Exit 3 where the file, or the result with these tools, has errors.',
  options: {
    lock: {
      type: 'string',
      value: 'LOCK',
      help: 'the pinned tools (sepal.lock); without it, tools are guessed from the file for the check',
    },
    server: {
      type: 'string',
      value: 'NAME',
      help: 'the server whose tools are meant (default: of every server)',
    },
    approver: {
      type: 'string',
      value: 'ROLE',
      help: 'who approves where the file does not say (default: approver)',
    },
    name: { type: 'string', value: 'NAME', help: 'name of the policy (default: from the file)' },
    out: {
      type: 'string',
      value: 'POLICY',
      help: 'where to write, a file that is not there yet (default: stdout)',
    },
  },
  takes: ['FILE'],
  run: async ({ values, rest }, io) => {
    const file = rest[0] ?? '';
    const text = readText(resolve(io.cwd, file), 'name a policy in YAML or JSON');
    const lock = values.lock === undefined ? null : lockAt(values.lock, io);
    const out = values.out === undefined ? null : resolve(io.cwd, values.out);
    const imported = importPolicy(text, {
      file,
      name: values.name ?? null,
      lock: lock === null ? 'sepal.lock' : lockName(lock.path, out, io),
      server: values.server ?? null,
      approver: values.approver ?? 'approver',
      tools: lock?.tools ?? null,
    });
    if (!('policy' in imported)) throw faulty(file, text, imported);
    const guesses = lock === null ? toolGuesses(imported.policy) : [];
    const pins = lock?.text ?? guessedLock(guesses, values.server ?? 'server', fullCompiler);
    const comparison = await checked(out ?? 'stdout', imported, pins, values.server ?? null, io);
    for (const { at, text: note } of imported.notes)
      io.err(`note: ${shown(`${placeIn(file, text, at)}: ${note}`)}\n`);
    said(comparison, guesses, io);
    if (out === null) io.out(imported.text);
    else createFile(out, imported.text);
    return EXIT.ok;
  },
});

interface LockFile {
  readonly path: string;
  readonly text: string;
  readonly tools: Exclude<ReturnType<typeof readLock>, readonly unknown[]>['tools'];
}

function lockAt(given: string, io: Io): LockFile {
  const path = resolve(io.cwd, given);
  const text = readText(path, 'pin the tools first: `sepal tools pull`');
  const lock = readLock({ path: given, text }, fullCompiler);
  if ('tools' in lock) return { path, text, tools: lock.tools };
  throw new Failure(lock[0]?.message ?? `${given} cannot be used`, lock[0]?.help ?? null);
}

const lockName = (lock: string, out: string | null, io: Io): string =>
  relative(out === null ? io.cwd : dirname(out), lock).replaceAll('\\', '/');

function placeIn(file: string, text: string, at: number): string {
  const { line, column } = position(text, at);
  return `${file}:${line}:${column}`;
}

function faulty(file: string, text: string, faults: readonly ImportFault[]): Failure {
  const [first, ...more] = faults.map(({ at, message, help }) => ({
    text: shown(`${placeIn(file, text, at)}: ${message}`),
    help: shown(help),
  }));
  const others = more.map((fault) => `\nerror: ${fault.text}\n  = help: ${fault.help}`).join('');
  return new Failure(first?.text ?? file, `${first?.help ?? ''}${others}`, EXIT.policy);
}

async function checked(
  path: string,
  imported: Imported,
  lock: string,
  server: string | null,
  io: Io,
): Promise<Comparison> {
  const { compiled, diagnostics } = compileImported(path, imported.text, lock);
  const sources = new Map([[path, imported.text]]);
  if (diagnostics.length > 0) io.err(`${renderHuman(diagnostics, sources, false)}\n`);
  if (compiled === null) {
    const help =
      'the frames show the policy as it would be written; correct the file, or pin the tools that it means';
    throw new Failure('the policy does not compile with these tools: nothing is written', help, EXIT.policy);
  }
  const comparison = await compareReadings(imported, compiled, server);
  if (comparison.faults.length === 0) return comparison;
  const help = comparison.faults.map((fault) => shown(fault)).join('\n    ');
  throw new Failure('the policy would not mean what the file means: nothing is written', help, EXIT.differs);
}

function said(
  { asked, stricter, samePlace, skipped }: Comparison,
  guesses: readonly ToolGuess[],
  io: Io,
): void {
  const plural = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : 's'}`;
  const meant = [
    ...(stricter === 0 ? [] : [`${stricter} answered more strictly`]),
    ...(samePlace === 0 ? [] : [`${samePlace} about a folder itself or a path written in another way`]),
  ];
  const differ =
    meant.length === 0
      ? 'the same answers'
      : `the same answers but for ${meant.join(' and ')} (see the notes)`;
  io.err(`asked both readings ${plural(asked, 'question')}: ${differ}\n`);
  if (guesses.length > 0) {
    io.err('checked against tools as the file speaks of them; pin the real ones with `sepal tools pull`:\n');
    for (const { name, args } of guesses)
      io.err(`  ${shown(name)}${args.length === 0 ? '' : ` (${shown(args.join(', '))})`}\n`);
  } else if (skipped.length > 0) {
    io.err(`not asked, as no call was found that fits their schemas: ${shown(skipped.join(', '))}\n`);
  }
}
