// SPDX-License-Identifier: Apache-2.0
/** `now within NAME`: an instant read on the wall clock of a zone, whose offsets are compiled in; no zone data is asked at run time. */
import type { Kleene } from './values.js';

/** Days as bits (1 is Monday), then the minutes of the day at which it opens and closes; one that closes first ends the next day. */
export type Window = readonly [days: number, from: number, to: number];

export interface Schedule {
  readonly windows: readonly Window[];
  /** Days on which no window opens, as days since 1970-01-01. */
  readonly except: ReadonlySet<number>;
  /** Seconds since 1970 from which each of `offsets` (seconds east of UTC) holds; ascending. Before the first: unknown. */
  readonly at: readonly number[];
  readonly offsets: readonly number[];
  /** From here on the offsets are not known. */
  readonly until: number;
}

export const schedule = (
  windows: readonly Window[],
  except: readonly number[],
  at: readonly number[],
  offsets: readonly number[],
  until: number,
): Schedule => ({ windows, except: new Set(except), at, offsets, until });

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Milliseconds since 1970 of an RFC 3339 instant in UTC; undefined for any other text, 30 February among them. */
export function instantMs(text: string): number | undefined {
  if (!INSTANT.test(text)) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== text.slice(0, 19)) return undefined;
  return ms;
}

/** Is the instant inside a window of the schedule? Half-open: inside when a window opens, outside when it closes. */
export function within(instant: string | undefined, at: Schedule): Kleene {
  const ms = instant === undefined ? undefined : instantMs(instant);
  const offset = ms === undefined ? undefined : offsetAt(at, ms / 1000);
  if (ms === undefined || offset === undefined) return 1;
  const local = ms + offset * 1000;
  const day = Math.floor(local / DAY_MS);
  const minute = Math.floor((local - day * DAY_MS) / MINUTE_MS);
  return at.windows.some((window) => isInside(at, window, day, minute)) ? 2 : 0;
}

function isInside(at: Schedule, [days, from, to]: Window, day: number, minute: number): boolean {
  if (from < to) return minute >= from && minute < to && opens(at, days, day);
  return (minute >= from && opens(at, days, day)) || (minute < to && opens(at, days, day - 1));
}

/** 1970-01-01 was a Thursday. */
function opens(at: Schedule, days: number, day: number): boolean {
  const weekday = (((day + 3) % 7) + 7) % 7;
  return (days & (1 << weekday)) !== 0 && !at.except.has(day);
}

function offsetAt({ at, offsets, until }: Schedule, seconds: number): number | undefined {
  if (seconds >= until || seconds < (at[0] ?? until)) return undefined;
  let [low, high] = [0, at.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((at[middle] as number) <= seconds) low = middle;
    else high = middle;
  }
  return offsets[low];
}
