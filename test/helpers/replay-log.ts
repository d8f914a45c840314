// SPDX-License-Identifier: Apache-2.0
// Logs of decisions of a real policy (the quickstart's), recorded as the gateway records them, and their exports.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { command as exportCommand } from '../../cli/commands/log-export.js';
import { readArguments } from '../../cli/command.js';
import { compilePolicy, type Policy, policyOrFail } from '../../cli/compiled.js';
import type { Io } from '../../cli/terminal.js';
import { localLimits } from '../../runtime/decide/limits.js';
import { maskedIntent } from '../../runtime/gateway/masked.js';
import { decideDraft } from '../../runtime/gateway/record.js';
import { createKeys, type Draft, openLog, trustText } from '../../runtime/log/index.js';
import { digest, type JsonObject } from '../../runtime/verify/format/index.js';
import type { Decision, Facts, Request } from '../../stdlib/abi.js';

const quickstart = resolve(import.meta.dirname, '../../examples/quickstart');
const ORIGIN = 'gw.example.com/log';

export function io(folder: string): Io & { text(): { out: string; err: string } } {
  let [out, err] = ['', ''];
  return {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    env: {},
    cwd: folder,
    colour: false,
    now: Date.now,
    text: () => ({ out, err }),
  };
}

export interface Call {
  readonly who: string;
  readonly server: string;
  readonly name: string;
  readonly args: JsonObject;
}
const read = (path: string): Call => ({
  who: 'agent:writer',
  server: 'fs',
  name: 'read_text_file',
  args: { path },
});
const write = (path: string): Call => ({
  who: 'agent:writer',
  server: 'fs',
  name: 'write_file',
  args: { path, content: 'TOP SECRET draft' },
});
export const CALLS: readonly Call[] = [
  read('/scratch/a.txt'),
  read('/scratch/../etc/passwd'),
  read('/etc/passwd'),
  write('/scratch/drafts/post.md'),
  write('/scratch/hello.txt'),
  { ...write('/scratch/drafts/post.md'), who: 'user:dana' },
  {
    who: 'agent:writer',
    server: 'fs',
    name: 'move_file',
    args: { source: '/scratch/drafts/p.md', destination: '/scratch/p.md' },
  },
  { who: 'agent:writer', server: 'memory', name: 'read_graph', args: {} },
  { who: 'agent:writer', server: 'memory', name: 'delete_entities', args: { entityNames: ['x'] } },
];
const FACTS: Facts = { scratch: '/scratch', drafts: '/scratch/drafts' };

