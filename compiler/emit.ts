// SPDX-License-Identifier: Apache-2.0
/**
 * IR to module text: the readable `.ts` and the import-free `.js` come from one printer. No text of the policy stands in code
 * position: every literal goes through the table `K`. The same IR gives the same bytes.
 */
import { constants, encode } from './encode.js';
import { children } from './emit-expr.js';
import { measureCode } from './emit-measure.js';
import { type Cell, type RowEmitter, rowTables, rowText, type Table, unitRow } from './emit-rows.js';
import { typesOf, usedNames } from './emit-types.js';
import type { ApprovalIr, ExprIr, PolicyIr, ToolIr, UnitIr } from './ir.js';
import type { JsonValue } from './lock.js';

export interface Emitted {
  readonly ts: string;
  readonly js: string;
  /** Static bound on the evaluation steps of one decision. */
  readonly steps: number;
}

export function emit(ir: PolicyIr): Emitted {
  const m: RowEmitter = {
    k: constants(),
    said: constants(),
    fns: [],
    shared: new Map(),
    byText: new Map(),
    ...rowTables(),
  };
  const inShadow = (unit: UnitIr): boolean => unit.kind === 'rule' && unit.shadow !== undefined;
  const units = [...ir.units].sort((a, b) => (a.name < b.name ? -1 : 1));
  const linesOf = (of: readonly UnitIr[]): readonly Line[] => of.map((unit) => unitLine(m, unit));
  const body = {
    m,
    name: m.k.ref(ir.name),
    version: m.k.ref(ir.version),
    steps: stepsOfPolicy(ir),
    strict: ir.delegation === 'strict',
    tools: ir.tools.map((tool) => line(toolRow(m, tool), `${tool.server}/${tool.name}`)),
    units: linesOf(units.filter((unit) => !inShadow(unit))),
    shadows: linesOf(units.filter(inShadow)),
    standIns: standInCodes(m, ir),
    measures: (ir.measures ?? []).map((one) => ({
      code: measureCode(m, one),
      words: `${one.kind} ${one.name}`,
    })),
  };
  return { ts: print(body, true), js: print(body, false), steps: body.steps };
}

/** Something of a list, and words for those who read it. */
interface Line {
  readonly code: string;
  readonly words: string;
}
interface Body {
  readonly m: RowEmitter;
  readonly name: string;
  readonly version: string;
  readonly steps: number;
  readonly strict: boolean;
  readonly tools: readonly Line[];
  readonly units: readonly Line[];
  /** Lists that only some policies have. */
  readonly shadows: readonly Line[];
  readonly standIns: readonly Line[];
  readonly measures: readonly Line[];
}

const line = (row: readonly Cell[], words: string): Line => ({ code: rowText(row), words });
const unitLine = (m: RowEmitter, unit: UnitIr): Line =>
  line(unitRow(m, unit), `${unit.kind === 'rule' ? unit.effect : 'decide'} ${unit.name}`);

function toolRow(m: RowEmitter, { server, name, hints }: ToolIr): readonly Cell[] {
  const { readOnly, destructive, idempotent, openWorld } = hints;
  const bits = [readOnly, destructive, idempotent, openWorld].reduce(
    (sum, is, i) => sum + (is ? 1 << i : 0),
    0,
  );
  return [m.k.place(server), m.k.place(name), bits];
}

/** A static bound on the evaluation steps of one decision. */
function stepsOfPolicy(ir: PolicyIr): number {
  const counting = (ir.measures ?? []).flatMap((one) =>
    one.additions.flatMap(({ when, amount }) => [when, amount]),
  );
  const counted = counting.reduce((sum, e) => sum + (e === null ? 1 : nodes(e)), 0);
  const views = ir.delegation === 'strict' ? 2 : 1;
  // Where people may stand in for facts, the rules are asked again for each way in which these can turn out.
  const ways = ir.facts.reduce((product, { values }) => product * (values?.length ?? 1), 1);
  const again = ir.facts.some(({ review }) => review !== undefined) ? 1 + ways : 1;
  return views * again * ir.units.reduce((sum, unit) => sum + stepsOf(unit), 1 + counted);
}

function standInCodes(m: RowEmitter, ir: PolicyIr): readonly Line[] {
  return ir.facts.flatMap(({ name, review, values = [] }) => {
    if (review === undefined) return [];
    const given = values.map((value) => jsonCode(m, value)).join(', ');
    return [
      { code: `standIn(${m.k.ref(name)}, ${approvalCode(m, review)}, [${given}])`, words: `fact ${name}` },
    ];
  });
}

