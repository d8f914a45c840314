// SPDX-License-Identifier: Apache-2.0
// Masking: exactly the spans, wherever they stand; what cannot be masked is said, never let through.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskResult, scanText, scanValue } from '../../../runtime/scan/index.js';
import { MASK_DETECTORS, MASK_KINDS } from '../../../stdlib/masks.js';

const TOKEN = `ghp_${'mxp4d8UQb2oziU9A3k2a3Qu8k6pvmT0yGLu6'}`;
const MAIL = 'dana.miller@acme-mail.com';
const CARD = '4111 1111 1111 1111';
const scan = async (value: unknown) => scanValue(value);
const masked = async (value: unknown, ...masks: readonly string[]): Promise<unknown> => {
  const result = await maskResult(value, masks, scan);
  return result.ok ? result.value : result.why;
};

describe('masking', () => {
  it.each([
    ['a text', `write to ${MAIL}, please`, 'write to [redacted:email], please'],
    ['two in a text', `${MAIL} ${CARD}`, '[redacted:email] [redacted:card]'],
    ['deep inside', { a: [{ 'b/c': `x ${MAIL}` }] }, { a: [{ 'b/c': 'x [redacted:email]' }] }],
    ['a number', { n: 4111111111111111 }, { n: '[redacted:card]' }],
    ['escapes', String.raw`{"m":"${MAIL}\n"}`, String.raw`{"m":"[redacted:email]\n"}`],
    [
      'base64, all of it',
      `see ${Buffer.from(`to ${MAIL}`).toString('base64')} end`,
      'see [redacted:email] end',
    ],
    ['nothing', { a: 'b', n: 1.5, t: true, z: null }, { a: 'b', n: 1.5, t: true, z: null }],
  ])('covers what was found in %s and keeps the rest', async (_name, value, expected) => {
    expect(await masked(value, 'pii')).toEqual(expected);
  });

  it('masks what is named and nothing else', async () => {
    const text = `${MAIL} and ${TOKEN}`;
    expect(await masked(text, 'secrets')).toBe(`${MAIL} and [redacted:github-token]`);
    expect(await masked(text, 'email')).toBe(`[redacted:email] and ${TOKEN}`);
    expect(await masked(text, 'card')).toBe(text);
  });

  it('counts places by kind', async () => {
    const result = await maskResult([MAIL, `${MAIL}, ${CARD}`], ['pii'], scan);
    expect(result.ok && result.counts).toEqual([
      { kind: 'card', count: 1 },
      { kind: 'email', count: 2 },
    ]);
  });

  it.each([
    ['a name of a member', { [MAIL]: 1 }],
    [
      'more layers than are read',
      [1, 2, 3, 4, 5].reduce((t) => Buffer.from(t).toString('base64'), `to ${MAIL} now`),
    ],
  ])('refuses %s', async (_name, value) => {
    expect((await maskResult(value, ['pii'], scan)).ok).toBe(false);
  });

  it('refuses where the scan failed', async () => {
    expect((await maskResult('x', ['pii'], async () => null)).ok).toBe(false);
  });

  it('leaves nothing of what it masks, whatever stands around', async () => {
    // Digits around a card make another number of it.
    const unit = fc.constantFrom(...'abcXYZ \n\t"\'\\{}[]<>,;:=&%#@äи😀\u200b');
    const around = fc.string({ unit, maxLength: 20 });
    const item = fc.tuple(around, fc.constantFrom(TOKEN, MAIL, CARD, `password="hunter2!x9"`, 'x'), around);
    const value = fc.dictionary(
      fc.constantFrom('a', 'b', 'note'),
      fc.array(item.map((parts) => parts.join(' '))),
    );
    await fc.assert(
      fc.asyncProperty(value, async (json) => {
        const result = await maskResult(json, ['secrets', 'pii'], scan);
        if (!result.ok) return;
        const text = JSON.stringify(result.value);
        for (const secret of [TOKEN, MAIL, CARD]) expect(text).not.toContain(secret);
        expect(Object.keys(result.value as object)).toEqual(Object.keys(json));
      }),
      { numRuns: 300 },
    );
  });

  it('knows every kind of personal data by a name of the language', () => {
    expect([...MASK_DETECTORS.values()]).toEqual(['secret', 'pii', 'injection', 'exfiltration', 'code']);
    const samples = [
      MAIL,
      CARD,
      '+1 202-555-0117',
      'DE89 3704 0044 0532 0130 00',
      '192.168.1.20',
      'SSN 078-05-1121',
    ];
    const kinds = samples.flatMap((text) =>
      scanText(text)
        .findings.filter((f) => f.detector === 'pii')
        .map((f) => f.kind.replaceAll('-', '_')),
    );
    expect(kinds.length).toBeGreaterThanOrEqual(5);
    for (const kind of kinds) expect(MASK_KINDS).toContain(kind);
  });
});
