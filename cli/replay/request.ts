// SPDX-License-Identifier: Apache-2.0
/** The question that a receipt answered, as far as its openings show it. */
import type { Body } from '../../runtime/verify/format/body.js';
import type { JsonObject } from '../../runtime/verify/format/canonical.js';
import { escapePointer } from '../../runtime/verify/format/commit.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import { type Disclosure, openedMembers } from '../../runtime/verify/format/opening.js';
import { argumentsOf, isObject } from '../../runtime/verify/openings.js';
import type { PolicyIr } from '../../compiler/ir.js';
import type { ActionKind, Facts, JsonRecord, Request } from '../../stdlib/abi.js';

/** What is known of a call: arguments that are shown, and whether these are all. */
export interface Shown {
  readonly args: JsonObject;
  readonly whole: boolean;
  /** Arguments that the policy keeps out of receipts. */
  readonly masked: ReadonlySet<string>;
  readonly facts: JsonObject;
}

const LIMITS = { size: 64 * 1024 * 1024, depth: 128, keys: 1_000_000 };

/** Takes disclosures that the verifier has compared with the receipt's commitments. */
export function shownBy(body: Body, disclosure: Disclosure | null): Shown {
  const count = body.intent?.args_count ?? 0;
  const { intent, facts, open } = disclosure ?? {};
  const value = intent === undefined ? null : parsed(intent);
  const masked = new Set(
    (body.decision?.masked ?? []).map(({ kind }) => kind).filter((k) => k.startsWith('/')),
  );
  const told = count === 0 ? {} : value === null ? openedMembers('', open?.args ?? []) : argumentsOf(value);
  // What stands there in their place is not what was decided on.
  const args = Object.fromEntries(
    Object.entries(told).filter(([name]) => !masked.has(`/${escapePointer(name)}`)),
  );
  const known = facts === undefined ? openedMembers('/facts', open?.facts ?? []) : parsed(facts);
  return {
    args,
    whole: Object.keys(args).length === count,
    masked,
    facts: isObject(known) ? known : {},
  };
}

function parsed(text: string) {
  const result = parseStrict(text, LIMITS);
  return result.ok ? result.value : null;
}

/** Null when the receipt is no decision on a call. */
export function requestOf(body: Body, args: JsonObject): Request | null {
  const { principal, intent } = body;
  if (principal === undefined || intent === undefined || body.type !== 'decide') return null;
  return {
    principal: principal.id,
    roles: principal.roles,
    user: principal.on_behalf_of?.id ?? null,
    userRoles: principal.on_behalf_of?.roles ?? [],
    session: principal.session,
    intent: {
      kind: intent.kind as ActionKind,
      server: intent.server,
      name: intent.name,
      args: plain(args),
    },
  };
}

const plain = (args: JsonObject): JsonRecord => args as JsonRecord;

/** Why a decision cannot be made again from what is shown; null when it can. */
export function hidden(shown: Shown, reads: readonly string[], facts: readonly string[]): string | null {
  const fact = facts.find((name) => !Object.hasOwn(shown.facts, name));
  if (fact !== undefined) return 'a fact that it used is not opened';
  if (shown.whole) return null;
  const names = new Set(Object.keys(shown.args).map((name) => `/${escapePointer(name)}`));
  const missing = reads.find((pointer) => !names.has(`/${pointer.split('/')[1] ?? ''}`));
  if (missing !== undefined && shown.masked.has(`/${missing.split('/')[1] ?? ''}`))
    return 'the policy masks an argument that it read';
  return missing === undefined
    ? null
    : 'an argument that it read is not opened, or was not there (which openings cannot show)';
}

export const factsOf = (shown: Shown): Facts => shown.facts as Facts;

/** What a receipt masks is what its policy says, no more and no less. */
export function maskMisfit({ masked }: PolicyIr, { intent }: Body, shown: Shown): string | null {
  const tool = `${intent?.server ?? ''}/${intent?.name ?? ''}`;
  const names =
    intent?.kind === 'tool' && masked !== undefined && Object.hasOwn(masked, tool)
      ? (masked[tool] ?? [])
      : [];
  const said = new Set(names.map((name) => `/${escapePointer(name)}`));
  const more = [...shown.masked].find((pointer) => !said.has(pointer));
  if (more !== undefined) return `the receipt masks ${more}, which the policy does not`;
  const held = names.find((name) => Object.hasOwn(shown.args, name));
  return held === undefined ? null : `the policy masks /${escapePointer(held)}, and the receipt holds it`;
}
