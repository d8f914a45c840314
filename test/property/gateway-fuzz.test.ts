// SPDX-License-Identifier: Apache-2.0
/**
 * Hostile bytes and hostile structure at the client's side of the gateway: it does not crash or hang, every line it writes is JSON, and
 * what reaches the server is, byte for byte, the canonical form of an intent that was evaluated and allowed, once each. A few
 * thousand messages here; `SEPAL_FUZZ=10000000` says how many (`npm run test:long` asks a hundred thousand).
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { Pool } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import type { Json } from '../../stdlib/abi.js';
import { configOf, memoryLog, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';

const LONG = process.env['SEPAL_LONG'] === undefined ? 4000 : 100_000;
const MESSAGES = Number(process.env['SEPAL_FUZZ'] ?? LONG);
const BATCH = 200;
const TIMEOUT = 60_000 + MESSAGES * 10;
const PROTOCOL = ['initialize', 'notifications/initialized', 'notifications/cancelled', 'tools/list', 'ping'];
const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

/** A gateway in front of a server with a journal; the policy notes what it was asked and allows what does not say no. */
async function fuzzed() {
  const dir = scratch();
  const journal = join(dir, 'journal');
  const command = [join(import.meta.dirname, '../helpers/fuzz-upstream.mjs'), journal];
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: command, perPrincipal: false } },
    identity: { stdio: { principal: 'agent:fuzz' }, anonymous: 'agent:fuzz' },
    listen: {
      http: '127.0.0.1:0',
      limits: { perCredential: '100000000/1m', unauthenticated: '100000000/1m' },
    },
  });
  await pin(config);
  const allowed = new Map<string, number>();
  const asked = { allowed: 0, denied: 0 };
  const { gateway } = await startGateway(
    config,
    policyOf(({ intent }) => {
      const text = JSON.stringify(intent.args);
      if (text.includes('no') || intent.kind !== 'tool') {
        asked.denied++;
        return { effect: 'deny', rules: ['no'] };
      }
      asked.allowed++;
      const key = canonical({ name: intent.name, arguments: intent.args as { [key: string]: Json } });
      allowed.set(key, (allowed.get(key) ?? 0) + 1);
      return { effect: 'allow', rules: ['yes'] };
    }),
    { log: memoryLog('test/log', false) },
  );
  open.push(gateway);
  /** What of a line that the server got was a call: the canonical text of its name and arguments; anything else is a failure. */
  const forwarded = (line: string): string | null => {
    const { method, params } = JSON.parse(line) as { method: string; params?: { [key: string]: Json } };
    if (method !== 'tools/call') {
      expect(PROTOCOL).toContain(method);
      return null;
    }
    const { _meta: _, ...own } = params ?? {};
    // The bytes themselves, not a parse of them.
    expect(line.replace(/"_meta":\{.*?\}\}(,|(?=\}))/, '')).toContain(canonical(own).slice(1, -1));
    return canonical({ name: own['name'] ?? null, arguments: own['arguments'] ?? {} });
  };
  /** The journal line by line: that of ten million messages is longer than a string may be. */
  const judge = async (): Promise<number> => {
    const seen = new Map<string, number>();
    for await (const line of createInterface({ input: createReadStream(journal) })) {
      const one = forwarded(line);
      if (one !== null) seen.set(one, (seen.get(one) ?? 0) + 1);
    }
    for (const [one, count] of seen) {
      expect(one).not.toContain('no');
      expect(count, `forwarded but not evaluated: ${one}`).toBeLessThanOrEqual(allowed.get(one) ?? 0);
    }
    return [...seen.values()].reduce((sum, count) => sum + count, 0);
  };
  return { gateway, asked, judge };
}

