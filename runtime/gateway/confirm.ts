// SPDX-License-Identifier: Apache-2.0
/**
 * `by self`: the person for whom the call is made is asked on the spot, by form elicitation, where their client can show one. The gateway
 * attests what it heard on that person's authenticated session, and the receipt says so. This is a confirmation, not a second pair of eyes: a
 * client may answer for its user, so a rule that needs another person says `by role:…`.
 */
import type { Pending } from '../approvals/types.js';
import { selfOf } from '../approvals/requirements.js';
import { canonical, type JsonObject } from '../verify/format/canonical.js';
import { askedOf, type Reply } from './asking.js';
import type { Asked, Gate } from './gate.js';
import { isModern } from './modern/envelope.js';
import { isObject } from './wire/message.js';

const MAX_SHOWN = 2_000;
const FIELD = 'confirm';

/** Asks a legacy client once, in the background; never rejects. */
export async function confirmBySelf(gate: Gate, pending: Pending, asked: Asked): Promise<void> {
  if (isModern(asked.connection)) return;
  try {
    const form = await formFor(gate, pending, asked);
    if (form === null) return;
    const question = { server: '', method: 'elicitation/create', params: canonical(form) };
    await attestSelf(gate, pending, asked, await askedOf(gate, question, asked));
  } catch (error) {
    gate.say(
      `a confirmation could not be recorded: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/**
 * What the person for whom the call is made is asked; null where nobody can be asked this way: others have to answer, the client shows no forms, or
 * what would be done is too long to be shown whole.
 */
export async function formFor(gate: Gate, pending: Pending, asked: Asked): Promise<JsonObject | null> {
  const only = pending.missing.length > 0 && pending.missing.every(({ self }) => self);
  if (!only || selfOf(pending.key) === null || !showsForms(asked.connection.capabilities)) return null;
  const shown = await gate.approvals.show(pending.id);
  const message = shown === null ? null : questionText(pending, shown.intent);
  if (message === null) return null;
  const requestedSchema = {
    type: 'object',
    properties: { [FIELD]: { type: 'boolean', title: 'Yes, do this', default: false } },
    required: [FIELD],
  };
  return { message, requestedSchema };
}

/** Writes down what the person has said; null where that decides nothing. */
export async function attestSelf(
  gate: Gate,
  pending: Pending,
  asked: Asked,
  reply: Reply,
): Promise<'approve' | 'deny' | null> {
  const [verdict, person] = [verdictOf(reply), selfOf(pending.key)];
  if (verdict === null || person === null) return null;
  const { session, method } = asked.caller.identity;
  await gate.approvals.attest(pending.id, { verdict, approver: person, session, method });
  return verdict;
}

/** A client that declares the capability without modes shows forms. */
function showsForms({ elicitation }: JsonObject): boolean {
  return (
    isObject(elicitation) && (Object.keys(elicitation).length === 0 || Object.hasOwn(elicitation, 'form'))
  );
}

function questionText({ intent, principal }: Pending, text: string): string | null {
  // Whatever could hide or reorder text is shown by its number.
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
  return plain.length > MAX_SHOWN
    ? null
    : `${principal.id} wants to call ${intent.server}/${intent.name}. Exactly this will be done:\n${plain}`;
}

/** Closing the form decides nothing. */
function verdictOf(reply: Reply): 'approve' | 'deny' | null {
  if (typeof reply === 'string' || !('result' in reply) || !isObject(reply.result)) return null;
  const { action, content } = reply.result;
  if (action === 'decline') return 'deny';
  if (action !== 'accept' || !isObject(content)) return null;
  return content[FIELD] === true ? 'approve' : 'deny';
}
