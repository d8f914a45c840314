// SPDX-License-Identifier: Apache-2.0
/**
 * What a client answers to a question of a server (sampling, elicitation, roots), under the rules on results: decided, and the decision
 * durable, before the server gets any of it. Nobody can be asked in the middle of a call, so what a person would have to see is withheld.
 */
import type { Decision } from '../../stdlib/abi.js';
import { answerDraft, type Counts, maskAnswer } from './answer-entry.js';
import type { Put, Reply } from './asking.js';
import type { Asked, Gate } from './gate.js';
import { watched } from './judge.js';
import { defaultDeny } from './record.js';

type Answered = Extract<Reply, { readonly result: unknown }>;

/** The answer as the server may have it, or null. */
export async function checkedReply(gate: Gate, put: Put, asked: Asked, reply: Reply): Promise<Reply | null> {
  if (typeof reply === 'string' || !('result' in reply)) return reply;
  const { intake, policy, call, entry } = put;
  if (!policy.module.phases.includes('result')) return reply;
  const { kind, server, name, args } = intake.intent;
  const request = { intent: { kind, server, name, args }, ...asked.caller.subject };
  const judged = await gate.decide(policy.module, request, 'result', reply.result).catch((error: unknown) => {
    gate.say(`the rules on results could not be evaluated: ${String(error)}`);
    return null;
  });
  const said = judged?.decision ?? defaultDeny('the rules on results could not be evaluated');
  const { decision: decided, dryRun = null } = gate.dryRun
    ? watched<{ readonly decision: Decision }>({ decision: said })
    : { decision: said };
  const facts = judged?.facts ?? {};
  const masks = decided.effect === 'allow' && !gate.dryRun ? decided.masks : undefined;
  if (decided.effect === 'allow' && masks === undefined && dryRun === null && Object.keys(facts).length === 0)
    return reply;
  const given = await maskedReply(gate, put, reply, masks);
  const decision =
    given === null
      ? defaultDeny('the answer could not be masked')
      : decided.effect === 'review'
        ? defaultDeny('a person would have to see this answer, and the server cannot wait for one')
        : decided;
  const about = { decision, facts, reads: judged?.reads ?? [], dryRun, masked: given?.counts ?? [] };
  const made = await answerDraft(
    gate,
    { intake, asked, call, policy },
    { ...about, refs: { decide: entry.leaf } },
  );
  await gate.log.append(made.draft, made.openings);
  return decision.effect === 'deny' || given === null ? null : given.reply;
}

async function maskedReply(
  gate: Gate,
  { intake }: Put,
  reply: Answered,
  masks: readonly string[] | undefined,
): Promise<{ readonly reply: Answered; readonly counts: Counts } | null> {
  if (masks === undefined) return { reply, counts: [] };
  const masked = await maskAnswer(gate, intake.intent, reply.result, masks);
  if ('why' in masked) return null;
  return { reply: { ...reply, result: masked.value as Answered['result'] }, counts: masked.counts };
}
