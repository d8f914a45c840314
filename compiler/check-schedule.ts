// SPDX-License-Identifier: Apache-2.0
/** `schedule` and `now within NAME`: the instant is a recorded fact, the zone's offsets are compiled in. */
import type * as tree from '../grammar/tree.js';
import { checkExpr, type Env, reportMisfit } from './check-expr.js';
import { besideInstant } from './check-time.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';
import type { ExprIr, FactIr, ScheduleIr, TypeIr } from './ir.js';
import { nameChain } from './narrow.js';
import { fullName, lookUp, ownerOf, type Scope } from './scope.js';
import { bool, castTo, type Typed } from './types.js';
import { zoneNames, zoneOffsets } from './zone.js';

/** The moment of the decision, which the host records: `2026-03-09T13:00:00.000Z`. */
const NOW: FactIr = { name: 'now', type: { kind: 'instant' }, source: 'clock', path: [] };

export function checkNow(env: Env): Typed {
  env.scope.scans.set(NOW.name, NOW);
  return { ir: { op: 'fact', name: NOW.name, type: NOW.type }, type: NOW.type };
}

export function checkWithin(env: Env, e: Extract<tree.Expr, { kind: 'test' }>): Typed | null {
  const time = e.left.kind === 'string' ? besideInstant(env, e.left, NOW.type) : undefined;
  const instant = time === undefined ? checkExpr(env, e.left) : time;
  const name = scheduleName(env.scope, e.right);
  const named = name && lookUp(env.scope, name, 'schedule');
  if (instant === null || name === null || named === null) return null;
  const text = textOf(instant);
  if (text === null) {
    reportMisfit(env, e.left.span, instant, '`within`', '`now`, or a fact that is an instant');
    return null;
  }
  const owner = ownerOf(env.scope, name.text);
  const schedule = scheduleIr({ ...owner, report: () => {} }, named);
  return (
    schedule &&
    bool({
      op: 'within',
      instant: text,
      schedule: { ...schedule, name: fullName(env.scope, name.text) },
    })
  );
}

/** The instant as a text: a read, or a constant. */
function textOf(instant: Typed): ExprIr | null {
  const cast = castTo(instant, 'instant');
  if (cast?.ir.op === 'moment') return { ...cast.ir.operand };
  if (cast?.ir.op !== 'const' || cast.ir.value.kind !== 'number') return null;
  const value = new Date(Number(cast.ir.value.text)).toISOString();
  return { op: 'const', type: cast.type as TypeIr, value: { kind: 'string', value } };
}

function scheduleName(scope: Scope, e: tree.Expr): tree.Dotted | null {
  const chain = nameChain(e);
  if (chain !== null) {
    const parts = chain.map((text) => ({ text, quoted: false, span: e.span }));
    return { parts, text: chain.join('.'), span: e.span };
  }
  scope.report('SEP3001', e.span, {
    what: '`within`',
    wanted: 'the name of a schedule',
    found: 'another value',
  });
  return null;
}

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const DAY_MS = 86_400_000;

/** The schedule with the offsets of its zone; null after a diagnostic. */
export function scheduleIr(scope: Scope, s: tree.ScheduleStatement): ScheduleIr | null {
  const zone = zoneOffsets(s.zone.value);
  if (zone === null) {
    const near = nearest(s.zone.value, zoneNames());
    const extra = meant(scope.file, s.zone.span, near, near === null ? null : JSON.stringify(near));
    scope.report('SEP2018', s.zone.span, { zone: s.zone.value }, extra);
  }
  const windows = s.windows.flatMap((w) => {
    const [from, to] = [minutes(w.from.text), minutes(w.to.text)];
    if (from === to) {
      const found = `${w.from.text}..${w.to.text}`;
      scope.report('SEP3012', w.span, {
        found,
        wanted: 'another end than its beginning; a whole day is `00:00..24:00`',
      });
      return [];
    }
    return [
      {
        days: w.days.reduce((mask, d) => mask | daysOf(d.from.text, d.to?.text ?? d.from.text), 0),
        from,
        to,
      },
    ];
  });
  if (s.windows.length === 0) {
    scope.report('SEP3012', s.name.span, {
      found: 'an empty schedule',
      wanted: 'a window such as `mon..fri 09:00..17:00`',
    });
  }
  const except = s.except.flatMap((date) => dayNumber(scope, date) ?? []);
  return (
    zone && {
      name: s.name.text,
      zone: s.zone.value,
      windows,
      except: except.toSorted((a, b) => a - b),
      ...zone,
    }
  );
}

function minutes(time: string): number {
  const [hours = 0, rest = 0] = time.split(':').map(Number);
  return hours * 60 + rest;
}

/** The bits of the days from one to another, over Sunday where that is earlier. */
function daysOf(from: string, to: string): number {
  let mask = 0;
  for (let day = DAYS.indexOf(from); ; day = (day + 1) % 7) {
    mask |= 1 << day;
    if (day === DAYS.indexOf(to)) return mask;
  }
}

function dayNumber(scope: Scope, date: tree.DateLit): number | null {
  const ms = Date.parse(`${date.text}T00:00:00Z`);
  if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date.text)) return ms / DAY_MS;
  scope.report('SEP3012', date.span, { found: date.text, wanted: 'a day of the calendar, as `2026-12-25`' });
  return null;
}
