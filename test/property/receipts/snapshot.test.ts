// SPDX-License-Identifier: Apache-2.0
// What a snapshot holds is what the entries before it come to: folding from any cut on gives the state of folding from the start.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MeasureSpec } from '../../../stdlib/abi.js';
import { createRegistry } from '../../../runtime/approvals/registry.js';
import { createApprovals } from '../../../runtime/approvals/store.js';
import { OpenReviews } from '../../../runtime/approvals/open-reviews.js';
import { localLimits } from '../../../runtime/decide/limits.js';
import { Sessions } from '../../../runtime/decide/sessions.js';
import type { Fold } from '../../../runtime/log/index.js';
import type { StoredEntry } from '../../../runtime/log/types.js';
import type { Body } from '../../../runtime/verify/format/body.js';
import {
  approval,
  decide,
  EXPIRES,
  hashOf,
  idOf,
  type Members,
  outcome,
  TestLog,
  testKey,
} from '../../arbitraries/log.js';

const LONG = process.env['SEPAL_LONG'] === '1';
const measure = (name: string, more: Partial<MeasureSpec>): MeasureSpec => ({
  name,
  kind: 'limit',
  window: null,
  fixed: false,
  attempts: false,
  keys: ['session'],
  decay: null,
  cap: null,
  ...more,
});
const MEASURES = [
  measure('sliding', { window: 600 }),
  measure('fixed', { window: 1000, fixed: true }),
  measure('tried', { window: 60, attempts: true }),
  measure('all', { attempts: true }),
  measure('risk', { kind: 'score', decay: [5, 100], cap: 100 }),
];

/** What happens next to one of four calls. */
interface Step {
  readonly call: number;
  readonly does: 'allow' | 'deny' | 'review' | 'approve' | 'refuse' | 'ok' | 'not_sent' | 'again';
  readonly name: number;
  readonly add: number | string;
  readonly owner: number;
  readonly wait: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  call: fc.nat({ max: 3 }),
  does: fc.constantFrom('allow', 'deny', 'review', 'approve', 'refuse', 'ok', 'not_sent', 'again'),
  name: fc.nat({ max: MEASURES.length - 1 }),
  add: fc.constantFrom<number | string>(1, 2, -1, '0.25', '12345678901234567890.5', 40),
  owner: fc.nat({ max: 2 }),
  wait: fc.constantFrom(0, 1, 50, 59, 60, 400, 600, 1000, 7_200_000),
});

/** A log of it; what does not fit is left out, as the gateway would. */
function logOf(steps: readonly Step[]): readonly StoredEntry[] {
  const log = new TestLog().begin();
  const reviews = new Map<number, string>();
  const allowed = new Map<number, string>();
  let now = Date.UTC(2026, 2, 9, 13);
  let round = 0;
  const add = (members: Members): string =>
    log.add({ ...members, time: new Date(now).toISOString() } as Members);
  for (const { call, does, name, add: amount, owner, wait } of steps) {
    now += wait;
    const word = `call ${call} ${round}`;
    const review = reviews.get(call);
    const who = {
      ...decide(log, word, 'allow').principal,
      id: `agent:${owner}`,
      session: hashOf(`session ${owner}`),
    };
    const counts = [{ name: MEASURES[name]?.name ?? '', key: [`key ${owner}`], add: amount }];
    const decided = (effect: 'allow' | 'deny' | 'review', refs: object = {}): string =>
      add({ ...decide(log, `call ${call}`, effect), principal: who, counts, ...refs } as Members);
    if (does === 'allow' || does === 'deny' || does === 'review') {
      if (review !== undefined || allowed.has(call)) continue;
      round++;
      const leaf = decided(does);
      if (does === 'review') reviews.set(call, leaf);
      if (does === 'allow') allowed.set(call, leaf);
    } else if (does === 'approve' && review !== undefined)
      add(approval(`call ${call}`, review, testKey('eve')));
    else if ((does === 'refuse' || does === 'again') && review !== undefined) {
      reviews.delete(call);
      const leaf = decided(does === 'refuse' ? 'deny' : 'allow', { refs: { decide: review } });
      if (does === 'again') allowed.set(call, leaf);
    } else if ((does === 'ok' || does === 'not_sent') && allowed.has(call)) {
      const base = outcome(`call ${call}`, allowed.get(call) ?? '');
      add({ ...base, outcome: { status: does } });
      allowed.delete(call);
    }
  }
  return log.entries.map((entry, seq) => ({
    body: JSON.parse(entry.toString().split('\n')[1] ?? '') as Body,
    leaf: log.leaves[seq] ?? '',
  }));
}

