// SPDX-License-Identifier: Apache-2.0
/** Expressions of the IR as code over `std`. Conditions become shared functions; equal ones are one function. */
import { assertNever } from './assert.js';
import type { Constants } from './encode.js';
import type { CidrIr, ConstIr, DfaIr, ExprIr, GlobIr, ScheduleIr, TypeIr, WhoIr, WhoTermIr } from './ir.js';
import { words } from './words.js';

/** A function of the module: name and body lines. */
export interface Fn {
  readonly name: string;
  readonly words: string;
  readonly body: readonly string[];
}

export interface Emitter {
  readonly k: Constants;
  readonly fns: Fn[];
  /** Values made once at link: name and initialiser. */
  readonly shared: Map<string, string>;
  readonly byText: Map<string, string>;
}

const CALL = '(a, r, f, t)';

/** The name of the shared function of a condition without parameters of a quantifier; equal ones are one function. */
export function condition(m: Emitter, e: ExprIr): string {
  const key = JSON.stringify(e);
  const known = m.byText.get(key);
  if (known !== undefined) return known;
  const body = conditionBody(m, e);
  const name = `c${m.fns.length}`;
  m.byText.set(key, name);
  m.fns.push({ name, words: words(e), body });
  return name;
}

/** `and` and `or` stop as soon as the value is settled; the value is the same as without stopping. */
function conditionBody(m: Emitter, e: ExprIr): readonly string[] {
  if ((e.op === 'and' || e.op === 'or') && !hasParam(e)) {
    const read = guarded(e.operands);
    if (e.op === 'and' && read !== null) return guardedBody(m, read);
    return settling(
      e.op,
      e.operands.map((operand) => asked(m, operand)),
    );
  }
  if (e.op === 'not' && !hasParam(e)) return [`return not(${asked(m, e.operand)});`];
  return [`return ${kleene(m, e)};`];
}

/** In place where that is one call of the library, else by the function of the condition. */
const asked = (m: Emitter, e: ExprIr): string => (isShort(e) ? kleene(m, e) : `${condition(m, e)}${CALL}`);
const isShort = (e: ExprIr): boolean =>
  e.op !== 'and' && e.op !== 'or' && children(e).every((child) => children(child).length === 0);

function settling(op: 'and' | 'or', operands: readonly string[]): readonly string[] {
  if (operands.length < 2) return [`return ${operands[0] ?? (op === 'and' ? '2' : '0')};`];
  const settled = op === 'and' ? 0 : 2;
  const sign = op === 'and' ? '<' : '>';
  const lines = [`let v = ${operands[0] ?? ''};`];
  for (const operand of operands.slice(1)) {
    lines.push(`if (v === ${settled}) return v;`, `{ const w = ${operand}; if (w ${sign} v) v = w; }`);
  }
  return [...lines, 'return v;'];
}

/** Is it a question about this argument and constants that is unknown where the argument is? */
export function asksOnly(e: ExprIr, path: readonly string[]): boolean {
  const ofPath = (x: ExprIr): boolean =>
    x.op === 'arg' && x.path.length === path.length && x.path.every((part, i) => part === path[i]);
  const constant = (x: ExprIr): boolean => x.op === 'const';
  switch (e.op) {
    case 'compare':
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'under':
      return (ofPath(e.left) && constant(e.right)) || (constant(e.left) && ofPath(e.right));
    case 'like':
    case 'matches':
      return ofPath(e.left);
    case 'inList':
      return ofPath(e.left) && e.items.length > 0 && e.items.every(constant);
    default:
      return false;
  }
}

interface Guarded {
  readonly path: readonly string[];
  readonly read: ExprIr;
  readonly questions: readonly ExprIr[];
}

/** `has(args.x) and …` where all the rest asks of `args.x` only. */
function guarded([first, ...questions]: readonly ExprIr[]): Guarded | null {
  if (first?.op !== 'has' || questions.length === 0) return null;
  if (!questions.every((question) => asksOnly(question, first.path))) return null;
  const read = questions.flatMap(children).find((x) => x.op === 'arg');
  return read === undefined ? null : { path: first.path, read, questions };
}

/** No text of a policy stands in code, so the code of the read can be found in that of the questions. */
function guardedBody(m: Emitter, { path, read, questions }: Guarded): readonly string[] {
  const code = raw(m, read);
  const absent = `absent(a, ${path.map((part) => m.k.ref(part)).join(', ')})`;
  const asked = questions.map((question) => kleene(m, question).replaceAll(code, 'y'));
  return [`const y = ${code};`, `if (y === undefined) return ${absent};`, ...settling('and', asked)];
}