/** `typed` adds what only the `.ts` has: types, and in comments what rows and functions are; all else is the same text. */
function print(body: Body, typed: boolean): string {
  const { m, name, version, steps } = body;
  const t = (annotation: string): string => (typed ? annotation : '');
  const listed = (indent: string, lines: readonly Line[]): readonly string[] =>
    lines.map(({ code, words }) =>
      typed && words !== '' ? `${indent}${code}, // ${encode(words)}` : `${indent}${code},`,
    );
  const tables = tablesOf(body);
  const code = [
    ...[...m.shared].map(([value, sharedName]) => `  const ${sharedName} = ${value};`),
    ...functionsOf(m, typed),
    '',
    '  return policy({',
    `    name: ${name},`,
    `    version: ${version},`,
    `    steps: ${steps},`,
    '    texts: K,',
    '    words,',
    ...tables.map(([table]) => `    ${table},`),
    `    runs: [${[...m.runs.keys()].join(', ')}],`,
    ...inside(
      'reads',
      [...m.reads.keys()].map((read) => ({ code: read, words: '' })),
      listed,
    ),
    ...(body.standIns.length === 0 ? [] : inside('standIns', body.standIns, listed)),
    ...(body.measures.length === 0 ? [] : inside('measures', body.measures, listed)),
    ...(body.strict ? ['    strict: true,'] : []),
    '  });',
  ];
  const names = usedNames(code.join('\n'));
  return [
    '// A compiled Sepal policy: generated, do not edit. Tables are rows of numbers (places in other tables); every text of',
    '// the policy stands in K. Conditions that no row can ask are functions with three values (0 false, 1 unknown, 2 true); std is',
    "// the host's library.",
    'export const abi = 1;',
    '',
    'const K = [',
    ...m.k.literals().map((literal, i) => (typed ? `  ${literal}, // ${i}` : `  ${literal},`)),
    `]${t(' as const')};`,
    '',
    '// Conditions in words, for explanations.',
    `function words()${t(': readonly string[]')} {`,
    '  return [',
    ...m.said.literals().map((literal) => `    ${literal},`),
    '  ];',
    '}',
    ...tables.flatMap(([table, about, lines]) => [
      '',
      `// ${about}`,
      `const ${table}${t(': readonly string[]')} = [`,
      ...rowsOf(lines, typed),
      '];',
    ]),
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

/** Rows of a table in one text: each text costs, when a module is loaded. */
const ROWS_A_TEXT = 8;

function rowsOf(lines: readonly Line[], typed: boolean): readonly string[] {
  const texts: string[] = [];
  for (let from = 0; from < lines.length; from += ROWS_A_TEXT) {
    const some = lines.slice(from, from + ROWS_A_TEXT);
    if (typed) texts.push(...some.map(({ words }, i) => `  // ${from + i}: ${encode(words)}`));
    texts.push(`  ${encode(some.map(({ code }) => code).join(' '))},`);
  }
  return texts;
}

type Listed = (indent: string, lines: readonly Line[]) => readonly string[];
const inside = (list: string, lines: readonly Line[], listed: Listed): readonly string[] => [
  `    ${list}: [`,
  ...listed('      ', lines),
  '    ],',
];

function functionsOf(m: RowEmitter, typed: boolean): readonly string[] {
  const params = typed ? '(a: Args, r: Request, f: Facts, t: Tool): Kleene' : '(a, r, f, t)';
  return m.fns.flatMap((fn) => [
    ...(typed ? [`  // ${encode(fn.words)}`] : []),
    `  function ${fn.name}${params} {`,
    ...fn.body.map((text) => `    ${typed ? text.replace(/^let v = /, 'let v: Kleene = ') : text}`),
    '  }',
  ]);
}

/** The tables by name, with what their rows hold (stdlib/rows.ts reads them). */
function tablesOf({
  m,
  tools,
  units,
  shadows,
}: Body): readonly (readonly [string, string, readonly Line[]])[] {
  const rows = (table: Table): readonly Line[] => table.rows();
  const below = [...m.runs.values()].map(({ below: row, words }) => ({ code: row, words }));
  const unit =
    'name, phase (0 call, 1 list, 2 result), outcome, principals, actions, words (-2: of its tests), tests ... (-1, -2 ... are runs);';
  return [
    ['tools', 'server, name, hints (1 read-only + 2 destructive + 4 idempotent + 8 open world)', tools],
    ['globs', 'text, gap (0 any run, 1 any run without a slash), text ...', rows(m.globs)],
    ['whos', '[terms], [but]: [0] any, [1, glob], [2, role], [3, principals]', rows(m.whos)],
    ['whats', '[terms], [but]: [0] all, [1] all tools, [2, kind, server, name], [3, actions]', rows(m.whats)],
    ['outcomes', 'effect, because, tell, [masks], [self, quorum, timeout, roles ...]', rows(m.outcomes)],
    ['asks', 'question, argument, kind, behind has, what it is compared with ...', rows(m.asks)],
    [
      'below',
      'of each run: [facts], [arguments], [[test, reads ...] ...], words, 1 where it joins conditions',
      below,
    ],
    ['units', `${unit} or name, 3, otherwise, principals, actions, [test, outcome, words] ...`, units],
    ...(shadows.length === 0 ? [] : [['shadows', 'as units, but they decide nothing yet', shadows] as const]),
  ];
}

function approvalCode(m: RowEmitter, a: ApprovalIr): string {
  return `approval(${a.self}, [${a.roles.map((role) => m.k.ref(role)).join(', ')}], ${a.quorum}, ${a.timeout})`;
}

function jsonCode(m: RowEmitter, value: JsonValue): string {
  if (typeof value === 'string') return m.k.ref(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? `[${value.map((item: JsonValue) => jsonCode(m, item)).join(', ')}]` : '{}';
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
