// SPDX-License-Identifier: Apache-2.0
// The nearest permitted changes to denied calls, of random policies: each that is told is decided so by both engines, everywhere in the
// ranges that it names and not just outside of them; and no moment before one that is told would do.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearestOf } from '../../compiler/analyze/nearest.js';
import { emit } from '../../compiler/emit.js';
import { decide as reference } from '../../compiler/reference.js';
import {
  type Change,
  changeWords,
  nearestChanges,
  type Part,
  replaced,
} from '../../runtime/decide/nearest.js';
import type { Scalar } from '../../runtime/decide/manifest.js';
import type { Facts, JsonRecord, Request } from '../../stdlib/abi.js';
import { soundPolicy } from '../arbitraries/sound-policy.js';
import { edgeFacts, edgeRequest, soundFacts, soundRequest } from '../arbitraries/sound-request.js';
import { fitsOf } from '../helpers/analysis.js';
import { loadOnce } from '../helpers/emitted.js';
import { checkText } from '../helpers/policy.js';
import { SHOP_LOCK } from '../helpers/shop.js';

const RUNS = process.env['SEPAL_LONG'] === undefined ? 80 : 8_000;
const ASKED = 20;
const fits = fitsOf(SHOP_LOCK);

const up = (x: number): number => step(x, 1n);
const down = (x: number): number => -step(-x, 1n);
/** The next double above. */
function step(x: number, by: bigint): number {
  if (x === 0) return Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigInt64(0, view.getBigInt64(0) + (x > 0 ? by : -by));
  return view.getFloat64(0);
}

/** Values that are told to be permitted: the ends, what lies next to them inside, and some between. */
function inside({ value, range, or }: Part): readonly Scalar[] {
  if (typeof value !== 'number' || range === null) return [value, ...or];
  const { low, high } = range;
  const [a, b] = [
    low?.at ?? Math.min(value, high?.at ?? value) - 1e6,
    high?.at ?? Math.max(value, low?.at ?? value) + 1e6,
  ];
  const ends = [
    ...(low === null ? [-1e300] : low.open ? [up(low.at)] : [low.at]),
    ...(high === null ? [1e300] : high.open ? [down(high.at)] : [high.at]),
  ];
  const between = [0.01, 0.25, 0.5, 0.77, 0.99].map((t) => a + (b - a) * t).filter((x) => x > a && x < b);
  return [value, ...ends, ...between];
}

function outside({ range }: Part): readonly number[] {
  if (range === null) return [];
  const { low, high } = range;
  return [
    ...(low === null ? [] : [low.open ? low.at : down(low.at)]),
    ...(high === null ? [] : [high.open ? high.at : up(high.at)]),
  ];
}

function combinations(lists: readonly (readonly Scalar[])[]): readonly (readonly Scalar[])[] {
  return lists.reduce<readonly (readonly Scalar[])[]>(
    (all, list) => all.flatMap((one) => list.map((value) => [...one, value])),
    [[]],
  );
}

const changedTo = (request: Request, values: readonly Part[], to: readonly Scalar[]): Request => {
  const args = values.reduce<JsonRecord>(
    (all, { pointer }, i) => replaced(all, pointer, to[i] as Scalar) as JsonRecord,
    request.intent.args,
  );
  return { ...request, intent: { ...request.intent, args } };
};

const pick = <T>(...all: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...all);
const NUMBER = pick(-3, 0, 1, 2, 2.5, 7, 10, 250, 499.99, 500, 1000);
const WORDS = ['alice', 'bob', 'carol'];
const leaf = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(pick('<', '<=', '>', '>=', '==', '!='), NUMBER)
      .map(([cmp, n]) => `args.amount ${cmp} ${n}`),
  },
  fc.tuple(pick('<', '>='), NUMBER).map(([cmp, n]) => `2 * args.amount - 1 ${cmp} ${n}`),
  fc.subarray(WORDS, { minLength: 1 }).map((all) => `args.to in [${all.map((w) => `"${w}"`).join(', ')}]`),
  pick(...WORDS).map((word) => `args.to != "${word}"`),
  fc.tuple(pick('<=', '>'), NUMBER).map(([cmp, n]) => `(has(args.reference) and args.reference ${cmp} ${n})`),
  pick('ratio > 2', 'open'),
);
const condition = fc
  .array(fc.array(leaf, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 })
  .map((any) => any.map((all) => `(${all.join(' and ')})`).join(' or '));
/** Rules about numbers and a few words, where a change of one or two arguments is often enough. */
const boundPolicy = fc
  .array(fc.tuple(pick('allow', 'allow', 'review', 'deny', 'escalate'), condition), {
    minLength: 1,
    maxLength: 4,
  })
  .map((rules) => {
    const asks = (effect: string): string =>
      effect === 'review' || effect === 'escalate' ? ' by role:lead timeout 1h' : '';
    const text = rules.map(
      ([effect, when], i) => `${effect} r${i}: any -> pay/transfer when { ${when} }${asks(effect)}`,
    );
    return `sep 1\npolicy generated.bounds 1.0.0\ntools "sepal.lock"\nrole lead\nfact open: bool from config.open\nfact ratio: decimal from config.ratio\n${text.join('\n')}\n`;
  });
