// SPDX-License-Identifier: Apache-2.0
/** The moments at which a schedule may turn: between two of them it answers the same, so these stand for all moments. */
import type { ScheduleIr } from '../ir.js';

const DAY = 86_400_000;
const MINUTE = 60_000;
/** From here on every day is looked at; before, none is: decisions are made from now on. */
const FROM = Date.UTC(2024, 0, 1);

/** Of several schedules together: where one turns, the others are looked at too. */
export function edges(schedules: readonly ScheduleIr[]): readonly number[] {
  const found = new Set<number>([FROM]);
  const offsets = new Set<number>();
  const turns = new Set<number>();
  const days = new Set<number>();
  for (const { windows, at, offsets: all, until, except } of schedules) {
    const end = until * 1000;
    found.add(end);
    for (const second of at) if (second * 1000 >= FROM) found.add(second * 1000);
    for (const [i, offset] of all.entries()) if ((at[i + 1] ?? until) * 1000 >= FROM) offsets.add(offset);
    for (const { from, to } of windows) turns.add(from).add(to);
    // Weeks are alike but for changes of the offset and excepted days: the days around each of those are enough.
    for (const moment of [FROM, ...at.map((s) => s * 1000), ...except.map((day) => day * DAY), end]) {
      if (moment < FROM || moment > end) continue;
      const day = Math.floor(moment / DAY);
      for (let k = -9; k <= 9; k++) days.add(day + k);
    }
  }
  for (const day of days) {
    for (const minutes of turns) {
      for (const offset of offsets) found.add(day * DAY + minutes * MINUTE - offset * 1000);
    }
  }
  return [...found].sort((a, b) => a - b);
}
