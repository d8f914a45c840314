// SPDX-License-Identifier: Apache-2.0
/** Instants and durations: constants of them, and what can be added to what. */
import type * as tree from '../grammar/tree.js';
import { decimalText } from '../stdlib/decimal.js';
import { moment } from '../stdlib/moment.js';
import type { Env } from './check-expr.js';
import type { TypeIr } from './ir.js';
import { castTo, describeType, type Kind, kindsOf, type Typed } from './types.js';

const INSTANT: TypeIr = { kind: 'instant' };
const DURATION: TypeIr = { kind: 'duration' };

/** A text that is an instant, as the constant; null where it is none. */
export function instantConstant(text: string): Typed | null {
  const ms = moment(text);
  if (ms === undefined) return null;
  return {
    ir: { op: 'const', type: INSTANT, value: { kind: 'number', text: decimalText(ms) } },
    type: INSTANT,
  };
}

/** `15m`. */
export function durationConstant(ms: number): Typed {
  return { ir: { op: 'const', type: DURATION, value: { kind: 'number', text: String(ms) } }, type: DURATION };
}

/** A text beside an instant is one: undefined where the other side is none, null after a diagnostic. */
export function besideInstant(
  env: Env,
  e: Extract<tree.Expr, { kind: 'string' }>,
  other: Typed['type'],
): Typed | null | undefined {
  const kinds = kindsOf(other);
  if (other.kind === 'any' || !kinds.includes('instant')) return undefined;
  const found = instantConstant(e.value);
  if (found !== null) return found;
  // An argument with the format `date-time` is a text as well.
  if (kinds.includes('string')) return undefined;
  env.scope.report('SEP3012', e.span, {
    found: e.value,
    wanted: 'an instant such as `2026-03-09T13:00:00Z`',
  });
  return null;
}

const isTime = (typed: Typed): boolean =>
  typed.type.kind !== 'any' && kindsOf(typed.type).some((kind) => kind === 'instant' || kind === 'duration');

/** Sums and differences of instants and durations; undefined where neither side is one, null after a diagnostic. */
export function checkTimeArith(
  env: Env,
  e: Extract<tree.Expr, { kind: 'arith' }>,
  left: Typed,
  right: Typed,
): Typed | null | undefined {
  if (!isTime(left) && !isTime(right)) return undefined;
  const [a, b] = [kindOf(left), kindOf(right)];
  const result = RESULTS.get(`${a} ${e.op} ${b}`);
  const [x, y] = [castTo(left, a), castTo(right, b)];
  if (result !== undefined && x !== null && y !== null)
    return { ir: { op: 'arith', fn: e.op, left: x.ir, right: y.ir }, type: result };
  const wanted = 'an instant and a duration, two instants to subtract, or durations';
  const found = `${describeType(left.type)} and ${describeType(right.type)}`;
  env.scope.report('SEP3001', e.span, { what: `\`${e.op}\``, wanted, found });
  return null;
}

function kindOf(typed: Typed): Kind {
  const kinds = kindsOf(typed.type);
  return (
    kinds.find((kind) => kind === 'instant' || kind === 'duration' || kind === 'number') ?? kinds[0] ?? 'json'
  );
}

const RESULTS: ReadonlyMap<string, TypeIr> = new Map([
  ['instant + duration', INSTANT],
  ['duration + instant', INSTANT],
  ['instant - duration', INSTANT],
  ['instant - instant', DURATION],
  ['duration + duration', DURATION],
  ['duration - duration', DURATION],
  ['duration * number', DURATION],
  ['number * duration', DURATION],
]);
