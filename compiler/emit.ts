// SPDX-License-Identifier: Apache-2.0
/**
 * IR to module text: the readable `.ts` and the import-free `.js` come from one printer. No text of the policy stands in code
 * position: every literal goes through the table `K`. The same IR gives the same bytes.
 */
import { type Constants, constants, encode } from './encode.js';
import {
  children,
  condition,
  conjuncts,
  type Emitter,
  globCode,
  readCode,
  shared,
  whoCode,
} from './emit-expr.js';
import type {
  ApprovalIr,
  BlockIr,
  ExprIr,
  OutcomeIr,
  PolicyIr,
  RuleIr,
  UnitIr,
  WhatIr,
  WhatTermIr,
} from './ir.js';
import { typesOf, usedNames } from './emit-types.js';
import { measureCode } from './emit-measure.js';
import type { JsonValue } from './lock.js';
import { words } from './words.js';

export interface Emitted {
  readonly ts: string;
  readonly js: string;
  /** Static bound on the evaluation steps of one decision. */
  readonly steps: number;
}

export function emit(ir: PolicyIr): Emitted {
  const k = constants();
  const m: Emitter = { k, fns: [], shared: new Map(), byText: new Map() };
  const units = [...ir.units].sort((a, b) => (a.name < b.name ? -1 : 1));
  const counting = (ir.measures ?? []).flatMap((one) =>
    one.additions.flatMap(({ when, amount }) => [when, amount]),
  );
  const counted = counting.reduce((sum, e) => sum + (e === null ? 1 : nodes(e)), 0);
  const views = ir.delegation === 'strict' ? 2 : 1;
  // Where people may stand in for facts, the rules are asked again for each way in which these can turn out.
  const ways = ir.facts.reduce((product, { values }) => product * (values?.length ?? 1), 1);
  const again = ir.facts.some(({ review }) => review !== undefined) ? 1 + ways : 1;
  const steps = views * again * units.reduce((sum, unit) => sum + stepsOf(unit), 1 + counted);
  const tools = ir.tools.map((t) => {
    const { readOnly, destructive, idempotent, openWorld } = t.hints;
    return `pin(${[k.ref(t.server), k.ref(t.name), readOnly, destructive, idempotent, openWorld].join(', ')})`;
  });
  const inShadow = (unit: UnitIr): boolean => unit.kind === 'rule' && unit.shadow !== undefined;
  const codes = (of: readonly UnitIr[]): Body['units'] =>
    of.map((unit) => ({
      code: unitCode(m, unit),
      words: `${unit.kind === 'rule' ? unit.effect : 'decide'} ${unit.name}`,
    }));
  const parts = { what: whatCode, facts: factsOf, reads: readsOf };
  const standIns = ir.facts.flatMap(({ name, review, values = [] }) =>
    review === undefined
      ? []
      : [
          {
            code: `standIn(${k.ref(name)}, ${approvalCode(m, review)}, [${values.map((v) => jsonCode(m, v)).join(', ')}])`,
            words: `fact ${name}`,
          },
        ],
  );
  const more: Body['more'] = [
    ['standIns', standIns],
    [
      'measures',
      (ir.measures ?? []).map((one) => ({
        code: measureCode(m, one, parts),
        words: `${one.kind} ${one.name}`,
      })),
    ],
    ['shadows', codes(units.filter(inShadow))],
  ];
  const unitCodes = codes(units.filter((unit) => !inShadow(unit)));
  const strict = ir.delegation === 'strict';
  const body = {
    m,
    k,
    more,
    strict,
    units: unitCodes,
    tools,
    steps,
    name: k.ref(ir.name),
    version: k.ref(ir.version),
  };
  return { ts: print(body, true), js: print(body, false), steps };
}

interface Body {
  readonly m: Emitter;
  readonly k: Constants;
  readonly units: readonly { readonly code: string; readonly words: string }[];
  /** Lists that only some policies have, by name. */
  readonly more: readonly (readonly [string, Body['units']])[];
  readonly strict: boolean;
  readonly tools: readonly string[];
  readonly steps: number;
  readonly name: string;
  readonly version: string;
}

