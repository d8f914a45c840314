// SPDX-License-Identifier: Apache-2.0
/**
 * What limits, counters and scores stand at, as a fold over additions: reserved at the decision, counted when the call is sent, let go of
 * when it is not. A reservation does not age. The clock never goes back: an earlier moment frees no budget. Nothing is ever forgotten
 * to make room; where there is no room the reservation fails.
 */
import type { Json, MeasureAdd, MeasureRead, MeasureSpec } from './abi.js';
import { arith, compareNumbers, decimal, decimalText, type Num } from './decimal.js';

interface Item {
  readonly account: Account;
  /** Null: unknown. */
  readonly amount: Num | null;
  readonly attempt: boolean;
  /** Null while it is reserved. */
  time: number | null;
}

interface Account {
  readonly id: string;
  readonly spec: MeasureSpec;
  /** The session, where the measure is kept per session. */
  readonly session: string | null;
  /** Counted, in order of time, from `head` on; of a measure that never ages only what a score with decay needs. */
  counted: Item[];
  head: number;
  readonly reserved: Set<Item>;
  /** Sum of all that is counted or reserved, unknown amounts apart. */
  sum: Num;
  unknown: number;
  /** Of a score with decay per session: what the first items came to. */
  base: Standing;
  /** Of a score with decay: what `base` and all that is counted come to; null where something else than an addition came between. */
  tip: Standing | null;
}
interface Standing {
  readonly value: number;
  /** From when on the decay ticks. */
  readonly from: number;
}
const NOTHING: Standing = { value: 0, from: Number.NEGATIVE_INFINITY };

/** A ledger as plain data. Numbers that no double holds stand as canonical decimals; null stands for minus infinity in times. */
export interface LedgerState {
  readonly clock: number | null;
  readonly sweepAt: number;
  readonly swept: number | null;
  readonly items: number;
  readonly accounts: readonly AccountState[];
  /** Account (its index), amount (null: unknown), attempt, time (null: reserved). */
  readonly entries: readonly (readonly [number, number | string | null, 0 | 1, number | null])[];
  /** What holds that were handed in are made of, by index of entry. */
  readonly holds: readonly (readonly number[])[];
}
interface AccountState {
  readonly name: string;
  readonly key: readonly string[];
  readonly counted: readonly number[];
  readonly reserved: readonly number[];
  readonly sum: number | string;
  readonly unknown: number;
  readonly base: readonly [number, number | null];
  /** Swept away already; holds still speak of it. */
  readonly gone?: 1;
}

/** What one call reserved. */
export interface Hold {
  readonly items: readonly Item[];
}

export interface LedgerOptions {
  /** Additions and keys that may be kept at once. */
  readonly capacity?: number;
  /** Sessions that are not over; measures of the others are dropped when room is needed. Absent or null: none is over. */
  readonly live?: () => ReadonlySet<string> | null;
}

const CAPACITY = 1_000_000;
const SWEEP_AT = 10_000;
const RESWEEP_MS = 1000;
/** A score with decay per session is folded when it has this many items, all but the last quarter. */
const FOLD_AT = 256;

export class Ledger {
  private readonly specs: ReadonlyMap<string, MeasureSpec>;
  private readonly accounts = new Map<string, Account>();
  private readonly capacity: number;
  private readonly live: LedgerOptions['live'];
  private items = 0;
  private clock = Number.NEGATIVE_INFINITY;
  private sweepAt = SWEEP_AT;
  private swept = Number.NEGATIVE_INFINITY;

  constructor(specs: readonly MeasureSpec[], options: LedgerOptions = {}) {
    this.specs = new Map(specs.map((spec) => [spec.name, spec]));
    this.capacity = options.capacity ?? CAPACITY;
    this.live = options.live;
  }

  /** The values of measures by fact, without what `own` reserved or counted; undefined is unknown. */
  read(
    reads: readonly MeasureRead[],
    now: number,
    own: Hold | null = null,
  ): { readonly [fact: string]: Json | undefined } {
    const at = this.tick(now);
    const values: { [fact: string]: Json | undefined } = Object.create(null);
    for (const { fact, name, key } of reads) {
      const spec = this.specs.get(name);
      if (spec === undefined || key === null) values[fact] = undefined;
      else values[fact] = this.value(this.accounts.get(idOf(name, key)), at, own);
    }
    return values;
  }

