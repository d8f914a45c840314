// SPDX-License-Identifier: Apache-2.0
/** Where a name is used, over all files of the author, and how it is given another name. */
import type * as tree from '../../grammar/tree.js';
import { quote } from '../../grammar/literals.js';
import { RESERVED } from '../../grammar/tokens.js';
import type { Reading, Readings } from './reading.js';
import { type Found, foundIn, keyOf, type Target } from './resolve.js';
import { FUNCTIONS } from './words.js';

export interface Place {
  readonly path: string;
  readonly text: string;
  /** In the text. */
  readonly span: tree.Span;
  readonly defines: boolean;
}

/** Every place of the target's name in the given files, those where it is given among them. */
export function placesOf(readings: Readings, files: readonly Reading[], target: Target): readonly Place[] {
  return everyFound(readings, files, target).map(({ reading, found }) => placeOf(reading, found));
}

const placeOf = (reading: Reading, { name, defines }: Found): Place => ({
  path: reading.path,
  text: reading.text,
  span: reading.place(name.span),
  defines,
});

function everyFound(
  readings: Readings,
  files: readonly Reading[],
  target: Target,
): readonly { readonly reading: Reading; readonly found: Found }[] {
  const key = keyOf(target);
  const name = target.definition.name.text;
  return files.flatMap((reading) =>
    // Another name is never the same definition, but for an alias, which may go without saying.
    reading.text.includes(name)
      ? reading.file.statements.flatMap((s) =>
          foundIn(readings, reading, s)
            .filter((found) => found.name.text === name && keyOf(found.target) === key)
            .map((found) => ({ reading, found })),
        )
      : [],
  );
}

interface Edit {
  readonly span: tree.Span;
  readonly text: string;
}
type Edits = ReadonlyMap<string, readonly Edit[]>;

/** Edits by path, or why there are none. */
export type Renaming =
  | { readonly ok: true; readonly edits: Edits }
  | { readonly ok: false; readonly why: string };

const refused = (why: string): Renaming => ({ ok: false, why });

/** Gives a name another one everywhere. Refused where any name would then mean something else. */
export function rename(readings: Readings, files: readonly Reading[], found: Found, to: string): Renaming {
  const { definition } = found.target;
  const from = definition.name.text;
  const wrong = unfit(to, definition.kind === 'role');
  if (wrong !== null) return refused(wrong);
  const every = everyFound(readings, files, found.target);
  const broken = files.find((file) => !file.whole && file.text.includes(from));
  if (broken !== undefined) return refused(`${broken.path} has syntax errors: mend them first`);
  const edits = new Map<string, Edit[]>();
  for (const { reading, found: each } of every) {
    const list = edits.get(reading.path) ?? [];
    list.push({ span: reading.place(each.name.span), text: written(each, from, to) });
    edits.set(reading.path, list);
  }
  const clash = clashOf(readings, files, edits, from, to);
  return clash === null ? { ok: true, edits } : refused(clash);
}

function unfit(to: string, role: boolean): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(to))
    return 'a name is letters, digits and `_`, and starts with no digit';
  if (role) return null;
  if (RESERVED.some((word) => word === to)) return `\`${to}\` is a word of the language`;
  return FUNCTIONS.includes(to) ? `\`${to}\` is a function of the language` : null;
}

function written({ name, defines, statement }: Found, from: string, to: string): string {
  if (name.quoted) return quote(to);
  if (!defines) return to;
  // Credentials carry a role under its own name unless another is given: they go on to carry the old one.
  if (statement.kind === 'role') {
    const named = statement.roles.some((role) => role.name === name && role.value === null);
    return named ? `${to} = ${quote(from)}` : to;
  }
  // An import without a name of its own gets one.
  return statement.kind === 'import' && statement.alias === null ? `${name.text} as ${to}` : to;
}

/** What is wrong with the names once the edits are made: every name must mean what it meant. */
function clashOf(
  readings: Readings,
  files: readonly Reading[],
  edits: Edits,
  from: string,
  to: string,
): string | null {
  const after = readings.with(
    [...edits].map(([path, list]) => ({ path, text: edited(readings.at(path)?.text ?? '', list) })),
  );
  for (const path of edits.keys()) {
    if (after.at(path)?.whole !== true) return `\`${to}\` cannot stand there`;
  }
  const touched = files.filter(({ text }) => text.includes(from) || text.includes(to));
  for (const before of touched) {
    const now = after.at(before.path);
    if (now === null || !alike(meanings(readings, before), meanings(after, now))) return `\`${to}\` is taken`;
  }
  return null;
}

const alike = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i]);

/** What each name of a file means, by the order in which the definitions turn up; a second definition of a name is said as such. */
function meanings(readings: Readings, reading: Reading): readonly string[] {
  const order = new Map<string, number>();
  const given = new Set<string>();
  return reading.file.statements.flatMap((s) =>
    foundIn(readings, reading, s).flatMap(({ name, target, defines }) => {
      const id = keyOf(target);
      if (!order.has(id)) order.set(id, order.size);
      const means = `${target.reading.path} ${order.get(id)}`;
      // Names of the file are one namespace; a parameter may be called as another statement calls its own.
      if (!defines || target.definition.within !== null) return [means];
      const taken = `${target.definition.kind === 'role' ? 'role' : 'name'} ${name.text}`;
      const twice = given.has(taken);
      given.add(taken);
      return twice ? [means, 'twice'] : [means];
    }),
  );
}

export function edited(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const edit of edits.toSorted((a, b) => b.span.start - a.span.start)) {
    result = result.slice(0, edit.span.start) + edit.text + result.slice(edit.span.end);
  }
  return result;
}
