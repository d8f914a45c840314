// SPDX-License-Identifier: Apache-2.0
// `http.x` facts of a compiled policy in a running gateway: asked, cached, recorded; and where they cannot be had, the decision is the
// strict one, or people are asked in their place.
import { createPrivateKey } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { emit } from '../../compiler/emit.js';
import { manifestOf } from '../../compiler/manifest.js';
import { decide as reference } from '../../compiler/reference.js';
import { createApproverKey, signVerdict } from '../../runtime/approvals/keys.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { digest } from '../../runtime/verify/format/hash.js';
import type { Facts } from '../../stdlib/abi.js';
import { loadOnce } from '../helpers/emitted.js';
import { configOf, loaded, pin, scratch, startGateway } from '../helpers/gateway.js';
import { checkText, lockText, policy, tool } from '../helpers/policy.js';
import { Raw, type Reply } from '../helpers/raw.js';

const journal = join(import.meta.dirname, '../helpers/journal.mjs');
const LOCK = lockText({ s: ['run', 'ask'].map((name) => tool(name, { id: { type: 'string' } })) });
const eve = createApproverKey('eve');

let service: Server;
let port = 0;
let answer: () => { readonly status: number; readonly body: string } | null = () => null;
let asked = 0;
const says = (value: unknown): void => {
  answer = () => ({ status: 200, body: JSON.stringify({ value, at: new Date().toISOString() }) });
};

beforeAll(async () => {
  service = createServer((request, response) => {
    request.resume().on('end', () => {
      asked++;
      const found = answer();
      if (found !== null) response.writeHead(found.status).end(found.body);
    });
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  port = (service.address() as AddressInfo).port;
});
afterAll(() => {
  service.closeAllConnections();
  service.close();
});
const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function setUp(rules: string) {
  const { output, diagnostics } = checkText(policy(rules), LOCK);
  if (output === null) throw new Error(JSON.stringify(diagnostics));
  const emitted = emit(output.ir);
  const module = loadOnce(emitted.js);
  const compiler = { version: '0', hash: digest('c'), tz: '', unicode: '' };
  const { facts } = manifestOf({
    ir: output.ir,
    emitted,
    source: '',
    modules: new Map(),
    today: '',
    compiler,
    hash: digest,
  });
  const dir = scratch();
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [journal, join(dir, 'journal')] } },
    identity: { stdio: { principal: 'agent:raw' } },
    approvals: { holdSeconds: 0 },
    approvers: [{ id: 'user:eve', roles: ['lead'], key: eve.vkey }],
    facts: { ticket: { url: `http://127.0.0.1:${port}/`, timeout: '300ms' } },
  });
  await pin(config);
  const { gateway, log, said } = await startGateway(config, module, { policy: loaded(module, facts) });
  open.push(gateway);
  const client = new Raw(gateway);
  await client.ask('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  });
  const decides = () =>
    log.bodies.filter(
      ({ type, phase, intent }) => type === 'decide' && phase === 'call' && intent?.name !== undefined,
    );
  /** The last decision, and the same decided again by the reference from what the receipt discloses. */
  const last = async () => {
    const body = decides().at(-1);
    if (body === undefined) throw new Error('nothing was decided');
    const known = JSON.parse((await log.openings(body.seq))?.facts ?? '{}') as Facts;
    const intent = { kind: 'tool' as const, server: 's', name: String(body.intent?.name), args: { id: 'a' } };
    const request = {
      principal: 'agent:raw',
      roles: [],
      user: null,
      userRoles: [],
      session: 's',
      intent,
    };
    const again = reference(output.ir, request, known, 'call');
    expect([again.effect, again.rules]).toEqual([body.decision?.effect, body.decision?.rules]);
    return { body, known };
  };
  return { client, gateway, last, said };
}

const ran = (reply: Reply): boolean => reply.result !== undefined && reply.result.isError !== true;
const RULES = `role lead
fact ticket: enum open, shut from http.ticket fresh 60s
allow run: agent:* -> s/run when { ticket == open }
allow ask: agent:* -> s/ask
deny  off: any -> s/ask when { ticket == shut } because "The ticket is shut"
`;

