// SPDX-License-Identifier: Apache-2.0
/** Limits, counters and scores of a compiled policy: whose keys a request reads, and what it adds to them. */
import type { Facts, KeyPart, MeasureSpec, Request } from './abi.js';
import { compareNumbers, decimalText, type Num } from './decimal.js';
import { matchesWhat, matchesWho, type What, type Who } from './sets.js';
import type { Pin, Test } from './ask.js';
import type { Args } from './values.js';

type Amount = (args: Args, request: Request, facts: Facts, pin: Pin | undefined) => Num | undefined;

/** What a call in this scope adds: the amount, where the condition holds; `amount` null is one. */
export interface Addition {
  readonly who: Who;
  readonly what: What;
  readonly when: Test | null;
  readonly amount: Amount | null;
  /** Names of facts, and JSON pointers of arguments, that the two may read. */
  readonly facts: readonly string[];
  readonly reads: readonly string[];
}
export interface Measure extends MeasureSpec {
  readonly additions: readonly Addition[];
}

export function covers({ who, what }: Addition, request: Request): boolean {
  const { kind, server, name } = request.intent;
  return matchesWhat(what, kind, server, name) && matchesWho(who, request.principal, request.roles);
}

const MAX_DIGITS = 40;

/** A number that is not below zero, of at most 40 digits; anything else is unknown. */
export const amount = (value: Num | undefined): Num | undefined =>
  value === undefined || compareNumbers(value, 0) < 0 || decimalText(value).length > MAX_DIGITS
    ? undefined
    : value;

/** The parts that the measure is kept by; null where one of them is unknown. */
export function keyOf(spec: MeasureSpec, request: Request): readonly string[] | null {
  const parts: string[] = [];
  for (const part of spec.keys) {
    const text = partOf(part, request);
    if (text === null) return null;
    if (text !== undefined) parts.push(text);
  }
  return parts;
}

/** Undefined where the part tells nothing apart. */
function partOf(part: KeyPart, { principal, user, session, intent }: Request): string | null | undefined {
  switch (part) {
    case 'principal':
      return principal;
    case 'user':
      return user ?? (principal.startsWith('user:') ? principal : null);
    case 'session':
      return session;
    case 'server':
      return intent.server;
    case 'tool':
      return `${intent.kind === 'tool' ? '' : `${intent.kind} `}${intent.server}/${intent.name}`;
    case 'all':
      return undefined;
  }
}

/** What this request adds to the measure: null unknown, zero nothing. */
export function amountOf(
  { additions }: Measure,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Num | null {
  const { kind, server, name, args } = request.intent;
  let total: Num = 0;
  for (const { who, what, when, amount: of } of additions) {
    if (!matchesWhat(what, kind, server, name) || !matchesWho(who, request.principal, request.roles))
      continue;
    const holds = when === null ? 2 : when.run(args as Args, request, facts, pin);
    if (holds === 0) continue;
    const value = of === null ? 1 : amount(of(args as Args, request, facts, pin));
    if (holds === 1 || value === undefined) return null;
    // Only a score has several additions, and its amounts are whole constants.
    total = typeof value === 'number' && typeof total === 'number' && total > 0 ? total + value : value;
  }
  return total;
}

/** The larger of two amounts; unknown is larger than all. */
export function larger(a: Num | null, b: Num | null): Num | null {
  if (a === null || b === null) return null;
  return compareNumbers(a, b) < 0 ? b : a;
}
