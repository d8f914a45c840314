// SPDX-License-Identifier: Apache-2.0
/** What may be written at a place: the words of the grammar there, and the names that fit. */
import { MASKS } from '../../stdlib/masks.js';
import { zoneNames } from '../../compiler/zone.js';
import type { Inspected } from '../../compiler/inspect.js';
import type * as tree from '../../grammar/tree.js';
import { quote } from '../../grammar/literals.js';
import { RESERVED, STATEMENT_WORDS } from '../../grammar/tokens.js';
import type { Reading } from './reading.js';
import { chainBefore, type Next, type Situation, writtenWhat } from './situation.js';
import { argumentAt, argumentsOf, toolsOf } from './tools.js';
import { FUNCTIONS, MEMBERS, WORDS } from './words.js';

export type ItemKind =
  | 'keyword'
  | 'tool'
  | 'argument'
  | 'role'
  | 'set'
  | 'value'
  | 'function'
  | 'rule'
  | 'member'
  | 'file';

export interface Item {
  readonly label: string;
  readonly kind: ItemKind;
  /** One line beside the label. */
  readonly detail: string;
  /** What is written, where it is not the label. */
  readonly text?: string;
  /** The server of a tool, for what is said when it is looked at. */
  readonly server?: string;
}

/** What the places need to know of their surroundings. */
export interface Around {
  readonly situation: Situation;
  readonly reading: Reading;
  /** Locks beside the policy. */
  readonly locks: () => readonly string[];
  /** Names of policies that may be imported. */
  readonly policies: () => readonly string[];
}

export function complete(around: Around): readonly Item[] {
  const { situation } = around;
  const items = situation.inString
    ? inString(around)
    : situation.next.flatMap((next) => itemsFor(around, next));
  const starts = situation.startsLine && !situation.inString ? STATEMENTS : [];
  const all = new Map([...items, ...starts].map((item) => [`${item.label} ${item.text ?? ''}`, item]));
  return [...all.values()];
}

const keyword = (word: string, text?: string): Item => ({
  label: word,
  kind: 'keyword',
  detail: WORDS.get(word) ?? '',
  ...(text === undefined ? {} : { text }),
});

const STATEMENTS: readonly Item[] = STATEMENT_WORDS.map((word) => keyword(word));

function itemsFor(around: Around, { token, rules }: Next): readonly Item[] {
  const [rule = '', outer = '', outermost = ''] = rules.toReversed();
  if (token.startsWith('Kw_')) return ofKeyword(token.slice('Kw_'.length), rule, outer);
  switch (token) {
    case 'Action':
      return toolItems(around);
    case 'KindPart':
      return rule === 'key and value' ? [] : ['agent:', 'user:', 'service:'].map((kind) => keyword(kind));
    case 'NameWord':
      return rule === 'name in a condition' ? valueItems(around) : nameItems(around, outer, outermost);
    case 'AnyWord':
      return wordItems(around, rule, outer, outermost);
    case 'Word':
      return rule === 'type' ? TYPES : rule === 'day' ? DAYS : rule === 'question' ? [keyword('list')] : [];
    default:
      return [];
  }
}

function ofKeyword(word: string, rule: string, outer: string): readonly Item[] {
  if (word === 'role' && (rule === 'role' || outer === 'approval')) return [keyword('role', 'role:')];
  if (word === 'starts' || word === 'ends') return [keyword(`${word} with`)];
  return [keyword(word)];
}

const plainItems = (words: readonly string[], kind: ItemKind, detail: string): readonly Item[] =>
  words.map((label) => ({ label, kind, detail }));
const TYPES = plainItems(
  ['bool', 'int', 'decimal', 'string', 'path', 'url', 'instant', 'duration', 'enum', 'list<string>'],
  'keyword',
  'type',
);
const DAYS = plainItems(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], 'keyword', 'day');

const partText = (name: string): string => (/^[\w.@-]+$/.test(name) ? name : quote(name));

function toolItems({ reading }: Around): readonly Item[] {
  const { tools } = reading.inspect().scope;
  const servers = [...new Set(tools.map((tool) => tool.server))];
  return [
    ...tools.map(({ server, name, description }): Item => {
      const label = `${partText(server)}/${partText(name)}`;
      return { label, kind: 'tool', detail: oneLine(description), server };
    }),
    ...servers.map(
      (server): Item => ({ label: `${partText(server)}/*`, kind: 'tool', detail: `all tools of ${server}` }),
    ),
  ];
}

