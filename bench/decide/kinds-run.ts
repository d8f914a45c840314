// SPDX-License-Identifier: Apache-2.0
// What each kind of statement costs: the policy of the workload with and without it, the same requests to both in turns in one
// process, at two sizes; and, as a gateway asks, with its facts named and its limits read, held and counted.
import { localLimits } from '../../runtime/decide/limits.js';
import type { Facts, PolicyModule, Request } from '../../stdlib/abi.js';
import { figure, median, table } from '../table.js';
import { KINDS, type Kind, kindInput, MORE_ARGS } from './kinds.js';
import { compileSepal, loadSepal } from './sepal.js';
import type { BenchRequest, Workload } from './workload.js';

const SIZES = [100, 1000] as const;
const PASS = 1000;
const PASSES = 24;
const WARM = 10;
const NO_FACTS: Facts = {};

type Ask = (requests: readonly Request[]) => number | Promise<number>;

/** The median ratio of processor time, one after the other on fresh requests. */
async function compared(a: Ask, b: Ask, fresh: () => readonly Request[]): Promise<number> {
  const ratios: number[] = [];
  const spent = async (ask: Ask): Promise<number> => {
    const requests = fresh();
    const start = process.cpuUsage();
    sum += await ask(requests);
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  for (let pass = 0; pass < PASSES + WARM; pass++) {
    const first = pass % 2 === 0 ? await spent(a) : 0;
    const plain = await spent(b);
    const other = pass % 2 === 0 ? first : await spent(a);
    if (pass >= WARM) ratios.push(other / plain);
  }
  return median(ratios);
}
let sum = 0;

const deciding =
  (module: PolicyModule, { facts = NO_FACTS, phase = 'call' }: Partial<Kind>): Ask =>
  (requests) => {
    let allowed = 0;
    for (const request of requests) if (module.decide(request, facts, phase).effect === 'allow') allowed++;
    return allowed;
  };

/** As runtime/gateway/evaluate.ts asks: what it needs, then read, decided and held in one step, then counted or let go. */
function asking(module: PolicyModule, { facts = NO_FACTS, phase = 'call' }: Partial<Kind>): Ask {
  const limits = localLimits(module.measures ?? []);
  let now = Date.parse('2026-03-09T13:00:00Z');
  return async (requests) => {
    let allowed = 0;
    for (const request of requests) {
      now += 20;
      const needed = module.needs(request, phase).length;
      const question = { reads: module.usage?.(request) ?? [], own: null, now };
      const { value, reservation } = await limits.reserve(question, (used) => {
        const known: Facts = needed === 0 ? NO_FACTS : { ...facts, ...used };
        const decision = module.decide(request, known, phase);
        const adds = phase === 'call' ? (module.counts?.(request, known) ?? []) : [];
        return {
          adds: decision.effect === 'deny' ? adds.filter((add) => add.attempt) : adds,
          value: decision,
        };
      });
      if (value.effect === 'allow') allowed++;
      await (value.effect === 'allow' ? reservation.commit(now) : reservation.release(now));
    }
    return allowed;
  };
}

function requests(list: readonly BenchRequest[], forUser: boolean): () => readonly Request[] {
  const texts = list.map(({ principal, action, args }) => {
    const [server = '', name = ''] = action.split('.');
    const intent = { kind: 'tool', server, name, args: { ...args, ...MORE_ARGS } };
    const user = forUser ? principal : null;
    return JSON.stringify({ principal, roles: [], user, userRoles: [], session: 's', intent });
  });
  let next = 0;
  return () =>
    Array.from({ length: PASS }, () => JSON.parse(texts[next++ % texts.length] as string) as Request);
}

/** What every call of the sample is answered, as texts; for kinds that decide nothing they are those of the plain policy. */
const answers = (
  module: PolicyModule,
  { facts = NO_FACTS, phase = 'call' }: Partial<Kind>,
  list: readonly Request[],
) => list.map((request) => module.decide(request, { ...zeros(module), ...facts }, phase).effect).join(' ');
const zeros = (module: PolicyModule): Facts =>
  Object.fromEntries(
    (module.measures ?? []).flatMap(({ name }) => [
      [name, 0],
      [`${name} for user`, 0],
    ]),
  );

/** The table, and the most that a kind that decides nothing costs. */
export async function kindsTable(
  workload: Workload,
): Promise<{ readonly text: string; readonly worst: number }> {
  const rows: string[][] = KINDS.map(({ name, text }) => [
    name,
    ...(/^(limit|counter|score) /m.test(text) ? ['yes'] : ['']),
  ]);
  let worst = 0;
  for (const size of SIZES) {
    const policy = workload.policy(size);
    const list = workload.requests(size, 10_000);
    const plain = await loadSepal(compileSepal(kindInput(policy, { text: '' })));
    for (const [i, kind] of KINDS.entries()) {
      const module = await loadSepal(compileSepal(kindInput(policy, kind)));
      const fresh = requests(list, kind.forUser === true);
      const sample = fresh();
      const same = answers(module, kind, sample) === answers(plain, { phase: kind.phase ?? 'call' }, sample);
      if (same === (kind.decides === true)) throw new Error(`${kind.name} does not decide what it should`);
      const facts = { ...zeros(module), ...kind.facts };
      const one = await compared(
        deciding(module, { ...kind, facts }),
        deciding(plain, { phase: kind.phase ?? 'call' }),
        fresh,
      );
      const whole = await compared(
        asking(module, kind),
        asking(plain, { phase: kind.phase ?? 'call' }),
        fresh,
      );
      rows[i]?.push(figure(one), figure(whole));
      if (kind.decides !== true) worst = Math.max(worst, one, whole);
    }
    process.stderr.write(`decide: kinds of statements, ${size} rules\n`);
  }
  const head = [
    'with',
    'keeps state',
    ...SIZES.flatMap((size) => [`${figure(size)} rules: decide ×`, 'as a gateway asks ×']),
  ];
  return { text: table(head, rows), worst };
}
