// SPDX-License-Identifier: Apache-2.0
// What a policy says beyond rules and plain conditions, one kind a row: the policy of the workload with one statement of the kind that
// every call reaches and none is decided by, and how to write it.
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';
import type { Facts, Phase } from '../../stdlib/abi.js';
import type { Input } from '../../compiler/check.js';
import { sepalInput } from './sepal.js';
import type { BenchPolicy } from './workload.js';

export interface Kind {
  readonly name: string;
  /** Statements after the rules of the workload. */
  readonly text: string;
  /** What stands before them: an import. */
  readonly head?: string;
  readonly phase?: Phase;
  readonly facts?: Facts;
  /** The call is made for a user: the same principal, so that the answers are the same. */
  readonly forUser?: true;
  /** The answers are others than without it. */
  readonly decides?: true;
}

/** Arguments that every call has, beside those of the workload. */
export const MORE_ARGS = {
  size: 1200,
  price: 12.34,
  folder: '/srv/app/data/report.txt',
  url: 'https://api.example.com/v1/items?page=2',
  addr: '192.0.2.7',
  tags: ['alpha', 'beta', 'gamma'],
} as const;
const MORE_TYPES = {
  size: { type: 'integer' },
  price: { type: 'number' },
  folder: { type: 'string' },
  url: { type: 'string' },
  addr: { type: 'string' },
  tags: { type: 'array', items: { type: 'string' } },
};

/** Rows of one condition: a deny that does not hold. */
const condition = (name: string, when: string, more: Partial<Kind> = {}): Kind => ({
  name,
  text: `${more.text ?? ''}\ndeny kind: any -> */* when { ${when} }`,
  ...(more.facts === undefined ? {} : { facts: more.facts }),
  ...(more.decides === undefined ? {} : { decides: more.decides }),
});

const FALSE = 'args.size < 0';
const CALLED = { now: '2026-03-09T13:00:00Z' };

export const KINDS: readonly Kind[] = [
  condition('deny, a number', FALSE),
  { name: 'review', text: `review kind: any -> */* when { ${FALSE} } by role:lead timeout 1h` },
  { name: 'escalate', text: `escalate kind: any -> */* when { ${FALSE} } by role:lead timeout 1h` },
  {
    name: 'decide block',
    text: `decide kind on */* partial { case ${FALSE} => deny case args.size < -1 => review by role:lead timeout 1h }`,
  },
  condition('like', 'args.url like "ftp**"'),
  condition('matches', 'args.url matches r"[a-z]+://([a-z]+\\.)*forbidden\\.[a-z]{2,5}/.*"'),
  condition('path under', 'args.folder under "/srv/secrets"'),
  condition('url, domain', 'url(args.url).host in domain("forbidden.example")'),
  condition('ip, CIDR', 'ip(args.addr) in cidr("10.0.0.0/8")'),
  condition('decimals', 'args.price * 3 > 99999.99'),
  condition('any of a list', 'any(args.tags, t => t starts with "x")'),
  condition('fact', 'region == "nowhere"', {
    text: 'fact region: string from config.region',
    facts: { region: 'eu' },
  }),
  condition('schedule', `now within office and ${FALSE}`, {
    text: 'schedule office in "America/New_York" { mon..fri 09:00..17:00 except 2026-11-26 }',
    facts: CALLED,
  }),
  { name: 'limit', text: 'limit kind: 1000000000 per 1m by principal on */*' },
  {
    name: 'limit, sum, fixed',
    text: 'limit kind: 1000000000000 per 1d by session on */* sum args.size fixed else escalate by role:lead timeout 1h',
  },
  condition('counter', 'seen > 1000000000', { text: 'counter seen: per session by principal on */*' }),
  condition('score', 'risk > 100', {
    text: 'score risk: per session by principal { add 1 on */* decay 10 per 1m cap 100 }',
  }),
  { name: 'delegation strict', text: 'delegation strict', forUser: true },
  { name: 'import of a tighten module', head: 'import bench.tight', text: '' },
  {
    name: 'template, instances',
    text: [
      `template team(who: principals, least: int) { deny small: who -> */* when { args.size < least } }`,
      'instance one = team(agent:*, 0)',
      'instance two = team(user:*, 1)',
    ].join('\n'),
  },
  { name: 'shadow', text: `deny kind: any -> */* when { ${FALSE} } shadow until 2027-06-30` },
  { name: 'redact on call', text: 'redact kind: any -> */* on call mask args.label' },
  { name: 'redact on result', text: 'redact kind: any -> */* on result mask secrets', phase: 'result' },
  condition('an unknown that decides', 'region == "nowhere"', {
    text: 'fact region: string from config.region',
    decides: true,
  }),
];

const TIGHT = 'sep 1\npolicy bench.tight 1.0.0 tighten\n\ndeny small: any -> */* when { args.size < 0 }\n';

/** The policy of the workload, with tools that take the further arguments, and the statements of the kind. */
export function kindInput(policy: BenchPolicy, kind: Pick<Kind, 'text' | 'head'>): Input {
  const plain = sepalInput(policy);
  const [before = '', after = ''] = plain.source.text.split('tools "sepal.lock"\n');
  const head = kind.head === undefined ? '' : `${kind.head}\n`;
  return {
    ...plain,
    source: { path: 'bench.sep', text: `${before}${head}tools "sepal.lock"\n${after}${kind.text}\n` },
    readLock: (path) => ({ path, text: widened(plain.readLock(path)?.text ?? '{}') }),
    readModule: (name) => (name === 'bench.tight' ? { path: 'tight.sep', text: TIGHT } : null),
    today: '2026-03-09',
  };
}

interface Tool {
  readonly definition: { readonly name: string; readonly inputSchema: { readonly properties: object } };
}
interface LockFile {
  readonly servers: { readonly [server: string]: { readonly tools: { readonly [tool: string]: Tool } } };
}
function widened(lock: string): string {
  const { servers } = JSON.parse(lock) as LockFile;
  const wide = ({ definition: { name, inputSchema } }: Tool): object => {
    const definition = {
      name,
      inputSchema: {
        type: 'object',
        properties: { ...inputSchema.properties, ...MORE_TYPES },
        required: Object.keys(MORE_TYPES),
      },
    };
    return { definition, hash: digest(canonical(definition)) };
  };
  const each = <T, U>(record: { readonly [key: string]: T }, map: (value: T) => U): object =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
  return JSON.stringify({
    version: 1,
    servers: each(servers, ({ tools }) => ({ tools: each(tools, wide) })),
    modules: { 'bench.tight': digest(TIGHT) },
  });
}
