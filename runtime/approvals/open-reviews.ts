// SPDX-License-Identifier: Apache-2.0
/**
 * The reviews that are open at some place of the log, for snapshots: the entries that make them, as they stand in the log, so that the
 * store of parked calls takes them up as if it had read them; and how the last ones ended.
 */
import type { Fold } from '../log/snapshot.js';
import type { StoredEntry } from '../log/types.js';
import type { JsonValue } from '../verify/format/canonical.js';
import { type End, endedReview, endOf, readQuestion, REMEMBERED } from './fold.js';

export interface ReviewState {
  /** Milliseconds since 1970 of the last entry. */
  readonly newest: number;
  readonly entries: readonly StoredEntry[];
  readonly ended: readonly (readonly [string, End])[];
}

interface Open {
  readonly id: string;
  readonly expires: string;
  readonly entries: StoredEntry[];
}

/** Feed it every entry, in order. */
export class OpenReviews implements Fold {
  readonly kind = 'sepal.dev/reviews/v1';
  private newest = 0;
  /** By leaf of the decide entry. */
  private readonly open = new Map<string, Open>();
  private readonly ended = new Map<string, End>();

  observe(entry: StoredEntry): void {
    const { body, leaf } = entry;
    this.newest = Math.max(this.newest, Date.parse(body.time));
    const question = readQuestion(body, { log: body.log, seq: body.seq, leaf, time: body.time });
    if (question !== null) {
      this.open.set(leaf, { id: question.id, expires: question.expires, entries: [entry] });
      return;
    }
    const ending = endedReview(body);
    const review = ending ?? (body.type === 'approve' ? (body.refs?.decide ?? null) : null);
    const open = review === null ? undefined : this.open.get(review);
    if (review === null || open === undefined) return;
    if (body.approval !== undefined) open.entries.push(entry);
    else this.end(review, open, endOf(body, open));
  }

  private end(leaf: string, { id }: Open, end: End): void {
    this.open.delete(leaf);
    this.ended.set(id, end);
    if (this.ended.size <= REMEMBERED) return;
    const oldest = this.ended.keys().next();
    if (oldest.done !== true) this.ended.delete(oldest.value);
  }

  state(): ReviewState {
    const entries = [...this.open.values()].flatMap((open) => open.entries);
    entries.sort((a, b) => a.body.seq - b.body.seq);
    return { newest: this.newest, entries, ended: [...this.ended] };
  }

  save(): JsonValue {
    return this.state() as unknown as JsonValue;
  }

  load(state: JsonValue): void {
    const { newest, entries, ended } = state as unknown as ReviewState;
    for (const entry of entries) this.observe(entry);
    for (const [id, end] of ended) this.ended.set(id, end);
    this.newest = newest;
  }
}
