// SPDX-License-Identifier: Apache-2.0
// Offsets of zones against an independent reading of the wall clock (@date-fns/tz): around every transition, in every zone.
import { TZDate } from '@date-fns/tz';
import { describe, expect, it } from 'vitest';
import { zoneNames, zoneOffsets } from '../../../compiler/zone.js';
import { isWithin } from '../../../compiler/reference-clock.js';
import type { ScheduleIr } from '../../../compiler/ir.js';
import { schedule, within } from '../../../stdlib/schedule.js';

const DAY = 86_400;
const zones = [...new Set(zoneNames())];
const seconds = (text: string): number => Date.parse(text) / 1000;
const offsetIn = (zone: string, at: number): number => -new TZDate(at * 1000, zone).getTimezoneOffset() * 60;

function offsetsOf(zone: string) {
  const found = zoneOffsets(zone);
  if (found === null) throw new Error(zone);
  return found;
}
function offsetAt(zone: string, at: number): number | undefined {
  const { at: from, offsets } = offsetsOf(zone);
  return offsets[from.findLastIndex((second) => second <= at)];
}

/** `mon..fri 09:00..17:00, fri 22:00..06:00` and an exception. */
const WINDOWS = [
  { days: 0b11111, from: 9 * 60, to: 17 * 60 },
  { days: 0b1010000, from: 22 * 60, to: 6 * 60 },
  { days: 0b1111111, from: 90, to: 150 },
];
const EXCEPT = ['2026-12-25', '2027-03-26', '2024-02-29'].map((d) => Date.parse(d) / 1000 / DAY);
const irOf = (zone: string): ScheduleIr => ({
  name: 'hours',
  zone,
  windows: WINDOWS,
  except: EXCEPT,
  ...offsetsOf(zone),
});
const linked = ({ windows, except, at, offsets, until }: ScheduleIr) =>
  schedule(
    windows.map((w) => [w.days, w.from, w.to] as const),
    except,
    at,
    offsets,
    until,
  );

/** The meaning again, from the library's reading of the wall clock. */
function expected(zone: string, at: number): boolean {
  const local = new TZDate(at * 1000, zone);
  const minute = local.getHours() * 60 + local.getMinutes();
  const date = Date.UTC(local.getFullYear(), local.getMonth(), local.getDate()) / 1000 / DAY;
  const weekday = (local.getDay() + 6) % 7;
  const opens = (days: number, back: number): boolean =>
    ((days >> ((weekday - back + 7) % 7)) & 1) === 1 && !EXCEPT.includes(date - back);
  return WINDOWS.some(({ days, from, to }) =>
    from < to
      ? opens(days, 0) && minute >= from && minute < to
      : (opens(days, 0) && minute >= from) || (opens(days, 1) && minute < to),
  );
}

describe('zones', () => {
  it('knows every zone, and nothing that is none', () => {
    expect(zones.length).toBeGreaterThan(400);
    for (const zone of ['+02:00', 'Europe/Pariss', '', 'Z', 'Etc', '../UTC', 'UTC\0']) {
      expect(zoneOffsets(zone), zone).toBeNull();
    }
    expect(offsetsOf('UTC').offsets).toEqual([0]);
  });

  it('has each change of each zone, to the second', { timeout: 120_000 }, () => {
    let changes = 0;
    for (const zone of zones) {
      const { at } = offsetsOf(zone);
      for (const second of at.slice(1)) {
        changes++;
        for (const around of [second - 1, second, second + 1]) {
          if (offsetAt(zone, around) !== offsetIn(zone, around)) throw new Error(`${zone} ${around}`);
        }
      }
    }
    expect(changes).toBeGreaterThan(5_000);
  });

  it('misses no change: every third day of every zone, 2010 to 2040', { timeout: 240_000 }, () => {
    // The whole calendar takes a minute; SEPAL_LONG looks at each day.
    const step = process.env['SEPAL_LONG'] === undefined ? 3 * DAY : DAY;
    const sample = process.env['SEPAL_LONG'] === undefined ? zones.filter((_, i) => i % 8 === 0) : zones;
    for (const zone of sample) {
      for (let at = seconds('2010-01-01'); at < seconds('2041-01-01'); at += step) {
        if (offsetAt(zone, at) !== offsetIn(zone, at))
          throw new Error(`${zone} ${new Date(at * 1000).toISOString()}`);
      }
    }
  });
});

describe('now within', () => {
  it('reads the wall clock around every change of every zone, 2020 to 2040', { timeout: 240_000 }, () => {
    let asked = 0;
    for (const zone of zones) {
      const ir = irOf(zone);
      const compiled = linked(ir);
      const changes = ir.at.filter((second) => second >= seconds('2020-01-01'));
      for (const change of [...changes, seconds('2026-12-25T00:00:00Z')]) {
        for (const by of [-7200, -3600, -61, -1, 0, 1, 59, 1800, 3599, 3600, 7200, DAY, -DAY]) {
          const instant = new Date((change + by) * 1000).toISOString();
          asked++;
          const inside = within(instant, compiled);
          if (inside !== (expected(zone, change + by) ? 2 : 0))
            throw new Error(`${zone} ${instant}: ${inside}`);
        }
      }
    }
    expect(asked).toBeGreaterThan(50_000);
  });

  it('is what the reference says, on the sample and at the ends of what is known', () => {
    for (const zone of [
      'Europe/Paris',
      'America/New_York',
      'Australia/Lord_Howe',
      'Africa/Casablanca',
      'UTC',
    ]) {
      const ir = irOf(zone);
      const compiled = linked(ir);
      const texts = ir.at
        .slice(-30)
        .flatMap((second) =>
          [-1, 0, 1, 1800, 5 * 3600].map((by) => new Date((second + by) * 1000).toISOString()),
        );
      for (const instant of [
        ...texts,
        '2009-12-31T23:59:59Z',
        '2010-01-01T00:00:00Z',
        '2040-12-31T23:59:59.999Z',
        '2041-01-01T00:00:00Z',
        '2026-02-30T10:00:00Z',
        '2026-03-09T13:00:00+01:00',
        '2026-03-09',
        '',
        'now',
      ]) {
        const found = isWithin(instant, ir);
        expect(within(instant, compiled), `${zone} ${instant}`).toBe(found === 'unknown' ? 1 : found ? 2 : 0);
      }
    }
    expect(within('2041-01-01T00:00:00Z', linked(irOf('UTC')))).toBe(1);
    expect(within(undefined, linked(irOf('UTC')))).toBe(1);
  });
});
