// SPDX-License-Identifier: Apache-2.0
// The verifier never throws, whatever a log holds; and it never calls rubbish a pass.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonical,
  checkBody,
  entryNote,
  type JsonValue,
  parseBundle,
  parseEntry,
  parseStrict,
} from '../../../runtime/verify/format/index.js';
import {
  HeldError,
  memorySource,
  parseHeld,
  TrustError,
  verify,
  verifyEquivocation,
  verifyReceipt,
} from '../../../runtime/verify/index.js';
import { parseDisclosure } from '../../../runtime/verify/openings.js';
import { type Members, smallLog, TestLog } from '../../arbitraries/log.js';

const log = smallLog();
const whole = Buffer.concat(log.entries);
const checkpoints = Buffer.from(log.checkpointFile());

/** Pieces of real logs between random bytes. */
const pieces = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(...log.entries, ...log.entries.map((entry) => entry.subarray(0, 400))),
      fc
        .constantFrom('sepal.dev/receipt/v1\n', '{}\n\n', '\n\n', '— a AAAA\n', '\0'.repeat(50))
        .map((text) => Buffer.from(text)),
      fc
        .tuple(fc.nat({ max: whole.length }), fc.nat({ max: 3000 }))
        .map(([at, n]) => whole.subarray(at, at + n)),
      fc
        .tuple(fc.nat({ max: checkpoints.length }), fc.nat({ max: 500 }))
        .map(([at, n]) => checkpoints.subarray(at, at + n)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

const bodies = log.entries.map((entry) => JSON.parse(entry.toString().split('\n')[1] as string) as Members);

/** A body with random members at random places. */
const mangled = fc
  .tuple(
    fc.constantFrom(...bodies),
    fc.array(fc.tuple(fc.nat(), fc.jsonValue({ maxDepth: 3 })), { maxLength: 4 }),
  )
  .map(([body, changes]) => {
    const copy = structuredClone(body) as unknown as Record<string, unknown>;
    for (const [n, value] of changes) {
      let target: Record<string, unknown> = copy;
      const names = Object.keys(target);
      const name = names[n % names.length] as string;
      const inner = target[name];
      if (n % 3 === 0 && typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0) {
        target = inner as Record<string, unknown>;
        target[Object.keys(target)[n % Object.keys(target).length] as string] = value;
      } else target[name] = value;
    }
    return copy;
  });

describe('hostile logs', () => {
  it('rubbish in segments and checkpoints is reported, never a pass', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 4 }), fc.option(pieces), async (segments, notes) => {
        fc.pre(!(segments.length > 0 && Buffer.concat(segments).equals(whole)));
        const report = await verify(memorySource(segments, notes), {
          trust: log.trust,
          secondOpinion: 'sample',
        });
        expect(report.result).not.toBe('pass');
        expect((await verify(memorySource(segments, notes))).result).not.toBe('pass');
      }),
      { numRuns: 300 },
    );
  });

  it('bodies that an insider signed with the right keys never make it throw', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mangled, { minLength: 1, maxLength: 4 }), async (signed) => {
        const own = new TestLog().begin();
        for (const body of signed) {
          try {
            own.add(body as unknown as Members);
          } catch {
            // Not even a text: lone surrogates have no canonical form.
          }
        }
        own.checkpoint();
        const report = await verify(own.source(), { trust: own.trust });
        expect(report.properties.length).toBeGreaterThanOrEqual(12);
      }),
      { numRuns: 500 },
    );
  });

  it('an entry that parses is written back byte for byte', () => {
    fc.assert(
      fc.property(fc.oneof(pieces, fc.constantFrom(...log.entries)), (bytes) => {
        const parsed = parseEntry(bytes);
        if (!parsed.ok) return;
        const { text, body, signature } = parsed.entry;
        expect(checkBody(body as unknown as JsonValue)).toBe(body);
        expect(entryNote(text.toString(), signature.name, signature.id, signature.signature)).toBe(
          bytes.toString(),
        );
        expect(text.toString()).toBe(`sepal.dev/receipt/v1\n${canonical(body)}\n`);
      }),
      { numRuns: 500 },
    );
  });

  it('random trust files are refused, not crashed on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (trust) => {
        await expect(verify(log.source(), { trust })).rejects.toThrow(TrustError);
      }),
      { numRuns: 200 },
    );
  });

  it('nesting, keys and length end at the limits', () => {
    const deep = (n: number): string => '['.repeat(n) + ']'.repeat(n);
    expect(parseStrict(deep(64)).ok).toBe(true);
    expect(parseStrict(deep(65))).toMatchObject({ ok: false, error: { kind: 'limit' } });
    expect(parseStrict(deep(1_000_000))).toMatchObject({ ok: false, error: { kind: 'limit' } });
    const wide = `{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":0`).join(',')}}`;
    expect(parseStrict(wide)).toMatchObject({ ok: false, error: { kind: 'limit' } });
    expect(parseStrict(`"${'a'.repeat(5_000_000)}"`)).toMatchObject({ ok: false, error: { kind: 'limit' } });
  });
});

describe('what is given beside a log', () => {
  const proof = 'c2sp.org/tlog-proof@v1\n';
  const evidence = 'sepal.dev/equivocation/v1\n';
  const notes = log.checkpoints.join('\n');
  const text = fc
    .array(
      fc.oneof(
        fc.string({ maxLength: 40, unit: 'binary' }),
        fc.constantFrom(
          proof,
          evidence,
          `index 5\n`,
          'root AAAA\n',
          '\n\n',
          'extra AAAA\n',
          notes,
          '{"seq":1,"open":{"args":[{}]}}',
        ),
        fc.nat({ max: notes.length }).map((at) => notes.slice(at, at + 90)),
        fc.jsonValue().map((value) => JSON.stringify(value)),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(''));

  it('gets an answer, whatever it is', () => {
    fc.assert(
      fc.property(fc.constantFrom('', proof, evidence), text, (head, rest) => {
        const whole = head + rest;
        expect(verifyReceipt(whole, log.trust).result).not.toBe('pass');
        expect(verifyEquivocation(whole, log.trust).result).toBe('incomplete');
        parseDisclosure(whole);
        parseBundle(Buffer.from(whole));
        try {
          parseHeld(whole);
        } catch (error) {
          expect(error).toBeInstanceOf(HeldError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('says of random openings that they fail or that they open nothing', async () => {
    await fc.assert(
      fc.asyncProperty(text, async (lines) => {
        const openings = (async function* () {
          yield Buffer.from(lines);
        })();
        const report = await verify(log.source(), { trust: log.trust, openings });
        const found = report.properties.find((p) => p.name === 'openings');
        if (lines.trim() !== '')
          expect(found?.status === 'fail' || found?.detail.startsWith('0 ')).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
