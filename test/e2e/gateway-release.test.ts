// SPDX-License-Identifier: Apache-2.0
// An answer that a person has to see: held sealed, given to the identical call once it is approved, without a second call of the server.
import { createPrivateKey, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { command as verifyCommand } from '../../cli/commands/verify.js';
import { command as exportCommand } from '../../cli/commands/log-export.js';
import { readArguments } from '../../cli/command.js';
import { compile } from '../../compiler/compile.js';
import { createApproverKey, signVerdict } from '../../runtime/approvals/keys.js';
import { loadPolicy } from '../../runtime/decide/load.js';
import { createToken, printTokens } from '../../runtime/decide/tokens.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { createKeys, openLog, trustText } from '../../runtime/log/index.js';
import type { ReceiptLog } from '../../runtime/log/types.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { verify } from '../../runtime/verify/index.js';
import { configOf, memoryLog, pin, scratch, startGateway, type MemoryLog } from '../helpers/gateway.js';
import { host } from '../helpers/policy.js';
import { io } from '../helpers/replay-log.js';

const told = join(import.meta.dirname, '../helpers/told.mjs');
const eve = createApproverKey('eve');
const MAIL = 'dana.miller@acme-mail.com';
const STRANGE = `strange things, ask ${MAIL}`;

const RULES = `role security
allow say: agent:* -> told/*
deny closed: agent:*-b -> told/fail
escalate odd: any -> told/* on result when { result.text contains "strange" } by role:security timeout TIMEOUT because "Odd"
redact mail: any -> told/* on result mask email
`;

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

interface Options {
  readonly dir?: string;
  readonly log?: ReceiptLog;
  readonly timeout?: string;
  readonly holdSeconds?: number;
  readonly rules?: string;
}

async function setUp({
  dir = scratch(),
  log = memoryLog(),
  timeout = '15m',
  holdSeconds = 0,
  rules = RULES,
}: Options = {}) {
  // After a restart the same credentials ask again.
  const secrets = join(dir, 'tokens.txt');
  if (!existsSync(secrets)) {
    const made = ['a', 'b'].map((name) => createToken({ principal: `agent:${name}` }, randomBytes));
    writeFileSync(join(dir, 'tokens.json'), printTokens(made.map(({ entry }) => entry)), { mode: 0o600 });
    writeFileSync(secrets, made.map(({ token }) => token).join('\n'));
  }
  const config = configOf(dir, {
    mcpServers: { told: { command: process.execPath, args: [told] } },
    identity: { tokens: 'tokens.json' },
    approvers: [{ id: 'user:eve', roles: ['security'], key: eve.vkey }],
    approvals: { holdSeconds },
    receipts: { origin: 'test/log', dir: join(dir, 'log'), keys: join(dir, 'keys') },
  });
  await pin(config);
  writeFileSync(
    join(dir, 'p.sep'),
    `sep 1\npolicy acme.release 1.0.0\ntools "sepal.lock"\n${rules.replace('TIMEOUT', timeout)}`,
  );
  const lock = readFileSync(config.lock, 'utf8');
  const source = { path: 'p.sep', text: readFileSync(join(dir, 'p.sep'), 'utf8') };
  const compiler = {
    version: '0',
    hash: digest('0'),
    tz: process.versions['tz'] ?? '',
    unicode: process.versions['unicode'] ?? '',
  };
  const readLock = (path: string) => ({ path, text: lock });
  const { output, diagnostics } = compile({ source, readLock }, host, compiler);
  if (output === null) throw new Error(diagnostics.map((d) => `${d.code}: ${d.message}`).join('\n'));
  const policy = await loadPolicy(output.js, output.manifest);
  const { gateway } = await startGateway(config, policy.module, { policy, log });
  open.push(gateway);
  const front = await gateway.serveHttp();
  const clients = await Promise.all(
    readFileSync(secrets, 'utf8')
      .split('\n')
      .map(async (token) => {
        const client = new Client({ name: 'test', version: '1' });
        const url = new URL(`http://127.0.0.1:${front.address.port}/mcp`);
        const headers = { authorization: `Bearer ${token}` };
        await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
        open.push(client);
        return async (tool: string, text: string) => {
          const result = (await client.callTool({ name: tool, arguments: { text } })) as CallToolResult;
          const [first] = result.content;
          return { ...result, text: first?.type === 'text' ? first.text : '' };
        };
      }),
  );
  const [a, b] = clients;
  if (a === undefined || b === undefined) throw new Error('no clients');
  return { gateway, a, b, log, dir, config };
}

async function decideOn(gateway: Gateway, verdict: 'approve' | 'deny') {
  await expect.poll(() => gateway.approvals.list().length).toBeGreaterThan(0);
  const shown = await gateway.approvals.show(gateway.approvals.list()[0]?.id ?? '');
  if (shown === null) throw new Error('nothing is held');
  const signed = signVerdict(createPrivateKey(eve.pem), 'user:eve', shown, verdict);
  expect(await gateway.approvals.decideBy(signed)).toMatchObject({ ok: true });
  return shown;
}

/** After the probes of the start. */
const story = ({ bodies }: MemoryLog) =>
  bodies
    .slice(bodies.findIndex(({ decision }) => decision?.effect === 'allow'))
    .flatMap(({ type, phase, decision, outcome }) =>
      type === 'decide' || type === 'approve' || type === 'outcome'
        ? [[type, phase, decision?.effect ?? outcome?.status].filter((part) => part !== undefined).join(' ')]
        : [],
    );

describe('an answer that is held for a person', () => {
  it('goes to the identical call once it is approved, masked, and the server is not called again', async () => {
    const { gateway, a, log } = await setUp();
    const first = await a('say', STRANGE);
    expect(first.isError).toBe(true);
    expect(first.text).toContain(
      'withheld until a person has approved it: Odd. Ask again with the identical call',
    );
    expect(JSON.stringify(first)).not.toContain('things');
    expect((await a('say', STRANGE)).text).toBe(first.text);
    const shown = await decideOn(gateway, 'approve');
    expect(shown.answer).toContain('strange things');
    const given = await a('say', STRANGE);
    expect(given).toMatchObject({ text: 'strange things, ask [redacted:email]' });
    expect(given.isError).toBeFalsy();
    expect(given._meta?.['dev.sepal/receipt']).toMatchObject({ decision: 'allow' });
    await expect
      .poll(() => story(log as MemoryLog))
      .toEqual(['decide call allow', 'decide result review', 'outcome ok', 'approve', 'decide result allow']);
    const { bodies } = log as MemoryLog;
    const last = bodies.at(-1);
    expect(last?.refs).toMatchObject({
      decide: shown.pending.leaf,
      approve: [expect.stringContaining('sha256:')],
    });
    expect(last?.decision?.masked).toEqual([{ kind: 'email', count: 1 }]);
    expect(JSON.stringify(bodies)).not.toContain('things');
    // Given once: the next one is a call of its own.
    expect((await a('say', STRANGE)).text).toContain('withheld until');
    expect(story(log as MemoryLog).filter((line) => line === 'decide call allow')).toHaveLength(2);
  });

  it('is given to a client that waits', async () => {
    const { gateway, a } = await setUp({ holdSeconds: 20 });
    const call = a('say', 'strange');
    await decideOn(gateway, 'approve');
    expect((await call).text).toBe('strange');
  });

  it('is given to one of many, and to nobody else', async () => {
    const { gateway, a, b, log } = await setUp();
    await a('say', 'strange');
    await decideOn(gateway, 'approve');
    expect((await b('say', 'strange')).text).toContain('withheld until');
    expect((await a('say', 'strange, too')).text).toContain('withheld until');
    const all = await Promise.all(Array.from({ length: 8 }, () => a('say', 'strange')));
    expect(all.filter(({ text }) => text === 'strange')).toHaveLength(1);
    expect(story(log as MemoryLog).filter((line) => line === 'decide result allow')).toHaveLength(1);
  });

  it('ends with a person’s no, and with its time', async () => {
    const { gateway, a, log } = await setUp({ holdSeconds: 20 });
    const call = a('say', 'strange');
    await decideOn(gateway, 'deny');
    expect((await call).text).toBe(
      'The call was made, and its answer is withheld: an approver denied its release.',
    );
    await expect.poll(() => story(log as MemoryLog).at(-1)).toBe('decide result deny');
    const short = await setUp({ timeout: '1s', holdSeconds: 20 });
    expect((await short.a('say', 'strange')).text).toContain('nobody approved its release in time');
    await expect.poll(() => story(short.log as MemoryLog).at(-1)).toBe('decide result deny');
    expect(short.gateway.approvals.list()).toEqual([]);
  });

  it('an error of the server is an answer too', async () => {
    const { gateway, a } = await setUp();
    expect((await a('fail', 'strange')).text).toContain('withheld until');
    await decideOn(gateway, 'approve');
    expect(await a('fail', 'strange')).toMatchObject({ isError: true, text: 'strange' });
  });

  it('outlives a restart, verifies, and is decided again from the receipts', async () => {
    const dir = scratch();
    const [keysDir, folder, origin] = [join(dir, 'keys'), join(dir, 'log'), 'test/log'];
    const keys = createKeys(keysDir, origin);
    const start = () => openLog({ dir: folder, keysDir, origin, checkpointSeconds: 1 });
    const old = await start();
    const before = await setUp({ dir, log: old });
    expect((await before.a('say', STRANGE)).text).toContain('withheld until');
    for (const one of open.splice(0).reverse()) await one.close();
    await old.close();
    const kept = readFileSync(join(folder, 'openings/000000.jsonl'), 'utf8');
    expect(kept).not.toContain('things');
    const log = await start();
    const after = await setUp({ dir, log });
    await decideOn(after.gateway, 'approve');
    expect((await after.a('say', STRANGE)).text).toBe('strange things, ask [redacted:email]');
    expect(after.gateway.approvals.list()).toEqual([]);
    for (const one of open.splice(0).reverse()) await one.close();
    writeFileSync(join(dir, 'trust.json'), trustText(origin, keys, log.genesis));
    await log.close();
    const trust = ['--trust', join(dir, 'trust.json'), '--format', 'json'];
    const receipts = { origin, dir: 'log', keys: 'keys' };
    writeFileSync(join(dir, 'sepal.json'), JSON.stringify({ policy: 'p.sep', mcpServers: {}, receipts }));
    const asked = readArguments('log export', exportCommand, [
      folder,
      '--config',
      join(dir, 'sepal.json'),
      '--out',
      join(dir, 'out'),
      '--disclose',
      'full',
    ]);
    if (asked !== null) await exportCommand.run(asked, io(dir));
    expect(readFileSync(join(dir, 'out/openings.jsonl'), 'utf8')).not.toContain('"held"');
    const terminal = io(dir);
    await verifyCommand.raw?.([join(dir, 'out'), ...trust, '--policy', join(dir, 'p.sep')], terminal);
    const report = JSON.parse(terminal.text().out) as {
      properties: readonly { name: string; status: string; detail: string }[];
    };
    expect(report.properties.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(report.properties.find(({ name }) => name === 'replay')?.detail).toContain(
      'decisions match in both engines',
    );
    const whole = await verify(folder, { trust: readFileSync(join(dir, 'trust.json'), 'utf8') });
    expect(whole.properties.filter(({ status }) => status === 'fail')).toEqual([]);
  });
});