/** Writes a log of these calls; `lie` may sign another decision than the policy's. */
export async function logOf(
  folder: string,
  name: string,
  policy: Policy,
  calls: readonly Call[],
  lie: (decision: Decision, call: Call) => Decision = (decision) => decision,
  told: (used: Facts) => Facts = (used) => used,
  masked: readonly string[] = [],
): Promise<string> {
  const home = join(folder, name);
  mkdirSync(home);
  const dir = join(home, 'log');
  const keys = createKeys(join(home, 'keys'), ORIGIN);
  const log = await openLog({ dir, keysDir: join(home, 'keys'), origin: ORIGIN, checkpointSeconds: 60 });
  const { manifest, module } = policy;
  const limits = localLimits(module.measures ?? []);
  const ref = {
    name: manifest.policy.name,
    version: manifest.policy.version,
    source: manifest.source,
    module: manifest.module,
    compiler: manifest.compiler.hash,
  };
  const { node, icu = '', unicode = '', tz = '', ada = '' } = process.versions;
  const active = await log.append({
    type: 'policy',
    policy: { ...ref, versions: { node, icu, unicode, tz, ada } },
  });
  for (const [n, call] of calls.entries()) {
    const params = { name: call.name, arguments: call.args };
    const intent = maskedIntent(
      { kind: 'tool', method: 'tools/call', server: call.server, name: call.name },
      call.args,
      params,
      { names: masked, key: Buffer.alloc(32) },
    );
    const session = digest('session');
    const request: Request = {
      principal: call.who,
      roles: [],
      user: null,
      userRoles: [],
      session,
      intent: { kind: 'tool', server: call.server, name: call.name, args: call.args as never },
    };
    const read = Object.fromEntries(
      module.needs(request).flatMap((fact) => (FACTS[fact] === undefined ? [] : [[fact, FACTS[fact]]])),
    );
    const question = { reads: module.usage?.(request) ?? [], own: null, now: Date.now() };
    const { value, reservation } = await limits.reserve(question, (used) => {
      const facts: Facts = { ...read, ...told(used) };
      const decided = lie(module.decide(request, facts, 'call'), call);
      const adds = module.counts?.(request, facts) ?? [];
      const counted = decided.effect === 'deny' ? adds.filter((add) => add.attempt) : adds;
      return { adds: counted, value: { decision: decided, facts } };
    });
    const { decision, facts } = value;
    const identity = {
      principal: call.who,
      roles: [],
      method: 'stdio',
      credential: null,
      user: null,
      userRoles: [],
      session,
    };
    const { draft, openings } = await decideDraft({
      call: Buffer.from(`call ${n}`.padEnd(16)).toString('base64'),
      caller: { identity } as never,
      intent,
      definition: null,
      trace: null,
      policy: { ...ref, activation: active.leaf },
      decision,
      facts,
      reads: module.reads(request),
      counts: reservation.counts,
      expires: null,
      links: null,
      propose: null,
    });
    const { leaf } = await log.append(draft, openings);
    await (decision.effect === 'allow' ? reservation.commit(Date.now()) : reservation.release(Date.now()));
    if (decision.effect === 'allow')
      await log.append({
        type: 'outcome',
        call: draft.call ?? '',
        refs: { decide: leaf },
        outcome: { status: 'ok' },
      } as Draft);
  }
  writeFileSync(join(home, 'trust.json'), trustText(ORIGIN, keys, log.genesis));
  await log.close();
  const receipts = { origin: ORIGIN, dir: 'log', keys: 'keys' };
  const config = { policy: '../policy.sep', mcpServers: { fs: { command: 'true', args: [] } }, receipts };
  writeFileSync(join(home, 'sepal.json'), JSON.stringify(config));
  for (const disclose of ['reads', 'full', 'none']) {
    const input = readArguments('log export', exportCommand, [
      dir,
      '--config',
      join(home, 'sepal.json'),
      '--out',
      join(home, disclose),
      '--disclose',
      disclose,
    ]);
    if (input !== null) await exportCommand.run(input, io(folder));
  }
  return home;
}

/** The quickstart's policy with its lock, copied into the folder and compiled. */
export async function quickPolicy(
  folder: string,
): Promise<{ readonly file: string; readonly policy: Policy }> {
  const file = join(folder, 'policy.sep');
  writeFileSync(file, readFileSync(join(quickstart, 'policy.sep')));
  writeFileSync(join(folder, 'sepal.lock'), readFileSync(join(quickstart, 'sepal.lock')));
  const own = io(folder);
  return { file, policy: policyOrFail(await compilePolicy(file, own), own) };
}

/** Files of an export with its policy: of a gateway that signed what its policy says, and of one that allowed a call it denies. */
export async function replayLog(
  folder: string,
): Promise<{ readonly honest: readonly string[]; readonly lying: readonly string[] }> {
  const { file, policy } = await quickPolicy(folder);
  const honest = await logOf(folder, 'honest', policy, CALLS);
  const lying = await logOf(folder, 'lying', policy, CALLS, lie);
  const files = (home: string): readonly string[] => [
    join(home, 'reads/entries/000000.log'),
    join(home, 'reads/checkpoints'),
    join(home, 'reads/openings.jsonl'),
    join(home, 'trust.json'),
    file,
    join(folder, 'sepal.lock'),
  ];
  return { honest: files(honest), lying: files(lying) };
}

/** Allows what the policy denies by default. */
export const lie = (decision: Decision, call: Call): Decision =>
  call.args['path'] === '/etc/passwd'
    ? { ...decision, effect: 'allow', rules: ['reading'], default: false, reason: null, unknowns: [] }
    : decision;
