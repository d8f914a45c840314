// SPDX-License-Identifier: Apache-2.0
/** The reference interpreter's expressions: strong Kleene, exact decimals, code points, paths by segments. Slow and plain. */
import type { Facts, Request } from '../stdlib/abi.js';
import { assertNever } from './assert.js';
import type { ConstIr, ExprIr, PolicyIr, TypeIr } from './ir.js';
import { isWithin, momentText, spanText } from './reference-clock.js';
import { addressText, isInDomain, isInRange, urlPart } from './reference-net.js';
import { regexMatches } from './reference-regex.js';
import { globMatches, inWho } from './reference-sets.js';
import { words } from './words.js';

export interface World {
  readonly policy: PolicyIr;
  readonly request: Request;
  readonly facts: Facts;
}
export type Truth = boolean | 'unknown';
/** Exact rational with a power of ten below it. */
interface Exact {
  readonly digits: bigint;
  readonly places: number;
}
const UNKNOWN = Symbol('unknown');
type Value = unknown;
type Bindings = ReadonlyMap<number, unknown>;
type On = 'number' | 'string' | 'bool' | 'json';
const NO_BINDINGS: Bindings = new Map();

export function evaluate(e: ExprIr, world: World, bound: Bindings = NO_BINDINGS): Truth {
  switch (e.op) {
    case 'not': {
      const value = evaluate(e.operand, world, bound);
      return value === 'unknown' ? 'unknown' : !value;
    }
    case 'and': {
      const values = e.operands.map((o) => evaluate(o, world, bound));
      return values.includes(false) ? false : values.includes('unknown') ? 'unknown' : true;
    }
    case 'or': {
      const values = e.operands.map((o) => evaluate(o, world, bound));
      return values.includes(true) ? true : values.includes('unknown') ? 'unknown' : false;
    }
    case 'quantifier': {
      const items = read(e.list, world, bound);
      if (!Array.isArray(items) || items.length > 1000) return 'unknown';
      const values = items.map((item) => evaluate(e.body, world, new Map(bound).set(e.param, item)));
      const settled = e.mode === 'any';
      return values.includes(settled) ? settled : values.includes('unknown') ? 'unknown' : !settled;
    }
    case 'const':
      return e.value.kind === 'bool' ? e.value.value : 'unknown';
    case 'has':
      return present(world.request.intent.args, e.path);
    case 'hint': {
      const { server, name, kind } = world.request.intent;
      const tool = world.policy.tools.find((t) => t.server === server && t.name === name && kind === 'tool');
      return tool === undefined ? 'unknown' : tool.hints[e.hint];
    }
    case 'hasRole':
      return subject(world, e.subject, (_, roles) => roles.includes(e.value));
    case 'inWho':
      return subject(world, e.subject, (id, roles) => inWho(e.who, id, roles));
    case 'compare':
      return compare(e.cmp, as(e.left, e.on, world, bound), as(e.right, e.on, world, bound), e.on);
    case 'inList': {
      const left = as(e.left, e.on, world, bound);
      const values = e.items.map((item) => compare('==', left, as(item, e.on, world, bound), e.on));
      return values.includes(true) ? true : values.includes('unknown') ? 'unknown' : false;
    }
    case 'inValue': {
      const items = read(e.list, world, bound);
      if (!Array.isArray(items)) return 'unknown';
      const left = as(e.left, e.on, world, bound);
      const values = items.map((item) => compare('==', left, typed(item, e.on, null), e.on));
      return values.includes(true) ? true : values.includes('unknown') ? 'unknown' : false;
    }
    case 'startsWith':
      return texts(e, world, bound, (a, b) => a.slice(0, b.length) === b);
    case 'endsWith':
      return texts(e, world, bound, (a, b) => b.length <= a.length && a.slice(a.length - b.length) === b);
    case 'contains':
      return texts(e, world, bound, (a, b) => a.split(b).length > 1 || b === '');
    case 'under':
      return texts(e, world, bound, isUnder);
    case 'within': {
      const instant = as(e.instant, 'string', world, bound);
      return typeof instant === 'string' ? isWithin(instant, e.schedule) : 'unknown';
    }
    case 'inDomain': {
      const host = as(e.left, 'string', world, bound);
      return typeof host === 'string' ? isInDomain(host, e.domain) : 'unknown';
    }
    case 'inCidr': {
      const address = as(e.left, 'string', world, bound);
      return typeof address === 'string' ? isInRange(address, e.range) : 'unknown';
    }
    case 'hasMember': {
      const object = read(e.object, world, bound);
      return object === UNKNOWN ? 'unknown' : present(object, e.path);
    }
    case 'like': {
      const text = as(e.left, 'string', world, bound);
      return typeof text === 'string' ? globMatches(e.glob, text) : 'unknown';
    }
    case 'matches': {
      const text = as(e.left, 'string', world, bound);
      return typeof text === 'string' ? regexMatches(e.pattern, text) : 'unknown';
    }
    case 'arg':
    case 'fact':
    case 'member':
    case 'param': {
      const value = read(e, world, bound);
      return typeof value === 'boolean' ? value : 'unknown';
    }
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
      return 'unknown';
    default:
      return assertNever(e);
  }
}

