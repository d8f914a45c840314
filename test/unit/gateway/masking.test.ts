// SPDX-License-Identifier: Apache-2.0
// Masked structured content is still what the tool said that it answers, or nothing of it goes on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskAnswer } from '../../../runtime/gateway/answer-entry.js';
import type { Gate } from '../../../runtime/gateway/gate.js';
import { lazyScanner } from '../../../runtime/gateway/scanner.js';
import { argumentCheck } from '../../../runtime/gateway/validate.js';
import type { Intake } from '../../../runtime/gateway/intake.js';
import { scanValue } from '../../../runtime/scan/index.js';
import type { JsonObject } from '../../../runtime/verify/format/canonical.js';

const MAIL = 'dana.miller@acme-mail.com';
const CARD = '4111 1111 1111 1111';
const word = fc.constantFrom(
  'note',
  'a',
  `to ${MAIL}`,
  CARD,
  `${MAIL}, ${CARD}`,
  '4111111111111111',
  'x'.repeat(30),
);
const texts = fc.constantFrom<JsonObject>(
  { type: 'string' },
  { type: 'string', maxLength: 20 },
  { type: 'string', minLength: 2 },
  { type: 'string', enum: ['note', CARD] },
  { type: 'string', format: 'email' },
  { type: ['string', 'number'] },
);
const numbers = fc.constantFrom(1, 4111111111111111, 12.5);

describe('masking structured content', () => {
  const scanner = lazyScanner();

  it('leaves it valid against the output schema, or withholds all', async () => {
    await fc.assert(
      fc.asyncProperty(
        texts,
        texts,
        word,
        fc.array(word, { maxLength: 3 }),
        numbers,
        async (one, many, a, list, n) => {
          const outputSchema: JsonObject = {
            type: 'object',
            properties: { one, many: { type: 'array', items: many }, n: { type: 'number' } },
            required: ['one'],
            additionalProperties: false,
          };
          const structuredContent = { one: a, many: list, n };
          const fits = (value: JsonObject): boolean =>
            argumentCheck({ inputSchema: outputSchema })(value) === null;
          fc.pre(fits(structuredContent));
          const pins = new Map([
            ['s', new Map([['t', { hash: '', definition: { name: 't', outputSchema } }]])],
          ]);
          const gate = { scanner, catalog: () => ({ pins: { tool: pins } }) } as unknown as Gate;
          const intent = { kind: 'tool', server: 's', name: 't' } as Intake['intent'];
          const masked = await maskAnswer(gate, intent, { content: [], structuredContent }, ['pii']);
          if ('why' in masked) return;
          const { structuredContent: after } = masked.value as { readonly structuredContent: JsonObject };
          expect(fits(after)).toBe(true);
          const left = scanValue(after).findings.filter((f) => f.detector === 'pii' && f.confidence >= 0.5);
          expect(left).toEqual([]);
          if ((masked.counts ?? []).length === 0) expect(after).toEqual(structuredContent);
        },
      ),
      { numRuns: 200 },
    );
  });
});