const scalar = fc.oneof(
  fc.constantFrom<Json>('no', 'yes', '', 'echo', 'other', 's', 0, -1, 1.5, 1e21, true, false, null, 2 ** 53),
  fc.string({ maxLength: 12 }),
  fc.integer(),
);
const value = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom('text', 'n', 'more', 'Text', 'name', 'arguments', '_meta', 'a'),
      tie('value'),
      { maxKeys: 3 },
    ),
  ),
})).value;
const args = fc.oneof(
  { arbitrary: fc.record({ text: fc.constantFrom('yes', 'no', 'maybe', 'é', '\u0000') }), weight: 4 },
  fc.record(
    { text: fc.string({ maxLength: 8 }), n: fc.double({ noNaN: true, noDefaultInfinity: true }) },
    { requiredKeys: [] },
  ),
  value,
);
const meta = fc.oneof(
  { arbitrary: fc.constant(undefined), weight: 3 },
  fc.record({ progressToken: scalar }),
  fc.record({ traceparent: fc.constant('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01') }),
  value,
);
const name = fc.oneof(
  { arbitrary: fc.constantFrom('echo', 'other'), weight: 4 },
  fc.constantFrom('Echo', 's_echo', 'echo ', 's/echo', '', 'nothing'),
  scalar,
);
const params = fc
  .tuple(
    name,
    args,
    meta,
    fc.constantFrom('', '', '', '', '', 'task', 'Name', 'inputResponses', 'requestState'),
    value,
  )
  .map(([tool, given, own, extra, odd]) => ({
    name: tool,
    arguments: given,
    ...(own === undefined ? {} : { _meta: own }),
    ...(extra === '' ? {} : { [extra]: odd }),
  }));
const METHODS = [
  'tools/call',
  'tools/list',
  'ping',
  'resources/read',
  'prompts/get',
  'completion/complete',
  'initialize',
  'server/discover',
  'logging/setLevel',
  'authorization/propose',
  'notifications/cancelled',
  'notifications/progress',
  'tasks/get',
  'subscriptions/listen',
  'toString',
  '__proto__',
];
const message = fc
  .tuple(
    fc.oneof({ arbitrary: fc.constant('tools/call'), weight: 12 }, fc.constantFrom(...METHODS)),
    fc.oneof({ arbitrary: params, weight: 6 }, value),
  )
  .map(([method, given]) => ({ method, params: given as Json }));

/** A message, or its bytes after a few changes; `id` is the sender's own. */
const hostile = fc.tuple(
  message,
  fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.integer({ min: 0, max: 6 }),
      put: fc.constantFrom(
        '',
        '"',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '\\',
        '\\u0000',
        '\\ud800',
        '\u0000',
        '\ufeff',
        '1e999',
        '-0',
        '9007199254740993',
        '"text":"no",',
        '"name":"other",',
        '"jsonrpc":"2.0",',
        '/',
        'é',
        '\u202e',
        '"__proto__":{},',
        ' ',
      ),
    }),
    { maxLength: 3, size: 'xsmall' },
  ),
);

function bytesOf(
  [{ method, params: given }, changes]: readonly [
    { method: string; params: Json },
    readonly { at: number; cut: number; put: string }[],
  ],
  id: number,
): string {
  let text = JSON.stringify({ jsonrpc: '2.0', id, method, params: given });
  for (const { at, cut, put } of changes) {
    const where = Math.floor(at * text.length);
    text = text.slice(0, where) + put + text.slice(where + cut);
  }
  return text.replaceAll('\n', ' ');
}

