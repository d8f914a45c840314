// SPDX-License-Identifier: Apache-2.0
/**
 * Rules that a guessed question shows to decide something, so that the survey need not look at them. The reference interpreter
 * answers the guess: what it shows is so; of all else nothing is said.
 */
import type { GlobIr, ExprIr, PolicyIr, RuleIr, UnitIr, WhoIr } from '../ir.js';
import { type Action, type ActionClass, conditionsOf, type Subject } from './actions.js';
import { isRole, readsOf, roleKey, scopeOf } from './conditions.js';
import { asksAlike, hasSay } from './dead.js';
import { MAY } from './decision.js';
import { ABSENT, admits, constJson, type Found, sample } from './place.js';
import { answerOf, type Asked, shapeAt, STARTS, worldOf } from './space.js';

const GUESSES = 32;
/** Answers of the interpreter for one rule among others: beyond, the survey is the cheaper way. */
const EFFORT = 400;
const PER_PLACE = 6;
const MISSES = 8;

/** Rules that decide something in one of these classes. */
export function shownAlive({ ir }: Subject, classes: readonly ActionClass[]): ReadonlySet<UnitIr> {
  const shown = new Set<UnitIr>();
  let missed = 0;
  for (const found of classes) {
    const units = found.live[0]?.units ?? [];
    for (const unit of units) {
      if (shown.has(unit)) continue;
      if (unit.kind === 'rule' && decides(unit, units, found, ir)) shown.add(unit);
      // The survey has to look at most of it anyway.
      else if (++missed > MISSES + shown.size / 8) return shown;
    }
  }
  return shown;
}

function decides(rule: RuleIr, units: readonly UnitIr[], { action }: ActionClass, ir: PolicyIr): boolean {
  const rivals = units.filter((other) => other !== rule && (mayDeny(other) || coversAsking(rule, other)));
  const places = new Places();
  whoGuesses(rule.who, 'principal', places);
  if (rule.when !== null) guesses(rule.when, places);
  const own = new Set(places.keys());
  for (const rival of rivals.slice(0, GUESSES)) for (const e of conditionsOf(rival)) guesses(e, places);
  // An argument that must be there has some value, whatever is asked of it.
  for (const unit of [rule, ...rivals])
    for (const e of conditionsOf(unit))
      for (const read of readsOf(e)) if (read.startsWith('arg:')) places.add(read);
  const open = places.keys().map((key) => [key, choices(key, places, own.has(key), action, ir)] as const);
  if (open.some(([, values]) => values.length === 0)) return false;
  const most = Math.min(GUESSES, 1 + Math.floor(EFFORT / (rivals.length + 1)));
  for (const values of combinations(open, most)) {
    const asked = worldOf(action, values);
    if (hasSay(mayOf(rule, asked, ir)) && rivals.every((other) => !covers(rule, other, asked, ir)))
      return true;
  }
  return false;
}

/** Values that may stand there, those first that are likelier to help. */
function choices(key: string, places: Places, own: boolean, action: Action, ir: PolicyIr): readonly Found[] {
  if (isRole(key)) return places.at(key);
  if (key === 'principal') return [...places.at(key), 'agent:x'];
  const shape = shapeAt(key, action, [ir]);
  const fit = places.at(key).filter((value) => value !== ABSENT && admits(shape, value));
  const plain: Found[] = key !== 'user' && shape.object === null ? [sample(shape)] : [];
  if (shape.absent) plain.unshift(ABSENT);
  return own ? [...fit, ...plain] : [...plain, ...fit];
}

const mayDeny = (unit: UnitIr): boolean =>
  unit.kind === 'rule'
    ? unit.effect === 'deny'
    : unit.cases.some(({ outcome }) => outcome.effect === 'deny') || unit.otherwise?.effect === 'deny';

const coversAsking = (rule: RuleIr, other: UnitIr): boolean =>
  rule.effect === 'escalate' && asksAlike(rule, other);

function covers(rule: RuleIr, other: UnitIr, asked: Asked, ir: PolicyIr): boolean {
  const asks = coversAsking(rule, other) ? MAY.escalate | MAY.review : 0;
  return (mayOf(other, asked, ir) & (MAY.deny | asks)) !== 0;
}