function subject(
  world: World,
  who: 'principal' | 'user',
  test: (id: string, roles: readonly string[]) => boolean,
): Truth {
  const { principal, roles, user, userRoles } = world.request;
  if (who === 'principal') return test(principal, roles);
  return user === null ? 'unknown' : test(user, userRoles);
}

function texts(
  e: { readonly left: ExprIr; readonly right: ExprIr },
  world: World,
  bound: Bindings,
  test: (a: string, b: string) => Truth,
): Truth {
  const [a, b] = [as(e.left, 'string', world, bound), as(e.right, 'string', world, bound)];
  return typeof a === 'string' && typeof b === 'string' ? test(a, b) : 'unknown';
}

function present(args: unknown, path: readonly string[]): boolean {
  let at = args;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as { readonly [key: string]: unknown })[key];
  }
  return true;
}

/** The value as it stands in the request; UNKNOWN where it is absent. */
function read(e: ExprIr, world: World, bound: Bindings): Value {
  const { request, facts } = world;
  switch (e.op) {
    case 'const':
      return constant(e.value);
    case 'arg': {
      if (!present(request.intent.args, e.path)) return UNKNOWN;
      return e.path.reduce<unknown>(
        (at, key) => (at as { readonly [key: string]: unknown })[key],
        request.intent.args,
      );
    }
    case 'fact':
      return Object.hasOwn(facts, e.name) && facts[e.name] !== undefined ? facts[e.name] : UNKNOWN;
    case 'param':
      return bound.has(e.param) ? bound.get(e.param) : UNKNOWN;
    case 'subject':
      switch (e.field) {
        case 'principal.id':
          return request.principal;
        case 'user.id':
          return request.user ?? UNKNOWN;
        case 'session.id':
          return request.session;
        case 'tool.server':
          return request.intent.server;
        case 'tool.name':
          return request.intent.name;
      }
      return assertNever(e.field);
    case 'member': {
      const object = read(e.object, world, bound);
      if (object === UNKNOWN || !present(object, e.path)) return UNKNOWN;
      return e.path.reduce<unknown>((at, key) => (at as { readonly [key: string]: unknown })[key], object);
    }
    case 'moment':
    case 'span': {
      const text = as(e.operand, 'string', world, bound);
      const ms = typeof text !== 'string' ? null : e.op === 'span' ? spanText(text) : momentText(text);
      return ms === null ? UNKNOWN : parseExact(ms);
    }
    case 'url': {
      const text = as(e.operand, 'string', world, bound);
      return (typeof text === 'string' ? urlPart(text, e.part) : null) ?? UNKNOWN;
    }
    case 'ip': {
      const text = as(e.operand, 'string', world, bound);
      return (typeof text === 'string' ? addressText(text) : null) ?? UNKNOWN;
    }
    case 'lower': {
      const text = as(e.operand, 'string', world, bound);
      return typeof text === 'string' ? text.toLowerCase() : UNKNOWN;
    }
    case 'size': {
      if ('type' in e.operand && e.operand.type.kind === 'list') {
        const list = read(e.operand, world, bound);
        return Array.isArray(list) ? list.length : UNKNOWN;
      }
      const text = as(e.operand, 'string', world, bound);
      return typeof text === 'string' ? [...text].length : UNKNOWN;
    }
    case 'arith': {
      const a = exact(as(e.left, 'number', world, bound));
      const b = exact(as(e.right, 'number', world, bound));
      return a === null || b === null ? UNKNOWN : bounded(calculate(e.fn, a, b));
    }
    case 'negate': {
      const a = exact(as(e.operand, 'number', world, bound));
      return a === null ? UNKNOWN : { digits: -a.digits, places: a.places };
    }
    case 'amount': {
      const a = exact(as(e.operand, 'number', world, bound));
      return a === null || a.digits < 0n || plainText(a).length > 40 ? UNKNOWN : a;
    }
    default: {
      const truth = evaluate(e, world, bound);
      return truth === 'unknown' ? UNKNOWN : truth;
    }
  }
}

