// SPDX-License-Identifier: Apache-2.0
/** An imported policy, compiled, and asked beside the file that it came from: both readings of many calls. */
import { type Compiled, compile } from '../compiler/compile.js';
import type { Diagnostic } from '../compiler/diagnostics/diagnostic.js';
import {
  type Callable,
  type FirstMatch,
  firstMatch,
  type Imported,
  meantDifference,
  questionsFor,
} from '../compiler/import/index.js';
import type { PinnedTool } from '../compiler/lock.js';
import { Counting } from '../compiler/testing/counting.js';
import { argumentCheck, type ArgumentCheck } from '../runtime/gateway/validate.js';
import { loadPolicy } from '../runtime/decide/load.js';
import type { Json, JsonRecord, PolicyModule, Request } from '../stdlib/abi.js';
import { compilerId } from './compiler-id.js';
import { fullCompiler } from './full-compiler.js';

export interface Comparison {
  /** How many calls both readings were asked about. */
  readonly asked: number;
  /** Answered more strictly, or about a place written in another way: for the reasons of the notes. */
  readonly stricter: number;
  readonly samePlace: number;
  /** Calls on which the two disagree without such a reason, in words; at most a few. */
  readonly faults: readonly string[];
  /** Tools that no fitting call could be made for. */
  readonly skipped: readonly string[];
}

/** The policy of `text` against the text of a lock; null with diagnostics where it has errors. */
export function compileImported(
  path: string,
  text: string,
  lock: string,
): { readonly compiled: Compiled | null; readonly diagnostics: readonly Diagnostic[] } {
  const readLock = (name: string): { readonly path: string; readonly text: string } => ({
    path: name,
    text: lock,
  });
  const { output, diagnostics } = compile({ source: { path, text }, readLock }, fullCompiler, compilerId());
  return { compiled: output, diagnostics };
}

const STRICTNESS = { allow: 0, review: 1, deny: 2 } as const;
const MAX_FAULTS = 5;
const NOON = '2026-01-05T12:00:00.000Z';

/** Asks both; `server` null for every server. */
export async function compareReadings(
  { policy }: Pick<Imported, 'policy'>,
  compiled: Compiled,
  server: string | null,
): Promise<Comparison> {
  const { module } = await loadPolicy(compiled.js, compiled.manifest);
  const pinned = compiled.lock.tools.filter((tool) => server === null || tool.server === server);
  const checks = new Map<PinnedTool, ArgumentCheck>(
    pinned.map((tool) => [tool, argumentCheck({ name: tool.name, inputSchema: tool.inputSchema })]),
  );
  const tools = pinned.map((tool): Callable => ({ ...tool, least: leastOf(tool.inputSchema) }));
  const [faults, met] = [[] as string[], new Set<string>()];
  let [asked, stricter, samePlace] = [0, 0, 0];
  for (const call of questionsFor(policy, tools)) {
    const tool = pinned.find((one) => one.server === call.server && one.name === call.tool);
    if (tool === undefined || checks.get(tool)?.(call.args) !== null) continue;
    asked++;
    met.add(`${call.server}/${call.tool}`);
    const request = requestOf(call, call.server, `question ${asked}`);
    const ours = new Asker(module).ask(request);
    const theirs = firstMatch(policy, call);
    if (ours === theirs) continue;
    const meant = meantDifference(policy, call);
    if (meant === 'same place') samePlace++;
    else if (meant === 'stricter' && STRICTNESS[ours] > STRICTNESS[theirs]) stricter++;
    else if (faults.length < MAX_FAULTS) {
      const who = `${call.principal}${call.roles.length === 0 ? '' : ` with ${call.roles.join(', ')}`}`;
      faults.push(
        `${who} -> ${call.server}/${call.tool} ${JSON.stringify(call.args)}: ${theirs} there, ${ours} here`,
      );
    }
  }
  const limits = countLimits(policy, module, tools, checks, pinned);
  const skipped = pinned.map(({ server: of, name }) => `${of}/${name}`).filter((name) => !met.has(name));
  return { asked: asked + limits.asked, stricter, samePlace, faults: [...faults, ...limits.faults], skipped };
}

