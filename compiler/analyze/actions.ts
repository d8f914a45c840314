// SPDX-License-Identifier: Apache-2.0
/**
 * The actions that a policy tells apart: every pinned tool, and for the rest of MCP what patterns on servers and names distinguish.
 * Tools that are decided alike stand together.
 */
import type { ActionKind } from '../../stdlib/abi.js';
import type { ActKindIr, ExprIr, PolicyIr, UnitIr, WhatIr } from '../ir.js';
import type { JsonValue, PinnedTool } from '../lock.js';
import { inWhat } from '../reference-sets.js';
import { coverTexts, type TextTest } from './text-cover.js';

/** A checked policy with the tools that its lock pins. */
export interface Subject {
  readonly ir: PolicyIr;
  readonly tools: readonly PinnedTool[];
}

export interface Action {
  readonly kind: ActionKind;
  readonly server: string;
  readonly name: string;
  /** Of a tool: its argument schema, in each policy that pins it. */
  readonly schemas: readonly JsonValue[];
}

/** Actions that are decided alike; questions are put about the first. */
export interface ActionClass {
  readonly action: Action;
  readonly all: readonly Action[];
  /** By policy: the units whose `what` covers it, and whether the action is possible there at all. */
  readonly live: readonly { readonly pinned: boolean; readonly units: readonly UnitIr[] }[];
  /** Which of the extra sets cover it. */
  readonly within: readonly boolean[];
}

const OTHERS: readonly ActKindIr[] = ['resource', 'prompt', 'completion', 'sampling', 'elicitation', 'roots'];

/** Every class of actions, over one policy or two; `extra` are sets that a question asks about. Only of actions that are `wanted`. */
export function actionClasses(
  subjects: readonly Subject[],
  extra: readonly WhatIr[],
  wanted: (action: Action) => boolean = () => true,
): readonly ActionClass[] {
  const tools = new Map<string, Action>();
  for (const { tools: pinned } of subjects) {
    for (const { server, name, inputSchema } of pinned) {
      const key = JSON.stringify([server, name]);
      const before = tools.get(key)?.schemas ?? [];
      const same = before.some((schema) => JSON.stringify(schema) === JSON.stringify(inputSchema));
      tools.set(key, { kind: 'tool', server, name, schemas: same ? before : [...before, inputSchema] });
    }
  }
  const sets = [...extra, ...subjects.flatMap(({ ir }) => ir.units.map((unit) => unit.what))];
  const actions = [...tools.values(), ...OTHERS.flatMap((kind) => otherActions(kind, sets))];
  const classes = new Map<string, { readonly first: ActionClass; readonly all: Action[] }>();
  for (const action of actions) {
    if (!wanted(action)) continue;
    const made = classOf(action, subjects, extra);
    const key = classKey(made);
    const known = classes.get(key);
    if (known === undefined) classes.set(key, { first: made, all: [action] });
    else known.all.push(action);
  }
  return [...classes.values()].map(({ first, all }) => ({ ...first, all }));
}

function classOf(action: Action, subjects: readonly Subject[], extra: readonly WhatIr[]): ActionClass {
  const { kind, server, name } = action;
  const live = subjects.map(({ ir, tools }) => ({
    pinned: kind !== 'tool' || tools.some((tool) => tool.server === server && tool.name === name),
    units: ir.units.filter((unit) => isOfCall(unit) && inWhat(unit.what, kind, server, name)),
  }));
  return { action, all: [action], live, within: extra.map((what) => inWhat(what, kind, server, name)) };
}

/** Only the call phase is analysed: in the others the base is allow, and rules only restrict. A rule in the shadow decides nothing. */
const isOfCall = (unit: UnitIr): boolean =>
  unit.kind !== 'rule' || (unit.phase === 'call' && unit.shadow === undefined);

function classKey({ action, live, within }: ActionClass): string {
  const reads = live.flatMap(({ units }) => units).map(readsOf);
  const tool = reads.includes('tool') || (within.length > 0 && action.kind === 'tool');
  const args = tool || reads.includes('args');
  return JSON.stringify([
    action.kind,
    live.map(({ pinned, units }) => [pinned, units.map((unit) => unit.name)]),
    within,
    args ? action.schemas : [],
    tool ? [action.server, action.name] : [],
  ]);
}

const reading = new WeakMap<UnitIr, 'tool' | 'args' | 'none'>();

function readsOf(unit: UnitIr): 'tool' | 'args' | 'none' {
  const known = reading.get(unit);
  if (known !== undefined) return known;
  const ops = new Set<string>();
  for (const condition of conditionsOf(unit)) opsBelow(condition, ops);
  const found =
    ops.has('hint') || ops.has('tool') ? 'tool' : ops.has('arg') || ops.has('has') ? 'args' : 'none';
  reading.set(unit, found);
  return found;
}

/** Every operation below, and `tool` where something of the tool itself is read. */
function opsBelow(node: object, ops: Set<string>): void {
  if ('op' in node) ops.add(String(node.op));
  if ('field' in node && String(node.field).startsWith('tool.')) ops.add('tool');
  for (const value of Object.values(node) as unknown[])
    if (typeof value === 'object' && value !== null) opsBelow(value, ops);
}

function otherActions(kind: ActKindIr, sets: readonly WhatIr[]): readonly Action[] {
  const found = sets.flatMap((what) => [...acts(what, kind)]);
  if (found.length === 0) return [];
  const servers = texts(
    found.map((act) => act.server),
    '*/',
  );
  const named = kind === 'resource' || kind === 'prompt' || kind === 'completion';
  const names = named
    ? texts(
        found.flatMap((act) => act.name ?? []),
        '*',
      )
    : [''];
  return servers.flatMap((server) => names.map((name) => ({ kind, server, name, schemas: [] })));
}

type Act = Extract<WhatIr['include'][number], { kind: 'act' }>;

function* acts(what: WhatIr, kind: ActKindIr): Generator<Act> {
  for (const term of [...what.include, ...what.except]) {
    if (term.kind === 'act' && term.act === kind) yield term;
    else if (term.kind === 'set') yield* acts(term.what, kind);
    else if (term.kind === 'every' && !term.toolsOnly) {
      yield { kind: 'act', act: kind, server: EVERY, name: EVERY };
    }
  }
}
const EVERY = { text: '*', parts: ['', ''], gaps: ['any'] } as const;

/** Names that together meet every combination of the patterns; a name has at least one character. */
function texts(globs: readonly Act['server'][], without: string): readonly string[] {
  const tests = globs.map((glob): TextTest => ({ kind: 'glob', glob, lower: false }));
  const found = coverTexts([...tests, { kind: 'size', most: 0 }], [''], without);
  // Past the bounds only what is written without a wildcard is asked about.
  return (found ?? globs.map((glob) => glob.parts.join('x'))).filter((name) => name !== '');
}

/** The conditions of a unit, without its scope. */
export const conditionsOf = (unit: UnitIr): readonly ExprIr[] => {
  if (unit.kind === 'rule') return unit.when === null ? [] : [unit.when];
  return unit.kind === 'block' ? unit.cases.map((c) => c.when) : [];
};
