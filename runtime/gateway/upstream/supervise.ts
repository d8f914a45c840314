// SPDX-License-Identifier: Apache-2.0
/** Keeps the hops of one server: started on first use, one per principal unless shared, restarted with back-off, stopped when idle. */
import type { ServerConfig } from '../../config.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import type { HeardLarge } from '../large/service.js';
import { withoutPlace } from '../caller.js';
import type { PinKind } from '../pins.js';
import { NotSent, type Said, troubleOf } from './channel.js';
import type { Company } from './company.js';
import type { Asking, HopEvents } from './exchange.js';
import { type Era, type Hop, openHop } from './hop.js';
import { openHttp } from './http.js';
import { openReach, type Reach } from './reach.js';
import { openStdio } from './stdio.js';

export interface UpstreamEvents {
  /** Reads a large message elsewhere. */
  readonly read?: (body: Said) => Promise<HeardLarge>;
  asked(server: string, key: string, question: Asking): void;
  logged(server: string, key: string, params: string, level: string, owner: object | null): void;
  /** The live definitions of a kind, at each start and after each `list_changed`. */
  listed(server: string, key: string, kind: PinKind, definitions: readonly JsonObject[]): void;
  resourcesChanged(server: string, key: string): void;
  resourceUpdated(server: string, key: string, params: { readonly uri: string; readonly raw: string }): void;
  /** A hop has begun, for calls or to be listened to. */
  started(server: string, key: string, hop: Hop): void;
  /** It has ended without being asked to. */
  ended(server: string, key: string): void;
  /** Does anybody listen to what it says between calls? Then it does not end for idleness. */
  listened(server: string, key: string): boolean;
  /** It said something that has no place; it is dropped and counted. */
  noise(server: string, why: string): void;
  /** For the operator's log: a start that failed, an end that was not asked for. */
  trouble(server: string, message: string): void;
}

export interface Upstream {
  readonly server: string;
  readonly config: ServerConfig;
  /**
   * A live hop for this principal; rejects with `NotSent` and why. Where one has to be started, its server is told that the client can do
   * `abilities`, and asked first whether it speaks the era that is wanted. Over HTTP each era has a hop of its own; a process has one era.
   */
  hop(principal: string, abilities?: JsonObject, want?: Era): Promise<Hop>;
  /** The hop that already runs, if any. */
  running(principal: string): Hop | null;
  /** Whose process serves this principal; '' where all share one. */
  key(principal: string): string;
  /** A session of a client is over: a process of its own ends with it. */
  leave(principal: string): void;
  /** Processes, or sessions, that are live now. */
  live(): number;
  close(): Promise<void>;
}

export interface SuperviseOptions {
  readonly version: string;
  readonly env: { readonly [name: string]: string | undefined };
  readonly now: () => number;
  readonly events: UpstreamEvents;
  /** Who is called, of all servers together. */
  readonly company: Company;
}

