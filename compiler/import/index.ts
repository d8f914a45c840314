// SPDX-License-Identifier: Apache-2.0
/** Policies of other tools, in YAML or JSON, as Sepal policies (language.md, section 6). */
import type { PinnedTool } from '../lock.js';
import { propertyAt } from '../schema.js';
import { dialectOf, type Dialect, readDialect } from './dialects.js';
import { type ImportFault, readDocument, Unreadable } from './document.js';
import { Reader } from './fields.js';
import { matchesAny } from './groups.js';
import type { FirstMatch, Note } from './model.js';
import { word, writePolicy } from './write.js';

export { firstMatch, meantDifference } from './first-match.js';
export { type Callable, questionsFor } from './questions.js';
export { guessedLock, type ToolGuess, toolGuesses } from './stand-in.js';
export type { ImportFault } from './document.js';
export type { FirstMatch, Note } from './model.js';

export interface ImportOptions {
  /** Name of the file, for the header. */
  readonly file: string;
  readonly name: string | null;
  readonly lock: string;
  readonly server: string | null;
  readonly approver: string;
  /** The pinned tools; null where no lock is at hand: then every argument is asked for with `has`. */
  readonly tools: readonly PinnedTool[] | null;
}

export interface Imported {
  readonly dialect: Dialect;
  readonly policy: FirstMatch;
  readonly text: string;
  readonly notes: readonly Note[];
}

/** The policy, or everything that is wrong with the file. */
export function importPolicy(text: string, options: ImportOptions): Imported | readonly ImportFault[] {
  const reader = new Reader();
  try {
    const file = readDocument(text);
    const dialect = dialectOf(file);
    if (dialect === null) return [strange(file.at)];
    const policy = readDialect(reader, file, dialect);
    if (policy === null || reader.faults.length > 0) return inOrder(reader.faults);
    if (policy.rules.length === 0)
      return [{ at: 0, message: 'there are no rules', help: 'write some under `rules:`' }];
    const written = write(policy, dialect, reader, options);
    return reader.faults.length > 0 ? inOrder(reader.faults) : written;
  } catch (error) {
    if (error instanceof Unreadable) return [error.fault];
    throw error;
  }
}

function strange(at: number): ImportFault {
  const help =
    'rules with `action`, `principal`, `effect`; with `tool`, `action`; with `tool` and roles; or Authensor’s JSON';
  return { at, message: 'this is no policy of a kind that is known', help };
}

function write(policy: FirstMatch, dialect: Dialect, reader: Reader, options: ImportOptions): Imported {
  const { tools } = options;
  const writing = {
    reader,
    name: options.name ?? `imported.${word(policy.name ?? baseName(options.file))}`,
    lock: options.lock,
    server: options.server ?? '*',
    approver: options.approver,
    certain: (patterns: readonly string[], arg: readonly string[]): boolean => {
      const here = tools?.filter(({ server }) => options.server === null || server === options.server) ?? [];
      const of = here.filter((tool) => matchesAny(patterns, tool.name));
      return of.length > 0 && of.every((tool) => isCertain(tool, arg));
    },
  };
  const header = [
    `Imported from ${options.file.replaceAll(/\p{Cc}/gu, ' ')}. The first rule that matched decided there; here order counts in \`decide\` blocks only.`,
  ];
  // Written twice: what there is to note is known only after the first time.
  writePolicy(policy, { ...writing, header });
  const notes = [...reader.notes].sort((a, b) => a.at - b.at);
  const text = writePolicy(policy, {
    ...writing,
    header: [...header, ...notes.map((note) => `- ${note.text}`)],
  });
  return { dialect, policy, text, notes };
}

function isCertain(tool: PinnedTool, arg: readonly string[]): boolean {
  const found = propertyAt(tool.inputSchema, arg);
  return found !== null && found.optional.length === 0;
}

const baseName = (file: string): string => (file.split(/[/\\]/).at(-1) ?? file).replace(/\.\w+$/, '');
const inOrder = (faults: readonly ImportFault[]): readonly ImportFault[] =>
  [...faults].sort((a, b) => a.at - b.at);
