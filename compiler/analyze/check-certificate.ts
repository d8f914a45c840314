// SPDX-License-Identifier: Apache-2.0
/**
 * Checks a written proof without the prover: with the policy as checked, and the reference interpreter alone. Combinations of the
 * values that stand for the atoms (all of them, or as many as `most`) must be decided as their part says, and contradict nothing.
 */
import type { Facts, JsonRecord, Request } from '../../stdlib/abi.js';
import type { ExprIr, PolicyIr } from '../ir.js';
import type { JsonValue } from '../lock.js';
import { decide } from '../reference.js';
import { evaluate } from '../reference-eval.js';
import { inWhat, inWho } from '../reference-sets.js';
import type { Certificate, WrittenClass, WrittenValue } from './certificate.js';

export interface Checking {
  readonly questions: number;
  /** What is wrong with the proof; empty when it holds. */
  readonly faults: readonly string[];
}

interface Asked {
  readonly request: Request;
  readonly facts: Facts;
}
type Action = WrittenClass['actions'][number];

/** `random` gives numbers from 0 up to 1; `most` bounds the questions of one class. */
export function checkCertificate(
  proof: Certificate,
  ir: PolicyIr,
  random: () => number,
  most = 20_000,
): Checking {
  const faults: string[] = [];
  let questions = 0;
  if (proof.policy.name !== ir.name || proof.policy.version !== ir.version)
    faults.push('it is about another policy');
  for (const { server, name } of ir.tools) {
    const inside = proof.classes.some(({ actions }) =>
      actions.some((action) => action.kind === 'tool' && action.server === server && action.name === name),
    );
    if (!inside) faults.push(`nothing is said of ${server}/${name}`);
  }
  for (const one of proof.classes) {
    const keys = Object.keys(one.fields).filter((key) => !key.startsWith('open:'));
    for (const [i, atoms] of questionsOf(one, keys, random, most).entries()) {
      const action = one.actions[i % one.actions.length];
      if (action === undefined) continue;
      questions++;
      const asked = questionOf(one, action, atoms, random);
      const { effect } = decide(ir, asked.request, asked.facts, 'call');
      if (!one.cells.some((cell) => cell.decision === effect && covers(cell.at, atoms))) {
        faults.push(`${action.server}/${action.name} at ${JSON.stringify(atoms)}: no part says ${effect}`);
      }
      for (const at of proof.proved) {
        if (violates(ir, at, asked, effect))
          faults.push(`statement ${at + 1}: ${JSON.stringify(asked)} is ${effect}`);
      }
      if (faults.length > 20) return { questions, faults };
    }
  }
  return { questions, faults };
}

type Atoms = { readonly [key: string]: number };

const covers = (at: WrittenClass['cells'][number]['at'], atoms: Atoms): boolean =>
  Object.entries(at).every(([key, chosen]) => key.startsWith('open:') || chosen.includes(atoms[key] ?? -1));

/** All combinations of atoms where they are few; else one in each part, and random ones. */
function questionsOf(
  one: WrittenClass,
  keys: readonly string[],
  random: () => number,
  most: number,
): readonly Atoms[] {
  const sizes = keys.map((key) => one.fields[key]?.length ?? 1);
  const product = sizes.reduce((a, b) => a * b, 1);
  const pick = (n: number): number => Math.floor(random() * n);
  const anywhere = (at: { readonly [key: string]: readonly number[] }): Atoms =>
    Object.fromEntries(keys.map((key, i) => [key, at[key]?.[pick(at[key].length)] ?? pick(sizes[i] ?? 1)]));
  if (product > most) {
    const parts = one.cells.slice(0, most).map(({ at }) => anywhere(at));
    return [...parts, ...Array.from({ length: most - parts.length }, () => anywhere({}))];
  }
  return Array.from({ length: product }, (_, n) => {
    let left = n;
    const digits = keys.map((key, i) => {
      const size = sizes[i] ?? 1;
      const digit = left % size;
      left = Math.floor(left / size);
      return [key, digit] as const;
    });
    return Object.fromEntries(digits);
  });
}

function questionOf(
  one: WrittenClass,
  { kind, server, name }: Action,
  atoms: Atoms,
  random: () => number,
): Asked {
  const found = new Map<string, WrittenValue>();
  for (const [key, atom] of Object.entries(atoms)) {
    const values = one.fields[key]?.[atom] ?? [];
    found.set(key, values[Math.floor(random() * values.length)] ?? []);
  }
  const named = (prefix: string): readonly (readonly [string, JsonValue])[] =>
    [...found].flatMap(([key, [value]]) =>
      key.startsWith(prefix) && value !== undefined ? [[key.slice(prefix.length), value] as const] : [],
    );
  const text = (key: string): string | null => {
    const [value] = found.get(key) ?? [];
    return typeof value === 'string' ? value : null;
  };
  const roles = (prefix: string): readonly string[] =>
    named(prefix).flatMap(([role, has]) => (has === true ? [role] : []));
  const request = {
    principal: text('principal') ?? 'agent:x',
    roles: roles('role:'),
    user: text('user'),
    userRoles: text('user') === null ? [] : roles('user-role:'),
    session: text('session') ?? 's1',
    intent: { kind, server, name, args: Object.fromEntries(named('arg:')) as JsonRecord },
  };
  return { request, facts: Object.fromEntries(named('fact:')) as Facts };
}

function violates(ir: PolicyIr, at: number, asked: Asked, effect: string): boolean {
  const claim = ir.claims?.claims[at];
  if (claim?.kind !== 'never' || !claim.effects.some((forbidden) => forbidden === effect)) return false;
  const { principal, roles, intent } = asked.request;
  const holds = (e: ExprIr): boolean | 'unknown' => evaluate(e, { policy: ir, ...asked });
  return (
    inWhat(claim.what, intent.kind, intent.server, intent.name) &&
    (claim.who === null || inWho(claim.who, principal, roles)) &&
    (claim.when === null || holds(claim.when) !== false) &&
    (claim.unless === null || holds(claim.unless) !== true) &&
    (ir.claims?.assumptions ?? []).every((e) => holds(e) !== false)
  );
}