/** A number in plain digits, or null where it is unknown. */
export function exactText(e: ExprIr, world: World): string | null {
  const value = exact(as(e, 'number', world, NO_BINDINGS));
  return value === null ? null : plainText(value);
}

/** The value as an operand of one kind; UNKNOWN where it is of another. */
function as(e: ExprIr, on: On, world: World, bound: Bindings): Value {
  if ((e.op === 'arg' || e.op === 'member') && e.nullable) return read(e, world, bound);
  const value = read(e, world, bound);
  return e.op === 'const' ? value : typed(value, on, 'type' in e ? e.type : null);
}

function typed(value: Value, on: On, type: TypeIr | null): Value {
  switch (on) {
    case 'number': {
      if (isExact(value)) return value;
      if (typeof value !== 'number' || !Number.isFinite(value)) return UNKNOWN;
      return type?.kind === 'int' && !Number.isInteger(value) ? UNKNOWN : value;
    }
    case 'string':
      return typeof value === 'string' ? value : UNKNOWN;
    case 'bool':
      return typeof value === 'boolean' ? value : UNKNOWN;
    case 'json':
      if (type?.kind === 'list' && !Array.isArray(value)) return UNKNOWN;
      return value === null ? UNKNOWN : value;
  }
}

function constant(c: ConstIr): unknown {
  switch (c.kind) {
    case 'null':
      return null;
    case 'bool':
    case 'string':
      return c.value;
    case 'number':
      return parseExact(c.text);
    case 'list':
      return c.items.map(constant);
  }
}

const isExact = (value: Value): value is Exact =>
  typeof value === 'object' &&
  value !== null &&
  'places' in value &&
  typeof (value as Exact).digits === 'bigint';
function exact(value: Value): Exact | null {
  if (isExact(value)) return value;
  return typeof value === 'number' ? parseExact(String(value)) : null;
}
/** Without an exponent, without a sign that says nothing, and without zeros at the end of a fraction. */
function plainText({ digits, places }: Exact): string {
  let [left, fraction] = [digits < 0n ? -digits : digits, places];
  while (fraction > 0 && left % 10n === 0n) [left, fraction] = [left / 10n, fraction - 1];
  const text = String(left).padStart(fraction + 1, '0');
  const point = text.length - fraction;
  return `${digits < 0n ? '-' : ''}${fraction > 0 ? `${text.slice(0, point)}.${text.slice(point)}` : text}`;
}
function parseExact(text: string): Exact {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const places = fraction.length - Number(power);
  const digits = BigInt(whole + fraction);
  return places < 0 ? { digits: digits * 10n ** BigInt(-places), places: 0 } : { digits, places };
}
function calculate(fn: '+' | '-' | '*', a: Exact, b: Exact): Exact {
  if (fn === '*') return { digits: a.digits * b.digits, places: a.places + b.places };
  const [x, y, places] = common(a, b);
  return { digits: fn === '+' ? x + y : x - y, places };
}
function common(a: Exact, b: Exact): readonly [bigint, bigint, number] {
  const places = a.places > b.places ? a.places : b.places;
  return [a.digits * 10n ** BigInt(places - a.places), b.digits * 10n ** BigInt(places - b.places), places];
}
/** Results past 400 digits are unknown. */
function bounded(value: Exact): Value {
  return value.digits.toString().length > 400 || value.places > 400 ? UNKNOWN : value;
}

function compare(op: string, a: Value, b: Value, on: On): Truth {
  if (a === UNKNOWN || b === UNKNOWN) return 'unknown';
  if (on === 'json' || on === 'bool') {
    const same = deepEqual(a, b);
    return op === '==' ? same : !same;
  }
  const order = on === 'number' ? numberOrder(a, b) : textOrder(a as string, b as string);
  switch (op) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    default:
      return order >= 0;
  }
}

function numberOrder(a: Value, b: Value): number {
  const [x, y] = common(exact(a) as Exact, exact(b) as Exact);
  return x < y ? -1 : x > y ? 1 : 0;
}

function textOrder(a: string, b: string): number {
  const [x, y] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < x.length && i < y.length; i++) {
    const d = ((x[i] as string).codePointAt(0) ?? 0) - ((y[i] as string).codePointAt(0) ?? 0);
    if (d !== 0) return d;
  }
  return x.length - y.length;
}

function deepEqual(a: unknown, b: unknown): boolean {
  if (isExact(a) || isExact(b)) {
    const [x, y] = [exact(a), exact(b)];
    return x !== null && y !== null && numberOrder(x, y) === 0;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => deepEqual(item, b[i]))
    );
  }
  const [x, y] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return x.size === y.size && [...x].every(([key, value]) => y.has(key) && deepEqual(value, y.get(key)));
}

