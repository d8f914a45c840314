// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUpstream, replaceMember } from '../../../runtime/gateway/wire/answer.js';
import { canonicalIntent, envelope, forwardText } from '../../../runtime/gateway/wire/intent.js';
import { lineSplitter } from '../../../runtime/gateway/wire/lines.js';
import { isObject, readMessage } from '../../../runtime/gateway/wire/message.js';
import { withMeta } from '../../../runtime/gateway/wire/reply.js';
import { lineColumn, locate, members } from '../../../runtime/gateway/wire/spans.js';
import { giveBack, isBlock, takeBlock } from '../../../runtime/gateway/wire/blocks.js';
import { sseEvent, sseReader } from '../../../runtime/gateway/wire/sse.js';
import { canonical, type JsonObject } from '../../../runtime/verify/format/canonical.js';
import { DEFAULT_LIMITS, parseStrict } from '../../../runtime/verify/format/json.js';

const read = (text: string | Uint8Array) => readMessage(text, DEFAULT_LIMITS);
const object = (value: unknown): JsonObject => {
  const parsed = parseStrict(JSON.stringify(value));
  if (!parsed.ok || !isObject(parsed.value)) throw new Error('not an object');
  return parsed.value;
};
const receipt = { id: 'log#7', hash: 'sha256:00', decision: 'allow', seq: 7, kid: 'deadbeef' } as const;

describe('messages of clients', () => {
  it('classifies', () => {
    expect(read('{"jsonrpc":"2.0","id":1,"method":"ping"}')).toMatchObject({
      kind: 'request',
      id: 1,
      method: 'ping',
    });
    expect(read('{"jsonrpc":"2.0","method":"notifications/initialized"}')).toMatchObject({
      kind: 'notification',
    });
    expect(read('{"jsonrpc":"2.0","id":"a","result":{}}')).toMatchObject({ kind: 'response', id: 'a' });
  });

  it.each([
    ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 'batches'],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', 'id'],
    ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 'id'],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', 'id'],
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', 'jsonrpc'],
    ['{"id":1,"method":"ping"}', 'jsonrpc'],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}', 'case'],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}', 'case'],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","ARGUMENTS":{}}}', 'case'],
    ['{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', 'same key'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","params":{"name":"a","n\\u0061me":"b"}}', 'same key'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","params":{"__proto__":{}}}', '__proto__'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\\ud800"}}', 'surrogate'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":9007199254740993}}', 'number'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1e400}}', 'number'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}', 'params'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","result":{}}', 'not both'],
    ['{"jsonrpc":"2.0","id":1}', 'neither'],
    ['\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}', 'byte order mark'],
    [`{"jsonrpc":"2.0","id":1,"method":"x","params":${'{"a":'.repeat(70)}1${'}'.repeat(70)}}`, 'nesting'],
    ['', 'JSON'],
    ['"x"', 'object'],
  ])('refuses %s', (text, why) => {
    const message = read(text);
    expect(message.kind).toBe('refused');
    expect(message.kind === 'refused' && message.message).toContain(why);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(read(Buffer.from([0x7b, 0xff, 0x7d])).kind).toBe('refused');
  });

  it('never throws on any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => read(text).kind.length > 0),
      { numRuns: 500 },
    );
  });
});

describe('the canonical intent', () => {
  const place = { kind: 'tool', method: 'tools/call', server: 'fs', name: 'read_file' } as const;

  it('is the JCS text of its parts, and forwards exactly them', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 })), (raw) => {
        const text = JSON.stringify({ name: 'fs__read_file', arguments: raw, extra: [1, { b: 2, a: 1 }] });
        const parsed = parseStrict(text);
        if (!parsed.ok || !isObject(parsed.value)) return;
        const args = parsed.value['arguments'] as JsonObject;
        const intent = canonicalIntent(place, args, parsed.value);
        const { extra } = parsed.value;
        const params = { name: 'read_file', arguments: args, extra };
        expect(intent.text).toBe(canonical({ ...place, params }));
        expect(forwardText(intent, 9, envelope(parsed.value))).toBe(
          `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":${canonical(params)}}`,
        );
      }),
    );
  });

  it('rebuilds `_meta` from the allow-list; the rest belongs to the intent', () => {
    const params = object({
      name: 'x',
      arguments: {},
      _meta: {
        progressToken: 'tok',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'a=1',
        'dev.sepal/receipt': { forged: true },
        'Dev.Sepal/decision': 'x',
        'acme/tenant': 7,
      },
    });
    const intent = canonicalIntent(place, {}, params);
    expect(intent.text).toBe(
      '{"kind":"tool","meta":{"acme/tenant":7},"method":"tools/call","name":"read_file","params":{"arguments":{},"name":"read_file"},"server":"fs"}',
    );
    const sent = JSON.parse(forwardText(intent, 4, envelope(params)));
    expect(sent.params).toEqual({
      name: 'read_file',
      arguments: {},
      _meta: {
        progressToken: 4,
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'a=1',
        'acme/tenant': 7,
      },
    });
  });

  it('drops trace context and tokens that have not their form', () => {
    const params = object({ _meta: { progressToken: { a: 1 }, traceparent: 'x\r\ny', tracestate: 'é' } });
    expect(envelope(params)).toEqual({
      progressToken: null,
      traceparent: null,
      tracestate: null,
      decision: undefined,
    });
  });
});