/** A boolean expression in place. */
export function kleene(m: Emitter, e: ExprIr): string {
  switch (e.op) {
    case 'not':
      return `not(${kleene(m, e.operand)})`;
    case 'and':
    case 'or':
      return `${e.op}(${e.operands.map((o) => kleene(m, o)).join(', ')})`;
    case 'const':
      return e.value.kind === 'bool' ? (e.value.value ? '2' : '0') : '1';
    case 'has':
      return `has(a, ${e.path.map((p) => m.k.ref(p)).join(', ')})`;
    case 'hint':
      return `hint(t, ${quoteWord(e.hint)})`;
    case 'hasRole':
      return `${e.subject === 'user' ? 'userHasRole' : 'hasRole'}(r, ${m.k.ref(e.value)})`;
    case 'inWho':
      return `${e.subject === 'user' ? 'userInWho' : 'inWho'}(r, ${shared(m, 'w', whoCode(m, e.who))})`;
    case 'compare':
      return compare(m, e);
    case 'inList':
      return inList(m, e);
    case 'inValue':
      return `among(list(${raw(m, e.list)}), (y) => ${equality(e.on, value(m, e.left, e.on), typed('y', e.on))})`;
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'under':
      return `${e.op}(${value(m, e.left, 'string')}, ${value(m, e.right, 'string')})`;
    case 'like':
      return `like(${value(m, e.left, 'string')}, ${shared(m, 'g', globCode(m, e.glob))})`;
    case 'inDomain':
      return `inDomain(${value(m, e.left, 'string')}, ${m.k.ref(e.domain)})`;
    case 'inCidr':
      return `inCidr(${value(m, e.left, 'string')}, ${shared(m, 'n', rangeCode(e.range))})`;
    case 'hasMember':
      return `hasIn(${raw(m, e.object)}, ${e.path.map((p) => m.k.ref(p)).join(', ')})`;
    case 'within':
      return `within(${value(m, e.instant, 'string')}, ${shared(m, 'z', scheduleCode(e.schedule))})`;
    case 'matches':
      return `matches(${value(m, e.left, 'string')}, ${shared(m, 'm', dfaCode(e.dfa))})`;
    case 'quantifier':
      return `${e.mode}(list(${raw(m, e.list)}), (x${e.param}) => ${kleene(m, e.body)})`;
    case 'arg':
    case 'fact':
    case 'param':
    case 'member':
      return `bool(${raw(m, e)})`;
    case 'subject':
    case 'arith':
    case 'negate':
    case 'amount':
    case 'lower':
    case 'size':
    case 'moment':
    case 'span':
    case 'url':
    case 'ip':
      return '1';
    default:
      return assertNever(e);
  }
}

type On = 'number' | 'string' | 'bool' | 'json';

function compare(m: Emitter, e: Extract<ExprIr, { op: 'compare' }>): string {
  const [left, right] = [value(m, e.left, e.on), value(m, e.right, e.on)];
  if (e.on === 'number') return `compareNum(${quoteWord(e.cmp)}, ${left}, ${right})`;
  if (e.on === 'string' && e.cmp !== '==' && e.cmp !== '!=')
    return `compareText(${quoteWord(e.cmp)}, ${left}, ${right})`;
  const equal = equality(e.on, left, right);
  return e.cmp === '!=' ? `not(${equal})` : equal;
}

function equality(on: On, left: string, right: string): string {
  switch (on) {
    case 'number':
      return `compareNum("==", ${left}, ${right})`;
    case 'string':
      return `equalText(${left}, ${right})`;
    case 'bool':
      return `equalBool(${left}, ${right})`;
    case 'json':
      return `equalJson(${left}, ${right})`;
  }
}

function inList(m: Emitter, e: Extract<ExprIr, { op: 'inList' }>): string {
  if (e.items.length === 0) return '0';
  const left = value(m, e.left, e.on);
  const set = e.on === 'string' ? textsCode(m, e.items) : null;
  if (set !== null) return `inTexts(${left}, ${shared(m, 's', set)})`;
  return `or(${e.items.map((item) => equality(e.on, left, value(m, item, e.on))).join(', ')})`;
}

/** The set of the items, if all are constant texts. */
function textsCode(m: Emitter, items: readonly ExprIr[]): string | null {
  const texts = items.flatMap((i) => (i.op === 'const' && i.value.kind === 'string' ? [i.value.value] : []));
  if (texts.length === 0 || texts.length < items.length) return null;
  return `texts([${texts
    .sort()
    .map((text) => m.k.ref(text))
    .join(', ')}])`;
}

