// SPDX-License-Identifier: Apache-2.0
// A policy of 2,000 lines as authors write them: sets, predicates, rules over lines, blocks, comments, and tests of them.
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';

const SERVERS = 20;

export interface Written {
  readonly text: string;
  readonly lock: string;
}

export function writtenPolicy(lines: number): Written {
  const head = `sep 1
policy bench.editor 1.0.0
tools "sepal.lock"

role lead, ops
fact region: enum eu, us, ap from config.region
principals staff = agent:*, role:lead except agent:guest

let inside(p: path, root: path) = p under root and p not under "/srv/secret"
`;
  const all = head.split('\n');
  for (let i = 0; all.length < lines - 24; i++) all.push(...partOf(i));
  while (all.length < lines) all.push('// the end');
  return { text: `${all.join('\n')}\n`, lock: lockText() };
}

function partOf(i: number): readonly string[] {
  const server = `s${i % SERVERS}`;
  const root = `/srv/data/p${i}`;
  return [
    `// What the team ${i} may do with its folder.`,
    `actions writing_${i} = ${server}/write_file, ${server}/move_file`,
    `allow read_${i}: agent:team-${i}-* -> ${server}/read_file`,
    `  when { inside(args.path, "${root}") }`,
    `allow write_${i}: staff -> ${server}/write_file`,
    `  when { inside(args.path, "${root}/drafts") and region in [eu, us] }`,
    '',
    `decide moves_${i} for agent:team-${i}-* on ${server}/move_file {`,
    `  case not (args.source under "${root}") => deny because "Only files of the team are moved"`,
    '  case has(args.mode) and args.mode == replace => review by role:lead timeout 15m',
    '  otherwise => allow',
    '}',
    `deny locked_${i}: any -> writing_${i} when { args.path contains "/.git/" } because "Nobody edits .git"`,
    '',
    `test "team ${i}" {`,
    `  as agent:team-${i}-a with region eu`,
    `  ${server}/read_file { path: "${root}/a" } => allow by read_${i}`,
    `  ${server}/write_file { path: "${root}/../x", content: "x" } => deny by default`,
    `  ${server}/move_file { path: "x", source: "/etc/passwd" } => deny by moves_${i}`,
    '}',
    '',
  ];
}

function lockText(): string {
  const string = { type: 'string' };
  const tool = (name: string, extra: object, required: readonly string[]): object => ({
    name,
    description: `${name} of a file server, as such servers describe it in a sentence or two.`,
    inputSchema: {
      type: 'object',
      properties: { path: { ...string, description: 'Where it is' }, ...extra },
      required,
    },
  });
  const definitions = [
    tool('read_file', { head: { type: 'integer' } }, ['path']),
    tool('write_file', { content: string }, ['path', 'content']),
    tool('move_file', { source: string, mode: { enum: ['keep', 'replace'] } }, ['path', 'source']),
    ...Array.from({ length: 7 }, (_, i) => tool(`list_${i}`, { depth: { type: 'integer' } }, ['path'])),
  ] as readonly { readonly name: string }[];
  const tools = Object.fromEntries(
    definitions.map((definition) => [definition.name, { definition, hash: digest(canonical(definition)) }]),
  );
  const servers = Object.fromEntries(Array.from({ length: SERVERS }, (_, i) => [`s${i}`, { tools }]));
  return JSON.stringify({ version: 1, servers });
}
