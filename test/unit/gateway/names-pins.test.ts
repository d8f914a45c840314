// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edgeFault } from '../../../runtime/gateway/front/edge.js';
import { throttle } from '../../../runtime/gateway/front/throttle.js';
import { clean, floods } from '../../../runtime/gateway/floods.js';
import { nameTools } from '../../../runtime/gateway/names.js';
import { compare, definitionHash, hashesOf, readPins } from '../../../runtime/gateway/pins.js';
import { configOf, memoryLog, policyOf, scratch, startGateway } from '../../helpers/gateway.js';

describe('names', () => {
  const names = (
    places: { server: string; name: string }[],
    servers: number,
    mode: 'prefix-when-several' | 'always' | 'never',
  ) => {
    const result = nameTools(places, servers, mode);
    if (!result.ok) throw new Error(result.message);
    return result.names;
  };

  it('prefixes only when there are several servers, or as configured', () => {
    const place = { server: 'fs', name: 'read' };
    expect(names([place], 1, 'prefix-when-several').exposed(place)).toBe('read');
    expect(names([place], 2, 'prefix-when-several').exposed(place)).toBe('fs__read');
    expect(names([place], 1, 'always').exposed(place)).toBe('fs__read');
    expect(names([place], 2, 'never').exposed(place)).toBe('read');
  });

  it('finds collisions, of plain names and across the separator', () => {
    const clash = nameTools(
      [
        { server: 'a', name: 'x' },
        { server: 'b', name: 'x' },
      ],
      2,
      'never',
    );
    expect(clash).toMatchObject({ ok: false, message: 'a/x and b/x would both be shown as `x`' });
    expect(
      nameTools(
        [
          { server: 'a', name: 'b__c' },
          { server: 'a__b', name: 'c' },
        ],
        2,
        'always',
      ).ok,
    ).toBe(false);
  });

  it('is a two-way map within 64 characters, never a split', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.tuple(fc.constantFrom('a', 'b', 'a__b'), fc.string({ minLength: 1, maxLength: 120 })),
          { selector: (p) => p.join('/'), maxLength: 20 },
        ),
        (pairs) => {
          const places = pairs.map(([server, name]) => ({ server, name }));
          const result = nameTools(places, 3, 'always');
          if (!result.ok) return;
          for (const place of places) {
            const exposed = result.names.exposed(place) ?? '';
            expect(exposed.length).toBeLessThanOrEqual(64);
            expect(result.names.find(exposed)).toEqual(place);
          }
          expect(result.names.find('a')).toBeUndefined();
        },
      ),
    );
  });
});

describe('pins', () => {
  const definition = { name: 'echo', inputSchema: { type: 'object' } };
  const lock = (tool: unknown = { hash: definitionHash(definition), definition }, name = 'echo') =>
    JSON.stringify({ version: 1, servers: { s: { tools: { [name]: tool } } } });
  const read = (text: string) => readPins(Buffer.from(text), 'sepal.lock');

  it('accepts a lock whose hashes hold', () => {
    const result = read(lock());
    expect(result.ok && result.pins.get('s')?.get('echo')?.hash).toBe(definitionHash(definition));
  });

  it.each([
    ['{"version": 1,\n "servers": {', ':2:'],
    ['{"version":2}', 'not a lock of version 1'],
    ['[]', 'not a lock of version 1'],
    [lock({ hash: 'sha256:00', definition }), 'does not have the hash'],
    [
      lock({ hash: definitionHash(definition), definition: { ...definition, description: 'evil' } }),
      'does not have the hash',
    ],
    [lock({ hash: definitionHash(definition), definition }, 'other'), 'another name'],
    [lock({ definition }), 'lacks `hash`'],
    ['{"version":1,"servers":{"s":{"tools":[]}}}', '`servers.s.tools` is not an object'],
  ])('refuses %s and says what to do', (text, why) => {
    const result = read(text);
    expect(result.ok).toBe(false);
    expect(!result.ok && result.message).toContain(why);
    expect(!result.ok && result.help).toContain('sepal tools pull');
  });

  it('tells what changed, came and went', () => {
    const pins = read(lock());
    if (!pins.ok) throw new Error(pins.message);
    const own = pins.pins.get('s')!;
    const live = (tools: object[]) =>
      compare({ server: 's', kind: 'tool', hashes: hashesOf(tools as never) }, own);
    expect(live([definition])).toMatchObject({ changed: [], missing: [], added: [] });
    expect(live([{ inputSchema: { type: 'object' }, name: 'echo' }])).toMatchObject({ changed: [] });
    expect(live([{ ...definition, annotations: {} }])).toMatchObject({ changed: ['echo'] });
    expect(live([{ name: 'new' }])).toMatchObject({ missing: ['echo'], added: ['new'] });
  });
});