/** Descriptions come from servers: one line of plain text. */
const oneLine = (text: string): string => {
  const line = text.replaceAll(/[\s\p{C}]+/gu, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
};

/** Names that the policy gives, of these kinds; those of modules and instances with their prefix. */
function namesOfKind({ reading }: Around, kinds: readonly string[], kind: ItemKind): readonly Item[] {
  return [...reading.inspect().scope.names].flatMap(([label, s]): readonly Item[] =>
    kinds.includes(s.kind) ? [{ label, kind, detail: s.kind === 'rule' ? s.effect : s.kind }] : [],
  );
}

function nameItems(around: Around, outer: string, outermost: string): readonly Item[] {
  if (outer !== 'dotted name') return [];
  switch (outermost) {
    case 'who term':
      return [...namesOfKind(around, ['principals'], 'set'), ...parameters(around)];
    case 'what term':
      return namesOfKind(around, ['actions'], 'set');
    case 'instance':
      return namesOfKind(around, ['template'], 'rule');
    case 'expected answer':
    case 'example':
      return namesOfKind(around, ['rule', 'redact', 'decide', 'limit'], 'rule');
    case 'given value':
      return [
        ...namesOfKind(around, ['fact', 'limit', 'counter', 'score'], 'value'),
        ...plainItems(
          ['injection_score', 'has_secrets', 'has_pii', 'findings'],
          'function',
          'result of the scanner',
        ),
      ];
    case 'import':
      return plainItems(around.policies(), 'file', 'policy');
    default:
      return [];
  }
}

function wordItems(around: Around, rule: string, outer: string, outermost: string): readonly Item[] {
  if (rule === 'phase') return ['call', 'list', 'result'].map((word) => keyword(word));
  if (rule === 'word') {
    if (outer === 'role' || outer === 'comparison operator') return roleItems(around);
    if (outer === 'redact' || outer === 'expected answer') return plainItems(MASKS, 'member', 'mask');
    if (outer === 'phase') return ['call', 'list', 'result'].map((word) => keyword(word));
    return [];
  }
  if (rule === 'member') {
    if (outer === 'given value') return roleItems(around);
    if (outer === 'key and value') return keyItems(around);
    return ['operand with members', 'masked argument'].includes(outer) || outermost === 'operand with members'
      ? memberItems(around)
      : [];
  }
  return rule === 'dotted name' ? memberItems(around) : [];
}

const roleItems = ({ reading }: Around): readonly Item[] =>
  [...reading.inspect().scope.roles].map(([label, value]) => ({
    label,
    kind: 'role',
    detail: label === value ? 'role' : `role, carried as ${JSON.stringify(value)}`,
  }));

/** What stands behind `args.`, `tool.`, an alias, an instance. */
function memberItems(around: Around): readonly Item[] {
  const { tokens } = around.situation;
  const chain = chainBefore(tokens, tokens.length - 1);
  const inspected = around.reading.inspect();
  if (chain[0] === 'args') return argumentItems(inspected, writtenWhat(tokens), chain.slice(1));
  const known = MEMBERS.get(chain.join('.'));
  if (known !== undefined) return plainItems(known, 'member', chain.join('.'));
  if (tokens.at(-2)?.image === ')')
    return plainItems(['scheme', 'host', 'port', 'path'], 'member', 'part of a URL');
  const prefix = `${chain.join('.')}.`;
  const named = inspected.scope.names.get(chain.join('.'))?.kind;
  const measure = named === 'limit' ? plainItems(['exhausted'], 'member', 'limit') : [];
  const below = [...inspected.scope.names].flatMap(([name, s]): readonly Item[] =>
    name.startsWith(prefix) ? [{ label: name.slice(prefix.length), kind: 'value', detail: s.kind }] : [],
  );
  return [...measure, ...below];
}

function argumentItems(inspected: Inspected, what: tree.What, path: readonly string[]): readonly Item[] {
  return argumentsOf(toolsOf(inspected, what), path).map(({ name, type, required }) => ({
    label: name,
    kind: 'argument',
    detail: `${type}${required ? '' : ', optional'}`,
    text: /^[A-Za-z_]\w*$/.test(name) ? name : quote(name),
  }));
}

/** Keys of the arguments of a question, but those that stand there. */
function keyItems(around: Around): readonly Item[] {
  const { tokens } = around.situation;
  const open = tokens.findLastIndex(({ image }) => image === '{');
  const given = new Set(tokens.slice(open).map(({ image }) => image));
  return argumentItems(around.reading.inspect(), writtenWhat(tokens), [])
    .filter(({ label }) => !given.has(label))
    .map((item) => ({ ...item, text: `${item.text ?? item.label}: ` }));
}

const NAMED_VALUES = ['fact', 'let', 'limit', 'counter', 'score'];

function valueItems(around: Around): readonly Item[] {
  const { tokens } = around.situation;
  const last = tokens.at(-1)?.image ?? '';
  if (last === 'within') return namesOfKind(around, ['schedule'], 'value');
  return [
    ...memberValues(around),
    ...namesOfKind(around, last === 'in' ? [...NAMED_VALUES, 'principals'] : NAMED_VALUES, 'value'),
    ...parameters(around),
    ...FUNCTIONS.map((label): Item => ({ label, kind: 'function', detail: WORDS.get(label) ?? '' })),
  ];
}

/** Members of the enum that stands before the operator. */
function memberValues(around: Around): readonly Item[] {
  const { tokens } = around.situation;
  const operator = tokens.findLastIndex(({ image }) => image === '==' || image === '!=' || image === 'in');
  const between = tokens.slice(operator + 1).map(({ image }) => image);
  if (operator < 0 || between.some((image) => image === 'and' || image === 'or' || image === ']')) return [];
  const at = tokens[operator - 1]?.image === 'not' ? operator - 1 : operator;
  const members = membersOf(around, chainBefore(tokens, at));
  return members.map((label) => ({ label, kind: 'member', detail: 'member', text: memberText(label) }));
}

function membersOf({ reading, situation }: Around, chain: readonly string[]): readonly string[] {
  const inspected = reading.inspect();
  const [head, ...path] = chain;
  if (head === 'args') {
    const tools = toolsOf(inspected, writtenWhat(situation.tokens));
    return path.length === 0 ? [] : (argumentAt(tools, path)?.members ?? []);
  }
  const named = inspected.scope.names.get(chain.join('.'));
  return named?.kind === 'fact' ? named.type.members.map(({ text }) => text) : [];
}

/** A member that is no free word is written as a string. */
const memberText = (member: string): string =>
  /^[A-Za-z_]\w*$/.test(member) && !RESERVED.some((word) => word === member) ? member : quote(member);

/** Parameters of the predicate, the template and the quantifiers that are being written. */
function parameters({ situation: { tokens, around } }: Around): readonly Item[] {
  const names = new Set<string>();
  for (const head of ['let', 'template']) {
    const own = head === 'let' ? tokens : around.slice(Math.max(0, lastOf(around, head)));
    const end = own[0]?.image === head ? own.findIndex(({ image }) => image === ')') : -1;
    own.forEach(({ image }, i) => {
      if (i < end && own[i + 1]?.image === ':' && SEPARATES.test(own[i - 1]?.image ?? '')) names.add(image);
    });
  }
  tokens.forEach(({ image }, i) => {
    if (tokens[i + 1]?.image === '=>' && tokens[i - 1]?.image === ',') names.add(image);
  });
  return plainItems([...names], 'value', 'parameter');
}
const SEPARATES = /^[(,]$/;
const lastOf = (tokens: Situation['tokens'], word: string): number =>
  tokens.findLastIndex(({ image }) => image === word);

/** In quotes: the lock, a zone, a member of an enum. */
function inString(around: Around): readonly Item[] {
  const { tokens } = around.situation;
  const head = tokens[0]?.image;
  if (head === 'tools' && tokens.length === 1) {
    return plainItems(around.locks(), 'file', 'lock');
  }
  if (head === 'schedule') return plainItems([...zoneNames()], 'member', 'zone');
  const key = tokens.at(-1)?.image === ':' ? (tokens.at(-2)?.image ?? '') : null;
  const tools = toolsOf(around.reading.inspect(), writtenWhat(tokens));
  const members =
    key === null ? memberValues(around).map(({ label }) => label) : (argumentAt(tools, [key])?.members ?? []);
  return plainItems(members, 'member', 'member');
}
