// SPDX-License-Identifier: Apache-2.0
// No secret in anything that leaves the gateway: what it prints, answers, writes down, or hands to the servers that it starts.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signVerdict } from '../../runtime/approvals/keys.js';
import {
  gatewayStatus,
  listPending,
  listTokens,
  sendVerdict,
  showPending,
} from '../../runtime/control/calls.js';
import {
  bundleCommand,
  keyOf,
  project,
  type Project,
  type Running,
  runGateway,
  session,
} from '../helpers/gateway-process.js';
import { type HttpStub, httpStub } from '../helpers/upstream-http.js';

const web = `web-${randomBytes(16).toString('hex')}`;
const other = `other-${randomBytes(16).toString('hex')}`;
const wrong = `sepal_${randomBytes(32).toString('base64url')}`;
const basic = Buffer.from(`user:${randomBytes(12).toString('hex')}`).toString('base64');
let command: Awaited<ReturnType<typeof bundleCommand>>;
let own: Project;
let stub: HttpStub;
let run: Running;

beforeAll(async () => {
  command = await bundleCommand();
  stub = await httpStub();
  process.env['SEPAL_TEST_WEB'] = web;
  const plain = await project();
  const [s] = [...plain.config.servers.values()];
  if (s?.kind !== 'stdio') throw new Error('not stdio');
  rmSync(plain.dir, { recursive: true });
  own = await project(
    {
      mcpServers: {
        s: {
          command: s.command,
          args: [...s.args.slice(0, 1), join(plain.dir, '..', `${randomBytes(6).toString('hex')}.journal`)],
        },
        web: { url: stub.url, headers: { Authorization: 'Bearer ${env:SEPAL_TEST_WEB}' } },
      },
    },
    { principal: 'agent:a' },
    'allow web: agent:* -> web/go\n',
  );
  run = await runGateway(command.file, own, { env: { SEPAL_TEST_WEB: web, SEPAL_OTHER: other } });
  expect(run.url, run.stderr()).not.toBeNull();
});

afterAll(async () => {
  run?.child.kill('SIGKILL');
  await stub?.close();
  command?.remove();
  if (own !== undefined) rmSync(own.dir, { recursive: true, force: true });
});

/** Every form in which a key file could appear. */
function forms(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8');
  const body = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('-----'))
    .join('');
  const bytes = text.startsWith('-----') ? Buffer.from(body, 'base64').subarray(-32) : readFileSync(file);
  return [
    body,
    bytes.toString('hex'),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('latin1'),
  ];
}

function secrets(): ReadonlyMap<string, readonly string[]> {
  const { keys } = own.config.receipts;
  const files = readdirSync(keys).filter((name) => !name.endsWith('.json'));
  expect(files.length).toBeGreaterThanOrEqual(4);
  return new Map([
    ['token', [own.token, own.token.replace('sepal_', '')]],
    ['wrong token', [wrong]],
    ['basic', [basic]],
    ['upstream credential', [web]],
    ['environment', [other]],
    ['approver key', [own.approver.pem.split('\n')[1] ?? own.approver.pem]],
    ...files.map((name) => [name, forms(join(keys, name))] as const),
  ]);
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Where a secret may stand: its own file. */
const HOMES = [/^tokens\.json$/, /^\.sepal\/keys\//];

it('holds whatever callers, servers and operators do', async () => {
  const said: string[] = [];
  const { url } = run;
  if (url === null) throw new Error('not listening');
  const { ask } = await session(url, own.token);
  const tell = async (method: string, params: object) => {
    const answer = await ask(method, params);
    said.push(JSON.stringify(answer));
    return answer as { readonly result?: { readonly content?: readonly { readonly text: string }[] } };
  };
  const call = (name: string, id = 'x') => tell('tools/call', { name, arguments: { id } });

  const environment = await call('s__environment');
  const child = JSON.parse(environment.result?.content?.[0]?.text ?? '{}') as {
    readonly [name: string]: string;
  };
  expect(Object.keys(child).sort()).toEqual(['HOME', 'PATH']);
  await call('s__run');
  await call('s__never');
  await call('no_such_tool', own.token.slice(0, 3));
  await tell('tools/list', {});
  await tell('resources/list', {});
  for (const mode of ['json', 'error500', 'broken', 'redirect', 'html'] as const) {
    stub.mode = mode;
    await tell('tools/call', { name: 'web__go', arguments: {} });
  }
  expect(stub.seen.some(({ headers }) => headers.authorization === `Bearer ${web}`)).toBe(true);
  expect(stub.seen.some(({ headers }) => JSON.stringify(headers).includes(own.token))).toBe(false);

  // Credentials that do not hold, in every place where one could be put.
  const attempts: readonly RequestInit[] = [
    { headers: { authorization: `Bearer ${wrong}` } },
    { headers: { authorization: `Basic ${basic}` } },
    { headers: { authorization: `Bearer ${own.token}`, 'x-agent-principal': 'agent:root' } },
    { headers: { authorization: `Bearer ${own.token}`, origin: 'https://evil.example' } },
    { headers: { authorization: `Bearer ${own.token}`, 'mcp-session-id': wrong }, method: 'DELETE' },
    {
      headers: { authorization: `Bearer ${own.token}`, 'content-type': 'application/json' },
      method: 'POST',
      body: '{',
    },
    { headers: { authorization: `Bearer ${own.token} ${own.token}` } },
  ];
  for (const attempt of attempts) {
    const response = await fetch(url, attempt);
    expect(response.status).toBeGreaterThanOrEqual(400);
    said.push(JSON.stringify([...response.headers]), await response.text());
  }
  said.push(await (await fetch(`${url}?token=${wrong}`)).text());

  // A review, and what the operator is told over the control socket.
  await call('s__ask');
  for (const { id } of await listPending(own.config.control)) {
    const shown = await showPending(own.config.control, id);
    said.push(JSON.stringify(shown));
    const verdict = signVerdict(keyOf(own), own.approver.id, shown, 'approve');
    said.push(JSON.stringify(await sendVerdict(own.config.control, verdict)));
  }
  await call('s__ask');
  said.push(JSON.stringify(await gatewayStatus(own.config.control)));
  said.push(JSON.stringify(await listTokens(own.config.control)));

  // The processes that it started, as the system sees them.
  const started = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  for (const pid of started) {
    try {
      if (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(` ${run.child.pid} `)) continue;
      said.push(readFileSync(`/proc/${pid}/environ`, 'utf8'), readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    } catch {
      // It has ended meanwhile.
    }
  }
  run.child.kill('SIGTERM');
  await run.ended;
  said.push(run.stdout(), run.stderr());

  const places = new Map<string, string>([['what was said', said.join('\n')]]);
  for (const file of filesBelow(own.dir)) {
    const name = relative(own.dir, file);
    if (!HOMES.some((home) => home.test(name))) places.set(name, readFileSync(file, 'latin1'));
  }
  expect([...places.keys()].some((name) => name.includes('entries/'))).toBe(true);
  expect(said.join('').length).toBeGreaterThan(5_000);
  for (const [what, texts] of secrets()) {
    for (const [where, text] of places) {
      expect(
        texts.filter((secret) => text.includes(secret)),
        `${what} in ${where}`,
      ).toEqual([]);
    }
  }
});
