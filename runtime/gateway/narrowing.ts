// SPDX-License-Identifier: Apache-2.0
/**
 * The schema that a caller is shown: of arguments at the top that are scalars, the values with which some rule could grant the call.
 * Calls are still checked against the pinned schema and decided by the policy; the hash of the pin stays that of the original.
 */
import type { PolicyModule, Subject } from '../../stdlib/abi.js';
import type { Bounds, BundleManifest, Scalar } from '../decide/manifest.js';
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import type { Place } from './names.js';
import { isObject } from './wire/message.js';

export type Narrowing = NonNullable<BundleManifest['narrowing']>;

export function narrowed(
  definition: JsonObject,
  narrowing: Narrowing,
  module: PolicyModule,
  subject: Subject,
  { server, name }: Place,
): JsonObject {
  const schema = definition['inputSchema'];
  const properties = isObject(schema) ? schema['properties'] : undefined;
  if (!isObject(schema) || !isObject(properties)) return definition;
  const bounds = implied(narrowing, module, subject, { server, name });
  const changed = Object.entries(bounds).flatMap(([argument, bound]) => {
    const before = Object.hasOwn(properties, argument) ? properties[argument] : undefined;
    const after = before === undefined ? null : within(before, bound);
    return after === null ? [] : [[argument, after] as const];
  });
  if (changed.length === 0) return definition;
  const all = { ...properties, ...Object.fromEntries(changed) };
  return { ...definition, inputSchema: { ...schema, properties: all } };
}

/** What every grant in scope implies: whatever the arguments and facts, one of them has to hold. */
function implied(
  narrowing: Narrowing,
  module: PolicyModule,
  subject: Subject,
  { server, name }: Place,
): { readonly [argument: string]: Bounds } {
  const intent = { kind: 'tool', server, name, args: {} } as const;
  const { matched, near } = module.explain({ ...subject, intent }, {}, 'call');
  const units = new Map<string, boolean>();
  for (const { name: unit, effect } of [...matched, ...near]) {
    const grants = effect === 'allow' || effect === 'review';
    units.set(unit, units.get(unit) === true || grants);
  }
  let all: { readonly [argument: string]: Bounds } | null = null;
  for (const [unit, grants] of units) {
    const known = Object.hasOwn(narrowing, unit) ? narrowing[unit] : undefined;
    if (known === undefined && !grants) continue;
    all = all === null ? (known ?? {}) : either(all, known ?? {});
  }
  return all ?? {};
}

function either(
  a: { readonly [argument: string]: Bounds },
  b: { readonly [argument: string]: Bounds },
): { readonly [argument: string]: Bounds } {
  const names = Object.keys(a).filter((name) => Object.hasOwn(b, name));
  return Object.fromEntries(
    names.flatMap((name) => {
      const joined = join(a[name] ?? {}, b[name] ?? {});
      return joined === null ? [] : [[name, joined] as const];
    }),
  );
}

/** The narrowest that holds both; null for none. */
function join(a: Bounds, b: Bounds): Bounds | null {
  if (a.enum !== undefined && b.enum !== undefined) return { enum: [...new Set([...a.enum, ...b.enum])] };
  const [x, y] = [rangeOf(a), rangeOf(b)];
  if (x === null || y === null) return null;
  const [low, high] = [wider(x.low, y.low, 1), wider(x.high, y.high, -1)];
  return low === null && high === null
    ? null
    : {
        ...(low === null ? {} : { [low.open ? 'exclusiveMinimum' : 'minimum']: low.at }),
        ...(high === null ? {} : { [high.open ? 'exclusiveMaximum' : 'maximum']: high.at }),
      };
}

interface Edge {
  readonly at: number;
  readonly open: boolean;
}
const edge = (closed: number | undefined, open: number | undefined): Edge | null =>
  open !== undefined ? { at: open, open: true } : closed === undefined ? null : { at: closed, open: false };

function rangeOf(bounds: Bounds): { readonly low: Edge | null; readonly high: Edge | null } | null {
  if (bounds.enum !== undefined) {
    const numbers = bounds.enum.filter((value) => typeof value === 'number');
    if (numbers.length === 0 || numbers.length < bounds.enum.length) return null;
    return { low: edge(Math.min(...numbers), undefined), high: edge(Math.max(...numbers), undefined) };
  }
  return {
    low: edge(bounds.minimum, bounds.exclusiveMinimum),
    high: edge(bounds.maximum, bounds.exclusiveMaximum),
  };
}

/** Of two lower bounds (`sign` 1) or upper ones (-1), the one that leaves more. */
function wider(a: Edge | null, b: Edge | null, sign: 1 | -1): Edge | null {
  if (a === null || b === null) return null;
  if (a.at === b.at) return a.open ? b : a;
  return sign * (a.at - b.at) < 0 ? a : b;
}

const SCALARS: readonly JsonValue[] = ['string', 'number', 'integer', 'boolean'];

/** The schema of one argument with these bounds too; null where it is no plain scalar, or nothing would be left. */
function within(schema: JsonValue, bounds: Bounds): JsonObject | null {
  if (!isObject(schema)) return null;
  const { type, enum: listed } = schema as { readonly type?: JsonValue; readonly enum?: JsonValue };
  const scalar = type !== undefined && SCALARS.includes(type);
  if (!scalar && !(type === undefined && Array.isArray(listed))) return null;
  if (bounds.enum !== undefined) {
    const values: readonly JsonValue[] = Array.isArray(listed)
      ? listed.filter((value) => bounds.enum?.includes(value as Scalar))
      : bounds.enum.filter((value) => isOf(value, type));
    return values.length === 0 ? null : { ...schema, enum: values };
  }
  if (type !== 'number' && type !== 'integer') return null;
  return { ...schema, ...tightest(schema, bounds) };
}

function isOf(value: Scalar, type: JsonValue | undefined): boolean {
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

/** Both the schema's own bounds and these; of two on one side the tighter. */
function tightest(schema: JsonObject, bounds: Bounds): JsonObject {
  const found: { [key: string]: JsonValue } = {};
  for (const [key, sign] of [
    ['minimum', 1],
    ['exclusiveMinimum', 1],
    ['maximum', -1],
    ['exclusiveMaximum', -1],
  ] as const) {
    const own = bounds[key];
    if (own === undefined) continue;
    const before = schema[key];
    found[key] = typeof before === 'number' && sign * (before - own) > 0 ? before : own;
  }
  return found;
}