/** An operand as the kind that its operator needs; undefined where it is unknown. */
function value(m: Emitter, e: ExprIr, on: On): string {
  if (e.op === 'const') return constant(m, e.value, on);
  if (on === 'bool') return kleene(m, e);
  if (isBoolean(e)) return `truth(${kleene(m, e)})`;
  if (e.op === 'arg' || e.op === 'member') return e.nullable ? raw(m, e) : typed(raw(m, e), on, e.type);
  if (e.op === 'fact' || e.op === 'param') return typed(raw(m, e), on, e.type);
  return raw(m, e);
}

/** Operators whose value is a truth, which as JSON is a boolean. */
const isBoolean = (e: ExprIr): boolean => !NOT_BOOLEAN.has(e.op);
const NOT_BOOLEAN: ReadonlySet<ExprIr['op']> = new Set([
  'const',
  'arg',
  'fact',
  'param',
  'subject',
  'lower',
  'size',
  'arith',
  'negate',
  'amount',
  'member',
  'moment',
  'span',
  'url',
  'ip',
]);

/** The value before its kind is looked at. */
function raw(m: Emitter, e: ExprIr): string {
  switch (e.op) {
    case 'const':
      return constant(m, e.value, 'json');
    case 'arg':
      return e.path.reduce((object, key) => `get(${object}, ${m.k.ref(key)})`, 'a');
    case 'fact':
      return `get(f, ${m.k.ref(e.name)})`;
    case 'param':
      return `x${e.param}`;
    case 'subject':
      return SUBJECT[e.field];
    case 'lower':
      return `lower(${value(m, e.operand, 'string')})`;
    case 'size':
      return `size(${isList(e.operand) ? `list(${raw(m, e.operand)})` : value(m, e.operand, 'string')})`;
    case 'arith':
      return `arith(${quoteWord(e.fn)}, ${value(m, e.left, 'number')}, ${value(m, e.right, 'number')})`;
    case 'member':
      return e.path.reduce((object, key) => `get(${object}, ${m.k.ref(key)})`, raw(m, e.object));
    case 'moment':
    case 'span':
    case 'ip':
      return `${e.op}(${value(m, e.operand, 'string')})`;
    case 'url':
      return `${e.part === 'port' ? 'urlPort(' : `urlPart("${e.part}", `}${value(m, e.operand, 'string')})`;
    case 'negate':
      return `negate(${value(m, e.operand, 'number')})`;
    case 'amount':
      return `amount(${value(m, e.operand, 'number')})`;
    case 'has':
    case 'hint':
    case 'hasRole':
    case 'inWho':
    case 'not':
    case 'and':
    case 'or':
    case 'compare':
    case 'inList':
    case 'inValue':
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'like':
    case 'matches':
    case 'under':
    case 'within':
    case 'inDomain':
    case 'inCidr':
    case 'hasMember':
    case 'quantifier':
      return kleene(m, e);
    default:
      return assertNever(e);
  }
}

const SUBJECT = {
  'principal.id': 'r.principal',
  'user.id': '(r.user === null ? undefined : r.user)',
  'session.id': 'r.session',
  'tool.server': 'r.intent.server',
  'tool.name': 'r.intent.name',
} as const;

const isList = (e: ExprIr): boolean => 'type' in e && e.type.kind === 'list';

function typed(code: string, on: On, type?: TypeIr): string {
  switch (on) {
    case 'number':
      return type?.kind === 'int' ? `int(${code})` : `num(${code})`;
    case 'string':
      return `text(${code})`;
    case 'bool':
      return `bool(${code})`;
    case 'json':
      return type?.kind === 'list' ? `list(${code})` : `json(${code})`;
  }
}

function constant(m: Emitter, c: ConstIr, on: On): string {
  switch (c.kind) {
    case 'null':
      return 'null';
    case 'bool':
      return on === 'bool' ? (c.value ? '2' : '0') : String(c.value);
    case 'number':
      return numberCode(m, c.text);
    case 'string':
      return m.k.ref(c.value);
    case 'list':
      return shared(m, 'l', `[${c.items.map((item) => constant(m, item, 'json')).join(', ')}]`);
  }
}

/** The double that writes the same decimal, if there is one. */
export function exactDouble(text: string): number | null {
  const double = Number(text);
  return String(double) === text && Number.isFinite(double) ? double : null;
}
const numberCode = (m: Emitter, text: string): string =>
  exactDouble(text) === null ? shared(m, 'd', `decimal(${m.k.ref(text)})`) : text;

/** Words of the language itself, never of a policy. */
const quoteWord = (word: string): string => JSON.stringify(word);

/** A value made once at link, by its code. */
export function shared(m: Emitter, prefix: string, code: string): string {
  const known = m.shared.get(code);
  if (known !== undefined) return known;
  const name = `${prefix}${m.shared.size}`;
  m.shared.set(code, name);
  return name;
}

export function globCode(m: Emitter, glob: GlobIr): string {
  const gaps = glob.gaps.map((gap) => (gap === 'any' ? 'a' : 's')).join('');
  return `glob([${glob.parts.map((part) => m.k.ref(part)).join(', ')}], "${gaps}")`;
}

/** Numbers only: the name of the zone stands in no code. */
function scheduleCode({ windows, except, at, offsets, until }: ScheduleIr): string {
  const days = windows.map((w) => `[${w.days}, ${w.from}, ${w.to}]`);
  const lists = [days, except, at, offsets].map((list) => `[${list.join(', ')}]`);
  return `schedule(${lists.join(', ')}, ${until})`;
}

/** Numbers only. */
const rangeCode = ({ bytes, bits }: CidrIr): string => `range([${bytes.join(', ')}], ${bits})`;

/** Numbers only: the compiler has made them. */
function dfaCode({ starts, classes, width, first, next, accepts }: DfaIr): string {
  const list = (numbers: readonly number[]): string => `[${numbers.join(', ')}]`;
  return `dfa(${list(starts)}, ${list(classes)}, ${width}, ${first}, ${list(next)}, ${list(accepts)})`;
}

export function whoCode(m: Emitter, set: WhoIr): string {
  const term = (t: WhoTermIr): string => {
    switch (t.kind) {
      case 'any':
        return 'anyone';
      case 'principal':
        return `principal(${shared(m, 'g', globCode(m, t.glob))})`;
      case 'role':
        return `role(${m.k.ref(t.value)})`;
      case 'set':
        return `members(${shared(m, 'w', whoCode(m, t.who))})`;
    }
  };
  const terms = (list: readonly WhoTermIr[]): string => `[${list.map(term).sort().join(', ')}]`;
  return `who(${terms(set.include)}, ${terms(set.except)})`;
}

export function hasParam(e: ExprIr): boolean {
  const text = JSON.stringify(e);
  return text.includes('"op":"param"') && free(e).size > 0;
}

/** Quantifier parameters that are not bound inside `e`. */
function free(e: ExprIr): ReadonlySet<number> {
  if (e.op === 'param') return new Set([e.param]);
  if (e.op === 'quantifier') {
    const inner = new Set(free(e.body));
    inner.delete(e.param);
    return new Set([...free(e.list), ...inner]);
  }
  return new Set(children(e).flatMap((child) => [...free(child)]));
}

export function children(e: ExprIr): readonly ExprIr[] {
  switch (e.op) {
    case 'not':
    case 'negate':
    case 'amount':
    case 'lower':
    case 'size':
    case 'moment':
    case 'span':
    case 'url':
    case 'ip':
      return [e.operand];
    case 'member':
    case 'hasMember':
      return [e.object];
    case 'and':
    case 'or':
      return e.operands;
    case 'compare':
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'under':
    case 'arith':
      return [e.left, e.right];
    case 'inList':
      return [e.left, ...e.items];
    case 'inValue':
      return [e.left, e.list];
    case 'like':
    case 'matches':
    case 'inDomain':
    case 'inCidr':
      return [e.left];
    case 'within':
      return [e.instant];
    case 'quantifier':
      return [e.list, e.body];
    case 'const':
    case 'arg':
    case 'has':
    case 'subject':
    case 'fact':
    case 'hint':
    case 'hasRole':
    case 'inWho':
    case 'param':
      return [];
    default:
      return assertNever(e);
  }
}

/** The value of a number, before anything looks at it. */
export const rawCode = (m: Emitter, e: ExprIr): string => raw(m, e);

/** A read as its operator sees it: undefined where it is missing or of another type. */
export function readCode(m: Emitter, e: ExprIr): string {
  const code = raw(m, e);
  if (e.op === 'hint') return `known(${code})`;
  if (e.op !== 'arg' && e.op !== 'fact') return code;
  if (e.op === 'arg' && e.nullable) return code;
  switch (e.type.kind) {
    case 'string':
    case 'path':
    case 'url':
    case 'enum':
    case 'instant':
      return `text(${code})`;
    case 'int':
    case 'decimal':
      return typed(code, 'number', e.type);
    case 'list':
      return `list(${code})`;
    default:
      return `json(${code})`;
  }
}
