// SPDX-License-Identifier: Apache-2.0
/** The offsets of a time zone, from the zone data of this runtime, so that a compiled policy asks none. */

/** `at[i]` is the second since 1970 from which the zone is `offsets[i]` seconds east of UTC. */
export interface ZoneOffsets {
  readonly at: readonly number[];
  readonly offsets: readonly number[];
  readonly until: number;
}

/** The years whose offsets are compiled in; outside of them an instant is unknown. */
const FROM = Date.UTC(2010, 0, 1) / 1000;
const UNTIL = Date.UTC(2041, 0, 1) / 1000;
/** No zone changes its offset there and back within this (a test looks at every day of all zones). */
const STEP = 21 * 86_400;

const known = new Map<string, ZoneOffsets | null>();

/** Null when there is no such zone. Offsets such as `+02:00` are no zones. */
export function zoneOffsets(zone: string): ZoneOffsets | null {
  const before = known.get(zone);
  if (before !== undefined) return before;
  const clock = clockOf(zone);
  const found = clock === null ? null : scan(clock);
  known.set(zone, found);
  return found;
}

/** Every zone name of this runtime, for a did-you-mean. */
export const zoneNames = (): readonly string[] => [...Intl.supportedValuesOf('timeZone'), 'UTC'];

type Clock = (seconds: number) => number;

function clockOf(zone: string): Clock | null {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(zone)) return null;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return null;
  }
  return (seconds) => {
    const part: { [type: string]: number } = {};
    for (const { type, value } of format.formatToParts(seconds * 1000)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - seconds;
  };
}

function scan(offsetAt: Clock): ZoneOffsets {
  const at = [FROM];
  const offsets = [offsetAt(FROM)];
  for (let from = FROM; from < UNTIL; from += STEP) {
    const to = Math.min(from + STEP, UNTIL - 1);
    const [before, after] = [offsets.at(-1) as number, offsetAt(to)];
    if (before === after) continue;
    at.push(changeBetween(offsetAt, from, to, before));
    offsets.push(after);
  }
  return { at, offsets, until: UNTIL };
}

/** The first second with another offset than `before`, by halving. */
function changeBetween(offsetAt: Clock, from: number, to: number, before: number): number {
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}
