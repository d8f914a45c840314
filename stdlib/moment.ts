// SPDX-License-Identifier: Apache-2.0
/** Instants and durations as numbers of milliseconds, exact, so that they compare and add up as numbers do. */
import { decimal, type Num } from './decimal.js';

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
const LONGEST = 35;

/** Milliseconds since 1970 of an RFC 3339 instant; undefined for any other text: 30 February, 24:00, a leap second. */
export function moment(text: string | undefined): Num | undefined {
  if (text === undefined || text.length > LONGEST) return undefined;
  const match = INSTANT.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const zone = offsetMs(match[8] ?? 'Z');
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || zone === undefined) return undefined;
  const ms = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 - zone;
  const fraction = (match[7] ?? '').padEnd(3, '0');
  const whole = ms + Number(fraction.slice(0, 3));
  const rest = fraction.slice(3);
  if (rest === '' || Number(rest) === 0) return whole;
  return { c: BigInt(whole) * 10n ** BigInt(rest.length) + BigInt(rest), scale: rest.length };
}

function offsetMs(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const [hours = 0, minutes = 0] = zone.slice(1).split(':').map(Number);
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
const DURATION = /^(\d{1,15})(ms|s|m|h|d)$/;

/** Milliseconds of a duration as the language writes it, `15m`; undefined for any other text. */
export function span(text: string | undefined): Num | undefined {
  const match = text === undefined || text.length > 20 ? null : DURATION.exec(text);
  const unit = UNITS.get(match?.[2] ?? '');
  if (match === null || unit === undefined) return undefined;
  const ms = Number(match[1]) * unit;
  return Number.isSafeInteger(ms) ? ms : decimal(String(BigInt(match[1] ?? '0') * BigInt(unit)));
}
