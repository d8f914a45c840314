// SPDX-License-Identifier: Apache-2.0
// Large messages: what their thread makes of them is what is made of small ones, and where the thread is lost nothing is done with them.
import { deserialize } from 'node:v8';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { largeMessages } from '../../../runtime/gateway/large/service.js';
import { openThread } from '../../../runtime/gateway/large/thread.js';
import { modernText, statusOf } from '../../../runtime/gateway/modern/reply.js';
import { readUpstream } from '../../../runtime/gateway/wire/answer.js';
import {
  type Action,
  canonicalIntent,
  envelope,
  forwardText,
  messageOf,
} from '../../../runtime/gateway/wire/intent.js';
import { INTERNAL_ERROR, MESSAGE_LIMITS, readMessage } from '../../../runtime/gateway/wire/message.js';
import { errorText, resultText, withMeta } from '../../../runtime/gateway/wire/reply.js';
import { commitMembers, commitText, type JsonObject } from '../../../runtime/verify/format/index.js';
import { digest } from '../../../runtime/verify/format/hash.js';
import { largeThread } from '../../helpers/large-thread.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

// Bundling takes its time on a busy machine.
beforeAll(() => void largeThread(), 120_000);
const shared = largeMessages(null, openThread(largeThread));
afterAll(() => shared.close());

function service(thread: () => URL, ms?: number) {
  const made = largeMessages(null, openThread(thread, ms === undefined ? undefined : { ms, atMost: ms }));
  open.push(made);
  return made;
}

const TEXT = 'Größe \u{1f600} "quoted" \\ and \n more; '.repeat(8_000);
const ACTION: Action = { kind: 'tool', method: 'tools/call', server: 's', name: 'own' };
const request = (args: object, more: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name: 'shown', arguments: args, ...more },
    }),
  );
const SCHEMA = {
  type: 'object',
  properties: { text: { type: 'string' } },
  required: ['text'],
  additionalProperties: false,
};
const definition = { hash: digest('d'), definition: { name: 'own', inputSchema: SCHEMA } as JsonObject };
const receipt = { id: 'o#1', hash: digest('x'), decision: 'allow', seq: 1, kid: 'deadbeef' } as const;

async function read(bytes: Buffer, large = shared) {
  const small = readMessage(Buffer.from(bytes), MESSAGE_LIMITS);
  const { message, leave } = await large.message([bytes]);
  expect(message).toEqual(small);
  if (message.kind !== 'request') throw new Error('no request');
  const { params } = message;
  const made = await large.intent(ACTION, params['arguments'] as JsonObject, params, definition);
  const same = canonicalIntent(ACTION, params['arguments'] as JsonObject, params);
  if (made === null) throw new Error('it was not read there');
  return { ...made, same, params, leave, large };
}

describe('a large request', () => {
  it('has the digest, the commitment and the message that a small one has', async () => {
    const { intent, same, misfit, params } = await read(
      request({ text: TEXT }, { _meta: { progressToken: 3, mine: [1, 'é'] }, odd: { b: 1, a: 2.5 } }),
    );
    expect(misfit).toBeNull();
    expect([intent.digest, intent.text, intent.params, intent.meta]).toEqual([
      same.digest,
      same.text,
      same.params,
      same.meta,
    ]);
    const { salt, root, count, apart } = (await intent.large?.commit()) ?? {
      salt: '',
      root: '',
      count: 0,
      apart: null,
    };
    expect({ root, count }).toEqual(commitMembers(Buffer.from(salt, 'base64'), '', same.args));
    expect(apart).toBeNull();
    const beside = { ...envelope(params), receipt: '{"id":"o#1"}' };
    const bytes = await messageOf(intent, 12, beside, ['"x":1']);
    expect(Buffer.from(bytes as Uint8Array).toString()).toBe(forwardText(same, 12, beside, ['"x":1']));
  });

  it('has the texts of other parameters where they are not those that were read', async () => {
    const { large, params } = await read(request({ text: TEXT }));
    const more = { ...params, inputResponses: { q: { x: TEXT } } };
    const args = params['arguments'] as JsonObject;
    const made = await large.intent(ACTION, args, more, null);
    expect(made?.intent.digest).toBe(canonicalIntent(ACTION, args, more).digest);
    expect(large.intent(ACTION, { ...args }, more, null)).toBeNull();
  });

  it('is the same where it came in parts, and any part of its arguments can be handed on', async () => {
    const bytes = request({ text: TEXT, in: { side: [TEXT, 1.5] } });
    const parts = Array.from({ length: Math.ceil(bytes.length / 9_999) }, (_, i) =>
      Buffer.from(bytes.subarray(i * 9_999, (i + 1) * 9_999)),
    );
    const { message, leave } = await shared.message(parts);
    expect(message).toEqual(readMessage(bytes, MESSAGE_LIMITS));
    if (message.kind !== 'request') throw new Error('no request');
    const args = message.params['arguments'] as JsonObject;
    const packed = async (...path: string[]) =>
      deserialize((await shared.packed(args, path)) ?? new Uint8Array());
    expect(await packed()).toEqual(args);
    expect(await packed('in', 'side')).toEqual([TEXT, 1.5]);
    await expect(packed('toString')).rejects.toThrow('no such member');
    await expect(packed('text', 'length')).rejects.toThrow('no such member');
    expect(shared.packed({ ...args }, [])).toBeNull();
    leave();
    await expect(packed()).rejects.toThrow('put away');
  });

  it('says how its arguments do not fit', async () => {
    expect((await read(request({ text: TEXT, odd: 1 }))).misfit).toMatch(/odd|additional/i);
  });

  it.each([
    [
      'a key that stands twice',
      `{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1,"a":"${'x'.repeat(200_000)}"}}`,
    ],
    ['what is no JSON', `{"jsonrpc":"2.0",${' '.repeat(200_000)}`],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('"'), Buffer.alloc(200_000, 0xff), Buffer.from('"')]),
    ],
    ['too many values', `[${'1,'.repeat(300_000)}1]`],
  ])('is refused for %s, as a small one is', async (_name, text) => {
    const bytes = Buffer.from(text as string);
    const { message } = await shared.message([Buffer.from(bytes)]);
    expect(message).toEqual(readMessage(bytes, MESSAGE_LIMITS));
    expect(message.kind).toBe('refused');
  });

  it('is gone once it was put away', async () => {
    const { large, params, leave } = await read(request({ text: TEXT }));
    leave();
    await expect(large.intent(ACTION, params['arguments'] as JsonObject, params, null)).rejects.toThrow(
      'put away',
    );
  });
});

