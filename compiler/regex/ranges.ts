// SPDX-License-Identifier: Apache-2.0
/** Sets of code points: ascending ranges that do not touch. */
export type Ranges = readonly (readonly [low: number, high: number])[];

export const LAST = 0x10ffff;

export function ranges(...list: Ranges): Ranges {
  const merged: [number, number][] = [];
  for (const [low, high] of list.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

export const union = (a: Ranges, b: Ranges): Ranges => ranges(...a, ...b);

export function complement(set: Ranges): Ranges {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [low, high] of set) {
    if (low > next) gaps.push([next, low - 1]);
    next = high + 1;
  }
  return next > LAST ? gaps : [...gaps, [next, LAST]];
}

export const holds = (set: Ranges, point: number): boolean =>
  set.some(([low, high]) => point >= low && point <= high);