/** Everything that a unit could yield here, as bits: what `yields` says for the whole space. */
function mayOf(unit: UnitIr, asked: Asked, ir: PolicyIr): number {
  if (answerOf(scopeOf(unit.who), asked, ir) !== 2) return MAY.nothing;
  const one = (when: ExprIr | null, mask: number, rest: number): number => {
    const answer = when === null ? 2 : answerOf(when, asked, ir);
    return answer === 2 ? mask : answer === 1 ? mask | rest : rest;
  };
  if (unit.kind === 'rule') return one(unit.when, MAY[unit.effect], MAY.nothing);
  let may: number = unit.otherwise === null ? MAY.nothing : MAY[unit.otherwise.effect];
  for (const { when, outcome } of unit.cases.toReversed()) may = one(when, MAY[outcome.effect], may);
  return may;
}

/** Values to guess with, by the key of a dimension of the space; first what makes conditions true. */
class Places {
  readonly #values = new Map<string, Found[]>();

  keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  at(key: string): readonly Found[] {
    return this.#values.get(key) ?? [];
  }

  add(key: string, ...values: readonly Found[]): void {
    const known = this.#values.get(key) ?? [];
    this.#values.set(key, known);
    for (const value of values) if (known.length < PER_PLACE && !known.includes(value)) known.push(value);
  }
}

/** All firsts, then with other values, the first places changing fastest. */
function* combinations(
  open: readonly (readonly [string, readonly Found[]])[],
  most: number,
): Generator<ReadonlyMap<string, Found>> {
  for (let number = 0; number < most; number++) {
    let rest = number;
    const values = new Map<string, Found>();
    for (const [key, choices] of open) {
      const value = choices[rest % choices.length];
      if (value !== undefined) values.set(key, value);
      rest = Math.floor(rest / choices.length);
    }
    if (rest > 0) return;
    yield values;
  }
}

const filled = ({ parts }: GlobIr): string => parts.join('x');

function whoGuesses(who: WhoIr, subject: 'principal' | 'user', places: Places): void {
  for (const term of who.include) {
    if (term.kind === 'role') places.add(roleKey(subject, term.value), true, false);
    else if (term.kind === 'set') whoGuesses(term.who, subject, places);
    else if (term.kind === 'principal') {
      const id = filled(term.glob);
      if (STARTS.some((start) => id.length > start.length && id.startsWith(start))) places.add(subject, id);
    }
  }
}

function guesses(e: ExprIr, places: Places): void {
  switch (e.op) {
    case 'not':
      return guesses(e.operand, places);
    case 'and':
    case 'or':
      for (const operand of e.operands) guesses(operand, places);
      return;
    case 'has':
      return put({ op: 'arg', path: e.path, type: { kind: 'json' }, nullable: true }, [], places);
    case 'hasRole':
      return places.add(roleKey(e.subject, e.value), true, false);
    case 'inWho':
      return whoGuesses(e.who, e.subject, places);
    case 'arg':
    case 'fact':
      return put(e, [true, false], places);
    case 'compare':
      return put(e.left, near(e.right), places);
    case 'inList':
      return put(e.left, e.items.slice(0, 2).flatMap(near), places);
    case 'startsWith':
      return put(e.left, around(e.right, '', 'x'), places);
    case 'endsWith':
      return put(e.left, around(e.right, 'x', ''), places);
    case 'contains':
      return put(e.left, around(e.right, 'x', 'x'), places);
    case 'under':
      return put(e.left, around(e.right, '', '/x'), places);
    case 'like':
      return put(e.left, [filled(e.glob), 'x'], places);
    case 'inDomain':
      return put(e.left, [e.domain, 'x.example'], places);
    default:
      return;
  }
}

/** Of a constant itself, and what is just beside it. */
function near(e: ExprIr): readonly Found[] {
  if (e.op !== 'const') return [];
  const value = constJson(e.value);
  if (typeof value === 'number') return [value, value + 1, value - 1];
  return typeof value === 'string' ? [value, `${value}x`] : [value];
}

const around = (e: ExprIr, before: string, after: string): readonly Found[] =>
  e.op === 'const' && e.value.kind === 'string' ? [`${before}${e.value.value}${after}`, 'x'] : [];

/** Values for what is read; what stands deeper than an argument is not guessed. */
function put(read: ExprIr, values: readonly Found[], places: Places): void {
  const scalars = values.filter((value) => value === ABSENT || typeof value !== 'object');
  if (read.op === 'lower') put(read.operand, scalars, places);
  else if (read.op === 'fact') places.add(`fact:${read.name}`, ...scalars);
  else if (read.op === 'arg') {
    const [name = '', deeper] = read.path;
    places.add(`arg:${name}`, ...(deeper === undefined ? scalars : []));
  }
}