describe('a large answer', () => {
  const RESULT = `{ "content": [ {"type":"text", "text": ${JSON.stringify(TEXT)}} ], "n" : 1.50, "_meta": {"a":1} }`;
  const said = async (text: string, large = shared) => {
    const { message } = await large.answer([Buffer.from(text)]);
    if (message.kind !== 'result' && message.kind !== 'error') throw new Error(message.kind);
    if (typeof message.raw === 'string') throw new Error('it is not large');
    return { message, raw: message.raw };
  };

  it('is passed on byte for byte in either era, and committed to', async () => {
    const { message, raw } = await said(`{"jsonrpc":"2.0","id":5,"result":${RESULT}}`);
    expect({ ...message, raw: await raw.text(), value: await raw.value() }).toEqual(
      readUpstream(`{"jsonrpc":"2.0","id":5,"result":${RESULT}}`),
    );
    const { salt, root, bytes } = await raw.outcome();
    expect([root, bytes]).toEqual([
      commitText(Buffer.from(salt, 'base64'), '/result', RESULT),
      Buffer.byteLength(RESULT),
    ]);
    const plain = resultText('id', withMeta(RESULT, receipt));
    const task = { id: 'id', kind: 'result', receipt } as const;
    expect(Buffer.from((await raw.reply({ ...task, modern: null })).bytes).toString()).toBe(plain);
    const modern = await raw.reply({ ...task, modern: 'tools/call' });
    expect(Buffer.from(modern.bytes).toString()).toBe(modernText('tools/call', plain));
    expect(modern.status).toBe(statusOf(plain));
    raw.putAway();
    await expect(raw.text()).rejects.toThrow('put away');
  });

  it('stands in memory that is used again once it has gone out, and not before', async () => {
    const large = service(largeThread);
    const reply = async (text: string) => {
      const { message } = await large.answer(
        JSON.stringify({ jsonrpc: '2.0', id: 3, result: { content: [{ type: 'text', text }] } }),
      );
      if (message.kind !== 'result' || typeof message.raw === 'string') throw new Error('no large result');
      const made = await message.raw.reply({ id: 1, kind: 'result', receipt, modern: null });
      message.raw.putAway();
      const said = (): boolean => Buffer.from(made.bytes).toString().includes(JSON.stringify(text));
      return { ...made, said, shared: made.bytes.buffer instanceof SharedArrayBuffer };
    };
    const texts = Array.from({ length: 9 }, (_, i) => `${i} ${TEXT}`);
    const out: Awaited<ReturnType<typeof reply>>[] = [];
    for (const text of texts) out.push(await reply(text));
    expect(out.map(({ shared: own }) => own)).toEqual([...Array<boolean>(8).fill(true), false]);
    expect(out.every(({ said }) => said())).toBe(true);
    for (let twice = 0; twice < 2; twice++) out[0]?.done?.();
    const next = await reply(`next ${TEXT}`);
    const longer = await reply(`longer ${TEXT.repeat(3)}`);
    expect([next.shared, next.said(), longer.shared, longer.said()]).toEqual([true, true, false, true]);
    // Of the first nothing is left; all others wait to go out.
    expect(out.map(({ said }) => said())).toEqual([false, ...Array<boolean>(8).fill(true)]);
  });

  it('says here what kind of result it is, and nothing of its text', async () => {
    const valueOf = async (members: object): Promise<unknown> => {
      const result = { ...members, content: TEXT };
      const { message, raw } = await said(JSON.stringify({ jsonrpc: '2.0', id: 5, result }));
      expect(await raw.value()).toEqual(result);
      raw.putAway();
      return 'value' in message ? message.value : null;
    };
    expect(await valueOf({})).toEqual({ isError: false });
    expect(await valueOf({ isError: true, resultType: 'complete' })).toEqual({
      isError: true,
      resultType: 'complete',
    });
    expect(await valueOf({ resultType: { complete: true } })).toEqual({ isError: false, resultType: '' });
    const inputRequests = { a: { method: 'elicitation/create', params: { text: TEXT } }, b: {} };
    expect(await valueOf({ resultType: 'input_required', inputRequests })).toEqual({
      isError: false,
      resultType: 'input_required',
      inputRequests: { first: { method: 'elicitation/create' } },
    });
  });

  it('may be an error', async () => {
    const error = `{"code":-32602,"message":${JSON.stringify(TEXT)}}`;
    const { raw } = await said(`{"jsonrpc":"2.0","id":5,"error":${error}}`);
    const { bytes, status } = await raw.reply({ id: 1, kind: 'error', receipt, modern: 'tools/call' });
    expect(Buffer.from(bytes).toString()).toBe(errorText(1, error));
    expect(status).toBe(200);
  });

  it('is masked where it is, and withheld where its structured content would not fit any more', async () => {
    const mail = 'dana.miller@acme-mail.com';
    const value = { content: [{ type: 'text', text: `${TEXT}${mail}` }], structuredContent: { mail } };
    const { raw } = await said(JSON.stringify({ jsonrpc: '2.0', id: 5, result: value }));
    const masked = await raw.mask(['email'], null);
    if ('why' in masked) throw new Error(masked.why);
    expect(masked.counts).toEqual([{ kind: 'email', count: 2 }]);
    expect(JSON.parse(await masked.text.text())).toEqual({
      content: [{ type: 'text', text: `${TEXT}[redacted:email]` }],
      structuredContent: { mail: '[redacted:email]' },
    });
    const schema = { type: 'object', properties: { mail: { type: 'string', maxLength: 25, pattern: '@' } } };
    expect(await raw.mask(['email'], schema)).toHaveProperty('why');
  });

  it('that is none is noise, with its ends', async () => {
    const { message, tail } = await shared.answer(
      `{"jsonrpc":"2.0","x":"${TEXT.slice(0, 100)}`.padEnd(200_000),
    );
    expect(message.kind).toBe('noise');
    expect(tail).toBe(' '.repeat(512));
  });
});

