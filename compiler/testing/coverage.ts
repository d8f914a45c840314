// SPDX-License-Identifier: Apache-2.0
/**
 * What the questions of tests exercise, measured on the IR: neither layout nor how the emitted code stops early changes it.
 *
 * A *condition* is a leaf of `and`, `or` and `not`. It is *deciding* in an evaluation where the whole would have another value had it
 * alone the other one, all else as it was. It is covered by masking MC/DC: seen deciding while true, and deciding while false.
 */
import type { File, Span } from '../../grammar/tree.js';
import type { Facts, Phase, Request } from '../../stdlib/abi.js';
import type { ExprIr, PolicyIr, UnitIr } from '../ir.js';
import { evaluate, type Truth, type World } from '../reference-eval.js';
import { inWhat, inWho } from '../reference-sets.js';
import { worlds } from '../reference-whole.js';
import { words } from '../words.js';
import { leafSpans } from './places.js';

/** One condition of a rule, a case or a line of a score. */
export interface LeafCoverage {
  readonly text: string;
  /** In the root file; null for what an import or a template brought. */
  readonly span: Span | null;
  readonly true: number;
  readonly false: number;
  readonly unknown: number;
  readonly decidingTrue: number;
  readonly decidingFalse: number;
}

/** A rule, a case, an `otherwise`, or a line of a score. */
export interface PartCoverage {
  readonly unit: string;
  /** `rule`, `case 1`, `otherwise`, `add 1`. */
  readonly part: string;
  readonly span: Span | null;
  /** How often its scope was met, and how often it held for sure. */
  readonly asked: number;
  readonly held: number;
  readonly conditions: readonly LeafCoverage[];
}

export interface Coverage {
  readonly parts: readonly PartCoverage[];
  /** Each part held once, each condition deciding both ways: how many of these there are, and how many were met. */
  readonly wanted: number;
  readonly met: number;
}

interface Leaf {
  readonly expr: ExprIr;
  readonly span: Span | null;
  readonly seen: {
    true: number;
    false: number;
    unknown: number;
    decidingTrue: number;
    decidingFalse: number;
  };
}
interface Part {
  readonly unit: string;
  readonly part: string;
  readonly span: Span | null;
  readonly when: ExprIr | null;
  readonly leaves: readonly Leaf[];
  asked: number;
  held: number;
}

export class Observer {
  private readonly ir: PolicyIr;
  private readonly units: ReadonlyMap<UnitIr, readonly Part[]>;
  private readonly adds: readonly (readonly [
    NonNullable<PolicyIr['measures']>[number]['additions'][number],
    Part,
  ])[];

  constructor(ir: PolicyIr, file: File) {
    this.ir = ir;
    const places = leafSpans(file);
    const part = (unit: string, name: string, when: ExprIr | null): Part => {
      const place = places.get(`${unit} ${name}`) ?? null;
      const exprs = when === null ? [] : leavesOf(when);
      const exact = place?.leaves.length === exprs.length;
      const leaves = exprs.map((expr, i) => ({
        expr,
        span: (exact ? place?.leaves[i] : undefined) ?? place?.span ?? null,
        seen: { true: 0, false: 0, unknown: 0, decidingTrue: 0, decidingFalse: 0 },
      }));
      return { unit, part: name, span: place?.span ?? null, when, leaves, asked: 0, held: 0 };
    };
    // The condition of a limit is no text of the author's.
    const limits = new Set((ir.measures ?? []).filter((one) => one.kind === 'limit').map((one) => one.name));
    this.units = new Map(
      ir.units.map((unit) => [
        unit,
        unit.kind === 'rule'
          ? [
              limits.has(unit.name)
                ? { ...part(unit.name, 'rule', unit.when), leaves: [] }
                : part(unit.name, 'rule', unit.when),
            ]
          : [
              ...unit.cases.map((one, i) => part(unit.name, `case ${i + 1}`, one.when)),
              ...(unit.otherwise === null ? [] : [part(unit.name, 'otherwise', null)]),
            ],
      ]),
    );
    this.adds = (ir.measures ?? []).flatMap((one) =>
      one.additions.flatMap((add, i) =>
        add.when === null ? [] : [[add, part(one.name, `add ${i + 1}`, add.when)] as const],
      ),
    );
  }

