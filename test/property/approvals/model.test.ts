// SPDX-License-Identifier: Apache-2.0
/**
 * Approvals against a plain model: whatever people, clients, clocks and crashes do, and in whatever order the disk answers, a parked call
 * is redeemed at most once, never without the approvals that it asks for, never after a denial or its end.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signVerdict } from '../../../runtime/approvals/keys.js';
import { createRegistry } from '../../../runtime/approvals/registry.js';
import { createApprovals } from '../../../runtime/approvals/store.js';
import type { Approvals, Links, Pending } from '../../../runtime/approvals/types.js';
import { MemoryLog } from '../../helpers/memory-log.js';
import {
  approver,
  closing,
  type Need,
  reviewDraft,
  secondDecide,
  START,
  type TestClock,
  testClock,
} from '../../helpers/reviews.js';

const MINUTE = 60_000;
const PEOPLE = [
  approver('user:ann', 'ops'),
  approver('user:bob', 'ops', 'security'),
  approver('user:cyd', 'security'),
  approver('user:dan'),
] as const;
const ROLES: readonly (readonly string[])[] = [['ops'], ['ops', 'security'], ['security'], []];
const registry = createRegistry(PEOPLE.map(({ entry }) => entry));

const need: fc.Arbitrary<Need> = fc.oneof(
  fc.record({
    rule: fc.constantFrom('a', 'b'),
    roles: fc.constantFrom<readonly string[]>(['ops'], ['security'], ['ops', 'security'], ['nobody']),
    quorum: fc.integer({ min: 1, max: 3 }),
    timeout: fc.constantFrom(5 * MINUTE, 15 * MINUTE),
  }),
  fc.constant<Need>({ rule: 'self', self: true, quorum: 1, timeout: 10 * MINUTE }),
);
const questions = fc.array(
  fc.record({
    principal: fc.constantFrom<string>('agent:x', 'user:ann', 'user:bob'),
    user: fc.constantFrom<string | undefined>(undefined, 'user:cyd', 'user:dan'),
    needs: fc.array(need, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 3 },
);

const index = fc.nat(2);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), which: index }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('verdict' as const),
      which: index,
      who: fc.nat(3),
      verdict: fc.constantFrom('approve' as const, 'approve' as const, 'approve' as const, 'deny' as const),
      settle: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('redeem' as const), which: index, written: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), which: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), minutes: fc.nat(7) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('set' as const), minutes: fc.integer({ min: -60, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tick' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
);
/** How often the interesting things happened: a property over runs in which nothing is redeemed would say little. */
const seen = { redeemed: 0, denied: 0, crashed: 0 };
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type Question = typeof questions extends fc.Arbitrary<readonly (infer Q)[]> ? Q : never;

/** Is it enough? Written as the language says it, not as the product does. */
function enough(question: Question, approved: ReadonlySet<number>): boolean {
  const requester = [question.principal, question.user];
  const self = question.user ?? (question.principal.startsWith('user:') ? question.principal : null);
  return question.needs.every((n) => {
    const people = [...approved].filter((who) => {
      const id = PEOPLE[who]?.entry.id ?? '';
      if (n.self === true) return id === self;
      return !requester.includes(id) && (ROLES[who] ?? []).some((role) => n.roles?.includes(role));
    });
    return people.length >= n.quorum;
  });
}

class World {
  readonly clock: TestClock = testClock();
  readonly log = new MemoryLog(this.clock.wall);
  /** Monotonic time that has passed since the start, over all restarts. */
  elapsed = 0;
  approvals: Approvals;
  /** Appends that have not reached the disk: a crash loses them. */
  private held: (() => void)[] = [];
  private generation = 0;
  readonly running: Promise<unknown>[] = [];
  private readonly questions: readonly Question[];

  constructor(questions: readonly Question[]) {
    this.questions = questions;
    this.approvals = this.make();
  }

  private make(): Approvals {
    const generation = this.generation;
    const gate = {
      origin: this.log.origin,
      openings: (seq: number) => this.log.openings(seq),
      append: (...args: Parameters<MemoryLog['append']>) =>
        new Promise<Awaited<ReturnType<MemoryLog['append']>>>((resolve, reject) => {
          this.held.push(() => {
            if (generation === this.generation) this.log.append(...args).then(resolve, reject);
          });
        }),
    };
    return createApprovals({ log: gate, registry, clock: this.clock, close: closing, onFault: () => {} });
  }