/** Both are paths that no server reads otherwise, and the root's segments begin the path's. */
function isUnder(path: string, root: string): Truth {
  const [a, b] = [segmentsOf(path), segmentsOf(root)];
  if (a === null || b === null) return 'unknown';
  return b.every((segment, i) => a[i] === segment);
}

const CONFUSING = new Set([...'\\~%'].map((c) => c.codePointAt(0)));

function segmentsOf(path: string): readonly string[] | null {
  if (!path.startsWith('/') || path.startsWith('//')) return null;
  for (const c of path) {
    const point = c.codePointAt(0) ?? 0;
    if (point < 32 || point === 127 || CONFUSING.has(point)) return null;
    if (point > 127 && !harmless(c, point)) return null;
  }
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  return segments.some(ambiguous) ? null : segments;
}

function ambiguous(segment: string): boolean {
  if (segment.endsWith('.') || segment.endsWith(' ')) return true;
  return /^\s*(\.\.[;:]|[A-Za-z]:)/.test(segment);
}

const LOOK_LIKE =
  '\u0701\u0702\u0660\u06f0\ua4f8\ua60e\u2024\u2025\u2026\u3002\uff0e\uff61\ufe52\u00b7\u2027\u2044\u2215\u2571\u29f8\u29f5\u29f9\u2216\u2572\ufe68\uff0f\uff3c\u2cc6\u30ce\u4e36\u4e3f\u1735\u2041\u31d3\u27cb\u27cd\u3033';
const HIDDEN: readonly (readonly [number, number])[] = [
  [0x80, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xffff],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];

/** Neither hidden, nor a look-alike, nor folding (NFKC) to one of the characters that mean something in a path. */
function harmless(c: string, point: number): boolean {
  if (LOOK_LIKE.includes(c) || HIDDEN.some(([low, high]) => point >= low && point <= high)) return false;
  return ![...c.normalize('NFKC')].some((folded) => './\\~%:; '.includes(folded));
}

/** Boolean leaves: what stands below `not`, `and`, `or`. */
export function leavesOf(e: ExprIr): readonly ExprIr[] {
  if (e.op === 'not') return leavesOf(e.operand);
  if (e.op === 'and' || e.op === 'or') return e.operands.flatMap(leavesOf);
  return e.op === 'const' ? [] : [e];
}

/** Names of the reads that leave a condition open, with why. */
export function unknownReads(e: ExprIr, world: World): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const leaf of leavesOf(e)) {
    if (evaluate(leaf, world) !== 'unknown') continue;
    const reads = readsBelow(leaf);
    const missing = reads.filter((r) => as(r, kindOf(r), world, NO_BINDINGS) === UNKNOWN);
    for (const r of missing) names.set(words(r), 'it is missing, null or of another type');
    const [first] = reads;
    if (missing.length === 0 && first !== undefined)
      names.set(words(first), 'its value is refused by the operator');
  }
  return names;
}

function kindOf(e: ExprIr): On {
  if (e.op === 'subject') return 'string';
  const kind = 'type' in e ? e.type.kind : 'json';
  if (kind === 'int' || kind === 'decimal') return 'number';
  const texts = ['string', 'path', 'url', 'enum', 'instant'];
  return texts.includes(kind) ? 'string' : 'json';
}

function readsBelow(e: ExprIr): readonly ExprIr[] {
  switch (e.op) {
    case 'arg':
    case 'fact':
    case 'hint':
      return [e];
    case 'subject':
      return e.field === 'user.id' ? [e] : [];
    case 'hasRole':
    case 'inWho':
      return e.subject === 'user' ? [{ op: 'subject', field: 'user.id' }] : [];
    case 'not':
    case 'negate':
    case 'amount':
    case 'lower':
    case 'size':
    case 'moment':
    case 'span':
    case 'url':
    case 'ip':
      return readsBelow(e.operand);
    case 'member':
    case 'hasMember':
      return readsBelow(e.object);
    case 'and':
    case 'or':
      return e.operands.flatMap(readsBelow);
    case 'inList':
      return [e.left, ...e.items].flatMap(readsBelow);
    case 'inValue':
      return [...readsBelow(e.left), ...readsBelow(e.list)];
    case 'like':
    case 'matches':
    case 'inDomain':
    case 'inCidr':
      return readsBelow(e.left);
    case 'within':
      return readsBelow(e.instant);
    case 'quantifier':
      return [...readsBelow(e.list), ...readsBelow(e.body)];
    case 'compare':
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'under':
    case 'arith':
      return [...readsBelow(e.left), ...readsBelow(e.right)];
    case 'const':
    case 'has':
    case 'param':
      return [];
    default:
      return assertNever(e);
  }
}
