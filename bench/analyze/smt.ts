// SPDX-License-Identifier: Apache-2.0
/**
 * The questions of the prover for an SMT solver, over the same atoms: who asks, arguments and facts are numbers of atoms, conditions
 * have three values, and how rules combine is written from language.md, sections 2 and 3, without the prover's diagrams.
 */
import { actionClasses, type Subject } from '../../compiler/analyze/actions.js';
import { type ClaimIr, NO_CLAIMS } from '../../compiler/analyze/claims.js';
import { conditionsIn } from '../../compiler/analyze/decision.js';
import { ABSENT } from '../../compiler/analyze/place.js';
import { keyOf } from '../../compiler/analyze/conditions.js';
import { sharedBy, Space } from '../../compiler/analyze/space.js';
import type { ExprIr, PolicyIr, UnitIr, WhoIr, WhoTermIr } from '../../compiler/ir.js';

type Never = Extract<ClaimIr, { kind: 'never' }>;
/** Enough for the atoms of any dimension. */
const BITS = 12;

/** What an SMT formula says of a condition: it may be true, it may be false; both where it is unknown. */
interface Truth {
  readonly may: string;
  readonly mayNot: string;
}

/** What holds in one class of actions, and what would contradict each statement whose scope it touches. */
export interface Script {
  readonly text: string;
  readonly queries: readonly { readonly statement: number; readonly formula: string }[];
}

export function scriptsOf({ ir, tools }: Subject): readonly Script[] {
  const { claims, assumptions } = ir.claims ?? NO_CLAIMS;
  const everything = { include: [{ kind: 'every' as const, toolsOnly: false }], except: [] };
  const never = claims.map((claim) => (claim.kind === 'never' ? claim : null));
  const conditions = [
    ...conditionsIn(ir.units, ir),
    ...assumptions.map((expr) => ({ expr, policy: ir })),
    ...never.flatMap((claim) => (claim === null ? [] : conditionsOf(claim, ir))),
  ];
  const shared = sharedBy(conditions);
  const sets = never.map((claim) => claim?.what ?? everything);
  return actionClasses([{ ir, tools }], sets).map((one) => {
    const asked = never.flatMap((claim, i) => (claim !== null && one.within[i] === true ? [i] : []));
    const wanted = asked.flatMap((i) => never[i] ?? []);
    const units = one.live[0]?.units ?? [];
    const own = [
      ...conditionsIn(units, ir),
      ...assumptions.map((expr) => ({ expr, policy: ir })),
      ...wanted.flatMap((claim) => conditionsOf(claim, ir)),
    ];
    const space = new Space(one.action, [ir], own, shared);
    const { text, formulas } = scriptOf(space, units, assumptions, wanted);
    return { text, queries: formulas.map((formula, i) => ({ statement: asked[i] ?? -1, formula })) };
  });
}

function conditionsOf(
  { who, when, unless }: Never,
  policy: PolicyIr,
): readonly { expr: ExprIr; policy: PolicyIr }[] {
  const exprs: ExprIr[] = [when, unless].filter((e) => e !== null);
  if (who !== null) exprs.push({ op: 'inWho', subject: 'principal', who });
  return exprs.map((expr) => ({ expr, policy }));
}

function scriptOf(
  space: Space,
  units: readonly UnitIr[],
  assumptions: readonly ExprIr[],
  claims: readonly Never[],
): { readonly text: string; readonly formulas: readonly string[] } {
  const constant = (e: ExprIr): number => space.condition({ expr: e, policy: NOWHERE });
  const writer = new Writer(space, constant);
  const yields = units.map((unit) => writer.unit(unit));
  const any = (effects: readonly string[]): string =>
    or(yields.flatMap((one) => effects.flatMap((effect) => one.may.get(effect) ?? [])));
  const sure = or(yields.map(({ surelyGrants }) => surelyGrants));
  const deny = writer.named(or([any(['deny']), not(sure)]));
  const asks = writer.named(any(['review', 'escalate']));
  const decided: { readonly [effect: string]: string } = {
    deny,
    review: and([not(deny), asks]),
    allow: and([not(deny), not(asks)]),
  };
  const given = and(assumptions.map((e) => writer.truth(e).may));
  const formulas = claims.map(({ effects, who, when, unless }) =>
    and([
      given,
      who === null ? 'true' : writer.who(who, 'principal').may,
      when === null ? 'true' : writer.truth(when).may,
      unless === null ? 'true' : writer.truth(unless).mayNot,
      or(effects.map((effect) => decided[effect] ?? 'false')),
    ]),
  );
  return { text: writer.lines.join('\n'), formulas };
}

/** What reads no dimension reads nothing of the policy either, but for hints and facts: those are dimensions or constants. */
const NOWHERE: PolicyIr = { name: 'none', version: '0.0.0', roles: [], facts: [], tools: [], units: [] };

const and = (parts: readonly string[]): string => joined('and', 'true', 'false', parts);
const or = (parts: readonly string[]): string => joined('or', 'false', 'true', parts);
const not = (part: string): string =>
  part === 'true' ? 'false' : part === 'false' ? 'true' : `(not ${part})`;

function joined(word: string, none: string, all: string, parts: readonly string[]): string {
  if (parts.includes(all)) return all;
  const kept = [...new Set(parts.filter((part) => part !== none))];
  const [only = none] = kept;
  return kept.length < 2 ? only : `(${word} ${kept.join(' ')})`;
}