  /** Lets the disk catch up, and whoever waits for it run on. */
  async settle(): Promise<void> {
    for (let round = 0; round < 8; round++) {
      for (const write of this.held.splice(0)) write();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async crash(): Promise<void> {
    seen.crashed++;
    this.approvals.stop();
    this.generation++;
    this.held = [];
    this.approvals = this.make();
    for await (const entry of this.log.entries()) this.approvals.observe(entry);
    const starting = this.approvals.start();
    await this.settle();
    await starting;
  }

  async open(which: number): Promise<Pending | null> {
    const asked = this.questions[which % this.questions.length] as Question;
    const { draft, openings } = reviewDraft({
      args: { path: `/${which % this.questions.length}` },
      principal: asked.principal,
      ...(asked.user === undefined ? {} : { user: asked.user }),
      needs: asked.needs,
      expires: this.clock.wall() + Math.min(...asked.needs.map(({ timeout }) => timeout)),
    });
    const opening = this.approvals.open(draft, openings);
    await this.settle();
    const opened = await opening;
    return opened.kind === 'pending' ? opened.pending : null;
  }
}

/** What must never happen to one parked call, as the test saw it. */
interface Life {
  readonly question: Question;
  readonly pending: Pending;
  /** On the test's own clock. */
  readonly born: number;
  redeemed: boolean;
  denied: boolean;
}

function durableApprovals(log: MemoryLog, pending: Pending): ReadonlySet<number> {
  const approved = new Set<number>();
  for (const { body } of log.stored) {
    if (body.type !== 'approve' || body.refs?.decide !== pending.leaf || body.approval?.verdict !== 'approve')
      continue;
    approved.add(PEOPLE.findIndex(({ entry }) => entry.id === body.approval?.approver.id));
  }
  return approved;
}

async function run(asked: readonly Question[], steps: readonly Step[]): Promise<void> {
  const world = new World(asked);
  const lives = new Map<string, Life>();
  const current = new Map<number, Life>();
  const redeem = async (life: Life, written: boolean): Promise<void> => {
    const { pending, question } = life;
    const result = world.approvals.redeem(pending.id, { effect: 'review', approvals: pending.needs });
    if (result.kind !== 'redeemed') return;
    expect(life.redeemed, 'redeemed once').toBe(false);
    expect(life.denied, 'deny is final').toBe(false);
    const lifetime = Math.min(...question.needs.map(({ timeout }) => timeout));
    expect(world.elapsed - life.born, 'within its time').toBeLessThan(lifetime);
    const approved = durableApprovals(world.log, pending);
    expect(enough(question, approved), 'every asker is satisfied').toBe(true);
    for (const leaf of result.links.refs.approve)
      expect(
        world.log.stored.some((entry) => entry.leaf === leaf),
        'durable',
      ).toBe(true);
    // Either the decide(allow) becomes durable and the call is forwarded, or the process dies before: then nothing was forwarded.
    if (written) {
      await world.log.append(secondDecide(pending, result.links as Links, 'allow'));
      life.redeemed = true;
      seen.redeemed++;
    } else await world.crash();
  };
  for (const step of steps) {
    const life = 'which' in step ? current.get(step.which % asked.length) : undefined;
    switch (step.do) {
      case 'open': {
        const pending = await world.open(step.which);
        if (pending === null) break;
        const which = step.which % asked.length;
        const known = lives.get(pending.id);
        expect(known === undefined || current.get(which) === known, 'an identical call joins its own').toBe(
          true,
        );
        expect(known?.redeemed, 'what is redeemed is not joined').not.toBe(true);
        if (known === undefined) {
          const fresh = {
            question: asked[which] as Question,
            pending,
            born: world.elapsed,
            redeemed: false,
            denied: false,
          };
          lives.set(pending.id, fresh);
          current.set(which, fresh);
        }
        break;
      }
      case 'verdict': {
        const person = PEOPLE[step.who];
        const shown = life === undefined ? null : await world.approvals.show(life.pending.id);
        if (life === undefined || shown === null || person === undefined) break;
        const deciding = world.approvals
          .decideBy(signVerdict(person.key, person.entry.id, shown, step.verdict))
          .then((result) => {
            if (result.ok && step.verdict === 'deny') {
              life.denied = true;
              seen.denied++;
            }
            const { question } = life;
            const own = [question.principal, question.user].includes(person.entry.id);
            const self = question.needs.some((n) => n.self === true);
            expect(result.ok && own && !self, 'nobody decides on a call of their own').toBe(false);
          });
        world.running.push(
          deciding.catch((error: unknown) =>
            error instanceof Error && error.name === 'AssertionError' ? Promise.reject(error) : null,
          ),
        );
        if (step.settle) await world.settle();
        break;
      }
      case 'redeem':
        if (life !== undefined) await redeem(life, step.written);
        break;
      case 'withdraw':
        if (life !== undefined && world.approvals.withdraw(life.pending.id) !== null) {
          expect(life.redeemed).toBe(false);
          await world.log.append(
            secondDecide(
              life.pending,
              { call: life.pending.call, refs: { decide: life.pending.leaf, approve: [] } },
              'deny',
            ),
          );
          life.denied = true;
        }
        break;
      case 'pass':
        world.clock.pass(step.minutes * MINUTE);
        world.elapsed += step.minutes * MINUTE;
        break;
      case 'set':
        // Within a process only: across a restart nothing but the wall clock and the log can tell the time.
        world.clock.setWall(Math.max(START, world.clock.wall() + step.minutes * MINUTE));
        break;
      case 'tick':
        world.running.push(world.approvals.tick());
        break;
      case 'settle':
        await world.settle();
        break;
      case 'crash':
        world.clock.setWall(START + world.elapsed);
        await world.crash();
        break;
    }
  }
  await world.settle();
  await Promise.race([Promise.all(world.running), new Promise((resolve) => setTimeout(resolve, 5))]);
  world.approvals.stop();
  for (const { pending } of lives.values()) {
    const ends = world.log.stored.filter(
      ({ body }) => body.type === 'decide' && body.refs?.decide === pending.leaf,
    );
    expect(ends.length, 'one end at most').toBeLessThanOrEqual(1);
    const people = world.log.stored.flatMap(({ body }) =>
      body.refs?.decide === pending.leaf && body.approval?.verdict === 'approve'
        ? [body.approval.approver.id]
        : [],
    );
    expect(new Set(people).size, 'each person once').toBe(people.length);
  }
}

describe('any sequence of open, approve, deny, expire, redeem and crash', () => {
  test('keeps every promise of a review', async () => {
    await fc.assert(fc.asyncProperty(questions, fc.array(step, { minLength: 5, maxLength: 40 }), run), {
      numRuns: 600,
    });
  });
});