const boundRequest = fc
  .tuple(NUMBER, pick(...WORDS, 'dave'), fc.option(NUMBER, { nil: undefined }))
  .map(([amount, to, reference]): Request => {
    const args = { amount, to, currency: 'EUR', tags: [], ...(reference === undefined ? {} : { reference }) };
    return {
      principal: 'agent:ed',
      roles: [],
      user: null,
      userRoles: [],
      session: 's1',
      intent: { kind: 'tool', server: 'pay', name: 'transfer', args },
    };
  });
const boundFacts = fc.record({ open: fc.boolean(), ratio: pick(1, 3) });

describe('a change that would be permitted', () => {
  it(`is one, in ${RUNS} policies`, { timeout: 3_600_000 }, () => {
    const tally = {
      denied: 0,
      changes: 0,
      ranges: 0,
      several: 0,
      waits: 0,
      both: 0,
      review: 0,
      decisions: 0,
    };
    const asked = (request: fc.Arbitrary<Request>, facts: fc.Arbitrary<Facts>, times: number) =>
      fc.array(fc.tuple(request, facts, fc.array(facts, { maxLength: 3 })), {
        minLength: times,
        maxLength: times,
      });
    const cases = fc.oneof(
      fc.tuple(boundPolicy, asked(boundRequest, boundFacts, ASKED)),
      fc.tuple(
        soundPolicy,
        asked(fc.oneof(soundRequest, edgeRequest), fc.oneof(soundFacts, edgeFacts), ASKED),
      ),
    );
    fc.assert(
      fc.property(cases, ([text, questions]) => {
        const { output } = checkText(text, SHOP_LOCK);
        if (output === null) throw new Error(text);
        const { ir } = output;
        const module = loadOnce(emit(ir).js);
        const found = nearestOf(ir, true);
        if (found === null) return;
        const nearest = { ...found, wait: true };
        const decided = (request: Request, facts: Facts): string => {
          tally.decisions++;
          const { effect } = module.decide(request, facts, 'call');
          expect(reference(ir, request, facts, 'call').effect).toBe(effect);
          return effect;
        };
        const confirm = (request: Request, facts: Facts, change: Change): void => {
          const { values, effect } = change;
          const said = `${changeWords(change)} of ${JSON.stringify(request)}`;
          const admitted = (to: readonly Scalar[]): boolean =>
            fits(request.intent.server, request.intent.name, changedTo(request, values, to).intent.args) ===
            null;
          for (const to of combinations(values.map(inside)).filter(admitted))
            expect([said, to, decided(changedTo(request, values, to), facts)]).toEqual([said, to, effect]);
          const at = values.map(({ value }) => value);
          expect([said, admitted(at)]).toEqual([said, true]);
          // The last range is as wide as the others let it be: just outside something else is decided, for some of the others.
          for (const [i, part] of values.entries())
            for (const x of outside(part).filter((x) => admitted(at.with(i, x)))) {
              const others = values.map((one, k) => (k < i ? inside(one) : [one.value]));
              const effects = combinations(others.with(i, [x])).map((to) =>
                decided(changedTo(request, values, to), facts),
              );
              expect([said, x, effects.every((one) => one === effect)]).toEqual([said, x, false]);
            }
        };
        for (const [request, facts, moments] of questions) {
          const { kind, server, name, args } = request.intent;
          if (kind !== 'tool' || fits(server, name, args) !== null) continue;
          if (module.decide(request, facts, 'call').effect !== 'deny') continue;
          tally.denied++;
          const later = moments.map((then, i) => ({ at: (i + 1) * 1_000, facts: then }));
          const check = (changed: JsonRecord): string | null => fits(server, name, changed);
          const changes = nearestChanges({ module, request, facts, nearest, fits: check, now: 0, later });
          for (const change of changes) {
            const { values, ms, effect } = change;
            tally.changes++;
            tally.ranges += Number(values.some(({ range }) => range !== null));
            tally.several += Number(values.length > 1);
            tally.waits += Number(ms !== null);
            tally.both += Number(ms !== null && values.length > 0);
            tally.review += Number(effect === 'review');
            confirm(
              request,
              ms === null ? facts : (later.find((one) => one.at === ms)?.facts ?? facts),
              change,
            );
            if (ms === null || values.length > 0) continue;
            for (const before of later.filter((one) => one.at < ms))
              expect(decided(request, before.facts)).not.toBe('allow');
          }
        }
      }),
      {
        numRuns: RUNS,
        endOnFailure: true,
        seed: process.env['SEPAL_LONG'] === undefined ? 4 : Date.now() % 2 ** 31,
      },
    );
    process.stdout.write(`nearest: ${JSON.stringify(tally)}\n`);
    for (const count of Object.values(tally)) expect(count).toBeGreaterThan(0);
  });
});
