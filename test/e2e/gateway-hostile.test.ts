// SPDX-License-Identifier: Apache-2.0
// Upstreams that break every rule: the one call may fail, the gateway, the other calls and the receipts go on.
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { behindStub, outcomes } from '../helpers/raw.js';

const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function setUp(mode = 'plain', server: object = {}) {
  const made = await behindStub(mode, server, 'plain');
  open.push(made.gateway);
  const text = async (name: string, meta?: object) => {
    const { result, error } = await made.client.call(name, {}, meta);
    return { text: result?.content?.[0]?.text ?? error?.message ?? '', isError: result?.isError === true };
  };
  const events = async () => {
    await made.gateway.close();
    return made.log.bodies.flatMap(({ event }) =>
      event === undefined ? [] : [`${event.source}: ${event.detail} ×${event.count}`],
    );
  };
  return { ...made, text, events };
}

describe('a hostile upstream', () => {
  it('that answers twice is heard once', async () => {
    const { text, log, client, events } = await setUp();
    expect(await text('twice')).toEqual({ text: 'first', isError: false });
    expect(await text('echo')).toEqual({ text: '', isError: false });
    expect(await outcomes(log)).toEqual(['ok', 'ok']);
    expect(client.lines.filter((line) => line.includes('second'))).toEqual([]);
    expect(await events()).toContain('server s: an answer to nothing ×1');
  });

  it('that answers under ids that are not ours reaches nobody', async () => {
    const { text, client, events } = await setUp();
    expect(await text('wrong_id')).toEqual({ text: 'right', isError: false });
    expect(client.lines.filter((line) => line.includes('wrong'))).toEqual([]);
    expect((await events()).join()).toContain('server s: ');
  });

  it.each([
    ['bad_json', 'not JSON'],
    ['double_key', 'a key stands twice in the result'],
  ])('that gives an unusable answer (%s) fails that call at once, as unknown', async (name, why) => {
    const { text, log, client } = await setUp();
    const started = Date.now();
    const answer = await text(name);
    expect(answer.isError).toBe(true);
    expect(answer.text).toContain(`its answer cannot be used: ${why}; it is not known whether the call ran`);
    expect(Date.now() - started).toBeLessThan(5_000);
    expect(await text('twice')).toEqual({ text: 'first', isError: false });
    expect(await outcomes(log)).toEqual(['unknown', 'ok']);
    expect(client.lines.some((line) => line.includes('evil'))).toBe(false);
  });

  it.each([
    ['stderr_flood', 'flooded'],
    ['chatter', 'chatted'],
    ['odd_note', 'noted'],
    ['many_changes', 'changed'],
    ['many_asks', 'asked'],
    ['long_method', 'asked'],
  ])('that babbles (%s) still gets its answer through', async (name, words) => {
    const { text, log, said, gateway } = await setUp();
    expect(await text(name)).toEqual({ text: words, isError: false });
    expect(await text('echo')).toEqual({ text: '', isError: false });
    expect(await outcomes(log)).toEqual(['ok', 'ok']);
    await gateway.close();
    expect(log.bodies.length, 'receipts stay few').toBeLessThan(100);
    expect(said.join('\n').length, 'the operator is not flooded').toBeLessThan(2_000);
  });

  it('that babbles is counted, what it said and how often', async () => {
    const { text, events } = await setUp();
    await text('chatter');
    await text('odd_note');
    await text('many_asks');
    await text('long_method');
    const seen = await events();
    expect(seen).toContain('server s: output that is no message ×1');
    expect(seen.some((one) => one.startsWith('s for agent:raw: roots/list'))).toBe(true);
    const counted = seen.reduce((sum, one) => sum + Number(one.split('×')[1]), 0);
    expect(counted).toBeGreaterThan(400);
  });

  it('that asks for input in a result is refused, with a receipt, and the client is not asked', async () => {
    const { text, log, client } = await setUp();
    const answer = await text('input_required');
    expect(answer).toMatchObject({ isError: true, text: expect.stringContaining('asks for input') });
    expect(client.lines.some((line) => line.includes('password'))).toBe(false);
    expect(await outcomes(log)).toEqual(['upstream_error']);
    expect(log.bodies.find((body) => body.intent?.kind === 'elicitation')).toMatchObject({
      principal: { id: 'agent:raw' },
      decision: { effect: 'deny' },
    });
  });

  it('that nests two hundred thousand levels deep costs nothing but its own answer', async () => {
    const { text, log } = await setUp();
    const answer = await text('deep');
    expect(answer.text).toContain('its answer cannot be used: it is nested too deep');
    expect(await text('echo')).toEqual({ text: '', isError: false });
    expect(await outcomes(log)).toEqual(['unknown', 'ok']);
  });

  it('that does not read or never answers is given up on, and others go on', async () => {
    const { client, log } = await setUp('deaf', { timeout: '300ms' });
    const replies = await Promise.all([client.call('echo'), client.call('echo')]);
    for (const { result } of replies) expect(result?.content?.[0]?.text).toContain('no answer within');
    expect(await outcomes(log)).toEqual(['timeout', 'timeout']);
  });

  it('that floods a client which does not read costs bounded memory', async () => {
    // As fast as it can: its usual share of 30 MB takes half a minute.
    const { client } = await setUp('plain', { share: 100 });
    client.output.pause();
    const reply = client.call('progress_flood', {}, { progressToken: 'p' });
    for (let i = 0; i < 100 && client.output.writableLength + client.output.readableLength < 5_000_000; i++)
      await new Promise((r) => setTimeout(r, 20));
    await new Promise((r) => setTimeout(r, 500));
    expect(client.output.writableLength + client.output.readableLength).toBeLessThan(10 * 1024 * 1024);
    client.output.resume();
    expect((await reply).result?.content?.[0]?.text).toBe('done');
  });

  it('that dies over and over is restarted later and later, and says so each time', async () => {
    const { client, said } = await setUp();
    const texts: string[] = [];
    for (let i = 0; i < 6; i++) texts.push((await client.call('crash')).result?.content?.[0]?.text ?? '');
    expect(texts[0]).toContain('not known whether the call ran');
    expect(texts.at(-1)).toMatch(/is being restarted; try again in \d+ s; the call was not sent/);
    expect(said.filter((line) => line.includes('the process ended (code 9)')).length).toBeGreaterThan(2);
  });
});
