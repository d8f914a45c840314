// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import {
  ApproverKeyError,
  createApproverKey,
  readApproverKey,
  signVerdict,
  writeApproverKey,
} from '../../../runtime/approvals/keys.js';
import { createRegistry } from '../../../runtime/approvals/registry.js';
import { createApprovals } from '../../../runtime/approvals/store.js';
import {
  createTokenAt,
  gatewayStatus,
  listPending,
  listTokens,
  reloadGateway,
  revokeTokenAt,
  rotateTokenAt,
  sendVerdict,
  showPending,
} from '../../../runtime/control/calls.js';
import { controlCall, gatewayMayRun } from '../../../runtime/control/client.js';
import type { ControlTargets } from '../../../runtime/control/methods.js';
import { MAX_REQUEST } from '../../../runtime/control/protocol.js';
import { type ControlServer, openControl, serveControl } from '../../../runtime/control/server.js';
import { readTokenFile } from '../../../runtime/decide/token-file.js';
import { findToken, indexTokens, type TokenEntry } from '../../../runtime/decide/tokens.js';
import { MemoryLog } from '../../helpers/memory-log.js';
import { approver, closing, reviewDraft, START, testClock } from '../../helpers/reviews.js';

const root = mkdtempSync(join(tmpdir(), 'sepal-control-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const servers: ControlServer[] = [];
const others: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  for (const other of others.splice(0)) other.close();
});

const eve = approver('user:eve', 'ops');

async function setUp(more: Partial<ControlTargets> = {}) {
  const folder = join(root, `g${count++}`);
  mkdirSync(folder, { mode: 0o700 });
  const path = join(folder, 'state', 'control.sock');
  const clock = testClock();
  const log = new MemoryLog(clock.wall);
  const approvals = createApprovals({
    log,
    registry: createRegistry([eve.entry]),
    clock,
    close: closing,
    onFault: () => {},
  });
  const file = join(folder, 'tokens.json');
  let entries: readonly TokenEntry[] = [];
  const tokens = {
    file,
    all: () => entries,
    replace: (list: readonly TokenEntry[]) => void (entries = list),
  };
  const faults: Error[] = [];
  const targets: ControlTargets = { approvals, tokens, status: () => ({ up: true }), ...more };
  servers.push(await serveControl(path, targets, (error) => faults.push(error)));
  return { path, file, approvals, log, faults, tokens: () => entries };
}

/** Writes raw bytes and gives back what comes until the other end is quiet. */
function raw(
  path: string,
  bytes: string | Uint8Array,
  lines = 1,
): Promise<readonly Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.split('\n').length > lines) socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      try {
        resolve(
          text
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line) as Record<string, unknown>),
        );
      } catch (error) {
        reject(error as Error);
      }
    });
    socket.write(bytes);
  });
}

const code = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    await call;
    return 'ok';
  } catch (error) {
    expect((error as { readonly help: unknown }).help).toEqual(expect.any(String));
    return (error as { readonly code: unknown }).code;
  }
};

describe('approvals over the socket', () => {
  test('list, show, sign, decide', async () => {
    const { path, approvals, log } = await setUp();
    const { draft, openings } = reviewDraft({ expires: START + 60_000 });
    await approvals.open(draft, openings);
    const [pending] = await listPending(path);
    const shown = await showPending(path, `#${pending?.seq}`);
    expect(shown.pending).toEqual(pending);
    expect(shown.intent).toBe(openings.intent);
    expect(await code(showPending(path, '99'))).toBe('unknown_pending');
    const verdict = signVerdict(eve.key, 'user:eve', shown, 'approve');
    expect(await code(sendVerdict(path, { ...verdict, approver: 'user:mallory' }))).toBe('unknown_approver');
    expect(await code(controlCall(path, 'approvals.decide', { ...verdict, extra: 1 }))).toBe('params');
    expect(await sendVerdict(path, verdict)).toMatchObject({ state: 'approved', pending: { missing: [] } });
    expect(await code(sendVerdict(path, verdict))).toBe('bad_nonce');
    expect(log.stored.map(({ body }) => body.type)).toEqual(['decide', 'approve']);
  });

  test.each(['written', 'refused'])('the answer comes once a checkpoint is %s', async (how) => {
    const sizes: number[] = [];
    const checkpoint = (): Promise<unknown> => {
      sizes.push(log.stored.length);
      return how === 'written' ? Promise.resolve() : Promise.reject(new Error('the disk is full'));
    };
    const { path, approvals, log } = await setUp({ log: { checkpoint } });
    const { draft, openings } = reviewDraft({ expires: START + 60_000 });
    await approvals.open(draft, openings);
    const verdict = signVerdict(eve.key, 'user:eve', await showPending(path, '1'), 'deny');
    expect(sizes).toEqual([]);
    expect(await sendVerdict(path, verdict)).toMatchObject({ state: 'denied' });
    expect(sizes).toEqual([log.stored.length]);
  });
});

