// SPDX-License-Identifier: Apache-2.0
/** Keeps the hops of one server: started on first use, one per principal unless shared, restarted with back-off, stopped when idle. */
import type { ServerConfig } from '../../config.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import { NotSent } from './channel.js';
import { type Hop, type HopEvents, openHop } from './hop.js';
import { openHttp, openPool } from './http.js';
import { openStdio } from './stdio.js';

export interface UpstreamEvents {
  asked(server: string, key: string, method: string, params: unknown): void;
  logged(server: string, key: string, params: string, level: string): void;
  /** The live definitions, at each start and after each `list_changed`. */
  listed(server: string, key: string, tools: readonly JsonObject[]): void;
  /** For the operator's log: a start that failed, an end that was not asked for. */
  trouble(server: string, message: string): void;
}

export interface Upstream {
  readonly server: string;
  readonly config: ServerConfig;
  /** A live hop for this principal; rejects with `NotSent` and why. `key` is '' for a shared server. */
  hop(principal: string): Promise<Hop>;
  /** The hop that already runs, if any. */
  running(principal: string): Hop | null;
  key(principal: string): string;
  close(): Promise<void>;
}

export interface SuperviseOptions {
  readonly version: string;
  readonly env: { readonly [name: string]: string | undefined };
  readonly now: () => number;
  readonly events: UpstreamEvents;
}

interface Slot {
  hop: Promise<Hop> | null;
  live: Hop | null;
  used: number;
  failures: number;
  notBefore: number;
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 30_000;
/** A wait shorter than this is waited for; a longer one is refused with the time that is left. */
const PATIENCE_MS = 1000;
const STEADY_MS = 10_000;

/** Nothing starts before the first `hop`. */
export function supervise(server: string, config: ServerConfig, options: SuperviseOptions): Upstream {
  const slots = new Map<string, Slot>();
  const pool = config.kind === 'http' ? openPool(config) : null;
  const key = (principal: string): string => (config.perPrincipal ? principal : '');
  let closed = false;

  const openOne = async (slotKey: string, slot: Slot): Promise<Hop> => {
    const born = options.now();
    let opened: Hop | null = null;
    const relist = (): void => {
      opened?.tools().then(
        (tools) => options.events.listed(server, slotKey, tools),
        (error: unknown) => options.events.listed(server, slotKey, unlistable(error, server, options)),
      );
    };
    const events: HopEvents = {
      asked: (method, params) => options.events.asked(server, slotKey, method, params),
      logged: (params, level) => options.events.logged(server, slotKey, params, level),
      listChanged: relist,
      closed: (why) => {
        if (slot.live === null) return;
        slot.live = null;
        slot.hop = null;
        if (why === 'closed') return;
        fail(slot, options.now() - born > STEADY_MS, options.now());
        options.events.trouble(server, why);
      },
    };
    const hop = await openHop(
      (channel) =>
        config.kind === 'stdio'
          ? openStdio(config, options.env, channel)
          : openHttp(config, pool ?? openPool(config), channel),
      options.version,
      events,
    );
    opened = hop;
    try {
      options.events.listed(server, slotKey, await hop.tools());
    } catch (error) {
      await hop.close();
      throw error;
    }
    return hop;
  };

  const start = async (slotKey: string, slot: Slot): Promise<Hop> => {
    const wait = slot.notBefore - options.now();
    if (wait > PATIENCE_MS)
      throw new NotSent(
        `the server \`${server}\` is being restarted; try again in ${Math.ceil(wait / 1000)} s`,
      );
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    if (closed) throw new NotSent('the gateway is stopping');
    try {
      const hop = await openOne(slotKey, slot);
      if (!hop.alive()) throw new NotSent('it ended right after its start');
      slot.live = hop;
      return hop;
    } catch (error) {
      slot.hop = null;
      fail(slot, false, options.now());
      const why = error instanceof Error ? error.message : String(error);
      options.events.trouble(server, why);
      throw new NotSent(`the server \`${server}\` cannot be used: ${why}`, { cause: error });
    }
  };

  const room = (): void => {
    const used = [...slots.values()].filter((slot) => slot.hop !== null).length;
    if (used >= config.maxProcesses) {
      throw new NotSent(
        `the server \`${server}\` already runs ${used} times, its limit (\`maxProcesses\`); try again later`,
      );
    }
  };

  const sweep = setInterval(
    () => {
      for (const [slotKey, slot] of slots) {
        const idle = options.now() - slot.used > config.idleMs;
        if (slot.live !== null && idle && slot.live.running() === 0) void slot.live.close();
        else if (slot.hop === null && idle && slot.notBefore < options.now()) slots.delete(slotKey);
      }
    },
    Math.min(config.idleMs, 15_000),
  );
  sweep.unref();

  return {
    server,
    config,
    key,
    running: (principal) => slots.get(key(principal))?.live ?? null,
    hop: async (principal) => {
      if (closed) throw new NotSent('the gateway is stopping');
      const slotKey = key(principal);
      const slot = slots.get(slotKey) ?? { hop: null, live: null, used: 0, failures: 0, notBefore: 0 };
      if (slot.hop === null) {
        room();
        slots.set(slotKey, slot);
        slot.hop = start(slotKey, slot);
      }
      slot.used = options.now();
      return slot.hop;
    },
    close: async () => {
      closed = true;
      clearInterval(sweep);
      const hops = [...slots.values()].map((slot) =>
        Promise.resolve(slot.hop)
          .then((hop) => hop?.close())
          .catch(() => undefined),
      );
      await Promise.all(hops);
      await pool?.close().catch(() => undefined);
    },
  };
}

/** The next start waits longer after each failure; a long life forgives the ones before. */
function fail(slot: Slot, steady: boolean, now: number): void {
  slot.failures = steady ? 1 : slot.failures + 1;
  slot.notBefore = now + Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (slot.failures - 1));
}

/** A list that cannot be read is an empty one: every pinned tool counts as changed. */
function unlistable(error: unknown, server: string, options: SuperviseOptions): readonly JsonObject[] {
  options.events.trouble(server, error instanceof Error ? error.message : String(error));
  return [];
}