describe('answers of upstreams', () => {
  it('keeps every byte of a result but `_meta`', () => {
    const raw =
      '{ "content" : [ ], "n": 1e400, "z":12345678901234567890 , "structuredContent":{"b":1,"a":[ 1.0 ]}}';
    const message = readUpstream(`{"jsonrpc":"2.0","result":${raw},"id":5}`);
    expect(message).toMatchObject({ kind: 'result', id: 5, raw });
    expect(withMeta(raw, receipt)).toBe(
      `{"_meta":{"dev.sepal/receipt":${JSON.stringify(receipt)}},${raw.slice(1)}`,
    );
    expect(withMeta('{}', receipt)).toBe(`{"_meta":{"dev.sepal/receipt":${JSON.stringify(receipt)}}}`);
  });

  it('drops what pretends to be ours from `_meta` and keeps the rest as it stands', () => {
    const text = withMeta(
      '{"a":1,"_meta":{"x": 1.50 ,"dev.sepal/receipt":{"id":"forged"},"DEV.sepal/y":1}}',
      receipt,
    );
    expect(text).toBe(`{"a":1,"_meta":{"x": 1.50,"dev.sepal/receipt":${JSON.stringify(receipt)}}}`);
  });

  it('calls noise what is no message', () => {
    const texts = [
      '',
      'Listening on 3000',
      '[]',
      '{"id":1,"result":{}}',
      '{"jsonrpc":"2.0","id":1,"id":2,"result":{}}',
    ];
    texts.push(
      '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
      '{"jsonrpc":"2.0","id":1,"result":[]}',
      '{"jsonrpc":"2.0","id":"x","result":{}}',
    );
    texts.push(
      '{"jsonrpc":"2.0","id":1,"result":{"a":1,"\\u0061":2}}',
      '{"jsonrpc":"2.0","id":null,"method":"x"}',
    );
    for (const text of texts) expect(readUpstream(text).kind, text).toBe('noise');
  });

  it('replaces one member of params', () => {
    expect(replaceMember('{"progressToken": 4 ,"progress":1.50}', 'progressToken', '"abc"')).toBe(
      '{"progressToken": "abc" ,"progress":1.50}',
    );
    expect(replaceMember('{"progress":1}', 'progressToken', '1')).toBeNull();
  });
});

describe('spans', () => {
  it('finds the text of every member of any object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, 3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const found = members(text).map((m) => [m.key, JSON.parse(text.slice(m.value.start, m.value.end))]);
        expect(found).toEqual(Object.entries(JSON.parse(text)));
      }),
    );
  });

  it('locates a path', () => {
    const text = '{\n  "a": [1, {"b": true}]\n}';
    expect(lineColumn(text, locate(text, ['a', 1, 'b']))).toEqual({ line: 2, column: 13 });
  });
});

