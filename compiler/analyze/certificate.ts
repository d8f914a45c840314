// SPDX-License-Identifier: Apache-2.0
/** A proof written down: for each class of actions the atoms of every field, and what is decided in each part. */
import type { JsonValue } from '../lock.js';
import { type Action, type ActionClass, actionClasses, type Subject } from './actions.js';
import { type ClaimIr, NO_CLAIMS } from './claims.js';
import { conditionsIn, decisionOf, decisionOps, EFFECTS, yields } from './decision.js';
import { opOf, TERMINALS } from './diagram.js';
import { ABSENT, type Found } from './place.js';
import { scopeOf } from './conditions.js';
import { type Shared, sharedBy, Space } from './space.js';

export const FORMAT = 'sepal-proof/1';

/** `null` as a value of JSON is `[null]`; what is not there is `[]`. */
export type WrittenValue = readonly JsonValue[];
export interface WrittenClass {
  readonly actions: readonly Pick<Action, 'kind' | 'server' | 'name'>[];
  /** By field: values that stand for each atom. */
  readonly fields: { readonly [key: string]: readonly (readonly WrittenValue[])[] };
  /** Fields that are not named in a cell may have any atom. Fields `open:…` are conditions taken as free. */
  readonly cells: readonly {
    readonly at: { readonly [key: string]: readonly number[] };
    readonly decision: string;
  }[];
}
export interface Certificate {
  readonly format: string;
  readonly policy: { readonly name: string; readonly version: string };
  /** The statements that were proved, by their place among all. */
  readonly proved: readonly number[];
  readonly classes: readonly WrittenClass[];
}

const MOST_CELLS = 20_000;

/** Null where the parts are too many to be written down. */
export function certificateOf(subject: Subject, proved: readonly number[]): Certificate | null {
  const { ir } = subject;
  const { claims } = ir.claims ?? NO_CLAIMS;
  const shared = sharedBy([
    ...conditionsIn(ir.units, ir),
    ...claims.flatMap((claim) => asked(claim, subject)),
  ]);
  const classes: WrittenClass[] = [];
  for (const one of actionClasses([subject], [])) {
    const written = writeClass(one, subject, claims, shared);
    if (written === null) return null;
    classes.push(written);
  }
  return { format: FORMAT, policy: { name: ir.name, version: ir.version }, proved, classes };
}

function asked(claim: ClaimIr, { ir }: Subject): readonly Parameters<Space['condition']>[0][] {
  if (claim.kind !== 'never') return [];
  const exprs = [claim.when, claim.unless].filter((e) => e !== null);
  const who = claim.who === null ? [] : [scopeOf(claim.who)];
  return [...exprs, ...who].map((expr) => ({ expr, policy: ir }));
}

function writeClass(
  one: ActionClass,
  subject: Subject,
  claims: readonly ClaimIr[],
  shared: Shared,
): WrittenClass | null {
  const { ir } = subject;
  const units = one.live[0]?.units ?? [];
  const conditions = claims.flatMap((claim) => asked(claim, subject));
  const space = new Space(one.action, [ir], [...conditionsIn(units, ir), ...conditions], shared);
  const ops = decisionOps();
  const { diagrams } = space;
  let node = decisionOf(
    space,
    ops,
    units.map((unit) => yields(space, ops, unit, ir)),
  );
  // The parts are split where statements tell them apart, too: one question then stands for a whole part.
  for (const [i, condition] of conditions.entries()) {
    const bit = 3 * 3 ** i;
    if (bit * 3 >= TERMINALS) break;
    node = diagrams.apply(
      opOf((d, c) => d + bit * c),
      node,
      space.condition(condition),
    );
  }
  const cells: WrittenClass['cells'][number][] = [];
  for (const { answer, at } of diagrams.cells(node, () => true)) {
    if (cells.length === MOST_CELLS) return null;
    const named = [...at].map(([level, atoms]) => [space.dimensions[level]?.key ?? '', atoms] as const);
    cells.push({ at: Object.fromEntries(named), decision: EFFECTS[answer % 3] ?? 'deny' });
  }
  const fields = space.dimensions.map(
    ({ key, atoms }) => [key, atoms.map(({ values }) => values.slice(0, 3).map(written))] as const,
  );
  return {
    actions: one.all.map(({ kind, server, name }) => ({ kind, server, name })),
    fields: Object.fromEntries(fields),
    cells,
  };
}

const written = (value: Found): WrittenValue => (value === ABSENT ? [] : [value]);