describe('hostile clients', () => {
  it(
    'over stdio: nothing crashes, hangs or goes on unevaluated',
    async () => {
      const { gateway, asked, judge } = await fuzzed();
      const [input, output] = [new PassThrough(), new PassThrough()];
      const answered = new Map<unknown, () => void>();
      let rest = '';
      let lines = 0;
      let last = '';
      let sentinel = '';
      output.on('data', (chunk: Buffer) => {
        const parts = (rest + chunk.toString()).split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) {
          lines++;
          const { id } = JSON.parse(line) as { id?: unknown };
          if (id === sentinel) last = line;
          answered.get(id)?.();
          answered.delete(id);
        }
      });
      gateway.serveStdio({ input, output });
      const heard = (id: string, text: string): Promise<void> => {
        const done = new Promise<void>((resolve) => answered.set(id, resolve));
        input.write(`${text}\n`);
        return done;
      };
      const hello = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'f', version: '1' },
      };
      await heard(
        'hello',
        JSON.stringify({ jsonrpc: '2.0', id: 'hello', method: 'initialize', params: hello }),
      );
      let sent = 0;
      let calls = 0;
      /** A call in order is answered, once those before it have left room. */
      const alive = async (): Promise<void> => {
        for (let tries = 0; tries < 1000; tries++) {
          sentinel = `alive-${++calls}`;
          const message = { jsonrpc: '2.0', id: sentinel, method: 'tools/call' };
          await heard(
            sentinel,
            JSON.stringify({ ...message, params: { name: 'echo', arguments: { text: 'end' } } }),
          );
          if (!last.includes('requests at a time')) break;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        expect(last).toContain('"text":"done"');
      };
      await fc.assert(
        fc.asyncProperty(fc.array(hostile, { minLength: BATCH, maxLength: BATCH }), async (batch) => {
          for (const one of batch) input.write(`${bytesOf(one, ++sent)}\n`);
          await alive();
        }),
        { numRuns: Math.ceil(MESSAGES / BATCH), endOnFailure: true },
      );
      expect(await judge()).toBeGreaterThan(MESSAGES / 50);
      expect(asked.denied).toBeGreaterThan(MESSAGES / 100);
      expect(lines).toBeGreaterThan(MESSAGES / 4);
    },
    TIMEOUT,
  );

  it(
    'over HTTP: every answer has a status of its own kind, and the gateway goes on',
    async () => {
      const { gateway, judge } = await fuzzed();
      const front = await gateway.serveHttp();
      const pool = new Pool(`http://127.0.0.1:${front.address.port}`, { connections: 8 });
      const odd = fc.constantFrom<readonly [string, string] | null>(
        null,
        null,
        null,
        ['mcp-session-id', 'x'],
        ['mcp-protocol-version', '1999-01-01'],
        ['mcp-protocol-version', '2026-07-28'],
        ['content-type', 'text/plain'],
        ['content-type', 'Application/JSON; charset=utf-8'],
        ['accept', 'text/html'],
        ['origin', 'http://evil.test'],
        ['mcp-name', 'other'],
        ['mcp-method', 'tools/list'],
        ['content-encoding', 'gzip'],
      );
      const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
      const post = async (body: string, more: { readonly [name: string]: string }): Promise<number> => {
        const {
          statusCode,
          body: answer,
          headers,
        } = await pool.request({ path: '/mcp', method: 'POST', headers: { ...json, ...more }, body });
        const text = await answer.text();
        if (text !== '' && String(headers['content-type']).includes('json')) JSON.parse(text);
        return statusCode;
      };
      const hello = await pool.request({
        path: '/mcp',
        method: 'POST',
        headers: json,
        body: '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"f","version":"1"}}}',
      });
      await hello.body.text();
      const session = { 'mcp-session-id': String(hello.headers['mcp-session-id']) };
      const statuses = new Map<number, number>();
      let sent = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(hostile, odd), { minLength: 20, maxLength: 20 }),
          async (batch) => {
            const got = await Promise.all(
              batch.map(([one, header]) =>
                post(bytesOf(one, ++sent), {
                  ...session,
                  ...(header === null ? {} : { [header[0]]: header[1] }),
                }),
              ),
            );
            for (const status of got) {
              expect([200, 202, 400, 403, 404, 406, 409, 413, 415, 429]).toContain(status);
              statuses.set(status, (statuses.get(status) ?? 0) + 1);
            }
          },
        ),
        { numRuns: Math.ceil(MESSAGES / 200), endOnFailure: true },
      );
      expect(
        await post(
          '{"jsonrpc":"2.0","id":"end","method":"tools/call","params":{"name":"echo","arguments":{"text":"end"}}}',
          session,
        ),
      ).toBe(200);
      expect(statuses.get(200)).toBeGreaterThan(10);
      expect(statuses.get(400)).toBeGreaterThan(10);
      expect(await judge()).toBeGreaterThan(0);
      await pool.close();
    },
    TIMEOUT,
  );
});
