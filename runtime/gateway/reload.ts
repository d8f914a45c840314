// SPDX-License-Identifier: Apache-2.0
/**
 * Puts another policy and other pins in force while the gateway runs. Both are read and tried first; then one tick swaps them, so that a call
 * is decided by the old or by the new, never by parts of both. What cannot be used changes nothing and is an alarm.
 */
import type { Limits, LocalLimits } from '../decide/limits.js';
import { localLimits } from '../decide/limits.js';
import type { LoadedPolicy } from '../decide/load.js';
import type { ReceiptLog } from '../log/types.js';
import { canonical, type JsonValue } from '../verify/format/canonical.js';
import type { ActivePolicy, Catalog, Gate } from './gate.js';
import { StartRefused } from './start.js';
import { tellChanged } from './views.js';

/** Where the policy comes from: compiled or loaded anew at each call; rejects with what is wrong with it. */
export type PolicySource = () => Promise<LoadedPolicy>;

export interface Reloaded {
  /** Of the policy: pins are always read again. */
  readonly changed: boolean;
  readonly policy: { readonly name: string; readonly version: string; readonly source: string };
}

export interface Reloader {
  /** Rejects with `StartRefused` (and has alarmed) when the old stays in force. One at a time, in order. */
  reload(): Promise<Reloaded>;
  /** Reloads that failed, and activations after the first. */
  readonly counts: { refused: number; activated: number };
}

export interface ReloadParts {
  readonly gate: Gate;
  readonly source: PolicySource | null;
  readonly pins: () => Catalog;
  readonly activate: (policy: LoadedPolicy) => Promise<ActivePolicy>;
  /** Takes effect at once. */
  readonly swap: (next: { readonly catalog: Catalog; readonly active: ActivePolicy | null }) => void;
  readonly limits: SwappableLimits;
}

export function createReloader(parts: ReloadParts): Reloader {
  const counts = { refused: 0, activated: 0 };
  let last: Promise<unknown> = Promise.resolve();
  const once = async (): Promise<Reloaded> => {
    try {
      return await reloadNow(parts, counts);
    } catch (error) {
      counts.refused++;
      const { gate } = parts;
      const why = error instanceof Error ? error.message : String(error);
      gate.say(`ALARM: the change was not put in force, the old policy stays: ${why}`);
      void gate.floods.record('reload_refused', 'operator', why);
      const help =
        (error as { readonly help?: string | null }).help ??
        'correct it; the old policy stays in force until then';
      throw error instanceof StartRefused ? error : new StartRefused(why, help);
    }
  };
  return {
    counts,
    reload: () => {
      const next = last.then(once, once);
      last = next.catch(() => undefined);
      return next;
    },
  };
}

async function reloadNow(parts: ReloadParts, counts: Reloader['counts']): Promise<Reloaded> {
  const { gate, source, limits } = parts;
  const loaded = await source?.();
  const catalog = parts.pins();
  const { ref } = gate.policy();
  const same =
    loaded === undefined || (loaded.manifest.source === ref.source && loaded.manifest.module === ref.module);
  if (same) {
    await tellChanged(gate, () => parts.swap({ catalog, active: null }));
    return { changed: false, policy: { name: ref.name, version: ref.version, source: ref.source } };
  }
  tryOnce(loaded);
  const measured = await limits.prepare(loaded.module.measures ?? [], gate.log);
  const active = await parts.activate(loaded);
  await tellChanged(gate, () => {
    measured();
    parts.swap({ catalog, active });
  });
  counts.activated++;
  gate.say(
    `policy ${active.ref.name} ${active.ref.version} (${active.ref.source.slice(0, 19)}…) is in force`,
  );
  return {
    changed: true,
    policy: { name: active.ref.name, version: active.ref.version, source: active.ref.source },
  };
}

/** A module that cannot answer at all must not come into force. */
function tryOnce({ module }: LoadedPolicy): void {
  const intent = { kind: 'tool', server: 'sepal', name: 'sepal self-test', args: {} } as const;
  const subject = { principal: 'service:sepal-self-test', roles: [], user: null, userRoles: [], session: '' };
  const { effect } = module.decide({ ...subject, intent }, Object.create(null), 'call');
  if (!['allow', 'review', 'deny'].includes(effect)) throw new Error('the policy gives no decision');
}

/** Limits that follow the measures of the policy in force. */
export interface SwappableLimits extends Limits {
  /** Counts the log by other measures; the function that it resolves with puts them in force. */
  prepare(
    measures: Parameters<typeof localLimits>[0],
    log: Pick<ReceiptLog, 'entries' | 'head'>,
  ): Promise<() => void>;
}

const LATE_MS = 500;
const LATE_ROUNDS = 10;

export function swappableLimits(
  first: LocalLimits,
  measures: Parameters<typeof localLimits>[0],
  live: () => ReadonlySet<string>,
): SwappableLimits {
  let [limits, current] = [first, keyOf(measures)];
  return {
    reserve: (question, decide) => limits.reserve(question, decide),
    end: (call, at) => limits.end(call, at),
    later: (reads, now) => limits.later?.(reads, now) ?? [],
    async prepare(next, log) {
      const wanted = keyOf(next);
      if (wanted === current) return () => undefined;
      const counted = localLimits(next, { live });
      let from = 0;
      const read = async (): Promise<void> => {
        for await (const entry of log.entries(from)) {
          counted.observe(entry);
          from = entry.body.seq + 1;
        }
      };
      while (from < log.head().size) await read();
      return () => {
        [limits, current] = [counted, wanted];
        void followLate(counted, from, log);
      };
    },
  };
}

const keyOf = (measures: Parameters<typeof localLimits>[0]): string =>
  canonical(JSON.parse(JSON.stringify(measures)) as JsonValue);

/** Calls that were decided by the old policy and written down after the swap count too. New ones count as they are decided. */
async function followLate(
  counted: LocalLimits,
  first: number,
  log: Pick<ReceiptLog, 'entries'>,
): Promise<void> {
  let from = first;
  let activation: string | null = null;
  for (let round = 0; round < LATE_ROUNDS; round++) {
    await new Promise((resolve) => setTimeout(resolve, LATE_MS).unref());
    for await (const entry of log.entries(from)) {
      from = entry.body.seq + 1;
      if (entry.body.type === 'policy') activation = entry.leaf;
      else if (entry.body.type === 'outcome' || entry.body.policy?.activation !== activation)
        counted.observe(entry);
    }
  }
}
