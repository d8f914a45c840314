// SPDX-License-Identifier: Apache-2.0
/** The reference reading of `now within NAME`: the wall clock as this runtime's zone data has it, and the calendar by its names. */
import type { ScheduleIr } from './ir.js';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const DAY_MS = 86_400_000;
const clocks = new Map<string, Intl.DateTimeFormat>();

export function isWithin(instant: string, schedule: ScheduleIr): boolean | 'unknown' {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$/.test(instant)) return 'unknown';
  const ms = Date.parse(instant);
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(instant.slice(0, 19))) return 'unknown';
  const [first = Infinity] = schedule.at;
  if (ms < first * 1000 || ms >= schedule.until * 1000) return 'unknown';
  const { year, month, day, hour, minute } = read(schedule.zone, ms);
  const today = Date.UTC(year, month - 1, day);
  const now = hour * 60 + minute;
  return schedule.windows.some(({ days, from, to }) => {
    const opensOn = (date: number): boolean =>
      (days >> DAYS.indexOf(weekday(date))) % 2 === 1 && !schedule.except.includes(date / DAY_MS);
    if (from < to) return opensOn(today) && from <= now && now < to;
    return (opensOn(today) && from <= now) || (opensOn(today - DAY_MS) && now < to);
  });
}

const weekday = (date: number): string =>
  new Intl.DateTimeFormat('en-US', { timeZone: 'UTC', weekday: 'short' }).format(date);

function read(
  zone: string,
  ms: number,
): { year: number; month: number; day: number; hour: number; minute: number } {
  const clock =
    clocks.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  clocks.set(zone, clock);
  const of = new Map(clock.formatToParts(ms).map((part) => [part.type as string, Number(part.value)]));
  const number = (part: string): number => of.get(part) ?? 0;
  return {
    year: number('year'),
    month: number('month'),
    day: number('day'),
    hour: number('hour'),
    minute: number('minute'),
  };
}

/** Milliseconds since 1970 in decimal digits, or null: RFC 3339 through the runtime's own reader, digits past the third by hand. */
export function momentText(text: string): string | null {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return null;
  const [, date = '', time = '', fraction = '', zone = ''] = match;
  const local = new Date(`${date}T${time}Z`);
  if (Number.isNaN(local.getTime()) || local.toISOString() !== `${date}T${time}.000Z`) return null;
  if (zone !== 'Z' && (Number(zone.slice(1, 3)) > 23 || Number(zone.slice(4)) > 59)) return null;
  const shift = zone === 'Z' ? 0 : Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  const ms = BigInt(local.getTime() - (zone.startsWith('-') ? -shift : shift) * 60_000);
  const nanos = String(ms * 1_000_000n + BigInt(fraction.slice(1).padEnd(9, '0')));
  const digits = nanos.replace('-', '').padStart(7, '0');
  return `${nanos.startsWith('-') ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/** Milliseconds of `15m` in decimal digits, or null. */
export function spanText(text: string): string | null {
  const match = /^([0-9]{1,15})(ms|[smhd])$/.exec(text);
  const unit = new Map(UNITS).get(match?.[2] ?? '');
  return match === null || unit === undefined ? null : String(BigInt(match[1] ?? '') * unit);
}
const UNITS: readonly (readonly [string, bigint])[] = [
  ['ms', 1n],
  ['s', 1000n],
  ['m', 60_000n],
  ['h', 3_600_000n],
  ['d', 86_400_000n],
];
