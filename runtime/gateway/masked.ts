// SPDX-License-Identifier: Apache-2.0
/**
 * Arguments that the policy keeps out of receipts (`redact … on call`): they are decided on, forwarded, and nowhere kept. In the intent
 * that is digested, committed to, sealed and shown to approvers a keyed hash stands in their place.
 */
import { createHmac } from 'node:crypto';
import { canonical, type JsonObject, type JsonValue } from '../verify/format/canonical.js';
import { escapePointer } from '../verify/format/commit.js';
import type { ActivePolicy } from './gate.js';
import { type Action, type CanonicalIntent, canonicalIntent } from './wire/intent.js';

/** The arguments of a tool that are masked. Of a tool that the policy does not know, whatever is masked anywhere. */
export function maskedOf(
  { masked, tools }: Pick<ActivePolicy, 'masked' | 'tools'>,
  server: string,
  name: string,
): readonly string[] {
  if (masked === undefined) return [];
  const tool = `${server}/${name}`;
  if (tools.has(tool)) return Object.hasOwn(masked, tool) ? (masked[tool] ?? []) : [];
  return [...new Set(Object.values(masked).flat())];
}

/** The intent as `canonicalIntent` makes it, but for what is kept of it; `key` is the log's, the same at each start. */
export function maskedIntent(
  place: Action,
  args: JsonObject,
  params: JsonObject,
  { names, key }: { readonly names: readonly string[]; readonly key: Buffer },
): CanonicalIntent {
  const whole = canonicalIntent(place, args, params);
  const present = names.filter((name) => Object.hasOwn(args, name));
  if (present.length === 0) return whole;
  const standIn = ([name, value]: readonly [string, JsonValue]): readonly [string, JsonValue] =>
    present.includes(name) ? [name, masked(key, [place.server, place.name, name, value])] : [name, value];
  const kept: JsonObject = Object.fromEntries(Object.entries(args).map(standIn));
  const { text, digest } = canonicalIntent(place, kept, { ...params, arguments: kept });
  return { kept, ...whole, text, digest, masked: present.map((name) => `/${escapePointer(name)}`) };
}

const masked = (key: Buffer, about: JsonValue): string =>
  `masked hmac-sha256:${createHmac('sha256', key).update(canonical(about)).digest('hex')}`;
