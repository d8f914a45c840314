// SPDX-License-Identifier: Apache-2.0
/** Two policies side by side: where the new one is less strict, where it is stricter, with a question for each part. */
import type { DecisionEffect } from '../../stdlib/abi.js';
import { inWhat } from '../reference-sets.js';
import { type Action, type ActionClass, actionClasses, type Subject } from './actions.js';
import { conditionsIn, decisionOf, decisionOps, DENY, EFFECTS, yields } from './decision.js';
import { type CellWords, describeCell } from './describe.js';
import { type Cell, type Node, opOf, TooLarge } from './diagram.js';
import { freeWords, readAlike, type Shared, sharedBy, Space } from './space.js';
import { callText, confirmed, type Engine, type Question, questionOf } from './witness.js';

export interface Change {
  readonly from: DecisionEffect;
  readonly to: DecisionEffect;
  readonly actions: readonly string[];
  readonly where: CellWords;
  /** Null where no question was found: the difference may only seem to be there. */
  readonly witness: Question | null;
  readonly why: string | null;
}
export interface Difference {
  readonly equal: boolean;
  readonly widened: readonly Change[];
  readonly tightened: readonly Change[];
  /** What was not compared, in words. */
  readonly notes: readonly string[];
  /** Changes beyond those listed. */
  readonly more: number;
}
export interface Side {
  readonly subject: Subject;
  readonly engine: Engine;
}

const SAME = 9;
const MOST_CELLS = 6;

export function differ(before: Side, after: Side): Difference {
  const found: Found = { widened: [], tightened: [], notes: [], more: 0 };
  const shared = sharedBy([before, after].flatMap(({ subject: { ir } }) => conditionsIn(ir.units, ir)));
  const unchanged = unchangedIn(before, after);
  for (const one of actionClasses([before.subject, after.subject], [])) {
    if (unchanged(one)) continue;
    try {
      compareClass(one, before, after, shared, found);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      found.notes.push(`${namesOf(one).join(', ')}: too many conditions at once; not compared`);
    }
  }
  const { widened, tightened, notes, more } = found;
  notes.push(...standInNotes(before, after));
  const equal = widened.length + tightened.length + notes.length + more === 0;
  return { equal, widened: widened.toSorted(gravest), tightened: tightened.toSorted(gravest), notes, more };
}

/** Whether the same tools, with the same schemas, are decided by the same units, which read the same. */
function unchangedIn(before: Side, after: Side): (one: ActionClass) => boolean {
  const [old, now] = [before.subject.ir, after.subject.ir];
  if (!readAlike(old, now)) return () => false;
  const names = new Map(old.units.map((unit) => [unit.name, unit]));
  const same = new Set(
    now.units.filter((unit) => sameIr(names.get(unit.name), unit)).map(({ name }) => name),
  );
  return ({ action, live: [a, b] }) =>
    action.schemas.length < 2 &&
    a !== undefined &&
    b !== undefined &&
    a.pinned === b.pinned &&
    a.units.length === b.units.length &&
    b.units.every(({ name }, i) => same.has(name) && a.units[i]?.name === name);
}

/** Equal but for where they stand. */
function sameIr(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [own, other] = [a, b].map((x) =>
    Object.entries(x).filter(([key, v]) => key !== 'span' && v !== undefined),
  );
  const theirs = new Map(other);
  return (
    own !== undefined &&
    own.length === theirs.size &&
    own.every(([key, value]) => theirs.has(key) && sameIr(value, theirs.get(key)))
  );
}

/** Where a fact cannot be had, `on unknown review` may make a review of a deny (language, 3): that is not compared. */
function standInNotes(before: Side, after: Side): readonly string[] {
  const [old, now] = [before, after].map(({ subject: { ir } }) => [ir.units, ir.facts]);
  const asked = [before, after].flatMap(({ subject: { ir } }) =>
    ir.facts.flatMap(({ name, review }) => (review === undefined ? [] : [name])),
  );
  if (asked.length === 0 || JSON.stringify(old, PLACELESS) === JSON.stringify(now, PLACELESS)) return [];
  const names = [...new Set(asked)].sort().join(', ');
  return [`where ${names} cannot be had, people are asked instead: whether that changed is not compared`];
}

const PLACELESS = (key: string, value: unknown): unknown => (key === 'span' ? undefined : value);

interface Found {
  readonly widened: Change[];
  readonly tightened: Change[];
  readonly notes: string[];
  more: number;
}

const RANK: { readonly [effect in DecisionEffect]: number } = { allow: 0, review: 1, deny: 2 };

/** From deny to allow first; within that, what both engines confirm. */
function gravest(a: Change, b: Change): number {
  const jump = (c: Change): number => Math.abs(RANK[c.from] - RANK[c.to]);
  return (
    jump(b) - jump(a) ||
    RANK[b.from] - RANK[a.from] ||
    Number(a.witness === null) - Number(b.witness === null) ||
    (a.actions.join() < b.actions.join() ? -1 : 1)
  );
}

const namesOf = ({ all }: ActionClass): readonly string[] => all.map(callText);

function compareClass(one: ActionClass, before: Side, after: Side, shared: Shared, found: Found): void {
  const sides = [before, after];
  const { space, pairs } = pairsOf(one, sides, shared);
  const answers = space.diagrams.answers(pairs);
  for (const answer of answers) if (answer !== SAME) listChanges(one, space, pairs, answer, sides, found);
  if (one.action.schemas.length > 1) compareSchemas(one, space, pairs, sides, found);
}