class Writer {
  readonly lines: string[] = [];
  readonly #space: Space;
  readonly #constant: (e: ExprIr) => number;
  readonly #leaves = new Map<string, Truth>();
  #names = 0;

  constructor(space: Space, constant: (e: ExprIr) => number) {
    this.#space = space;
    this.#constant = constant;
    for (const [level, { atoms, leaves }] of space.dimensions.entries()) {
      this.lines.push(`(declare-const d${level} (_ BitVec ${BITS}))`);
      this.lines.push(`(assert (bvult d${level} ${bits(atoms.length)}))`);
      for (const [key, row] of leaves) {
        const among = (answers: readonly number[]): string =>
          this.named(or(row.flatMap((answer, i) => (answers.includes(answer) ? [this.#at(level, i)] : []))));
        this.#leaves.set(key, { may: among([1, 2]), mayNot: among([0, 1]) });
      }
    }
  }

  #at(level: number, atom: number): string {
    return `(= d${level} ${bits(atom)})`;
  }

  named(formula: string): string {
    if (!formula.startsWith('(')) return formula;
    const name = `n${this.#names++}`;
    this.lines.push(`(define-fun ${name} () Bool ${formula})`);
    return name;
  }

  truth(e: ExprIr): Truth {
    switch (e.op) {
      case 'not': {
        const { may, mayNot } = this.truth(e.operand);
        return { may: mayNot, mayNot: may };
      }
      case 'and':
      case 'or': {
        const parts = e.operands.map((operand) => this.truth(operand));
        const [all, some] = e.op === 'and' ? [and, or] : [or, and];
        return { may: all(parts.map(({ may }) => may)), mayNot: some(parts.map(({ mayNot }) => mayNot)) };
      }
      case 'inWho':
        return this.#guarded(e.subject, this.who(e.who, e.subject));
      case 'hasRole':
        return this.#guarded(e.subject, this.#role(e.subject, e.value));
      default: {
        const answer = this.#leaves.get(keyOf(e)) ?? this.#constant(e);
        return typeof answer !== 'number'
          ? answer
          : { may: answer > 0 ? 'true' : 'false', mayNot: answer < 2 ? 'true' : 'false' };
      }
    }
  }

  who({ include, except }: WhoIr, subject: 'principal' | 'user'): Truth {
    const inside = (terms: readonly WhoTermIr[]): Truth => {
      const parts = terms.map((term) => this.#term(term, subject));
      return { may: or(parts.map(({ may }) => may)), mayNot: and(parts.map(({ mayNot }) => mayNot)) };
    };
    const [one, other] = [inside(include), inside(except)];
    return { may: and([one.may, other.mayNot]), mayNot: or([one.mayNot, other.may]) };
  }

  #term(term: WhoTermIr, subject: 'principal' | 'user'): Truth {
    switch (term.kind) {
      case 'any':
        return { may: 'true', mayNot: 'false' };
      case 'role':
        return this.#role(subject, term.value);
      case 'set':
        return this.who(term.who, subject);
      case 'principal':
        return this.truth({ op: 'like', left: { op: 'subject', field: `${subject}.id` }, glob: term.glob });
    }
  }

  #role(subject: 'principal' | 'user', value: string): Truth {
    const has = this.#at(this.#space.level(`${subject === 'user' ? 'user-' : ''}role:${value}`), 1);
    return { may: has, mayNot: not(has) };
  }

  /** Unknown where there is no user. */
  #guarded(subject: 'principal' | 'user', { may, mayNot }: Truth): Truth {
    if (subject === 'principal') return { may, mayNot };
    const level = this.#space.level('user');
    const atoms = this.#space.dimensions[level]?.atoms ?? [];
    const nobody = or(
      atoms.flatMap(({ values }, i) => (values.includes(ABSENT) ? [this.#at(level, i)] : [])),
    );
    return { may: or([nobody, may]), mayNot: or([nobody, mayNot]) };
  }

  /** What a unit may yield, by effect; and whether it surely yields a grant. */
  unit(unit: UnitIr): { readonly may: ReadonlyMap<string, string>; readonly surelyGrants: string } {
    const scope = this.who(unit.who, 'principal').may;
    const cases =
      unit.kind === 'rule'
        ? [{ when: unit.when, effect: unit.effect as string | null }]
        : [
            ...unit.cases.map(({ when, outcome }) => ({ when, effect: outcome.effect as string | null })),
            { when: null, effect: unit.otherwise?.effect ?? null },
          ];
    const may = new Map<string, string[]>();
    const others: string[] = [];
    let open = scope;
    const grants = (effect: string | null): boolean => effect === 'allow' || effect === 'review';
    for (const { when, effect } of cases) {
      const { may: holds, mayNot } = when === null ? { may: 'true', mayNot: 'false' } : this.truth(when);
      const here = this.named(and([open, holds]));
      if (effect !== null) may.set(effect, [...(may.get(effect) ?? []), here]);
      if (!grants(effect)) others.push(here);
      open = this.named(and([open, mayNot]));
    }
    // Where no case need hold, it may yield nothing.
    const surelyGrants = this.named(and([scope, not(or([...others, open]))]));
    return { may: new Map([...may].map(([effect, all]) => [effect, or(all)])), surelyGrants };
  }
}

const bits = (n: number): string => `(_ bv${n} ${BITS})`;
