// SPDX-License-Identifier: Apache-2.0
/**
 * The nearest change to a denied call that would be permitted: one argument with another value, or the same call later. Every change is
 * decided before it is named, by the policy that denied, on the facts of the denial: what is named here is true of that moment.
 */
import type { Facts, Json, JsonRecord, PolicyModule, Request } from '../../stdlib/abi.js';
import type { Nearest, Scalar } from './manifest.js';

export type Change =
  | { readonly kind: 'value'; readonly pointer: string; readonly value: Scalar; readonly effect: Permitted }
  | { readonly kind: 'wait'; readonly ms: number; readonly effect: Permitted };
type Permitted = 'allow' | 'review';

export interface Denied {
  readonly module: PolicyModule;
  readonly request: Request;
  readonly facts: Facts;
  readonly nearest: Nearest;
  /** Checks arguments against the pinned schema: null when they fit. */
  readonly fits: (args: JsonRecord) => string | null;
  readonly now: number;
  /** The facts at later moments, nearest first. */
  readonly later: Iterable<{ readonly at: number; readonly facts: Facts }>;
}

const MOST_TRIES = 256;
const MOST_WAITS = 1_024;

/** One change of an argument and one of the time, as far as there are any; those that allow before those that ask. */
export function nearestChanges(denied: Denied): readonly Change[] {
  return [changedValue(denied), changedTime(denied)].filter((change) => change !== null);
}

function changedValue({ module, request, facts, nearest, fits }: Denied): Change | null {
  let asks: Change | null = null;
  let left = MOST_TRIES;
  for (const { pointer, value } of candidates(request.intent.args, nearest)) {
    if (left-- <= 0) break;
    const args = replaced(request.intent.args, pointer, value);
    if (args === null || fits(args) !== null) continue;
    const { effect } = module.decide({ ...request, intent: { ...request.intent, args } }, facts, 'call');
    if (effect === 'allow') return { kind: 'value', pointer, value, effect };
    if (effect === 'review') asks ??= { kind: 'value', pointer, value, effect };
  }
  return asks;
}

function changedTime({ module, request, nearest, later, now }: Denied): Change | null {
  if (!nearest.wait) return null;
  let asks: Change | null = null;
  let left = MOST_WAITS;
  for (const { at, facts } of later) {
    if (left-- <= 0) break;
    const { effect } = module.decide(request, facts, 'call');
    if (effect === 'allow') return { kind: 'wait', ms: at - now, effect };
    if (effect === 'review') asks ??= { kind: 'wait', ms: at - now, effect };
  }
  return asks;
}

interface Candidate {
  readonly pointer: string;
  readonly value: Scalar;
}

/** Numbers nearest to the present one first. */
function candidates(args: JsonRecord, { values, under }: Nearest): readonly Candidate[] {
  const scalars = Object.entries(values).flatMap(([pointer, all]) => {
    const present = at(args, pointer);
    const gap = (value: Scalar): number =>
      typeof value === 'number' && typeof present === 'number' ? Math.abs(value - present) : 0;
    return all
      .filter((value) => value !== present && (present === undefined || typeof value === typeof present))
      .toSorted((a, b) => gap(a) - gap(b))
      .map((value) => ({ pointer, value }));
  });
  const folders = Object.entries(under).flatMap(([pointer, roots]) => {
    const present = at(args, pointer);
    if (typeof present !== 'string') return [];
    const last = present.split('/').findLast((segment) => segment !== '');
    return roots.map((root) => ({ pointer, value: `${root.replace(/\/$/, '')}/${last ?? ''}` }));
  });
  return [...scalars, ...folders];
}

const segmentsOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));

const isRecord = (value: Json | undefined): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function at(args: JsonRecord, pointer: string): Json | undefined {
  let found: Json | undefined = args;
  for (const name of segmentsOf(pointer))
    found = isRecord(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  return found;
}

/** The arguments with another value there; null where its parent is not there. */
function replaced(args: JsonRecord, pointer: string, value: Scalar): JsonRecord | null {
  const put = (parent: Json | undefined, [name, ...rest]: readonly string[]): JsonRecord | null => {
    if (!isRecord(parent) || name === undefined) return null;
    const child = Object.hasOwn(parent, name) ? parent[name] : undefined;
    const inner = rest.length === 0 ? value : put(child, rest);
    if (inner === null) return null;
    const entries = Object.entries(parent).filter(([key]) => key !== name);
    return Object.assign(Object.create(null) as object, Object.fromEntries([...entries, [name, inner]]));
  };
  return put(args, segmentsOf(pointer));
}

/** One sentence for each change, as callers are told. */
export function changeWords(change: Change): string {
  const then = change.effect === 'allow' ? 'would be allowed' : 'would be put before people';
  if (change.kind === 'wait') return `It ${then} again in ${waitWords(change.ms)}.`;
  const name = segmentsOf(change.pointer).join('.');
  return `It ${then} with \`${name}\` ${JSON.stringify(change.value)}.`;
}

function waitWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3_600)} h`;
}