  /** One question, with everything that its decision could read. */
  observe(request: Request, facts: Facts, phase: Phase): void {
    for (const world of worlds(this.ir, request, facts)) {
      for (const [unit, parts] of this.units) {
        if ((unit.kind === 'rule' ? unit.phase : 'call') === phase && inScope(unit, world))
          this.unit(unit, parts, world);
      }
      if (phase !== 'call') continue;
      for (const [add, part] of this.adds) if (inScope(add, world)) look(part, world);
    }
  }

  private unit(unit: UnitIr, parts: readonly Part[], world: World): void {
    let open = false;
    for (const part of parts) {
      if (part.part === 'otherwise' && open) {
        part.asked++;
        return;
      }
      const value = look(part, world);
      if (value === true && unit.kind === 'block') return;
      open ||= value === 'unknown';
    }
  }

  report(): Coverage {
    const parts = [...this.units.values(), this.adds.map(([, part]) => part)].flat().map(
      ({ unit, part, span, asked, held, leaves }): PartCoverage => ({
        unit,
        part,
        span,
        asked,
        held,
        conditions: leaves.map((leaf) => ({ text: words(leaf.expr), span: leaf.span, ...leaf.seen })),
      }),
    );
    const duties = parts.flatMap((part) => [
      part.held > 0,
      ...part.conditions.flatMap((one) => [one.decidingTrue > 0, one.decidingFalse > 0]),
    ]);
    return { parts, wanted: duties.length, met: duties.filter((met) => met).length };
  }
}

const inScope = ({ who, what }: Pick<UnitIr, 'who' | 'what'>, { request }: World): boolean =>
  inWho(who, request.principal, request.roles) &&
  inWhat(what, request.intent.kind, request.intent.server, request.intent.name);

/** The value of the condition, from those of its leaves; what they were and whether they decided is noted. */
function look(part: Part, world: World): Truth {
  part.asked++;
  if (part.when === null || part.leaves.length === 0) {
    const value = part.when === null ? true : evaluate(part.when, world);
    if (value === true) part.held++;
    return value;
  }
  const values = part.leaves.map((leaf) => evaluate(leaf.expr, world));
  const value = valueOf(part.when, values);
  if (value === true) part.held++;
  part.leaves.forEach(({ seen }, i) => {
    const own = values[i] ?? 'unknown';
    if (own === 'unknown') {
      seen.unknown++;
      return;
    }
    seen[own ? 'true' : 'false']++;
    const deciding = valueOf(part.when as ExprIr, values.with(i, !own)) !== value;
    if (deciding) seen[own ? 'decidingTrue' : 'decidingFalse']++;
  });
  return value;
}

/** Strong Kleene over the values of the leaves, in order. */
export function valueOf(when: ExprIr, leaves: readonly Truth[]): Truth {
  let next = 0;
  const walk = (e: ExprIr): Truth => {
    if (e.op === 'not') {
      const value = walk(e.operand);
      return value === 'unknown' ? value : !value;
    }
    if (e.op === 'and' || e.op === 'or') {
      const values = e.operands.map(walk);
      const settled = e.op === 'or';
      return values.includes(settled) ? settled : values.includes('unknown') ? 'unknown' : !settled;
    }
    if (e.op === 'const') return e.value.kind === 'bool' ? e.value.value : 'unknown';
    return leaves[next++] ?? 'unknown';
  };
  return walk(when);
}

/** In the order in which they stand; a constant is none. */
export function leavesOf(e: ExprIr): readonly ExprIr[] {
  if (e.op === 'not') return leavesOf(e.operand);
  if (e.op === 'and' || e.op === 'or') return e.operands.flatMap(leavesOf);
  return e.op === 'const' ? [] : [e];
}
