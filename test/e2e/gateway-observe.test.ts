// SPDX-License-Identifier: Apache-2.0
// What others see of a gateway that runs: metrics, health, readiness, traces, and the webhook for reviews.
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { webhook } from '../../runtime/gateway/observe/webhook.js';
import type { Pending } from '../../runtime/approvals/types.js';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { httpStub } from '../helpers/upstream-http.js';
import { until } from '../helpers/raw.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Got {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An endpoint that keeps what it is sent. */
async function endpoint(
  answer: (got: Got, response: ServerResponse) => void = (_, response) => response.end(),
) {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      got.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))));
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const need = { rule: 'ask', self: false, roles: ['owner'], quorum: 1, timeout: 60_000 };
const module = policyOf(({ intent, principal }) =>
  principal !== 'agent:a'
    ? { effect: 'deny', default: true }
    : intent.args['ask'] === true
      ? { effect: 'review', rules: ['ask'], approvals: [need], timeout: 60_000 }
      : { effect: 'allow', rules: ['go_on'] },
);

async function setUp(extra: object) {
  const stub = await httpStub();
  closing.push(() => stub.close());
  const config = configOf(scratch(), {
    mcpServers: { s: { url: stub.url } },
    identity: { anonymous: 'agent:a' },
    approvals: { holdSeconds: 0 },
    ...extra,
  });
  await pin(config);
  const started = await startGateway(config, module);
  const gateway: Gateway = started.gateway;
  closing.push(() => gateway.close());
  const { address } = await gateway.serveHttp();
  const url = `http://127.0.0.1:${address.port}/mcp`;
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const post = (body: object, more: object = {}) =>
    fetch(url, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
    });
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const session = {
    'mcp-session-id': (await post({ method: 'initialize', params })).headers.get('mcp-session-id') ?? '',
  };
  const call = async (args: object = {}, meta: object = {}) =>
    (await (
      await post({ method: 'tools/call', params: { name: 'go', arguments: args, _meta: meta } }, session)
    ).json()) as {
      readonly result?: { readonly isError?: boolean };
    };
  const watch = (path: string, more: { [name: string]: string } = {}) =>
    fetch(`http://127.0.0.1:${gateway.watching()?.port}${path}`, { headers: more });
  return { ...started, stub, call, watch };
}

describe('metrics', () => {
  it('say what the log says, under bounded names', async () => {
    const { call, watch, log, gateway } = await setUp({ metrics: { http: '127.0.0.1:0' } });
    for (let i = 0; i < 3; i++) await call();
    await call({ ask: true });
    await gateway.switches.set('all', true, '');
    await call();
    const text = await (await watch('/metrics')).text();
    const value = (name: string): number =>
      Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (.*)$`, 'm').exec(text)?.[1]);
    expect(value('sepal_decisions_total{phase="call",effect="allow",rule="go_on"}')).toBe(3);
    expect(value('sepal_decisions_total{phase="call",effect="review",rule="ask"}')).toBe(1);
    expect(value('sepal_approvals_pending')).toBe(1);
    expect(value('sepal_log_entries')).toBe(log.bodies.length);
    expect(value('sepal_kill_switches')).toBe(1);
    expect(value('sepal_outcomes_total{status="ok"}')).toBe(3);
    expect(value('sepal_request_seconds_count{method="tools/call"}')).toBe(5);
    expect(value('sepal_upstream_running{server="s"}')).toBeGreaterThan(0);
    expect(value('sepal_policy_reloads{result="refused"}')).toBe(0);
    expect(text).not.toContain('agent:a');
  });

  it('health follows the log, readiness the kill switch too; nothing else is served, and nobody from a page', async () => {
    const { watch, log, gateway } = await setUp({ metrics: { http: '127.0.0.1:0' } });
    expect((await watch('/healthz')).status).toBe(200);
    expect((await watch('/readyz')).status).toBe(200);
    await gateway.switches.set('all', true, '');
    expect((await watch('/healthz')).status).toBe(200);
    expect(await (await watch('/readyz')).json()).toEqual({
      status: 'not ready',
      why: ['the kill switch is on'],
    });
    log.fail(new Error('disk full'));
    expect((await watch('/healthz')).status).toBe(503);
    expect((await watch('/mcp')).status).toBe(404);
    expect((await watch('/metrics', { origin: 'https://evil.example' })).status).toBe(403);
  });

  it('ask for the bearer where one is set', async () => {
    const { watch } = await setUp({ metrics: { http: '127.0.0.1:0', bearer: 'a-secret-of-the-scraper' } });
    expect((await watch('/metrics')).status).toBe(401);
    expect((await watch('/metrics', { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await watch('/metrics', { authorization: 'Bearer a-secret-of-the-scraper' })).status).toBe(200);
  });
});

describe('traces', () => {
  it('continue the client’s, into the receipt, the server and the exporter', async () => {
    const collector = await endpoint();
    const { call, log, stub, gateway } = await setUp({ tracing: { url: `${collector.url}/v1/traces` } });
    const traceId = 'ab'.repeat(16);
    await call({}, { traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` });
    await call();
    await gateway.close();
    const traces = log.bodies.flatMap(({ type, intent }) =>
      type === 'decide' && intent?.trace !== undefined ? [intent.trace] : [],
    );
    expect(traces).toHaveLength(2);
    expect(traces[0]).toMatch(new RegExp(`^00-${traceId}-(?!cdcdcdcdcdcdcdcd)[0-9a-f]{16}-01$`));
    expect(traces[1]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(stub.seen.filter(({ body }) => body.includes(traces[0] ?? 'none'))).toHaveLength(1);
    const spans = collector.got.map(({ body }) => body).join('');
    expect(spans).toContain(traceId);
    expect(spans).toContain('tools/call go');
    expect(spans).toContain('sepal.decision');
  });
});

