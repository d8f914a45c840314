// SPDX-License-Identifier: Apache-2.0
/** The tables of a policy as the engine reads them: data and small shared predicates, no rule in code position. */
import type { Json, Phase, RuleEffect } from './abi.js';
import type { Below, Pin, Test } from './ask.js';
import type { What, Who } from './sets.js';
import type { Kleene } from './values.js';

export interface Approval {
  readonly self: boolean;
  readonly roles: readonly string[];
  readonly quorum: number;
  readonly timeout: number;
}
export interface Outcome {
  readonly effect: RuleEffect;
  readonly approval: Approval | null;
  readonly because: string | null;
  /** Of `redact` only. */
  readonly masks?: readonly string[];
  /** Of rules with the clause. */
  readonly tell?: true;
}
interface Base {
  readonly name: string;
  readonly phase: Phase;
  readonly who: Who;
  readonly what: What;
}
/** Holds where all its tests hold; without any it always does. */
export interface Rule extends Base {
  readonly kind: 'rule';
  readonly outcome: Outcome;
  readonly tests: readonly Test[];
  /** The condition in words. */
  readonly words: string;
}
/** What the first case that holds yields, else `otherwise`. */
export interface Block extends Base {
  readonly kind: 'block';
  readonly cases: readonly Case[];
  readonly otherwise: Outcome | null;
}
export interface Case {
  readonly test: Test;
  readonly outcome: Outcome;
  readonly words: string;
}
export type Unit = Rule | Block;

/** A fact with `on unknown review`, and values that stand for all that it can be. */
export interface StandIn {
  readonly fact: string;
  readonly approval: Approval;
  readonly values: readonly Json[];
}

/** Sets by number: made when asked for, since a decision meets few of them. */
export interface SetTable<S> {
  readonly size: number;
  readonly at: (place: number) => S;
}
export interface WhoTable extends SetTable<Who> {
  /** The one name that is the whole set, or null. */
  readonly name: (place: number) => string | null;
  /** The text that all its names begin with, where the set is all names that do; else null. */
  readonly begin: (place: number) => string | null;
}
export interface WhatTable extends SetTable<What> {
  /** What actions in the set can be on; null where it does not name every server. */
  readonly places: (place: number) => readonly ActionPlace[] | null;
}
export interface ActionPlace {
  readonly server: string;
  /** Null: any that the set may say. */
  readonly name: string | null;
}
/** Units by their place in the order of names: columns of what an index needs of each, and the units, made when asked for. */
export interface UnitTable {
  readonly size: number;
  readonly phase: readonly Phase[];
  /** Numbers of sets. */
  readonly who: readonly number[];
  readonly what: readonly number[];
  readonly at: (order: number) => Unit;
  readonly whos: WhoTable;
  readonly whats: WhatTable;
}
/** Pinned tools. */
export interface PinTable {
  readonly named: (name: string) => boolean;
  readonly at: (server: string, name: string) => Pin | undefined;
}

export interface Tables {
  readonly name: string;
  readonly version: string;
  readonly tools: PinTable;
  readonly units: UnitTable;
  readonly steps: number;
  readonly standIns?: readonly StandIn[];
}

/** What the conditions of a unit may read. */
export const belowOf = (unit: Unit): readonly Below[] =>
  (unit.kind === 'rule' ? unit.tests : unit.cases.map((one) => one.test)).map((test) => test.below());

export function hint(
  pin: Pin | undefined,
  name: 'readOnly' | 'destructive' | 'idempotent' | 'openWorld',
): Kleene {
  return pin === undefined ? 1 : pin[name] ? 2 : 0;
}
export const approval = (
  self: boolean,
  roles: readonly string[],
  quorum: number,
  timeout: number,
): Approval => ({
  self,
  roles,
  quorum,
  timeout,
});
export const standIn = (fact: string, asks: Approval, values: readonly Json[]): StandIn => ({
  fact,
  approval: asks,
  values,
});