describe('facts over HTTP in the gateway', () => {
  it('are asked for, kept while they are fresh, and recorded', async () => {
    const { client, last } = await setUp(RULES);
    says('open');
    asked = 0;
    expect(ran(await client.call('run', { id: 'a' }))).toBe(true);
    expect(ran(await client.call('run', { id: 'a' }))).toBe(true);
    expect(asked).toBe(1);
    const { body, known } = await last();
    expect(body.facts).toEqual(['ticket']);
    expect(body.facts_root).toBeTypeOf('string');
    expect(known).toEqual({ ticket: 'open' });
    says('shut');
    expect(ran(await client.call('run', { id: 'b' }))).toBe(false);
    expect(ran(await client.call('ask', { id: 'a' }))).toBe(false);
    expect((await last()).body.decision).toMatchObject({ effect: 'deny', rules: ['off'] });
  });

  it.each([
    ['a wrong type', () => says('ajar')],
    ['an error', () => void (answer = () => ({ status: 500, body: '' }))],
    ['no JSON', () => void (answer = () => ({ status: 200, body: 'open' }))],
    ['silence', () => void (answer = () => null)],
    [
      'a stale value',
      () =>
        void (answer = () => ({
          status: 200,
          body: JSON.stringify({ value: 'open', at: '2020-01-01T00:00:00Z' }),
        })),
    ],
  ])('%s denies, and the receipt names it with what would have been decided otherwise', async (_, fault) => {
    const { client, last } = await setUp(RULES);
    fault();
    for (const [name, otherwise] of [
      ['run', 'deny'],
      ['ask', 'allow'],
    ] as const) {
      expect(ran(await client.call(name, { id: 'a' }))).toBe(false);
      const { body, known } = await last();
      expect(body.decision?.effect).toBe('deny');
      expect(known).toEqual({});
      expect(body.unknowns).toEqual([expect.objectContaining({ name: 'ticket' })]);
      expect(JSON.stringify(body.unknowns)).toContain(`"${otherwise}"`);
    }
  });

  it('that no service answers are unknown, and the operator is told', async () => {
    const { client, last, said } = await setUp(
      'fact other: bool from http.other\nallow run: agent:* -> s/run when { other }\n',
    );
    expect(said.join('\n')).toContain('`facts` in sepal.json has no service `other`');
    expect(ran(await client.call('run', { id: 'a' }))).toBe(false);
    expect((await last()).body.unknowns).toEqual([expect.objectContaining({ name: 'other' })]);
  });

  it('ask people in their place where the fact says so, and run the call once they approve', async () => {
    const { client, gateway, last } = await setUp(
      `${RULES.replace('fresh 60s', 'fresh 60s on unknown review by role:lead timeout 15m')}deny evil: any -> s/run when { args.id == "evil" }\n`,
    );
    answer = () => ({ status: 503, body: '' });
    expect(JSON.stringify((await client.call('run', { id: 'a' })).result)).toContain('approval');
    const { body } = await last();
    expect(body.decision).toMatchObject({ effect: 'review', rules: ['ticket'] });
    expect(JSON.stringify(body.unknowns)).toContain('ticket');
    // What no value of the fact could have allowed stays denied.
    expect(JSON.stringify((await client.call('run', { id: 'evil' })).result)).toContain('Denied');
    const [pending] = gateway.approvals.list();
    const shown = await gateway.approvals.show(pending?.id ?? '');
    if (shown === null) throw new Error('nothing to show');
    const verdict = signVerdict(createPrivateKey(eve.pem), 'user:eve', shown, 'approve');
    expect((await gateway.approvals.decideBy(verdict)).ok).toBe(true);
    expect(ran(await client.call('run', { id: 'a' }))).toBe(true);
    // Known again, it decides itself.
    says('shut');
    expect(ran(await client.call('run', { id: 'c' }))).toBe(false);
    expect((await last()).body.unknowns ?? []).toEqual([]);
  });
});
