// SPDX-License-Identifier: Apache-2.0
// Sepal as it ships: the policy as text, compiled by the compiler, its module loaded by the runtime's loader.
import { type Compiled, compile, type Input } from '../../compiler/compile.js';
import type { Host } from '../../compiler/lock.js';
import { loadPolicy } from '../../runtime/decide/load.js';
import { parse } from '../../grammar/parse.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import type { Decision, PolicyModule, Request } from '../../stdlib/abi.js';
import { patternMatches } from './naive.js';
import type { Answer, BenchPolicy, BenchRequest, BenchRule, Condition, Decide, Pattern } from './workload.js';

const host: Host = { parse, parseJson: (text) => parseStrict(text), canonical, hash: digest };
const COMPILER = { version: '0.0.0', hash: digest('bench'), tz: 'bench', unicode: 'bench' };
const NUMBERS = new Set(['amount', 'limit']);

const string = (value: string): string => JSON.stringify(value);
/** `*` of the workload crosses `/`, which is `**` in conditions. */
const likeText = (glob: string): string => string(glob.replaceAll('*', '**'));

function conditionText(c: Condition): string {
  const read = `args.${c.arg}`;
  switch (c.op) {
    case 'eq':
      return `${read} == ${string(c.value)}`;
    case 'prefix':
      return `${read} starts with ${string(c.value)}`;
    case 'glob':
      return `${read} like ${likeText(c.value)}`;
    case 'range':
      return [
        ...(c.min === undefined ? [] : [`${read} >= ${c.min}`]),
        ...(c.max === undefined ? [] : [`${read} <= ${c.max}`]),
      ].join(' and ');
    case 'in':
      return `${read} in [${c.value.map(string).join(', ')}]`;
  }
}

const whatText = ({ exact, glob }: Pattern): string =>
  exact !== undefined
    ? exact.replace('.', '/')
    : glob === '*' || glob === undefined
      ? '*/*'
      : glob.replace('.', '/');
const whoText = ({ exact, glob }: Pattern): string =>
  exact ?? (glob === '*' || glob === undefined ? 'any' : glob);

function ruleText(rule: BenchRule): string {
  const conditions = rule.conditions.map((c) => `has(args.${c.arg}) and ${conditionText(c)}`);
  const when = conditions.length === 0 ? '' : ` when { ${conditions.join(' and ')} }`;
  const approval = rule.effect === 'review' ? ' by role:lead timeout 1h' : '';
  return `${rule.effect} ${rule.id}: ${whoText(rule.principal)} -> ${whatText(rule.action)}${when}${approval}`;
}

/** Every tool that a rule names, and one for each glob that would match none of them. */
function toolsOf(policy: BenchPolicy): readonly string[] {
  const tools = new Set(policy.rules.flatMap(({ action }) => action.exact ?? []));
  for (const glob of new Set(policy.rules.flatMap(({ action }) => action.glob ?? []))) {
    if (![...tools].some((tool) => patternMatches({ glob }, tool))) {
      tools.add(glob === '*' ? 'any.tool' : glob.replace(/^\*/, 'any').replaceAll('*', 'any'));
    }
  }
  return [...tools].sort();
}

/** Every tool takes every argument, so that wide rules may ask for any. */
function lockText(policy: BenchPolicy): string {
  const names = new Set(policy.rules.flatMap((rule) => rule.conditions.map((c) => c.arg)));
  const properties = Object.fromEntries(
    [...names].sort().map((n) => [n, { type: NUMBERS.has(n) ? 'integer' : 'string' }]),
  );
  const servers: Record<string, { tools: Record<string, unknown> }> = {};
  for (const tool of toolsOf(policy)) {
    const [server, name] = tool.split('.') as [string, string];
    const definition = { name, inputSchema: { type: 'object', properties } };
    servers[server] ??= { tools: {} };
    servers[server].tools[name] = { definition, hash: digest(canonical(definition)) };
  }
  return JSON.stringify({ version: 1, servers });
}

/** What the compiler gets: the policy in the language, and the lock that it names. */
export function sepalInput(policy: BenchPolicy): Input {
  const head = 'sep 1\npolicy bench.decide 1.0.0\ntools "sepal.lock"\nrole lead\n\n';
  const lock = lockText(policy);
  return {
    source: { path: 'bench.sep', text: `${head}${policy.rules.map(ruleText).join('\n')}\n` },
    readLock: (path) => ({ path, text: lock }),
  };
}

export function compileSepal(input: Input): Compiled {
  const { output, diagnostics } = compile(input, host, COMPILER);
  if (output !== null) return output;
  const first = diagnostics.filter((d) => d.severity === 'error').slice(0, 3);
  throw new Error(`the policy of the bench does not compile: ${JSON.stringify(first)}`);
}

const answerOf = ({ effect }: Decision): Answer =>
  effect === 'allow' ? 'ALLOW' : effect === 'review' ? 'REVIEW' : 'DENY';
const NO_ROLES: readonly string[] = [];

/** The server and the name of a tool: the gateway finds them by the name that its clients know (runtime/gateway/names.ts). */
interface Place {
  readonly server: string;
  readonly name: string;
}
function placeOf(action: string): Place {
  const dot = action.indexOf('.');
  return { server: action.slice(0, dot), name: action.slice(dot + 1) };
}

/** The request as the gateway builds it; part of what is timed. */
function requestOf({ principal, action, args }: BenchRequest, places: ReadonlyMap<string, Place>): Request {
  const { server, name } = places.get(action) ?? placeOf(action);
  return {
    principal,
    roles: NO_ROLES,
    user: null,
    userRoles: NO_ROLES,
    session: 's',
    intent: { kind: 'tool', server, name, args },
  };
}

export interface Bundle {
  readonly js: string | Uint8Array;
  readonly manifest: Compiled['manifest'];
}
export async function loadSepal({ js, manifest }: Bundle): Promise<PolicyModule> {
  return (await loadPolicy(js, manifest)).module;
}

/** `tools`: those that are pinned, as `server/tool`. */
export function decider(module: PolicyModule, tools: Compiled['manifest']['tools']): Decide {
  const facts = {};
  const exposed = Object.keys(tools).map((tool) => tool.replace('/', '.'));
  const places = new Map(exposed.map((action) => [action, placeOf(action)]));
  return (q) => answerOf(module.decide(requestOf(q, places), facts, 'call'));
}

export async function deciderOf(bundle: Bundle): Promise<Decide> {
  return decider(await loadSepal(bundle), bundle.manifest.tools);
}

export const sepal = (policy: BenchPolicy): Promise<Decide> => deciderOf(compileSepal(sepalInput(policy)));
