// SPDX-License-Identifier: Apache-2.0
// What limits, counters and scores stand at, against a model that keeps every addition for ever and adds up anew at each question.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MeasureSpec } from '../../stdlib/abi.js';
import { type Hold, Ledger } from '../../stdlib/ledger.js';

const KEYS = [['a'], ['b'], ['a', 'b'], []] as const;
const HOUR = 3600;

const spec = fc
  .record({
    kind: fc.constantFrom('limit', 'score'),
    window: fc.option(fc.constantFrom(1000, 10 * HOUR, 60), { nil: null }),
    fixed: fc.boolean(),
    attempts: fc.boolean(),
    decay: fc.option(fc.tuple(fc.constantFrom(1, 10, 50), fc.constantFrom(100, HOUR)), { nil: null }),
    cap: fc.option(fc.constantFrom(5, 100, 1000), { nil: null }),
  })
  .map((s): MeasureSpec => {
    const score = s.kind === 'score';
    return {
      ...s,
      kind: score ? 'score' : 'limit',
      name: 'm',
      keys: ['session'],
      fixed: !score && s.fixed,
      attempts: !score && s.attempts,
      decay: score ? s.decay : null,
      cap: score ? s.cap : null,
    };
  });

type Step =
  | { readonly do: 'hold'; readonly key: number; readonly add: number | string | null; readonly wait: number }
  | { readonly do: 'commit' | 'release' | 'drop' | 'park'; readonly of: number; readonly wait: number }
  | { readonly do: 'read'; readonly key: number; readonly own: number | null; readonly wait: number };

const wait = fc.constantFrom(0, 0, 1, 59, 60, 61, 500, 1000, HOUR, -100);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('hold' as const),
      key: fc.nat({ max: 3 }),
      add: fc.oneof(
        {
          weight: 9,
          arbitrary: fc.constantFrom<number | string | null>(
            1,
            2,
            40,
            10,
            '0.1',
            '2.25',
            '12345678901234567890.5',
          ),
        },
        { weight: 1, arbitrary: fc.constant(null) },
      ),
      wait,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('commit', 'commit', 'release', 'drop', 'park'),
      of: fc.nat({ max: 30 }),
      wait,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      key: fc.nat({ max: 3 }),
      own: fc.option(fc.nat({ max: 30 }), { nil: null }),
      wait,
    }),
  },
);

/** Every addition that ever was: `at` null while reserved, `gone` when let go of. */
interface Entry {
  readonly key: string;
  readonly add: number | string | null;
  at: number | null;
  gone: boolean;
}

/** In hundredths, so that all is whole. */
const cents = (add: number | string): bigint => {
  const [whole = '0', fraction = ''] = String(add).split('.');
  return BigInt(whole) * 100n + BigInt(fraction.padEnd(2, '0'));
};

function model(s: MeasureSpec, entries: readonly Entry[], now: number): number | undefined {
  const start =
    s.window === null ? -Infinity : s.fixed ? Math.floor(now / s.window) * s.window : now - s.window + 1;
  const inside = entries.filter((e) => !e.gone && (e.at === null || e.at >= start));
  if (inside.some((e) => e.add === null)) return undefined;
  const times = (e: Entry): number => e.at ?? now;
  if (s.decay === null) {
    const sum = inside.reduce((total, e) => total + cents(e.add ?? 0), 0n);
    const capped = s.cap !== null && sum > BigInt(s.cap) * 100n ? BigInt(s.cap) * 100n : sum;
    const value = Number(capped) / 100;
    return BigInt(Math.round(value * 100)) === capped && cents(String(value)) === capped ? value : undefined;
  }
  // One tick after another.
  const [off, per] = s.decay;
  let [value, next] = [0, Infinity];
  const tickTo = (time: number): void => {
    while (next <= time && value > 0) {
      value = Math.max(0, value - off);
      next += per;
    }
  };
  for (const e of inside.toSorted((a, b) => times(a) - times(b))) {
    tickTo(times(e));
    if (value === 0) next = times(e) + per;
    value = Math.min(s.cap ?? Infinity, value + Number(e.add));
  }
  tickTo(now);
  return value;
}