const SECRET = 'a-webhook-secret-of-32-characters';

describe('the webhook', () => {
  it('tells of reviews, signed, without arguments; and no call waits for it', async () => {
    const hook = await endpoint();
    const { call, said } = await setUp({
      approvals: { holdSeconds: 0, webhook: { url: `${hook.url}/hook?key=in-the-url`, secret: SECRET } },
    });
    expect((await call({ ask: true, password: 'not-for-the-hook' })).result?.isError).toBe(true);
    await until(() => hook.got.length > 0);
    const [first] = hook.got;
    const [, t = '', v1 = ''] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(first?.headers['sepal-signature'])) ?? [];
    expect(createHmac('sha256', SECRET).update(`${t}.${first?.body}`).digest('hex')).toBe(v1);
    expect(Math.abs(Number(t) - Date.now() / 1000)).toBeLessThan(10);
    expect(JSON.parse(first?.body ?? '')).toMatchObject({
      version: 1,
      type: 'approval.opened',
      approval: { principal: 'agent:a', action: { server: 's', name: 'go' }, rules: ['ask'] },
    });
    expect(first?.body).not.toContain('not-for-the-hook');
    expect(said.join('\n')).not.toMatch(/in-the-url|a-webhook-secret/);
  });

  const pendingOf = (id: string): Pending =>
    ({
      id,
      principal: { id: 'agent:a' },
      intent: { kind: 'tool', server: 's', name: 'go', digest: 'd' },
      rules: [],
      missing: [],
    }) as unknown as Pending;

  it('is tried again with pauses, follows no redirect, gives up, and never says where it stands', async () => {
    const elsewhere = await endpoint();
    let failing = 2;
    const hook = await endpoint((_, response) => {
      if (failing-- > 0) response.writeHead(302, { location: elsewhere.url });
      response.end();
    });
    const said: string[] = [];
    const config = { url: `${hook.url}/?token=secret`, headers: {}, timeoutMs: 1000, secret: SECRET };
    const own = webhook({ config, wall: Date.now, say: (line) => said.push(line), pausesMs: [5, 5] });
    own.look([pendingOf('a')]);
    await until(() => own.counts.sent === 1);
    expect(hook.got).toHaveLength(3);
    expect(new Set(hook.got.map(({ body }) => body)).size).toBe(1);
    failing = 100;
    own.look([]);
    await until(() => own.counts.failed === 1);
    expect(hook.got).toHaveLength(6);
    expect(JSON.parse(hook.got.at(-1)?.body ?? '')).toMatchObject({
      type: 'approval.ended',
      approval: { id: 'a' },
    });
    expect(elsewhere.got).toHaveLength(0);
    expect(said.join()).not.toMatch(/secret|http/);
    own.close();
  });

  it('that is dead or hangs holds nothing up, and what waits is bounded', async () => {
    const hang = await endpoint(() => undefined);
    const config = { url: hang.url, headers: {}, timeoutMs: 60_000, secret: SECRET };
    const own = webhook({ config, wall: Date.now, say: () => undefined });
    const many = Array.from({ length: 3_000 }, (_, i) => pendingOf(String(i)));
    const before = performance.now();
    own.look(many);
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(own.counts.waiting).toBeLessThanOrEqual(1_004);
    expect(own.counts.failed).toBeGreaterThan(1_900);
    own.close();
  });
});