/** `typed` adds what only the `.ts` has: types, and in comments what functions and units are; all else is the same text. */
function print({ m, k, more, strict, units, tools, steps, name, version }: Body, typed: boolean): string {
  const t = (annotation: string): string => (typed ? annotation : '');
  const said = (indent: string, text: string): readonly string[] =>
    typed ? [`${indent}// ${encode(text)}`] : [];
  const params = `(a${t(': Args')}, r${t(': Request')}, f${t(': Facts')}, t${t(': Tool')})`;
  const code = [
    ...[...m.shared].map(([value, sharedName]) => `  const ${sharedName} = ${value};`),
    ...m.fns.flatMap((fn) => [
      ...said('  ', fn.words),
      `  function ${fn.name}${params}${t(': Kleene')} {`,
      ...fn.body.map((line) => `    ${typed ? line.replace(/^let v = /, 'let v: Kleene = ') : line}`),
      '  }',
    ]),
    '',
    '  return policy({',
    `    name: ${name},`,
    `    version: ${version},`,
    `    steps: ${steps},`,
    '    tools: [',
    ...tools.map((tool) => `      ${tool},`),
    '    ],',
    '    units: [',
    ...units.flatMap((unit) => [...said('      ', unit.words), `      ${unit.code},`]),
    '    ],',
    ...more.flatMap(([list, codes]) =>
      codes.length === 0
        ? []
        : [
            `    ${list}: [`,
            ...codes.flatMap((one) => [...said('      ', one.words), `      ${one.code},`]),
            '    ],',
          ],
    ),
    ...(strict ? ['    strict: true,'] : []),
    '  });',
  ];
  const names = usedNames(code.join('\n'));
  return [
    '// A compiled Sepal policy: generated, do not edit. Conditions are functions with three values (0 false, 1 unknown, 2 true);',
    "// every text of the policy stands in K; std is the host's library.",
    'export const abi = 1;',
    '',
    'const K = [',
    ...k.literals().map((literal, i) => `  ${literal}, // ${i}`),
    `]${t(' as const')};`,
    '',
    `export function link(std${t(': Std')})${t(': PolicyModule')} {`,
    `  const { ${names.join(', ')} } = std;`,
    '',
    ...code,
    '}',
    ...(typed ? ['', ...typesOf(names)] : []),
    '',
  ].join('\n');
}

function unitCode(m: Emitter, unit: UnitIr): string {
  const who = shared(m, 'w', whoCode(m, unit.who));
  const what = shared(m, 'x', whatCode(m, unit.what));
  const conditions =
    unit.kind === 'rule' ? (unit.when === null ? [] : [unit.when]) : unit.cases.map((c) => c.when);
  const facts = list(m, [...new Set(conditions.flatMap(factsOf))].sort());
  const reads = list(m, [...new Set(conditions.flatMap(readsOf))].sort());
  return unit.kind === 'rule'
    ? ruleCode(m, unit, who, what, facts, reads)
    : blockCode(m, unit, who, what, facts, reads);
}

function ruleCode(m: Emitter, rule: RuleIr, who: string, what: string, facts: string, reads: string): string {
  const when = rule.when === null ? 'null' : `[${conjuncts(m, rule.when).join(', ')}]`;
  const leaves = rule.when === null ? '[]' : leavesCode(m, rule.when);
  const text = m.k.ref(rule.when === null ? '' : words(rule.when));
  const parts = [
    m.k.ref(rule.name),
    `"${rule.phase}"`,
    outcomeCode(m, rule),
    who,
    what,
    when,
    leaves,
    facts,
    reads,
    text,
  ];
  return `rule(${parts.join(', ')})`;
}

function blockCode(
  m: Emitter,
  block: BlockIr,
  who: string,
  what: string,
  facts: string,
  reads: string,
): string {
  const cases = block.cases.map((c) => {
    const parts = [
      condition(m, c.when),
      leavesCode(m, c.when),
      outcomeCode(m, c.outcome),
      m.k.ref(words(c.when)),
    ];
    return `when(${parts.join(', ')})`;
  });
  const otherwise = block.otherwise === null ? 'null' : outcomeCode(m, block.otherwise);
  return `block(${m.k.ref(block.name)}, ${who}, ${what}, [
${cases.map((c) => `        ${c},\n`).join('')}      ], ${otherwise}, ${facts}, ${reads})`;
}