describe('a thread that is lost', () => {
  const DEAD = () => new URL('data:text/javascript,process.exit(1)');
  const SLOW = () => new URL('data:text/javascript,for(;;);');

  it.each([
    ['ends', DEAD, undefined],
    ['hangs', SLOW, 300],
  ])(
    'because it %s makes every question fail, and the next message finds another',
    async (_name, file, ms) => {
      const files = [file, largeThread];
      const large = service(() => (files.shift() ?? largeThread)(), ms);
      const { message } = await large.message([request({ text: TEXT })]);
      expect(message).toMatchObject({ kind: 'refused', code: INTERNAL_ERROR });
      // Under the bound of a test no thread is started in time on a busy machine.
      if (ms === undefined)
        expect((await large.message([request({ text: TEXT })])).message.kind).toBe('request');
    },
  );

  it('takes with it what it held', async () => {
    const thread = openThread(largeThread);
    const large = largeMessages(null, thread);
    const { intent, params } = await read(request({ text: TEXT }), large);
    const { message } = await large.answer([
      Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"x":${JSON.stringify(TEXT)}}}`),
    ]);
    await thread.close();
    await expect(intent.large?.commit()).rejects.toThrow('lost');
    await expect(messageOf(intent, 1, envelope(params))).rejects.toThrow('lost');
    await expect(large.intent(ACTION, params['arguments'] as JsonObject, params, null)).rejects.toThrow(
      'lost',
    );
    if (message.kind !== 'result' || typeof message.raw === 'string') throw new Error('it is not large');
    await expect(message.raw.reply({ id: 1, kind: 'result', receipt, modern: null })).rejects.toThrow('lost');
    await large.close();
  });
});