describe('the ledger', () => {
  it('stands where the model stands, whatever is reserved, counted, let go of and asked', () => {
    let asked = 0;
    let unknown = 0;
    fc.assert(
      fc.property(spec, fc.array(step, { minLength: 5, maxLength: 60 }), (s, steps) => {
        const ledger = new Ledger([s]);
        const entries: Entry[] = [];
        const holds: { readonly hold: Hold; readonly entry: Entry; open: boolean }[] = [];
        let [now, latest] = [1_000_000, 1_000_000];
        for (const one of steps) {
          now += one.wait;
          latest = Math.max(latest, now);
          if (one.do === 'hold') {
            const add = s.kind === 'score' && one.add !== null ? Math.ceil(Number(one.add) % 100) : one.add;
            const key = KEYS[one.key] ?? [];
            const hold = ledger.hold([{ name: 'm', key, add, attempt: s.attempts }], now);
            if (hold === null) throw new Error('full');
            const entry = { key: JSON.stringify(key), add, at: null, gone: false };
            entries.push(entry);
            holds.push({ hold, entry, open: true });
          } else if (one.do === 'read') {
            const key = KEYS[one.key] ?? [];
            const own = one.own === null ? undefined : holds[one.own];
            const mine = entries.filter((e) => e.key === JSON.stringify(key) && e !== own?.entry);
            const value = ledger.read([{ fact: 'f', name: 'm', key }], now, own?.hold ?? null)['f'];
            const expected = model(s, mine, latest);
            asked++;
            if (expected === undefined) unknown++;
            expect(value).toBe(expected);
          } else {
            const held = holds[one.of];
            if (held === undefined) continue;
            ledger[one.do](held.hold, latest);
            if (!held.open) continue;
            const counts = one.do === 'commit' || (s.attempts && one.do !== 'drop');
            if (counts) held.entry.at = latest;
            else if (one.do !== 'park') held.entry.gone = true;
            if (one.do !== 'park' || counts) held.open = false;
          }
        }
      }),
      { numRuns: process.env['SEPAL_LONG'] === undefined ? 3000 : 50_000 },
    );
    expect(asked).toBeGreaterThan(10_000);
    expect(unknown).toBeGreaterThan(100);
  });

  it('folds a score per session without changing it', () => {
    const s: MeasureSpec = {
      name: 'm',
      kind: 'score',
      window: null,
      fixed: false,
      attempts: false,
      keys: ['session'],
      decay: [7, 100],
      cap: 500,
    };
    const ledger = new Ledger([s]);
    const entries: Entry[] = [];
    for (let now = 0; now < 120_000; now += 37) {
      const add = now % 11;
      if (add > 0) {
        const hold = ledger.hold([{ name: 'm', key: ['s'], add, attempt: false }], now) as Hold;
        ledger.commit(hold, now);
        entries.push({ key: '["s"]', add, at: now, gone: false });
      }
      if (now % 3700 === 0)
        expect(ledger.read([{ fact: 'f', name: 'm', key: ['s'] }], now)['f']).toBe(model(s, entries, now));
    }
    expect(ledger.size()).toBeLessThan(300);
  });

  it('keeps nothing of what has left its window, and of sessions that are over', () => {
    const live = new Set<string>();
    const base = { kind: 'limit', fixed: false, attempts: false, decay: null, cap: null } as const;
    const ledger = new Ledger(
      [
        { ...base, name: 'w', window: 1000, keys: ['principal'] },
        { ...base, name: 's', window: null, keys: ['session'] },
      ],
      { live: () => live },
    );
    for (let i = 0; i < 60_000; i++) {
      const adds = [
        { name: 'w', key: [`agent:${i}`], add: 1, attempt: false },
        { name: 's', key: [`s${i}`], add: 1, attempt: false },
      ];
      ledger.commit(ledger.hold(adds, i) as Hold, i);
    }
    expect(ledger.size()).toBeLessThan(30_000);
  });

  it('refuses when it is full, forgets nothing, and has room again when windows have passed', () => {
    const s: MeasureSpec = {
      name: 'm',
      kind: 'limit',
      window: 1000,
      fixed: false,
      attempts: false,
      keys: ['principal'],
      decay: null,
      cap: null,
    };
    const ledger = new Ledger([s], { capacity: 200 });
    const add = (key: string, now: number) =>
      ledger.hold([{ name: 'm', key: [key], add: 1, attempt: false }], now);
    let held = 0;
    for (let i = 0; i < 300; i++) {
      const hold = add(`agent:${i}`, 5);
      if (hold === null) break;
      ledger.commit(hold, 5);
      held++;
    }
    expect(held).toBe(100);
    expect(add('agent:0', 6)).toBeNull();
    ledger.drop(ledger.recall([{ name: 'm', key: ['agent:0'], add: 1, attempt: false }], 6));
    for (let i = 0; i < held; i++)
      expect(ledger.read([{ fact: 'f', name: 'm', key: [`agent:${i}`] }], 7)['f']).toBe(1);
    expect(add('agent:x', 1005)).not.toBeNull();
    expect(ledger.read([{ fact: 'f', name: 'm', key: ['agent:0'] }], 1005)['f']).toBe(0);
  });
});
