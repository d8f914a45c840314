// SPDX-License-Identifier: Apache-2.0
// Our own workload: policies and request streams as an MCP gateway of a company of teams would see them. Everything is a pure
// function of the number of rules, so that two machines measure the same.
import type { BenchPolicy, BenchRequest, BenchRule, Condition, Effect, Pattern } from './workload.js';

const SERVERS = [
  'fs',
  'git',
  'db',
  'web',
  'chat',
  'mail',
  'bank',
  'cluster',
  'shell',
  'crm',
  'store',
  'desk',
];
const VERBS = [
  'read',
  'write',
  'list',
  'get',
  'create',
  'update',
  'delete',
  'search',
  'send',
  'run',
  'merge',
  'export',
];
const NOUNS = [
  'file',
  'record',
  'issue',
  'branch',
  'table',
  'message',
  'invoice',
  'pod',
  'page',
  'user',
  'report',
  'job',
];
const TEAMS = [
  'amber',
  'basalt',
  'cobalt',
  'dune',
  'elm',
  'fern',
  'gale',
  'heron',
  'iris',
  'jade',
  'kelp',
  'lark',
];
const ROLES = ['reader', 'editor', 'analyst', 'deployer', 'bot'];
const AREAS = ['drafts', 'site', 'api', 'infra', 'legal', 'finance', 'secrets', 'lab'];
const KINDS = ['src', 'docs', 'tmp', 'build', 'config', 'private'];
const ENDINGS = ['md', 'ts', 'json', 'yaml', 'pem', 'csv'];
const HOSTS = ['api', 'admin', 'files', 'auth', 'metrics'].flatMap((name) =>
  ['example.com', 'internal.example.com', 'partner.example.net'].map((domain) => `${name}.${domain}`),
);
const TABLES = Array.from({ length: 30 }, (_, i) => `${NOUNS[i % 12]}_${i}`);
const REGIONS = [
  'eu-west-1',
  'eu-west-2',
  'eu-north-1',
  'us-east-1',
  'us-west-2',
  'ap-south-1',
  'ap-east-1',
  'sa-east-1',
];
const LABELS = Array.from(
  { length: 40 },
  (_, i) => `${['prod', 'staging', 'dev', 'pii'][i % 4]}:${NOUNS[i % 12]}:${i}`,
);
const ARGUMENTS = ['path', 'host', 'table', 'region', 'amount', 'limit', 'label'] as const;
type Argument = (typeof ARGUMENTS)[number];
const TEXT = 'an agent writes a longer report about what it has just seen, and sends it along as content. ';

/** mulberry32: one word of state, good enough to draw from. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  float(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  below(n: number): number {
    return Math.floor(this.float() * n);
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
  some<T>(list: readonly T[], count: number): readonly T[] {
    const found = new Set<T>();
    while (found.size < Math.min(count, list.length)) found.add(this.of(list));
    return [...found];
  }
}

/** Few are asked for often: weight of rank k is 1/(k+1)^skew. */
function ranked<T>(dice: Dice, list: readonly T[], skew: number): () => T {
  const sums: number[] = [];
  for (let k = 0, sum = 0; k < list.length; k++) sums.push((sum += 1 / (k + 1) ** skew));
  return () => {
    const x = dice.float() * (sums.at(-1) ?? 0);
    let low = 0;
    let high = list.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < x) low = middle + 1;
      else high = middle;
    }
    return list[low] as T;
  };
}

/** Tools and agents grow with the square root of the rules, as organisations' do. */
function world(rules: number): { readonly tools: readonly string[]; readonly agents: readonly string[] } {
  const dice = new Dice(41);
  const tools = new Set<string>();
  const wanted = Math.max(8, Math.round(4 * Math.sqrt(rules)));
  while (tools.size < wanted) {
    tools.add(`${SERVERS[tools.size % SERVERS.length]}.${dice.of(VERBS)}_${dice.of(NOUNS)}`);
  }
  const agents = Array.from({ length: Math.max(8, Math.round(6 * Math.sqrt(rules))) }, (_, i) => {
    const team = TEAMS[Math.floor(i / 10) % TEAMS.length];
    return `agent:${team}${Math.floor(i / 120)}-${ROLES[i % ROLES.length]}-${i}`;
  });
  return { tools: [...tools], agents };
}

/** Each server's tools take three of the arguments, beside bulk content. */
function argumentsOf(server: string): readonly Argument[] {
  const at = Math.max(0, SERVERS.indexOf(server));
  return [...new Set([0, 2, 5].map((step) => ARGUMENTS[(at + step) % ARGUMENTS.length] as Argument))];
}