  /**
   * The moments after `now` at which what is counted changes if nothing is added, nearest first, and the values of these measures then.
   * Changes nothing.
   */
  later(
    reads: readonly MeasureRead[],
    now: number,
  ): readonly { readonly at: number; readonly values: { readonly [fact: string]: Json | undefined } }[] {
    const accounts = reads.flatMap(({ name, key }) => {
      const account = key === null ? undefined : this.accounts.get(idOf(name, key));
      return account === undefined ? [] : [account];
    });
    const turns = new Set(accounts.flatMap((account) => turnsOf(account, now)));
    return [...turns]
      .sort((a, b) => a - b)
      .slice(0, MOST_TURNS)
      .map((at) => ({
        at,
        values: Object.fromEntries(
          reads.map(({ fact, name, key }) => [
            fact,
            key === null || !this.specs.has(name)
              ? undefined
              : standing(this.accounts.get(idOf(name, key)), at),
          ]),
        ),
      }));
  }

  /** Reserves all, or null where there is no room. */
  hold(adds: readonly MeasureAdd[], now: number): Hold | null {
    return this.room(adds.length * 2, this.tick(now), true) ? this.take(adds) : null;
  }

  /** Reserves all, whatever the room: what happened is not forgotten. */
  recall(adds: readonly MeasureAdd[], now: number): Hold {
    this.room(adds.length * 2, this.tick(now), false);
    return this.take(adds);
  }

  private take(adds: readonly MeasureAdd[]): Hold {
    const items = adds.flatMap(({ name, key, add, attempt }): Item[] => {
      const spec = this.specs.get(name);
      if (spec === undefined) return [];
      const account = this.account(spec, key);
      const amount = add === null ? null : typeof add === 'number' ? add : decimal(add);
      const item: Item = { account, amount, attempt, time: null };
      account.reserved.add(item);
      this.weigh(item, '+');
      this.items++;
      return [item];
    });
    return { items };
  }

  /** Counts all of it, as of `time`. */
  commit(hold: Hold, time: number): void {
    for (const item of hold.items) this.count(item, time);
  }

  /** Lets go of it; attempts are counted, as of `time`. */
  release(hold: Hold, time: number): void {
    for (const item of hold.items) {
      if (item.attempt) this.count(item, time);
      else this.forget(item);
    }
  }

  /** Counts the attempts, and keeps the rest reserved. */
  park(hold: Hold, time: number): void {
    for (const item of hold.items) if (item.attempt) this.count(item, time);
  }

  /** As if it had never been reserved. */
  drop(hold: Hold): void {
    for (const item of hold.items) this.forget(item);
  }

  /** What was counted already is taken back: a call that surely was not sent. */
  undo(hold: Hold): void {
    for (const item of hold.items) {
      if (item.attempt || item.time === null) continue;
      const { account } = item;
      const at = account.counted.indexOf(item, account.head);
      if (at >= 0) {
        account.counted.splice(at, 1);
        account.tip = null;
        this.items--;
      } else if (ages(account.spec) || decays(account.spec)) continue;
      this.weigh(item, '-');
    }
  }

  /** Additions and keys that are kept. */
  size(): number {
    return this.items + this.accounts.size;
  }