describe('starting', () => {
  const config = (lock: string | null) => {
    const dir = scratch();
    if (lock !== null) writeFileSync(join(dir, 'sepal.lock'), lock);
    return configOf(dir, { mcpServers: { a: { command: 'x' }, b: { command: 'x' } }, names: 'never' });
  };
  const allow = policyOf(() => ({ effect: 'allow', rules: ['all'] }));
  const tool = (name: string) => {
    const definition = { name, inputSchema: { type: 'object' } };
    return { hash: definitionHash(definition), definition };
  };

  it.each([
    [null, 'there is no such file'],
    ['{', 'sepal.lock:1:2'],
    [
      JSON.stringify({
        version: 1,
        servers: { a: { tools: { x: tool('x') } }, b: { tools: { x: tool('x') } } },
      }),
      'both be shown as `x`',
    ],
  ])('refuses without usable pins: %s', async (lock, why) => {
    await expect(startGateway(config(lock), allow)).rejects.toMatchObject({
      name: 'StartRefused',
      message: expect.stringContaining(why) as string,
      help: expect.stringMatching(/\w/) as string,
    });
  });

  it('refuses when the log cannot be written', async () => {
    const log = memoryLog();
    log.fail(new Error('no space left on device'));
    const ok = config(JSON.stringify({ version: 1, servers: {} }));
    await expect(startGateway(ok, allow, { log })).rejects.toThrow(
      'the receipt log cannot be written: no space left on device',
    );
  });

  it('puts its test call through the real path, whatever the policy admits', async () => {
    const ok = config(JSON.stringify({ version: 1, servers: { a: { tools: { x: tool('x') } } } }));
    await expect(startGateway(ok, { ...allow, visible: () => true })).resolves.toBeDefined();
    const broken = policyOf(() => {
      throw new Error('the policy engine failed');
    });
    await expect(startGateway(ok, broken)).rejects.toThrow();
  });

  it('names the file when there are no pins for a server', async () => {
    const { said } = await startGateway(
      config(JSON.stringify({ version: 1, servers: { a: { tools: {} } } })),
      allow,
    );
    expect(said.join()).toContain('no tools of `b` are pinned');
  });
});

describe('limits before policy', () => {
  it('lets a burst through, then refills with time', () => {
    let now = 0;
    const limit = throttle({ count: 3, windowMs: 300 }, () => now);
    expect([limit.take('a'), limit.take('a'), limit.take('a')]).toEqual([0, 0, 0]);
    expect(limit.take('a')).toBe(100);
    expect(limit.take('b')).toBe(0);
    now = 100;
    expect(limit.take('a')).toBe(0);
    expect(limit.take('a')).toBe(100);
  });

  it('refuses new keys when its memory is full of busy ones', () => {
    const limit = throttle({ count: 1, windowMs: 1000 }, () => 0);
    for (let i = 0; i < 10_000; i++) limit.take(`k${i}`);
    expect(limit.take('new')).toBeGreaterThan(0);
  });

  it('writes the first of a flood and the count of the rest', async () => {
    let now = 0;
    const log = memoryLog();
    const flood = floods(log, () => now);
    for (let i = 0; i < 100; i++) await flood.record('refused_input', 'x', 'why');
    expect(log.bodies).toHaveLength(2);
    now = 60_000;
    await flood.record('refused_input', 'x', 'why');
    expect(log.bodies.slice(2).map((body) => [body.event?.count, body.event?.minute])).toEqual([
      [99, '1970-01-01T00:00:00.000Z'],
      [1, '1970-01-01T00:01:00.000Z'],
    ]);
    await flood.record('refused_input', 'x', 'why');
    await flood.sweep();
    expect(log.bodies, 'this minute is not over').toHaveLength(4);
    await flood.flush();
    expect(log.bodies.at(-1)?.event).toMatchObject({ source: 'x', count: 1 });
    expect(clean('a\u202eb\nc\u200b')).toBe('a\u{fffd}b\u{fffd}c\u{fffd}');
  });
});

describe('a flood from many sources', () => {
  it('is counted as one row past the sources that have rows of their own', async () => {
    const log = memoryLog();
    const flood = floods(log, () => 0);
    await Promise.all(
      Array.from({ length: 5_000 }, (_, i) => flood.record('failed_authentication', `ip${i}`, 'bad token')),
    );
    await flood.flush();
    const rows = log.bodies.filter((body) => body.type === 'event');
    expect(rows.length).toBeLessThan(300);
    expect(
      rows.reduce((sum, body) => sum + (body.event?.count ?? 0), 0),
      'none is lost',
    ).toBe(5_000);
    expect(rows.at(-1)?.event?.source).toBe('other sources');
  });
});

describe('the edge', () => {
  const listen = configOf('/x', { listen: { allowedOrigins: ['https://app.example.com'] } }).listen;
  const fault = (host: string | undefined, origin?: string) => {
    const headers = { ...(host === undefined ? {} : { host }), ...(origin === undefined ? {} : { origin }) };
    return edgeFault({ headers, rawHeaders: Object.entries(headers).flat() } as never, listen)?.status ?? 0;
  };

  it.each(['127.0.0.1:4002', 'localhost', '[::1]:4002', 'LOCALHOST:1'])('serves the host %s', (host) =>
    expect(fault(host)).toBe(0),
  );
  it.each([undefined, 'evil.example', 'localhost.evil.com', '127.0.0.1@evil.example', '169.254.169.254', ''])(
    'refuses the host %s',
    (host) => expect(fault(host)).toBe(403),
  );
  it.each(['https://app.example.com', 'http://localhost:3000'])('serves the origin %s', (origin) =>
    expect(fault('localhost', origin)).toBe(0),
  );
  it.each([
    'null',
    'https://evil.example',
    'http://localhost.evil.com',
    'file://',
    'https://app.example.com.evil',
  ])('refuses the origin %s', (origin) => expect(fault('localhost', origin)).toBe(403));
  it('refuses a header that stands twice', () => {
    expect(
      edgeFault(
        { headers: { host: 'localhost' }, rawHeaders: ['Host', 'localhost', 'HOST', 'evil'] } as never,
        listen,
      )?.status,
    ).toBe(400);
  });
});