describe('framing', () => {
  it('splits lines however the chunks fall', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 30 })), fc.integer({ min: 1, max: 7 }), (texts, step) => {
        const lines = texts.map((t) => t.replaceAll('\n', ' ')).filter((t) => t !== '');
        const bytes = Buffer.from(lines.map((t) => `${t}\n`).join(''));
        const seen: string[] = [];
        const take = lineSplitter(1000, {
          large: () => undefined,
          line: (b) => seen.push(b.toString()),
          tooLong: () => seen.push('!'),
        });
        for (let i = 0; i < bytes.length; i += step) take(bytes.subarray(i, i + step));
        expect(seen).toEqual(lines.map((t) => Buffer.from(t).toString()));
      }),
    );
  });

  it('reports an overlong line and goes on', () => {
    const seen: string[] = [];
    const take = lineSplitter(600, {
      large: () => undefined,
      line: (b) => seen.push(b.toString()),
      tooLong: (head, tail) => seen.push(`${head.slice(0, 2)}..${tail.slice(-2)}`),
    });
    for (const chunk of ['ab', 'x'.repeat(400), 'y'.repeat(400), 'yz\nok\n']) take(Buffer.from(chunk));
    expect(seen).toEqual(['ab..yz', 'ok']);
  });

  /** Events read with their data as text. */
  const reader = (seen: string[], cap = 10_000_000) =>
    sseReader(cap, { message: (parts) => seen.push(Buffer.concat(parts).toString()) });

  it('reads back the events it writes, however the chunks fall', () => {
    fc.assert(
      fc.property(fc.array(fc.json()), fc.integer({ min: 1, max: 9 }), (texts, step) => {
        const bytes = Buffer.from(`: hi\n\n${texts.map(sseEvent).join('')}event: other\ndata: no\n\n`);
        const seen: string[] = [];
        const take = reader(seen);
        for (let i = 0; i < bytes.length; i += step) take(bytes.subarray(i, i + step));
        expect(seen).toEqual(texts);
      }),
    );
  });

  it('reads events of any lines as the standard says, however the chunks fall', () => {
    /** The rules of the HTML standard, section 9.2.6, on the whole text. */
    const standard = (text: string): string[] => {
      const seen: string[] = [];
      let [data, event] = ['', ''];
      for (const line of text.split(/\r?\n/).slice(0, -1)) {
        const [, name, value] = /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? [];
        if (line === '') {
          if (data.slice(0, -1) !== '' && ['', 'message'].includes(event)) seen.push(data.slice(0, -1));
          [data, event] = ['', ''];
        } else if (name === 'data') data += `${value ?? ''}\n`;
        else if (name === 'event') event = value ?? '';
      }
      return seen;
    };
    const name = fc.constantFrom('data', 'data', 'data', 'event', 'id', 'dat', 'datax', '', 'Data');
    const value = fc.oneof(
      fc.constantFrom('', ' ', 'message', 'other', 'a:b', ' x', 'a\rb', 'é€𐍈', 'long '.repeat(40)),
      fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/gu, '')),
    );
    const line = fc
      .tuple(name, fc.constantFrom('', ':', ': '), value)
      .map(([n, colon, v]) => `${n}${colon}${v}`);
    const lines = fc.array(fc.tuple(fc.oneof(line, fc.constant('')), fc.constantFrom('\n', '\r\n')), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(lines, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (all, steps) => {
        const text = all.flat().join('');
        const bytes = Buffer.from(text);
        const seen: string[] = [];
        const take = reader(seen);
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const to = at + (steps[turn % steps.length] ?? 1);
          take(bytes.subarray(at, to));
          at = to;
        }
        expect(seen).toEqual(standard(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('holds a large event in memory that V8 does not count, and gives it back when it breaks off', () => {
    const lent: Buffer[] = [];
    const take = sseReader(4_000_000, { message: (parts) => lent.push(...parts) });
    take(Buffer.from('data: '));
    for (let i = 0; i < 32; i++) take(Buffer.alloc(64 * 1024, 'x'));
    take(Buffer.from('\n\n'));
    const blocks = lent.filter(isBlock);
    expect(blocks.length).toBeGreaterThan(5);
    expect(lent.reduce((size, part) => size + part.length, 0)).toBe(2 * 1024 * 1024);
    giveBack(lent);
    const before = new Set(blocks.map(({ buffer }) => buffer));
    const over = sseReader(1_000_000, { message: () => undefined });
    over(Buffer.from('data: '));
    expect(() => {
      for (let i = 0; i < 32; i++) over(Buffer.alloc(64 * 1024, 'x'));
    }).toThrow(RangeError);
    // What it held is used again, not more.
    const next = Array.from({ length: before.size }, () => takeBlock());
    expect(next.filter(({ buffer }) => before.has(buffer)).length).toBe(before.size);
    giveBack(next);
  });
});