const requestOf = (
  call: {
    readonly principal: string;
    readonly roles: readonly string[];
    readonly tool: string;
    readonly args: JsonRecord;
  },
  server: string,
  session: string,
): Request => ({
  principal: call.principal,
  roles: call.roles,
  user: null,
  userRoles: [],
  session,
  intent: { kind: 'tool', server, name: call.tool, args: call.args },
});

/** Questions one after the other, counted as a gateway would. */
class Asker {
  private readonly module: PolicyModule;
  private readonly counting: Counting;

  constructor(module: PolicyModule) {
    this.module = module;
    this.counting = new Counting(module);
  }

  ask(request: Request): 'allow' | 'review' | 'deny' {
    const facts = this.counting.facts(request, NOON);
    const decision = this.module.decide(request, facts, 'call');
    this.counting.count(request, facts, decision, NOON);
    return decision.effect;
  }
}

const MOST_CALLS = 10_000;

/** Each limit: as many calls as it says pass, and the next does not. */
function countLimits(
  policy: FirstMatch,
  module: PolicyModule,
  tools: readonly Callable[],
  checks: ReadonlyMap<PinnedTool, ArgumentCheck>,
  pinned: readonly PinnedTool[],
): { readonly asked: number; readonly faults: readonly string[] } {
  const faults: string[] = [];
  let asked = 0;
  for (const rule of policy.rules) {
    const { limit } = rule;
    if (limit === null || limit.count > MOST_CALLS) continue;
    for (const call of questionsFor({ ...policy, rules: [rule] }, tools)) {
      const tool = pinned.find((one) => one.server === call.server && one.name === call.tool);
      if (tool === undefined || checks.get(tool)?.(call.args) !== null) continue;
      if (firstMatch(policy, call) === 'deny' || meantDifference(policy, call) !== null) continue;
      const asker = new Asker(module);
      const request = requestOf(call, call.server, 'one session');
      const answers = Array.from({ length: limit.count + 1 }, () => asker.ask(request));
      asked += answers.length;
      const passed = answers.filter((answer) => answer !== 'deny').length;
      if (passed !== limit.count) faults.push(`${call.tool}: ${passed} calls of ${limit.count} pass`);
      break;
    }
  }
  return { asked, faults };
}

/** The least that a schema demands: its required members, as simple as their types let them be. */
function leastOf(schema: unknown): JsonRecord {
  const value = leastValue(schema, 0);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : {};
}

function leastValue(schema: unknown, depth: number): Json {
  if (typeof schema !== 'object' || schema === null || depth > 8) return 'x';
  const s = schema as { readonly [key: string]: unknown };
  const [first] = Array.isArray(s['enum']) ? (s['enum'] as readonly Json[]) : [];
  if (first !== undefined) return first;
  if (s['const'] !== undefined) return s['const'] as Json;
  switch (Array.isArray(s['type']) ? s['type'][0] : s['type']) {
    case 'number':
    case 'integer':
      return typeof s['minimum'] === 'number' ? s['minimum'] : 1;
    case 'boolean':
      return false;
    case 'array':
      return typeof s['minItems'] === 'number' && s['minItems'] > 0
        ? [leastValue(s['items'], depth + 1)]
        : [];
    case 'null':
      return null;
    case 'object': {
      const properties = (s['properties'] ?? {}) as { readonly [key: string]: unknown };
      const required = Array.isArray(s['required']) ? (s['required'] as readonly string[]) : [];
      const entries = required.map((name) => [name, leastValue(properties[name], depth + 1)] as const);
      return Object.assign(Object.create(null) as object, Object.fromEntries(entries)) as JsonRecord;
    }
    default:
      return 'x';
  }
}
