// SPDX-License-Identifier: Apache-2.0
// The parts of 2026-07-28 that stand alone: headers, sealed states, rounds, the form of answers.
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  decode,
  declared,
  encode,
  headerFault,
  headersFor,
} from '../../../runtime/gateway/modern/headers.js';
import { modernText, setMember, statusOf } from '../../../runtime/gateway/modern/reply.js';
import { createRounds } from '../../../runtime/gateway/modern/rounds.js';
import { createSeal } from '../../../runtime/gateway/modern/sealed.js';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const MODERN = '2026-07-28';

afterEach(() => {
  vi.useRealTimers();
});

describe('headers', () => {
  it('carry any text and bring it back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const sent = encode(text);
        expect(sent).toMatch(/^[\x20-\x7e]*$/);
        expect(decode(sent)).toBe(text);
      }),
    );
  });

  it.each(['=?base64?SGVsbG8?=', '=?base64?SGVs!!!bG8=?=', '=?base64?/w==?=', '=?base64?SGVsbG9=?='])(
    'that can be read in two ways are none: %s',
    (sent) => {
      expect(decode(sent)).toBeNull();
    },
  );

  it('of a server are those of a client: what we send we would take', () => {
    const schema = {
      type: 'object',
      properties: {
        region: { type: 'string', 'x-mcp-header': 'Region' },
        deep: { properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } },
        on: { type: 'boolean', 'x-mcp-header': 'On' },
        wrong: { type: 'string', 'x-mcp-header': 'a b\r\nx' },
        rows: { type: 'array', items: { properties: { x: { 'x-mcp-header': 'Inner' } } } },
      },
    };
    const definition = { name: 't', inputSchema: schema };
    expect(declared(definition).map(({ header }) => header)).toEqual(['Region', 'N', 'On']);
    const args = { region: 'eu ☃\r\n', deep: { n: 4 }, on: false, wrong: 'x' };
    const params = { name: 't', arguments: args, _meta: { [VERSION]: MODERN } };
    const sent = headersFor(MODERN, 'tools/call', params, definition);
    expect(headerFault(sent, 'tools/call', params, definition)).toBeNull();
    expect(headerFault({ ...sent, 'mcp-param-n': '4.0' }, 'tools/call', params, definition)).toBeNull();
    for (const [name, value] of Object.entries(sent)) {
      expect(value).toMatch(/^[\x20-\x7e]+$/);
      const fault = headerFault({ ...sent, [name]: `${value}x` }, 'tools/call', params, definition);
      expect([name, fault?.code]).toEqual([name, -32020]);
      const { [name]: _, ...without } = sent;
      expect([name, headerFault(without, 'tools/call', params, definition)?.code]).toEqual([name, -32020]);
    }
  });
});

describe('a sealed state', () => {
  it('opens where it was closed, and nowhere when a bit of it differs', () => {
    const seal = createSeal();
    const sealed = seal.close('{"a":1}');
    expect(seal.open(sealed)).toBe('{"a":1}');
    expect(createSeal().open(sealed)).toBeNull();
    expect(seal.close('{"a":1}')).not.toBe(sealed);
    const bytes = Buffer.from(sealed, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const other = Buffer.from(bytes);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(seal.open(other.toString('base64url'))).toBeNull();
    }
    for (const bad of ['', 'A', `${sealed}=`, ` ${sealed}`, sealed.slice(1)])
      expect(seal.open(bad)).toBeNull();
  });
});

describe('rounds', () => {
  const about = { who: 'w', request: 'r', definition: 'd' };

  it('are taken once, by whom and for what they were opened, with what the server keeps there', () => {
    const closed: unknown[] = [];
    const rounds = createRounds(() => 0);
    const left = { count: 2, talk: null, close: (answers: unknown) => void closed.push(answers) };
    const state = rounds.open(about, 'server', left, 1000);
    for (const other of [{ who: 'x' }, { request: 'x' }, { definition: null }])
      expect(rounds.take(state, { ...about, ...other }, {})).toBeNull();
    expect(closed).toEqual([]);
    const answers = { a: { action: 'accept' } };
    expect(rounds.take(state, about, answers)).toEqual({
      round: { count: 3, talk: null, answers },
      state: 'server',
    });
    expect(closed).toEqual([answers]);
    expect(rounds.take(state, about, {})).toBeNull();
  });

  it('end with their time, and with the gateway', () => {
    vi.useFakeTimers();
    const rounds = createRounds(() => Date.now());
    const closed: unknown[] = [];
    const abandoned: string[] = [];
    const open = (name: string, ms: number) => {
      const talk = { abandon: () => void abandoned.push(name) } as never;
      return rounds.open(about, null, { count: 0, talk, close: (how) => void closed.push(how) }, ms);
    };
    const late = open('late', 1000);
    vi.advanceTimersByTime(1000);
    expect(rounds.take(late, about, {})).toBeNull();
    open('open', 60_000);
    rounds.closeAll();
    expect([closed, abandoned]).toEqual([
      [null, null],
      ['late', 'open'],
    ]);
  });
});

describe('answers', () => {
  it('say what they are and whom they are for; other bytes stay', () => {
    const result = '{"jsonrpc":"2.0","id":1,"result":{"tools": [1.50e+3] , "ttlMs":5,"cacheScope":"public"}}';
    expect(modernText('tools/list', result)).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools": [1.50e+3] , "ttlMs":5,"cacheScope":"private"}}',
    );
    expect(modernText('tools/call', '{"id":1,"result":{"resultType":"input_required"}}')).toBe(
      '{"id":1,"result":{"resultType":"input_required"}}',
    );
    expect(modernText('resources/read', '{"id":1,"error":{"code":-32002,"message":"m"}}')).toBe(
      '{"id":1,"error":{"code":-32602,"message":"m"}}',
    );
    expect(setMember('{}', 'a', '1')).toBe('{"a":1}');
  });

  it('have the HTTP status of their code', () => {
    const status = (code: number) => statusOf(`{"id":1,"error":{"message":"m","code":${code}}}`);
    expect([-32601, -32020, -32021, -32022, -32602, -31001].map(status)).toEqual([
      404, 400, 400, 400, 200, 200,
    ]);
    expect(statusOf('{"id":1,"result":{"error":{"code":-32601}}}')).toBe(200);
  });
});