describe('tokens over the socket', () => {
  test('create, list, rotate, revoke: in the file and in force together', async () => {
    const { path, file, tokens } = await setUp();
    const made = await createTokenAt(path, {
      principal: 'agent:a',
      roles: ['r'],
      ceiling: { actions: ['fs/*'] },
      onBehalfOf: { id: 'user:d', roles: [] },
    });
    expect(findToken(indexTokens(tokens()), made.token)).toMatchObject({
      principal: 'agent:a',
      ceiling: { actions: ['fs/*'] },
    });
    expect(readTokenFile(file)).toEqual(tokens());
    expect(readFileSync(file, 'utf8')).not.toContain(made.token);
    const listed = await listTokens(path);
    expect(listed).toEqual([made.entry]);
    expect(JSON.stringify(listed)).not.toContain('sha256');
    const rotated = await rotateTokenAt(path, made.entry.id);
    expect(findToken(indexTokens(tokens()), made.token)).toBeNull();
    expect(findToken(indexTokens(tokens()), rotated.token)?.id).toBe(made.entry.id);
    expect(await revokeTokenAt(path, made.entry.id)).toEqual({ revoked: made.entry.id });
    expect(tokens()).toEqual([]);
    expect(readTokenFile(file)).toEqual([]);
    expect(await code(revokeTokenAt(path, made.entry.id))).toBe('token');
    expect(await code(createTokenAt(path, { principal: 'root' }))).toBe('token');
    expect(await code(controlCall(path, 'token.create', { principal: 'agent:a', admin: true }))).toBe(
      'params',
    );
  });

  test('a list that cannot be written is not put in force', async () => {
    const { path, file, tokens } = await setUp();
    mkdirSync(file);
    expect(await code(createTokenAt(path, { principal: 'agent:a' }))).toBe('token');
    expect(tokens()).toEqual([]);
  });

  test('without a token file it says so', async () => {
    const { path } = await setUp({ tokens: { file: null, all: () => [], replace: () => {} } });
    expect(await code(createTokenAt(path, { principal: 'agent:a' }))).toBe('not_configured');
  });
});

describe('the protocol', () => {
  test('refuses what it does not know, in words', async () => {
    const { path, faults } = await setUp({
      reload: () => Promise.reject(new Error('secret detail')),
    });
    expect(await gatewayStatus(path)).toEqual({ up: true });
    expect(await code(controlCall(path, 'approvals.approve_all'))).toBe('method');
    expect(await code(controlCall(path, 'toString'))).toBe('method');
    expect(await code(controlCall(path, 'status', { verbose: true }))).toBe('params');
    const failed = reloadGateway(path);
    await expect(failed).rejects.not.toThrow(/secret/);
    expect(await code(reloadGateway(path))).toBe('internal');
    expect(faults[0]?.message).toBe('secret detail');
  });

  test.each([
    ['no JSON', 'hello\n', 'parse'],
    ['a key twice', '{"v":1,"id":1,"id":2,"method":"status"}\n', 'parse'],
    ['a forbidden key', '{"v":1,"id":1,"method":"status","params":{"__proto__":{}}}\n', 'parse'],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 10]), 'parse'],
    ['an array', '[]\n', 'request'],
    ['another version', '{"v":2,"id":1,"method":"status"}\n', 'version'],
    ['no version', '{"id":1,"method":"status"}\n', 'version'],
    ['an unknown member', '{"v":1,"id":1,"method":"status","admin":true}\n', 'request'],
    ['an id that is no integer', '{"v":1,"id":"1","method":"status"}\n', 'request'],
    ['params that are a list', '{"v":1,"id":1,"method":"status","params":[]}\n', 'request'],
    ['an empty line', '\n', 'parse'],
  ])('refuses %s', async (_, bytes, expected) => {
    const { path } = await setUp();
    const [answer] = await raw(path, bytes);
    expect(answer).toMatchObject({ v: 1, id: null, error: { code: expected } });
  });

  test('answers several requests of one connection in order, however they are cut', async () => {
    const { path } = await setUp();
    const text = [1, 2, 3].map((id) => `{"v":1,"id":${id},"method":"status"}\n`).join('');
    expect((await raw(path, text, 3)).map(({ id }) => id)).toEqual([1, 2, 3]);
    const answers = new Promise<string>((resolve) => {
      const socket = connect(path);
      socket.on('data', (chunk) => {
        socket.destroy();
        resolve(chunk.toString());
      });
      void (async () => {
        for (const byte of '{"v":1,"id":9,"method":"status"}\n') {
          socket.write(byte);
          await new Promise((tick) => setImmediate(tick));
        }
      })();
    });
    expect(JSON.parse(await answers)).toEqual({ v: 1, id: 9, result: { up: true } });
  });

  test('refuses a request past the limit and closes', async () => {
    const { path } = await setUp();
    const [answer] = await raw(path, Buffer.alloc(MAX_REQUEST + 1, 'x'));
    expect(answer).toMatchObject({ error: { code: 'size' } });
    expect(await gatewayStatus(path)).toEqual({ up: true });
  });

  test('a shutdown is answered before it happens', async () => {
    let stopped = false;
    const { path } = await setUp({ shutdown: () => void (stopped = true) });
    expect(await controlCall(path, 'shutdown')).toEqual({ stopping: true });
    expect(stopped).toBe(true);
  });
});

