// SPDX-License-Identifier: Apache-2.0
/** What the gateway knows of earlier: limits, sessions and reviews, read from the newest snapshot and the entries after it. */
import type { MeasureSpec } from '../../stdlib/abi.js';
import { OpenReviews, type ReviewState } from '../approvals/open-reviews.js';
import type { Approvals } from '../approvals/types.js';
import { type LocalLimits, localLimits } from '../decide/limits.js';
import { Sessions } from '../decide/sessions.js';
import { Switches } from './switches.js';
import type { Folds } from '../log/snapshot.js';
import type { ReceiptLog } from '../log/types.js';

export interface Known {
  readonly limits: LocalLimits;
  readonly sessions: Sessions;
  readonly approvals: Approvals;
  readonly switches: Switches;
}

/**
 * Feeds the log to what folds it, before the first call; and keeps copies that know the log alone, never what is under way, in step with it
 * for the next snapshots. State of other measures, or of another release, is not taken up: then the log is read whole.
 */
export async function readLog(
  log: Pick<ReceiptLog, 'entries' | 'snapshotState' | 'keep'>,
  known: Known,
  measures: readonly MeasureSpec[],
  say: (line: string) => void,
): Promise<void> {
  const { limits, sessions, approvals, switches } = known;
  const reviews = new OpenReviews();
  const still = { wall: () => 0, monotonic: () => 0 };
  const folds: Folds = {
    limits: localLimits(measures),
    sessions: new Sessions({ idleMs: 0, ...still }),
    reviews,
    switches: new Switches(),
  };
  const saved = log.snapshotState?.() ?? null;
  const strange = Object.entries(folds).find(([name, fold]) => saved?.folds[name]?.kind !== fold.kind);
  let next = 0;
  if (saved !== null && strange === undefined) {
    for (const [name, fold] of Object.entries(folds)) fold.load(saved.folds[name]?.state ?? null);
    limits.load(saved.folds['limits']?.state ?? null);
    sessions.load(saved.folds['sessions']?.state ?? null);
    switches.load(saved.folds['switches']?.state ?? null);
    approvals.load(saved.folds['reviews']?.state as unknown as ReviewState);
    next = saved.size;
  } else if (saved !== null) {
    say(`the log was read whole: the snapshot holds other ${strange?.[0] ?? 'state'} than this policy has`);
  }
  for await (const entry of log.entries(next)) {
    limits.observe(entry);
    sessions.observe(entry);
    switches.observe(entry);
    approvals.observe(entry);
    for (const fold of Object.values(folds)) fold.observe(entry);
    next = entry.body.seq + 1;
  }
  await log.keep?.(folds, next);
}