function condition(dice: Dice, arg: Argument): Condition {
  const one = (list: readonly string[]): Condition => ({ arg, op: 'eq', value: dice.of(list) });
  const among = (list: readonly string[]): Condition => ({
    arg,
    op: 'in',
    value: dice.some(list, 3 + dice.below(8)),
  });
  switch (arg) {
    case 'path':
      return dice.below(2) === 0
        ? { arg, op: 'prefix', value: `/home/${dice.of(AREAS)}/` }
        : { arg, op: 'glob', value: dice.of([`*.${dice.of(ENDINGS)}`, `/home/*/${dice.of(KINDS)}/*`]) };
    case 'host':
      return dice.below(3) === 0 ? { arg, op: 'glob', value: '*.internal.example.com' } : among(HOSTS);
    case 'table':
      return dice.below(5) < 2 ? one(TABLES) : among(TABLES);
    case 'region':
      return dice.below(3) === 0
        ? { arg, op: 'prefix', value: dice.of(['eu-', 'us-', 'ap-']) }
        : among(REGIONS);
    case 'amount':
      return { arg, op: 'range', min: 100 * dice.below(20), max: 2000 + 100 * dice.below(60) };
    case 'limit':
      return { arg, op: 'range', max: 100 + dice.below(900) };
    case 'label':
      return dice.below(3) === 0 ? one(LABELS) : among(LABELS);
  }
}

function rule(dice: Dice, id: string, tool: string, agent: string): BenchRule {
  const [server, name] = tool.split('.') as [string, string];
  const verb = name.slice(0, name.indexOf('_'));
  const width = dice.float();
  const wide = width >= 0.9;
  const action: Pattern =
    width < 0.7
      ? { exact: tool }
      : { glob: wide ? dice.of(['*', `*.${verb}_*`]) : dice.of([`${server}.*`, `${server}.${verb}_*`]) };
  const team = agent.slice(0, agent.indexOf('-'));
  const who = dice.float();
  const exactShare = wide ? 0.9 : 0.45;
  const principal: Pattern =
    who < exactShare ? { exact: agent } : { glob: who < 0.85 ? `${team}-*` : wide ? `${team}-*` : '*' };
  const draw = dice.float();
  const effect: Effect = draw < 0.6 ? 'allow' : draw < 0.82 ? 'deny' : 'review';
  // Broad restrictions carry conditions, or they would swallow everything.
  const least = effect === 'allow' || principal.exact !== undefined ? 0 : principal.glob === '*' ? 2 : 1;
  const count = Math.max(least, dice.of([0, 0, 0, 1, 1, 1, 1, 2, 2, 3]));
  const args = dice.some(wide ? ARGUMENTS : argumentsOf(server), count);
  return { id, effect, action, principal, conditions: args.map((arg) => condition(dice, arg)) };
}

export function generatePolicy(rules: number): BenchPolicy {
  const dice = new Dice(1000 + rules);
  const { tools, agents } = world(rules);
  const tool = ranked(dice, tools, 0.5);
  const agent = ranked(dice, agents, 0.5);
  return { rules: Array.from({ length: rules }, (_, i) => rule(dice, `r${i}`, tool(), agent())) };
}

function valueOf(dice: Dice, arg: Argument): string | number {
  switch (arg) {
    case 'path':
      return `/home/${dice.of(AREAS)}/${dice.of(KINDS)}/f${dice.below(1000)}.${dice.of(ENDINGS)}`;
    case 'host':
      return dice.of(HOSTS);
    case 'table':
      return dice.of(TABLES);
    case 'region':
      return dice.of(REGIONS);
    case 'amount':
      return dice.below(10000);
    case 'limit':
      return 1 + dice.below(1000);
    case 'label':
      return dice.of(LABELS);
  }
}

/** Skewed to popular tools and agents; 2 % unknown tools, 2 % unknown agents, 5 % of the arguments missing. */
export function generateRequests(rules: number, count: number): readonly BenchRequest[] {
  const dice = new Dice(7 + rules);
  const { tools, agents } = world(rules);
  const tool = ranked(dice, tools, 1.1);
  const agent = ranked(dice, agents, 0.8);
  return Array.from({ length: count }, () => {
    const action =
      dice.float() < 0.02 ? `${dice.of(SERVERS)}.${dice.of(VERBS)}_unknown${dice.below(50)}` : tool();
    const principal = dice.float() < 0.02 ? `agent:guest${dice.below(50)}-${dice.of(ROLES)}-0` : agent();
    const args: Record<string, string | number> = {};
    for (const arg of argumentsOf(action.slice(0, action.indexOf('.')))) {
      if (dice.float() >= 0.05) args[arg] = valueOf(dice, arg);
    }
    args['content'] = TEXT.repeat(1 + dice.below(3));
    return { principal, action, args };
  });
}