interface Slot {
  /** Whose it is. */
  readonly key: string;
  hop: Promise<Hop> | null;
  live: Hop | null;
  used: number;
  /** When the live definitions were read last. */
  listed: number;
  /** The server has reported changed lists, and they have not been read again yet. */
  changing: { begun: boolean; readonly done: Promise<void> } | null;
  /** How long to wait before they are read again. */
  gap: number;
  failures: number;
  notBefore: number;
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 30_000;
/** A wait shorter than this is waited for; a longer one is refused with the time that is left. */
const PATIENCE_MS = 1000;
const STEADY_MS = 10_000;
const SWEEP_MS = 15_000;
/** HTTP servers may change without a word (we keep no stream open to them): while in use, their list is read this often. */
const RELIST_MS = 60_000;
const RELIST_GAP_MS = 200;
/** Between two readings passes so many times what the last one took: long lists that change without end cost little, too. */
const RELIST_GAP_TIMES = 10;
const MAX_GAP_MS = 10_000;

const SLOWED = {
  unasked: 'it says so much without being asked that it is read slowly (`share`); others are not',
  large: 'its answers are so large that it is read slowly (`share`) while others are called',
};

/** What all functions here share: one server and its slots. */
interface Keeper {
  readonly server: string;
  readonly config: ServerConfig;
  readonly options: SuperviseOptions;
  readonly slots: Map<string, Slot>;
  readonly reach: Reach | null;
  /** The one era that the server was found to speak; null while that is not known. */
  only: Era | null;
  /** Calls that it works on, or that wait for its start. */
  working: number;
  closed: boolean;
}

/** Nothing starts before the first `hop`. */
export function supervise(server: string, config: ServerConfig, options: SuperviseOptions): Upstream {
  const reach = config.kind === 'http' ? openReach(config) : null;
  const keeper: Keeper = {
    server,
    config,
    options,
    slots: new Map(),
    reach,
    only: null,
    working: 0,
    closed: false,
  };
  const key = (principal: string): string => {
    if (!config.perPrincipal) return '';
    return config.perSession ? principal : withoutPlace(principal);
  };
  const timer = setInterval(() => sweep(keeper), Math.min(config.idleMs, SWEEP_MS));
  timer.unref();
  return {
    server,
    config,
    key,
    running: (principal) => keeper.slots.get(place(key(principal), 'legacy'))?.live ?? null,
    hop: (principal, abilities = {}, want = 'legacy') =>
      within(keeper, () =>
        take(keeper, key(principal), { abilities: config.perPrincipal ? abilities : {}, want }),
      ),
    leave: (principal) => {
      if (!config.perPrincipal || !config.perSession || withoutPlace(principal) === principal) return;
      for (const [at, slot] of keeper.slots) {
        if (slot.key !== principal) continue;
        keeper.slots.delete(at);
        void slot.hop?.then((hop) => hop.close()).catch(() => undefined);
      }
    },
    live: () => [...keeper.slots.values()].filter((slot) => slot.live !== null).length,
    close: async () => {
      keeper.closed = true;
      clearInterval(timer);
      const hops = [...keeper.slots.values()].map(async ({ hop }) => (await hop?.catch(() => null))?.close());
      await Promise.allSettled(hops);
      await reach?.pool.close().catch(() => undefined);
    },
  };
}

/** Counts what waits for this server: a slow one holds no more than its part of what the gateway takes at a time. */
async function within<T>(keeper: Keeper, work: () => Promise<T>): Promise<T> {
  const { server, config } = keeper;
  if (keeper.working >= config.maxInFlight)
    throw new NotSent(
      `the server \`${server}\` already works on ${keeper.working} calls, its limit (\`maxInFlight\`)`,
    );
  keeper.working++;
  try {
    return await work();
  } finally {
    keeper.working--;
  }
}

/** What has to be known to start a hop. */
interface Start {
  readonly abilities: JsonObject;
  readonly want: Era;
}

const place = (key: string, era: Era): string => `${era} ${key}`;

async function take(keeper: Keeper, key: string, { abilities, want }: Start): Promise<Hop> {
  const { slots, options } = keeper;
  const own = place(key, keeper.config.kind === 'http' && keeper.only === null ? want : 'legacy');
  if (keeper.closed) throw new NotSent('the gateway is stopping');
  const slot = slots.get(own) ?? newSlot(key);
  slot.used = options.now();
  if (slot.hop === null) {
    const wait = slot.notBefore - options.now();
    if (wait > PATIENCE_MS) {
      const seconds = Math.ceil(wait / 1000);
      throw new NotSent(`the server \`${keeper.server}\` is being restarted; try again in ${seconds} s`);
    }
    room(keeper);
    slots.set(own, slot);
    slot.hop = start(keeper, key, slot, { wait, abilities, want });
  } else if (keeper.config.kind === 'http' && options.now() - slot.listed > RELIST_MS)
    void relist(keeper, key, slot);
  const hop = await slot.hop;
  // What a server has called changed is not called before it has been looked at.
  await slot.changing?.done;
  return hop;
}

const newSlot = (key: string): Slot => ({
  key,
  hop: null,
  live: null,
  used: 0,
  listed: 0,
  changing: null,
  gap: RELIST_GAP_MS,
  failures: 0,
  notBefore: 0,
});

function room({ server, config, slots }: Keeper): void {
  const used = [...slots.values()].filter((slot) => slot.hop !== null).length;
  if (used < config.maxProcesses) return;
  const limit = `already runs ${used} times, its limit (\`maxProcesses\`)`;
  throw new NotSent(`the server \`${server}\` ${limit}; try again later`);
}

async function start(
  keeper: Keeper,
  key: string,
  slot: Slot,
  { wait, ...from }: Start & { readonly wait: number },
): Promise<Hop> {
  const { server, options } = keeper;
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  try {
    if (keeper.closed) throw new NotSent('the gateway is stopping');
    const hop = await openOne(keeper, key, slot, from);
    if (!hop.alive()) throw new NotSent('it ended right after its start');
    slot.live = hop;
    options.events.started(server, key, hop);
    return hop;
  } catch (error) {
    slot.hop = null;
    // It may have been replaced by one that speaks another.
    keeper.only = null;
    fail(slot, false, options.now());
    options.events.trouble(server, troubleOf(error));
    const why = error instanceof Error ? error.message : String(error);
    throw new NotSent(`the server \`${server}\` cannot be used: ${why}`);
  }
}

/** Opens a hop and hands its definitions over before anyone can call through it. */
async function openOne(keeper: Keeper, key: string, slot: Slot, { abilities, want }: Start): Promise<Hop> {
  const { server, config, options, reach } = keeper;
  const { events, now, company } = options;
  const born = now();
  const own: HopEvents = {
    read: events.read,
    asked: (question) => events.asked(server, key, question),
    logged: (params, level, owner) => events.logged(server, key, params, level, owner),
    listChanged: () => changed(keeper, key, slot),
    resourcesChanged: () => events.resourcesChanged(server, key),
    resourceUpdated: (params) => events.resourceUpdated(server, key, params),
    noise: (why) => events.noise(server, why),
    others: () => company.others(slot),
    slowed: (why) => {
      events.noise(server, 'more than its share: it is read slowly');
      events.trouble(server, SLOWED[why]);
    },
    closed: (detail) => {
      const started = slot.live !== null;
      slot.live = null;
      if (started) slot.hop = null;
      if (detail === 'closed') return;
      if (started) events.ended(server, key);
      if (started) fail(slot, now() - born > STEADY_MS, now());
      events.trouble(server, detail);
    },
  };
  const opened = await openHop(
    (channel) =>
      config.kind === 'stdio'
        ? openStdio(config, options.env, channel)
        : openHttp(config, reach ?? openReach(config), channel),
    { version: options.version, events: own, abilities, want, known: keeper.only },
  );
  const hop: Hop = {
    ...opened,
    call: (intent, beside, options) => {
      company.called(slot);
      return within(keeper, () => opened.call(intent, beside, options));
    },
  };
  if (want !== hop.era) keeper.only = hop.era;
  try {
    slot.listed = now();
    events.listed(server, key, 'tool', await hop.tools());
    const prompts = await hop.prompts().catch((error: unknown) => unlistable(error, server, options));
    events.listed(server, key, 'prompt', prompts);
    return hop;
  } catch (error) {
    await hop.close();
    throw error;
  }
}

/** Reads the live definitions again; a server that cannot list any more has none that equal their pins. */
async function relist({ server, options }: Keeper, key: string, slot: Slot): Promise<void> {
  slot.listed = options.now();
  const { live } = slot;
  if (live === null) return;
  for (const [kind, list] of [
    ['tool', live.tools()],
    ['prompt', live.prompts()],
  ] as const) {
    const found = await list.catch((error: unknown) => unlistable(error, server, options));
    options.events.listed(server, key, kind, found);
  }
}

/** One reading at a time, one more behind it, not in a row: a server that reports changes without end slows only its own calls. */
function changed(keeper: Keeper, key: string, slot: Slot): void {
  if (slot.changing?.begun === false) return;
  const before = slot.changing?.done ?? Promise.resolve();
  const next = { begun: false, done: before.then(() => read()) };
  const read = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, slot.gap).unref());
    next.begun = true;
    const begun = performance.now();
    await relist(keeper, key, slot);
    const took = (performance.now() - begun) * RELIST_GAP_TIMES;
    slot.gap = Math.min(MAX_GAP_MS, Math.max(RELIST_GAP_MS, took));
    if (slot.changing === next) slot.changing = null;
  };
  slot.changing = next;
}

function sweep({ server, slots, config, options }: Keeper): void {
  for (const [at, slot] of slots) {
    const idle = options.now() - slot.used > config.idleMs;
    const wanted = idle && options.events.listened(server, slot.key);
    if (slot.live !== null && idle && !wanted && slot.live.running() === 0) void slot.live.close();
    else if (slot.hop === null && idle && slot.notBefore < options.now()) slots.delete(at);
  }
}

/** The next start waits longer after each failure; a long life forgives the ones before. */
function fail(slot: Slot, steady: boolean, now: number): void {
  slot.failures = steady ? 1 : slot.failures + 1;
  slot.notBefore = now + Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (slot.failures - 1));
}

/** A list that cannot be read is an empty one: everything pinned counts as missing. */
function unlistable(error: unknown, server: string, options: SuperviseOptions): readonly JsonObject[] {
  options.events.trouble(server, troubleOf(error));
  return [];
}