  /** All of it as plain data, with holds that are to be found again. */
  save(holds: readonly Hold[]): LedgerState {
    const accounts = new Map<Account, number>();
    const items = new Map<Item, number>();
    const account = (one: Account): number => indexIn(accounts, one);
    const item = (one: Item): number => indexIn(items, one);
    for (const one of this.accounts.values()) account(one);
    const held = holds.map((hold) => hold.items.map(item));
    for (const one of items.keys()) account(one.account);
    const states: AccountState[] = [];
    // The list grows no more: an item names the account that it stands in.
    for (const one of accounts.keys()) {
      const [name = '', ...key] = JSON.parse(one.id) as string[];
      states.push({
        name,
        key,
        counted: one.counted.slice(one.head).map(item),
        reserved: [...one.reserved].map(item),
        sum: plain(one.sum),
        unknown: one.unknown,
        base: [one.base.value, finite(one.base.from)],
        ...(this.accounts.get(one.id) === one ? {} : { gone: 1 }),
      });
    }
    const entries = [...items.keys()].map(
      (one) =>
        [
          account(one.account),
          one.amount === null ? null : plain(one.amount),
          one.attempt ? 1 : 0,
          one.time,
        ] as const,
    );
    return {
      clock: finite(this.clock),
      sweepAt: this.sweepAt,
      swept: finite(this.swept),
      items: this.items,
      accounts: states,
      entries,
      holds: held,
    };
  }

  /** Takes up what `save` wrote, of the same measures, in a ledger that holds nothing; answers the holds. */
  load(state: LedgerState): readonly Hold[] {
    const made = state.accounts.map(({ name, key }): Account => {
      const spec = this.specs.get(name);
      if (spec === undefined) throw new RangeError(`there is no measure ${name}`);
      return accountOf(spec, key);
    });
    const items = state.entries.map(([account, amount, attempt, time]): Item => {
      const own = made[account];
      if (own === undefined) throw new RangeError('an addition has no account');
      return {
        account: own,
        amount: amount === null ? null : numberOf(amount),
        attempt: attempt === 1,
        time,
      };
    });
    const itemAt = (index: number): Item => {
      const found = items[index];
      if (found === undefined) throw new RangeError('an addition is missing');
      return found;
    };
    for (const [i, { counted, reserved, sum, unknown, base, gone }] of state.accounts.entries()) {
      const account = made[i] as Account;
      account.counted = counted.map(itemAt);
      for (const index of reserved) account.reserved.add(itemAt(index));
      account.sum = numberOf(sum);
      account.unknown = unknown;
      account.base = { value: base[0], from: base[1] ?? Number.NEGATIVE_INFINITY };
      if (gone === undefined) this.accounts.set(account.id, account);
    }
    this.items = state.items;
    this.clock = state.clock ?? Number.NEGATIVE_INFINITY;
    this.sweepAt = state.sweepAt;
    this.swept = state.swept ?? Number.NEGATIVE_INFINITY;
    return state.holds.map((indexes) => ({ items: indexes.map(itemAt) }));
  }

  private tick(now: number): number {
    this.clock = Math.max(this.clock, now);
    return this.clock;
  }

  private account(spec: MeasureSpec, key: readonly string[]): Account {
    const id = idOf(spec.name, key);
    const known = this.accounts.get(id);
    if (known !== undefined) return known;
    const made = accountOf(spec, key);
    this.accounts.set(id, made);
    return made;
  }

  private weigh({ account, amount }: Item, sign: '+' | '-'): void {
    if (amount === null) account.unknown += sign === '+' ? 1 : -1;
    else account.sum = plus(account.sum, amount, sign);
  }

  private count(item: Item, time: number): void {
    const { account } = item;
    if (!account.reserved.delete(item)) return;
    item.time = Math.max(time, account.base.from);
    if (!ages(account.spec) && !decays(account.spec)) {
      this.items--;
      return;
    }
    let at = account.counted.length;
    while (at > account.head && ((account.counted[at - 1] as Item).time as number) > item.time) at--;
    const last = at === account.counted.length;
    account.tip = last && account.tip !== null ? addTo(account.spec, account.tip, item, item.time) : null;
    account.counted.splice(at, 0, item);
    if (account.spec.window === null && account.counted.length - account.head >= FOLD_AT)
      this.foldBase(account);
  }

  private forget(item: Item): void {
    if (!item.account.reserved.delete(item)) return;
    this.items--;
    this.weigh(item, '-');
  }