function outcomeCode(m: Emitter, o: OutcomeIr | RuleIr): string {
  const because = o.because === null ? 'null' : m.k.ref(o.because);
  const masks = 'masks' in o && o.masks !== undefined ? `, ${list(m, o.masks)}` : '';
  const tell = 'tell' in o && o.tell ? `${masks === '' ? ', undefined' : ''}, true` : '';
  return shared(m, 'o', `outcome("${o.effect}", ${approvalCode(m, o.approval)}, ${because}${masks}${tell})`);
}

function approvalCode(m: Emitter, a: ApprovalIr | null): string {
  return a === null ? 'null' : `approval(${a.self}, ${list(m, a.roles)}, ${a.quorum}, ${a.timeout})`;
}

function jsonCode(m: Emitter, value: JsonValue): string {
  if (typeof value === 'string') return m.k.ref(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? `[${value.map((item: JsonValue) => jsonCode(m, item)).join(', ')}]` : '{}';
}

const list = (m: Emitter, texts: readonly string[]): string =>
  `[${texts.map((text) => m.k.ref(text)).join(', ')}]`;

/** The boolean leaves of a condition with the reads below each. */
function leavesCode(m: Emitter, e: ExprIr): string {
  const leaves = leavesOf(e).map((leaf) => {
    const reads = readsBelow(leaf).map(
      (r) => `read(${m.k.ref(words(r))}, (a, r, f, t) => ${readCode(m, r)})`,
    );
    return shared(m, 'e', `leaf(${condition(m, leaf)}, [${reads.join(', ')}])`);
  });
  return `[${leaves.join(', ')}]`;
}

function leavesOf(e: ExprIr): readonly ExprIr[] {
  if (e.op === 'not' || e.op === 'and' || e.op === 'or') return children(e).flatMap(leavesOf);
  return e.op === 'const' ? [] : [e];
}

/** Arguments, facts and the user: what may be missing. */
export function readsBelow(e: ExprIr): readonly ExprIr[] {
  if (e.op === 'arg' || e.op === 'fact' || e.op === 'hint') return [e];
  if (e.op === 'subject') return e.field === 'user.id' ? [e] : [];
  if ((e.op === 'hasRole' || e.op === 'inWho') && e.subject === 'user')
    return [{ op: 'subject', field: 'user.id' }];
  return children(e).flatMap(readsBelow);
}

function factsOf(e: ExprIr): readonly string[] {
  return e.op === 'fact' ? [e.name] : children(e).flatMap(factsOf);
}
function readsOf(e: ExprIr): readonly string[] {
  if (e.op === 'arg' || e.op === 'has') {
    return [e.path.map((p) => `/${p.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')];
  }
  return children(e).flatMap(readsOf);
}

function whatCode(m: Emitter, set: WhatIr): string {
  const term = (t: WhatTermIr): string => {
    switch (t.kind) {
      case 'every':
        return t.toolsOnly ? 'everyTool' : 'every';
      case 'act': {
        const name = t.name === null ? 'null' : shared(m, 'g', globCode(m, t.name));
        return `act("${t.act}", ${shared(m, 'g', globCode(m, t.server))}, ${name})`;
      }
      case 'set':
        return `actions(${shared(m, 'x', whatCode(m, t.what))})`;
    }
  };
  const terms = (terms: readonly WhatTermIr[]): string => `[${terms.map(term).sort().join(', ')}]`;
  return `what(${terms(set.include)}, ${terms(set.except)})`;
}

/** One step a node; a quantifier costs its body for each of up to 1,000 items. */
function stepsOf(unit: UnitIr): number {
  const conditions =
    unit.kind === 'rule' ? (unit.when === null ? [] : [unit.when]) : unit.cases.map((c) => c.when);
  return conditions.reduce((sum, e) => sum + nodes(e), 2);
}
/** A bound on the evaluations that a condition takes. */
export function nodes(e: ExprIr): number {
  const below = children(e).reduce((sum, child) => sum + nodes(child), 1);
  return e.op === 'quantifier' ? Math.min(below * 1000, 1e12) : below;
}