describe('the socket file', () => {
  test('is for its user alone, and goes when the gateway does', async () => {
    const { path } = await setUp();
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
    expect(gatewayMayRun(path)).toBe(true);
    await servers.pop()?.close();
    expect(existsSync(path)).toBe(false);
    expect(gatewayMayRun(path)).toBe(false);
  });

  test('is not taken over while another gateway answers', async () => {
    const { path } = await setUp();
    const second = openControl({ path, methods: new Map(), onFault: () => {} });
    expect(await code(second)).toBe('running');
    expect(await gatewayStatus(path)).toEqual({ up: true });
  });

  test('of a gateway that was killed is replaced', async () => {
    const path = join(root, 'stale.sock');
    const { spawnSync } = await import('node:child_process');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(await code(controlCall(path, 'status'))).not.toBe('ok');
    servers.push(await openControl({ path, methods: new Map([['status', () => 1]]), onFault: () => {} }));
    expect(await gatewayStatus(path)).toBe(1);
  });

  test('something else in its place is left alone', async () => {
    const path = join(root, 'file.sock');
    writeFileSync(path, 'mine', { mode: 0o600 });
    expect(await code(openControl({ path, methods: new Map(), onFault: () => {} }))).toBe('path');
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(await code(controlCall(path, 'status'))).toBe('permissions');
  });

  test('that others can open is not trusted by the client', async () => {
    const { path } = await setUp();
    chmodSync(path, 0o666);
    await expect(controlCall(path, 'status')).rejects.toThrow(/open to other users \(mode 0666\)/);
    expect(await code(controlCall(path, 'status'))).toBe('permissions');
  });

  test('does not stand where others can write', async () => {
    const folder = join(root, 'shared');
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    expect(
      await code(openControl({ path: join(folder, 'c.sock'), methods: new Map(), onFault: () => {} })),
    ).toBe('permissions');
  });

  test('has a path that the system can take', async () => {
    const path = join(root, 'x'.repeat(120), 'c.sock');
    expect(await code(openControl({ path, methods: new Map(), onFault: () => {} }))).toBe('path');
    expect(await code(controlCall(path, 'status'))).toBe('path');
  });
});

describe('the client', () => {
  test('says that no gateway is running', async () => {
    await expect(controlCall(join(root, 'none.sock'), 'status')).rejects.toThrow(
      /no gateway is running at .*none\.sock/,
    );
    expect(await code(controlCall(join(root, 'none.sock'), 'status'))).toBe('not_running');
  });

  const fake = async (answer: (write: (text: string) => void, end: () => void) => void): Promise<string> => {
    const path = join(root, `fake${count++}.sock`);
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () =>
        answer(
          (text) => socket.write(text),
          () => socket.end(),
        ),
      );
    });
    others.push(server);
    const before = process.umask(0o177);
    server.listen(path);
    process.umask(before);
    await new Promise((resolve) => server.once('listening', resolve));
    return path;
  };

  test('does not hang on a silent end, nor believe a garbled one', async () => {
    expect(await code(controlCall(await fake(() => {}), 'status', {}, 50))).toBe('timeout');
    expect(await code(controlCall(await fake((_, end) => end()), 'status'))).toBe('protocol');
    expect(await code(controlCall(await fake((write) => write('hello\n')), 'status'))).toBe('protocol');
    expect(
      await code(controlCall(await fake((write) => write('{"v":1,"id":2,"result":1}\n')), 'status')),
    ).toBe('protocol');
    expect(
      await code(controlCall(await fake((write) => write('{"v":9,"id":1,"result":1}\n')), 'status')),
    ).toBe('protocol');
  });
});

describe('approver keys', () => {
  test('are files for their owner alone, never overwritten', () => {
    const path = join(root, 'eve.key');
    const key = createApproverKey('eve');
    writeApproverKey(path, key);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(key.vkey).toMatch(/^eve\+[0-9a-f]{8}\+/);
    expect(() => writeApproverKey(path, key)).toThrow(/exists already/);
    expect(readApproverKey(path).asymmetricKeyType).toBe('ed25519');
    expect(createRegistry([{ id: 'user:eve', roles: [], key: key.vkey }]).size).toBe(1);
    chmodSync(path, 0o640);
    expect(() => readApproverKey(path)).toThrow(/chmod 600|open to other users/);
  });

  test('say what is wrong with them, without quoting what they hold', () => {
    const path = join(root, 'bad.key');
    writeFileSync(path, 'TOP SECRET', { mode: 0o600 });
    expect(() => readApproverKey(path)).toThrow(/not an Ed25519 private key/);
    expect(() => readApproverKey(path)).not.toThrow(/TOP SECRET/);
    expect(() => readApproverKey(join(root, 'no.key'))).toThrow(ApproverKeyError);
    expect(() => createApproverKey('e ve')).toThrow(/cannot name a key/);
  });
});