  /** What has left the window is dropped. */
  private expire(account: Account, now: number): void {
    const { spec, counted } = account;
    if (spec.window === null) return;
    const last = spec.fixed ? Math.floor(now / spec.window) * spec.window - 1 : now - spec.window;
    while (account.head < counted.length && ((counted[account.head] as Item).time as number) <= last) {
      this.weigh(counted[account.head] as Item, '-');
      account.head++;
      account.tip = null;
      this.items--;
    }
    if (account.head > 64 && account.head * 2 > counted.length) {
      account.counted = counted.slice(account.head);
      account.head = 0;
    }
  }

  private value(account: Account | undefined, now: number, own: Hold | null): Json | undefined {
    if (account === undefined) return 0;
    this.expire(account, now);
    const mine = (own?.items ?? []).filter((item) => item.account === account && counts(item, now));
    if (account.unknown > mine.filter((item) => item.amount === null).length) return undefined;
    if (decays(account.spec)) return this.decayed(account, now, new Set(mine));
    const sum = mine.reduce(
      (left, { amount }) => (amount === null ? left : plus(left, amount, '-')),
      account.sum,
    );
    return capped(account.spec, sum);
  }

  private decayed(account: Account, now: number, mine: ReadonlySet<Item>): number {
    const { spec, base } = account;
    const counted = (): readonly Item[] => account.counted.slice(account.head);
    const after = (standing: Standing, items: readonly Item[]): Standing =>
      items.reduce((so, item) => addTo(spec, so, item, item.time ?? now), standing);
    if (mine.size === 0) {
      account.tip ??= after(base, counted());
      return fallen(spec, after(account.tip, [...account.reserved]), now).value;
    }
    const others = [...counted(), ...account.reserved].filter((item) => !mine.has(item));
    return fallen(spec, after(base, others), now).value;
  }

  private foldBase(account: Account): void {
    const keep = account.counted.length - FOLD_AT / 4;
    const folded = account.counted.slice(account.head, keep);
    // An unknown of a session stays unknown for all of it, so it need not be kept.
    account.base = folded.reduce(
      (standing, item) => addTo(account.spec, standing, item, item.time as number),
      account.base,
    );
    this.items -= folded.length;
    account.counted = account.counted.slice(keep);
    account.head = 0;
  }

  /** Sweeps each time that the size has doubled, and when it is full at most once a second: a full ledger stays quick. */
  private room(wanted: number, now: number, needed: boolean): boolean {
    const full = this.size() + wanted > this.capacity;
    const late = now - this.swept >= RESWEEP_MS;
    if (this.size() + wanted > this.sweepAt || (full && needed && late)) this.sweep(now);
    return this.size() + wanted <= this.capacity;
  }

  private sweep(now: number): void {
    const live = this.live?.() ?? null;
    for (const account of this.accounts.values()) {
      this.expire(account, now);
      if (account.reserved.size > 0) continue;
      const ended = account.session !== null && live !== null && !live.has(account.session);
      if (!ended && (account.spec.window === null || account.head < account.counted.length)) continue;
      this.items -= account.counted.length - account.head;
      this.accounts.delete(account.id);
    }
    this.sweepAt = Math.max(SWEEP_AT, this.size() * 2);
    this.swept = now;
  }
}

function accountOf(spec: MeasureSpec, key: readonly string[]): Account {
  const session = spec.window === null ? (key[spec.keys.indexOf('session')] ?? null) : null;
  const reserved = new Set<Item>();
  const id = idOf(spec.name, key);
  return { id, spec, session, counted: [], head: 0, reserved, sum: 0, unknown: 0, base: NOTHING, tip: null };
}

function indexIn<T>(known: Map<T, number>, one: T): number {
  const index = known.get(one) ?? known.size;
  known.set(one, index);
  return index;
}
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const plain = (value: Num): number | string => (typeof value === 'number' ? value : decimalText(value));
const numberOf = (value: number | string): Num => {
  const found = typeof value === 'number' ? value : decimal(value);
  if (found === null || found === undefined) throw new RangeError('an amount is not a number');
  return found;
};

const idOf = (name: string, key: readonly string[]): string => JSON.stringify([name, ...key]);
const ages = (spec: MeasureSpec): boolean => spec.window !== null;
const MOST_TURNS = 64;

