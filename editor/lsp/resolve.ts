// SPDX-License-Identifier: Apache-2.0
/** What names mean: from a mention to the place where the name is given, through parameters, imports and instances. */
import type * as tree from '../../grammar/tree.js';
import { type Reading, type Readings, typeOf, within } from './reading.js';
import { type Definition, type Mention, namesOf, ROOTS } from './symbols.js';

/** A definition in a file. Roles are one for all files of a policy. */
export interface Target {
  readonly reading: Reading;
  readonly definition: Definition;
}

/** A part of a mention, and what it means. */
export interface Resolved {
  readonly name: tree.Name;
  readonly target: Target;
}

/** The same for two targets where they are the same. */
export function keyOf({ reading, definition }: Target): string {
  if (definition.kind === 'role') return `role ${definition.name.text}`;
  return `${reading.path} ${definition.name.span.start}`;
}

/** Everything that a mention in `statement` names; nothing for what is not defined, or no name. */
export function resolve(
  readings: Readings,
  reading: Reading,
  statement: tree.Statement,
  mention: Mention,
): readonly Resolved[] {
  const [head] = mention.parts;
  if (head === undefined) return [];
  if (mention.space === 'role') {
    const target = roleOf(readings, reading, head.text);
    return target === null ? [] : [{ name: head, target }];
  }
  const local = localOf(statement, head);
  if (local === null && ROOTS.has(head.text)) return [];
  const found =
    local === null
      ? fromFile(readings, reading, mention.parts)
      : [{ name: head, target: { reading, definition: local } }];
  return found.length > 0 && isMember(reading, statement, mention) ? [] : found;
}

/** A parameter, or a name inside of the template, whichever is nearest. */
function localOf(statement: tree.Statement, { text, span }: tree.Name): Definition | null {
  const { definitions } = namesOf(statement);
  const near = definitions
    .filter((d) => d.within !== null && d.name.text === text && within(d.within, span.start))
    .sort((a, b) => size(a.within) - size(b.within));
  const inner = definitions.find(
    (d) => d.statement !== statement && d.kind !== 'parameter' && d.name.text === text,
  );
  return near[0] ?? inner ?? null;
}
const size = (span: tree.Span | null): number => (span === null ? 0 : span.end - span.start);

function fromFile(readings: Readings, reading: Reading, parts: readonly tree.Name[]): readonly Resolved[] {
  const [name, ...rest] = parts;
  const definition = name === undefined ? undefined : reading.names.get(name.text);
  if (name === undefined || definition === undefined) return [];
  const first = { name, target: { reading, definition } };
  const { statement } = definition;
  if (rest.length === 0) return [first];
  if (statement.kind === 'import') {
    const module = moduleOf(readings, reading, statement);
    return module === null ? [first] : [first, ...fromFile(readings, module, rest)];
  }
  if (statement.kind === 'instance') return [first, ...fromInstance(readings, reading, statement, rest)];
  return [first];
}

function moduleOf(readings: Readings, reading: Reading, statement: tree.ImportStatement): Reading | null {
  const path = reading.module(statement.policy.text);
  return path === null || path === reading.path ? null : readings.at(path);
}

/** `legal.use`: `use` is a statement of the template. */
function fromInstance(
  readings: Readings,
  reading: Reading,
  instance: tree.InstanceStatement,
  [name]: readonly tree.Name[],
): readonly Resolved[] {
  const template = fromFile(readings, reading, instance.template.parts).at(-1)?.target;
  if (template?.definition.statement.kind !== 'template' || name === undefined) return [];
  const inner = namesOf(template.definition.statement).definitions.find(
    (d) => d.kind !== 'parameter' && d.kind !== 'template' && d.name.text === name.text,
  );
  return inner === undefined ? [] : [{ name, target: { reading: template.reading, definition: inner } }];
}

/** A role is declared in the file, or in a module of it. */
function roleOf(readings: Readings, reading: Reading, name: string, depth = 0): Target | null {
  const definition = reading.roles.get(name);
  if (definition !== undefined) return { reading, definition };
  for (const s of depth < 8 ? reading.file.statements : []) {
    const module = s.kind === 'import' ? moduleOf(readings, reading, s) : null;
    const found = module === null ? null : roleOf(readings, module, name, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** Is the word a member of the enum that it is compared with? */
function isMember(reading: Reading, statement: tree.Statement, mention: Mention): boolean {
  if (mention.beside === null) return false;
  const type = typeOf(reading.inspect(), statement, mention.beside);
  return type?.kind === 'enum' && type.members.includes(mention.parts[0]?.text ?? '');
}

/** A name with what it means. */
export interface Found extends Resolved {
  readonly statement: tree.Statement;
  readonly defines: boolean;
}

/** All names of a statement, in the order of the text. */
export function foundIn(readings: Readings, reading: Reading, statement: tree.Statement): readonly Found[] {
  const { definitions, mentions } = namesOf(statement);
  const given = definitions.map((definition) => ({
    name: definition.name,
    target: { reading, definition },
    statement,
    defines: true,
  }));
  const used = mentions.flatMap((mention) =>
    resolve(readings, reading, statement, mention).map((found) => ({ ...found, statement, defines: false })),
  );
  return [...given, ...used].sort((a, b) => a.name.span.start - b.name.span.start);
}

/** The innermost name at an offset among the spans of a statement. */
export function foundAt(
  readings: Readings,
  reading: Reading,
  at: { readonly statement: tree.Statement; readonly offset: number },
): Found | null {
  return foundIn(readings, reading, at.statement).find(({ name }) => within(name.span, at.offset)) ?? null;
}