/** What the two decide, side by side: SAME, or a number for the two effects. */
function pairsOf(
  one: ActionClass,
  sides: readonly Side[],
  shared: Shared,
): { readonly space: Space; readonly pairs: Node } {
  const policies = sides.map(({ subject }) => subject.ir);
  const conditions = sides.flatMap(({ subject }, i) => conditionsIn(one.live[i]?.units ?? [], subject.ir));
  const space = new Space(one.action, policies, conditions, shared);
  const ops = decisionOps();
  const [old = DENY, now = DENY] = sides.map(({ subject }, i): Node => {
    const { pinned, units } = one.live[i] ?? { pinned: false, units: [] };
    return pinned
      ? decisionOf(
          space,
          ops,
          units.map((unit) => yields(space, ops, unit, subject.ir)),
        )
      : DENY;
  });
  const pairs = space.diagrams.apply(
    opOf((a, b) => (a === b ? SAME : a * 3 + b)),
    old,
    now,
  );
  return { space, pairs };
}

export interface Shown {
  readonly witness: Question;
  readonly from: DecisionEffect;
  readonly to: DecisionEffect;
}

/** One difference that both engines confirm; null where there may be one, but none was confirmed. */
export type Compare = (after: Side, about: string) => Shown | 'equal' | null;

/**
 * For many policies that differ from one in the unit `about` only, with the same lock. What the comparisons have in common is kept.
 */
export function differences(before: Side): Compare {
  const shared = sharedBy(null);
  return (after, about) => {
    const sides = [before, after];
    const scopes = sides.flatMap(({ subject: { ir } }) => ir.units.filter(({ name }) => name === about));
    const concerns = ({ kind, server, name }: Action): boolean =>
      scopes.some(({ what }) => inWhat(what, kind, server, name));
    let open = false;
    for (const one of actionClasses([before.subject, after.subject], [], concerns)) {
      try {
        const shown = firstShown(one, sides, shared);
        if (shown !== 'equal' && shown !== null) return shown;
        open ||= shown === null;
      } catch (error) {
        if (!(error instanceof TooLarge)) throw error;
        open = true;
      }
    }
    return open ? null : 'equal';
  };
}

function firstShown(one: ActionClass, sides: readonly Side[], shared: Shared): Shown | 'equal' | null {
  const { space, pairs } = pairsOf(one, sides, shared);
  if (pairs === SAME) return 'equal';
  const policies = sides.map(({ subject }) => subject.ir);
  const engines = sides.map(({ engine }) => engine);
  const differs = space.diagrams.cells(pairs, (v) => v !== SAME);
  const witness = confirmed(space, differs, one, engines, ([a, b]) => a !== b);
  if (witness === null) return null;
  const [from = 'deny', to = 'deny'] = witness.effects;
  return { witness: questionOf(witness.asked, policies), from, to };
}

function listChanges(
  one: ActionClass,
  space: Space,
  pairs: Node,
  answer: number,
  sides: readonly Side[],
  found: Found,
): void {
  const from = EFFECTS[Math.floor(answer / 3)] ?? 'deny';
  const to = EFFECTS[answer % 3] ?? 'deny';
  const list = RANK[to] < RANK[from] ? found.widened : found.tightened;
  let count = 0;
  for (const cell of space.diagrams.cells(pairs, (v) => v === answer)) {
    count++;
    if (count > MOST_CELLS) break;
    list.push(changeOf(one, space, cell, from, to, sides));
  }
  // Counting them all could take as long as the space is large.
  if (count > MOST_CELLS) found.more++;
}

function changeOf(
  one: ActionClass,
  space: Space,
  cell: Cell,
  from: DecisionEffect,
  to: DecisionEffect,
  sides: readonly Side[],
): Change {
  const engines = sides.map(({ engine }) => engine);
  const witness = confirmed(space, [cell], one, engines, ([a, b]) => a === from && b === to, 1);
  const free = freeWords(space);
  const why =
    witness !== null
      ? null
      : free.length > 0
        ? `not confirmed: it hangs on ${free.slice(0, 3).join('; ')}`
        : 'not confirmed: no arguments were found that the schema admits';
  return {
    from,
    to,
    actions: namesOf(one),
    where: describeCell(space, cell),
    witness:
      witness &&
      questionOf(
        witness.asked,
        sides.map(({ subject }) => subject.ir),
      ),
    why,
  };
}

/** Where the schema of a tool changed, calls that only one of the two admits. */
function compareSchemas(
  one: ActionClass,
  space: Space,
  pairs: Node,
  sides: readonly Side[],
  found: Found,
): void {
  const engines = sides.map(({ engine }) => engine);
  const policies = sides.map(({ subject }) => subject.ir);
  const { diagrams } = space;
  const ways = [...diagrams.answers(pairs)];
  const where = { who: null, conditions: ['the arguments fit only one of the two schemas'] };
  let any = false;
  for (const widened of [true, false]) {
    const witness = confirmed(
      space,
      diagrams.cells(pairs, (v) => ways.includes(v)),
      one,
      engines,
      ([a = 'deny', b = 'deny'], { request }) => {
        const { server, name, args } = request.intent;
        const fits = engines.map((engine) => engine.fits(server, name, args) === null);
        return fits[0] !== fits[1] && (widened ? RANK[b] < RANK[a] : RANK[b] > RANK[a]);
      },
      60,
    );
    if (witness === null) continue;
    any = true;
    const [from = 'deny', to = 'deny'] = witness.effects;
    const change = {
      from,
      to,
      actions: namesOf(one),
      where,
      witness: questionOf(witness.asked, policies),
      why: null,
    };
    (widened ? found.widened : found.tightened).push(change);
  }
  if (!any) {
    found.notes.push(
      `${namesOf(one).join(', ')}: the schema of its arguments changed; no call was found that only one of the two admits`,
    );
  }
}
