// SPDX-License-Identifier: Apache-2.0
/** The tables of a compiled policy: data and small shared predicates, no rule in code position. */
import type { Facts, Json, Phase, Request, RuleEffect } from './abi.js';
import type { What, Who } from './sets.js';
import type { Args, Kleene } from './values.js';

/** A pinned tool; its hints are what its server claims. */
export interface Pin {
  readonly server: string;
  readonly name: string;
  readonly readOnly: boolean;
  readonly destructive: boolean;
  readonly idempotent: boolean;
  readonly openWorld: boolean;
}
export type Predicate = (args: Args, request: Request, facts: Facts, pin: Pin | undefined) => Kleene;

/** A boolean leaf of a condition: its value, and the reads below it with the names that authors know them by. */
export interface Leaf {
  readonly test: Predicate;
  readonly reads: readonly {
    readonly label: string;
    readonly value: (args: Args, request: Request, facts: Facts, pin: Pin | undefined) => unknown;
  }[];
}
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
  /** Names of facts, and JSON pointers of arguments, that its conditions may read. */
  readonly facts: readonly string[];
  readonly reads: readonly string[];
}
export interface Rule extends Base, Outcome {
  readonly kind: 'rule';
  readonly when: Predicate | null;
  /** What `when` is the least of; none without a condition. */
  readonly tests: readonly Predicate[];
  readonly leaves: readonly Leaf[];
  /** The condition in words. */
  readonly words: string;
}
export interface Block extends Base {
  readonly kind: 'block';
  readonly cases: readonly {
    readonly when: Predicate;
    readonly leaves: readonly Leaf[];
    readonly outcome: Outcome;
    readonly words: string;
  }[];
  readonly otherwise: Outcome | null;
}
export type Unit = Rule | Block;

/** A fact with `on unknown review`, and values that stand for all that it can be. */
export interface StandIn {
  readonly fact: string;
  readonly approval: Approval;
  readonly values: readonly Json[];
}

export interface Tables {
  readonly name: string;
  readonly version: string;
  readonly tools: readonly Pin[];
  /** Sorted by name. */
  readonly units: readonly Unit[];
  readonly steps: number;
  readonly standIns?: readonly StandIn[];
}

export function hint(
  pin: Pin | undefined,
  name: 'readOnly' | 'destructive' | 'idempotent' | 'openWorld',
): Kleene {
  return pin === undefined ? 1 : pin[name] ? 2 : 0;
}
export const pin = (
  server: string,
  name: string,
  readOnly: boolean,
  destructive: boolean,
  idempotent: boolean,
  openWorld: boolean,
): Pin => ({ server, name, readOnly, destructive, idempotent, openWorld });
export const leaf = (test: Predicate, reads: Leaf['reads']): Leaf => ({ test, reads });
export const read = (label: string, value: Leaf['reads'][number]['value']): Leaf['reads'][number] => ({
  label,
  value,
});
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
export const outcome = (
  effect: RuleEffect,
  asks: Approval | null,
  because: string | null,
  masks?: readonly string[],
  tell?: true,
): Outcome => ({
  effect,
  approval: asks,
  because,
  ...(masks === undefined ? {} : { masks }),
  ...(tell === undefined ? {} : { tell }),
});
export const standIn = (fact: string, asks: Approval, values: readonly Json[]): StandIn => ({
  fact,
  approval: asks,
  values,
});
export function rule(
  name: string,
  phase: Phase,
  yields: Outcome,
  who: Who,
  what: What,
  tests: readonly Predicate[] | null,
  leaves: readonly Leaf[],
  facts: readonly string[],
  reads: readonly string[],
  words: string,
): Rule {
  const when = tests === null ? null : least(tests);
  return {
    kind: 'rule',
    name,
    phase,
    ...yields,
    who,
    what,
    when,
    tests: tests ?? [],
    leaves,
    facts,
    reads,
    words,
  };
}
function least(tests: readonly Predicate[]): Predicate {
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (args, request, facts, pin) => leastOf(tests, args, request, facts, pin);
}
/** The value of a conjunction: false as soon as one is false. */
export function leastOf(
  tests: readonly Predicate[],
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Kleene {
  let value: Kleene = 2;
  for (let i = 0; i < tests.length; i++) {
    const x = (tests[i] as Predicate)(args, request, facts, pin);
    if (x === 0) return 0;
    if (x < value) value = x;
  }
  return value;
}
export const when = (
  test: Predicate,
  leaves: readonly Leaf[],
  yields: Outcome,
  words: string,
): Block['cases'][number] => ({ when: test, leaves, outcome: yields, words });
export const block = (
  name: string,
  who: Who,
  what: What,
  cases: Block['cases'],
  otherwise: Outcome | null,
  facts: readonly string[],
  reads: readonly string[],
): Block => ({ kind: 'block', name, phase: 'call', who, what, cases, otherwise, facts, reads });
