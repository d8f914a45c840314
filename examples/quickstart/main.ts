// SPDX-License-Identifier: Apache-2.0
/** `npm start`: the whole way from a policy to a verified receipt, with real parts only. `--once` ends after the calls. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { commandFile } from '../../cli/install.js';
import { call, type Called, connect, receiptsOf } from './calls.js';
import {
  openStage,
  type RunningGateway,
  type Stage,
  startGateway,
  Unexpected,
  writeConfig,
} from './stage.js';

const colour = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
const paint = (code: string, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const title = (text: string): void => say(`\n${paint('1', text)}`);

const COLOURS: { readonly [decision: string]: string } = { allow: '32', review: '33', deny: '31' };

interface Wanted {
  readonly decision: string;
  /** '' for a decision by default. */
  readonly rule: string;
  readonly says?: string;
}

/** Prints one call and its decision, and fails when it is not the decision that the policy promises. */
function show(what: string, called: Called, wanted: Wanted): void {
  const rule = called.rules.join(', ');
  const by = rule === '' ? 'by default' : `by ${rule}`;
  say(`  ${what}`);
  say(
    `    ${paint(COLOURS[called.decision] ?? '0', called.decision.padEnd(6))} ${by.padEnd(14)} receipt ${called.receipt}`,
  );
  const text = called.text.trim().split('\n')[0] ?? '';
  if (text !== '') say(paint('2', `    ${text.slice(0, 110)}`));
  const said = wanted.says === undefined || called.text.includes(wanted.says);
  if (called.decision !== wanted.decision || rule !== wanted.rule || !said) {
    throw new Unexpected(
      `expected ${wanted.decision} by ${wanted.rule || 'default'}${wanted.says === undefined ? '' : ` saying "${wanted.says}"`}`,
    );
  }
}

async function prepare(stage: Stage, once: boolean): Promise<string> {
  title('1. A policy, keys and a token');
  const approver = await stage.must(
    0,
    'keygen',
    'approver',
    '--id',
    'user:eve',
    '--roles',
    'content_lead',
    '--out',
    'eve.key',
  );
  await writeConfig(stage, JSON.parse(approver), once);
  await stage.must(0, 'keygen', 'log');
  const token = (await stage.must(0, 'token', 'create', '--principal', 'agent:writer')).trim();
  await stage.must(0, 'check');
  const tests = await stage.must(0, 'test');
  say(`  policy.sep checks, and its tests pass: ${tests.trim().split('\n').at(-1) ?? ''}`);
  say('  keys of the log, of the approver user:eve, and a token for agent:writer are made');
  return token;
}

async function unattended(client: Client, stage: Stage): Promise<void> {
  title('3. Calls that the policy decides alone');
  const { scratch } = stage;
  const read = await call(client, stage, 'fs__read_text_file', { path: join(scratch, 'hello.txt') });
  show('agent:writer reads hello.txt', read, {
    decision: 'allow',
    rule: 'reading',
    says: 'Hello from the scratch folder',
  });
  const escape = await call(client, stage, 'fs__read_text_file', { path: `${scratch}/../../../etc/passwd` });
  show('agent:writer reads scratch/../../../etc/passwd', escape, { decision: 'deny', rule: '' });
  const outside = join(scratch, 'index.html');
  const write = await call(client, stage, 'fs__write_file', { path: outside, content: 'mine' });
  show('agent:writer writes index.html outside of the drafts', write, {
    decision: 'deny',
    rule: 'writing',
    says: 'Files may be written in the drafts folder only',
  });
  if (existsSync(outside)) throw new Unexpected('the denied file was written');
}

/** Resolves with the number of the call that waits in the end. */
async function reviewed(client: Client, stage: Stage): Promise<string> {
  title('4. A call that a person decides');
  const move = {
    source: join(stage.scratch, 'drafts', 'post.md'),
    destination: join(stage.scratch, 'post.md'),
  };
  const first = await call(client, stage, 'fs__move_file', move);
  show('agent:writer publishes drafts/post.md', first, { decision: 'review', rule: 'moving' });
  if (existsSync(move.destination)) throw new Unexpected('the file moved without an approval');
  say('  user:eve looks at what is waiting, and approves it with her key:');
  for (const line of (await stage.must(0, 'approvals', 'list')).trim().split('\n'))
    say(paint('2', `    ${line}`));
  const approved = await stage.must(
    0,
    'approvals',
    'approve',
    first.receipt,
    '--as',
    'user:eve',
    '--key',
    'eve.key',
  );
  say(paint('2', `    ${approved.trim()}`));
  const second = await call(client, stage, 'fs__move_file', move);
  show('agent:writer repeats the identical call', second, { decision: 'allow', rule: 'moving' });
  if (!existsSync(move.destination) || existsSync(move.source))
    throw new Unexpected('the approved file did not move');
  const third = await call(client, stage, 'fs__move_file', move);
  show('agent:writer repeats it once more: the approval is used up', third, {
    decision: 'review',
    rule: 'moving',
  });
  const runs = (await receiptsOf(stage, first.call)).filter((body) => body.outcome?.status === 'ok').length;
  if (runs !== 1) throw new Unexpected(`the approved call ran ${runs} times`);
  say(`  it ran exactly once: its receipts hold ${runs} outcome`);
  return String(third.seq);
}