const folds = (): readonly Fold[] => [
  localLimits(MEASURES, { capacity: 30 }),
  new Sessions({ idleMs: 1000, wall: () => 0, monotonic: () => 0 }),
  new OpenReviews(),
];

/** The reviews that a store of parked calls lists after this. */
function parkedOf(entries: readonly StoredEntry[], from: number): readonly unknown[] {
  const store = createApprovals({
    log: {
      origin: 'gw.example.com/log',
      append: () => Promise.reject(new Error()),
      openings: () => Promise.resolve(null),
    },
    registry: createRegistry([]),
    clock: { wall: () => 0, monotonic: () => 0 },
    close: () => Promise.reject(new Error()),
    onFault: () => undefined,
  });
  const reviews = new OpenReviews();
  for (const entry of entries.slice(0, from)) reviews.observe(entry);
  store.load(reviews.state());
  for (const entry of entries.slice(from)) store.observe(entry);
  return store.list();
}

test(
  'the state from every cut on is the state from the start',
  () => {
    let parked = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
        const entries = logOf(steps);
        const whole = folds();
        const states: string[][] = [];
        for (const entry of entries) {
          states.push(whole.map((fold) => JSON.stringify(fold.save())));
          for (const fold of whole) fold.observe(entry);
        }
        const end = whole.map((fold) => JSON.stringify(fold.save()));
        const listed = parkedOf(entries, 0);
        parked += listed.length;
        for (let cut = 0; cut < entries.length; cut++) {
          const from = folds();
          for (const [i, fold] of from.entries()) fold.load(JSON.parse(states[cut]?.[i] ?? ''));
          for (const entry of entries.slice(cut)) for (const fold of from) fold.observe(entry);
          expect(from.map((fold) => JSON.stringify(fold.save()))).toEqual(end);
          if (cut % 5 === 0) expect(parkedOf(entries, cut)).toEqual(listed);
        }
      }),
      { numRuns: LONG ? 1000 : 60 },
    );
    expect(parked, 'reviews that were open at the end').toBeGreaterThan(0);
    expect(EXPIRES).toBeDefined();
  },
  LONG ? 600_000 : 60_000,
);

test('limits that were read from a snapshot decide as those that read the log', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 40 }),
      fc.nat({ max: 40 }),
      async (steps, at) => {
        const entries = logOf(steps);
        const cut = Math.min(at, entries.length);
        const [whole, before, from] = [localLimits(MEASURES), localLimits(MEASURES), localLimits(MEASURES)];
        for (const entry of entries) whole.observe(entry);
        for (const entry of entries.slice(0, cut)) before.observe(entry);
        from.load(JSON.parse(JSON.stringify(before.save())));
        for (const entry of entries.slice(cut)) from.observe(entry);
        const now = Date.parse(entries.at(-1)?.body.time ?? '') + 10;
        const reads = MEASURES.flatMap(({ name }) =>
          [0, 1, 2].map((owner) => ({ fact: `${name} ${owner}`, name, key: [`key ${owner}`] })),
        );
        const own = idOf('call 1');
        const read = (limits: typeof whole) =>
          limits.reserve({ reads, own, now }, (values) => ({ adds: [], value: { ...values } }));
        expect((await read(from)).value).toEqual((await read(whole)).value);
      },
    ),
    { numRuns: LONG ? 1000 : 100 },
  );
});