/** When what was counted leaves the window. */
function turnsOf(account: Account, now: number): readonly number[] {
  const { spec, counted, head } = account;
  const { window, fixed } = spec;
  const leaving =
    window === null
      ? []
      : fixed
        ? [(Math.floor(now / window) + 1) * window]
        : counted.slice(head, head + MOST_TURNS).flatMap(({ time }) => {
            const at = (time ?? 0) + window;
            return time === null || at <= now ? [] : [at];
          });
  // What has left the window changes from when on the decay ticks.
  return spec.decay === null
    ? leaving
    : [now, ...leaving].flatMap((at) => [at, ...ticksOf(account, at)]).slice(1);
}

/** When a score falls, if nothing leaves the window before. */
function ticksOf(account: Account, now: number): readonly number[] {
  const { decay } = account.spec;
  const { value, from } = decayedTo(account, now);
  if (decay === null || value <= 0) return [];
  const [amount, per] = decay;
  const first = Math.max(1, Math.floor((now - from) / per) + 1);
  const last = Math.min(Math.ceil(value / amount), first + MOST_TURNS);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => from + (first + i) * per);
}

function decayedTo(account: Account, at: number): Standing {
  const { spec, counted, head, reserved, base } = account;
  return [...counted.slice(head), ...reserved]
    .filter((item) => counts(item, at))
    .reduce((standing, item) => addTo(spec, standing, item, item.time ?? at), base);
}

/** What an account stands at later, if nothing is added and nothing let go of. */
function standing(account: Account | undefined, at: number): Json | undefined {
  if (account === undefined) return 0;
  const { spec, counted, head, reserved, sum, unknown } = account;
  // Of what never leaves, the sum is all that is kept.
  if (spec.window === null && unknown > 0) return undefined;
  if (spec.window === null && !decays(spec)) return capped(spec, sum);
  const left = [...counted.slice(head), ...reserved].filter((item) => counts(item, at));
  if (left.some(({ amount }) => amount === null)) return undefined;
  if (decays(spec)) return fallen(spec, decayedTo(account, at), at).value;
  return capped(
    spec,
    left.reduce<Num>((sum, { amount }) => plus(sum, amount ?? 0, '+'), 0),
  );
}

const decays = (spec: MeasureSpec): boolean => spec.decay !== null;

/** Is the item in the window, or reserved? */
function counts(item: Item, now: number): boolean {
  const { account, time } = item;
  const { window, fixed } = account.spec;
  if (time === null) return account.reserved.has(item);
  if (window === null) return true;
  return fixed ? time >= Math.floor(now / window) * window : time > now - window;
}

function plus(a: Num, b: Num, sign: '+' | '-'): Num {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = sign === '+' ? a + b : a - b;
    if (Number.isSafeInteger(a) && Number.isSafeInteger(b) && Number.isSafeInteger(sum)) return sum;
  }
  const sum = arith(sign, a, b);
  if (sum === undefined) throw new RangeError('a sum has more digits than can be kept');
  return sum;
}

/** The number that JSON writes; undefined where no double is this decimal. */
function capped({ cap }: MeasureSpec, sum: Num): number | undefined {
  const value = cap !== null && compareNumbers(sum, cap) > 0 ? cap : sum;
  if (typeof value === 'number') return value;
  const double = Number(decimalText(value));
  return Number.isFinite(double) && compareNumbers(double, value) === 0 ? double : undefined;
}

/** Decay takes its amount off at each whole period since the score last rose from zero. */
function fallen({ decay }: MeasureSpec, { value, from }: Standing, now: number): Standing {
  if (decay === null || value === 0) return { value, from };
  const [amount, per] = decay;
  const ticks = Math.max(0, Math.floor((now - from) / per));
  return { value: Math.max(0, value - ticks * amount), from: from + ticks * per };
}

function addTo(spec: MeasureSpec, standing: Standing, { amount }: Item, time: number): Standing {
  const before = fallen(spec, standing, time);
  const value = before.value + (typeof amount === 'number' ? amount : 0);
  return { value: Math.min(spec.cap ?? value, value), from: before.value === 0 ? time : before.from };
}