const VERIFY_MS = 15_000;

async function verified(stage: Stage): Promise<void> {
  title('5. Receipts that anyone can verify');
  const log = join(stage.dir, '.sepal', 'log');
  const until = Date.now() + VERIFY_MS;
  for (;;) {
    const ran = await stage.sepal('verify', log, '--trust', 'trust.json');
    if (ran.code === 0) {
      say(indent(ran.out));
      break;
    }
    // The checkpoint over the last entries is at most a second away.
    if (ran.code !== 7 || Date.now() > until)
      throw new Unexpected(`the log does not verify:\n${ran.out}${ran.err}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const copy = join(stage.dir, 'tampered');
  // The writer's lock is a socket, which cannot be copied.
  cpSync(log, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  const file = join(copy, 'entries', '000000.log');
  const bytes = readFileSync(file);
  const at = bytes.indexOf('agent:writer') + 'agent:'.length;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(file, bytes);
  say(`  One bit of who asked is changed in a copy (${basename(file)}, byte ${at}):`);
  const failed = await stage.must(5, 'verify', copy, '--trust', 'trust.json');
  say(
    indent(
      failed
        .split('\n')
        .filter((line) => /FAIL|^fail/.test(line))
        .join('\n'),
    ),
  );
}

const indent = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => paint('2', `    ${line}`))
    .join('\n');

function nextSteps(stage: Stage, gateway: RunningGateway, token: string, waiting: string): void {
  title(`The gateway stays up at ${gateway.url}`);
  const args = JSON.stringify({ path: join(stage.scratch, 'a.txt'), content: 'x' });
  const wrap = {
    command: process.execPath,
    args: [commandFile(), 'wrap', '--config', join(stage.dir, 'sepal.json')],
  };
  say(`
  In another terminal:

    cd ${stage.dir}
    alias sepal='node ${commandFile()}'
    sepal log show                        # every decision so far
    sepal approvals list                  # the last call still waits for user:eve
    sepal approvals show ${waiting}
    sepal approvals deny ${waiting} --key eve.key
    sepal decide --as agent:writer --call fs/write_file --explain \\
      --args '${args}'
    sepal test                            # change policy.sep and see
    sepal verify .sepal/log --trust trust.json

  An MCP client (Streamable HTTP): ${gateway.url}
    Authorization: Bearer ${token}

  The same behind stdio, for the configuration of an MCP client:

    ${JSON.stringify({ mcpServers: { sepal: wrap } })}

  For your own servers: sepal init my-gateway

  Ctrl-C stops it.`);
}

function pinned(stage: Stage): number {
  const lock = JSON.parse(readFileSync(join(stage.dir, 'sepal.lock'), 'utf8')) as {
    readonly servers: { readonly [name: string]: { readonly tools: object } };
  };
  return Object.values(lock.servers).reduce((sum, server) => sum + Object.keys(server.tools).length, 0);
}

async function play(stage: Stage, once: boolean): Promise<void> {
  const token = await prepare(stage, once);
  title('2. The gateway in front of two MCP servers');
  const gateway = await startGateway(stage);
  try {
    const client = await connect(gateway.url, token);
    const { tools } = await client.listTools();
    say(
      `  ${gateway.url}: agent:writer is shown ${tools.length} of the ${pinned(stage)} pinned tools of \`fs\` and \`memory\``,
    );
    await unattended(client, stage);
    const waiting = await reviewed(client, stage);
    await verified(stage);
    await client.close();
    if (!once) {
      nextSteps(stage, gateway, token, waiting);
      process.once('SIGINT', () => void gateway.stop());
      process.once('SIGTERM', () => void gateway.stop());
      await gateway.ended;
    }
  } finally {
    const code = await gateway.stop();
    if (code !== 0) say(`the gateway ended with ${code}`);
  }
}

const once = process.argv.includes('--once');
const stage = openStage();
try {
  say(`Sepal quickstart, in ${stage.dir}`);
  await play(stage, once);
  rmSync(stage.dir, { recursive: true, force: true });
  if (once) say('\nEverything behaved as promised.');
} catch (error) {
  process.stderr.write(`\nquickstart failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write(`  = help: what it left is in ${stage.dir}\n`);
  process.exitCode = 1;
}
