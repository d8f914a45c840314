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

/** Asks once, in the background; never rejects. What is too long to be shown whole is not asked this way. */
export async function confirmBySelf(gate: Gate, pending: Pending, asked: Asked): Promise<void> {
  const person = selfOf(pending.key);
  const { connection } = asked;
  const only = pending.missing.length > 0 && pending.missing.every(({ self }) => self);
  if (!only || person === null || isModern(connection) || !showsForms(connection.capabilities)) return;
  try {
    const shown = await gate.approvals.show(pending.id);
    const message = shown === null ? null : questionText(pending, shown.intent);
    if (message === null) return;
    const requestedSchema = {
      type: 'object',
      properties: { [FIELD]: { type: 'boolean', title: 'Yes, do this', default: false } },
      required: [FIELD],
    };
    const params = canonical({ message, requestedSchema });
    const reply = await askedOf(gate, { server: '', method: 'elicitation/create', params }, asked);
    const verdict = verdictOf(reply);
    if (verdict === null) return;
    const { session, method } = asked.caller.identity;
    await gate.approvals.attest(pending.id, { verdict, approver: person, session, method });
  } catch (error) {
    gate.say(
      `a confirmation could not be recorded: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
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
