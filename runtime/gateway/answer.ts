// SPDX-License-Identifier: Apache-2.0
/**
 * The `on result` rules: what a server answered is decided, and the decision durable, before any of it reaches the client. A deny withholds
 * it, a review holds it for a person (release.ts), masks are put over what was found.
 */
import type { Decision } from '../../stdlib/abi.js';
import type { Pending } from '../approvals/types.js';
import type { Appended } from '../log/types.js';
import type { Effect } from '../verify/format/body.js';
import { digest } from '../verify/format/hash.js';
import { type About, answerDraft, type Counts, maskAnswer, outputSchemaOf } from './answer-entry.js';
import type { Admitted } from './forward.js';
import type { Gate } from './gate.js';
import { watched } from './judge.js';
import { type Raw, textOf } from './large/service.js';
import { defaultDeny } from './record.js';
import { HELD_FACT, holdAnswer } from './release.js';
import type { Answer } from './upstream/exchange.js';

export type Checked =
  | { readonly kind: 'as_it_is' }
  /** JSON text in place of the result, or of the error, of the server. */
  | { readonly kind: 'masked'; readonly raw: Raw }
  | { readonly kind: 'held'; readonly pending: Pending }
  | { readonly kind: 'withheld'; readonly sentence: string; readonly entry: Appended };

const AS_IT_IS: Checked = { kind: 'as_it_is' };

/** Decides on an answer. An error of the server is an answer too: a model reads it. */
export async function checkAnswer(gate: Gate, admitted: Admitted, answer: Answer): Promise<Checked> {
  const { policy } = admitted;
  if (answer.kind === 'failed' || answer.kind === 'asks' || !policy.module.phases.includes('result'))
    return AS_IT_IS;
  const value = valueOf(answer);
  const { intake, asked } = admitted;
  const { kind, server, name, args } = intake.intent;
  const request = { intent: { kind, server, name, args }, ...asked.caller.subject };
  const deciding = value.then((whole) => gate.decide(policy.module, request, 'result', whole));
  const judged = await deciding.catch((error: unknown) => {
    gate.say(`the rules on results could not be evaluated: ${String(error)}`);
    return null;
  });
  const plain: { readonly decision: Decision; readonly dryRun?: Effect } = {
    decision: judged?.decision ?? defaultDeny('the rules on results could not be evaluated'),
  };
  const { decision: decided, dryRun = null } = gate.dryRun ? watched(plain) : plain;
  const facts = judged?.facts ?? {};
  const masking = decided.effect === 'allow' && decided.masks !== undefined && !gate.dryRun;
  if (decided.effect === 'allow' && !masking && dryRun === null && Object.keys(facts).length === 0)
    return AS_IT_IS;
  const masked = masking
    ? await maskedAnswer(gate, intake, answer.raw, await value, decided.masks ?? [])
    : null;
  const failed = masked !== null && 'why' in masked;
  const decision = failed ? defaultDeny(`the answer could not be masked: ${masked.why}`) : decided;
  const counts: Counts = masked !== null && !failed ? masked.counts : [];
  const about = { decision, facts, reads: judged?.reads ?? [], dryRun, masked: counts };
  if (decision.effect === 'review') return held(gate, admitted, answer, about);
  const entry = await record(gate, admitted, about);
  if (decision.effect === 'deny') return { kind: 'withheld', sentence: sentenceOf(decision), entry };
  return masked === null || failed || counts?.length === 0 ? AS_IT_IS : { kind: 'masked', raw: masked.raw };
}

/** What a server answered, whole. */
async function valueOf(answer: Exclude<Answer, { readonly kind: 'failed' | 'asks' }>): Promise<unknown> {
  if (typeof answer.raw !== 'string') return answer.raw.value();
  return answer.kind === 'result' ? answer.value : JSON.parse(answer.raw);
}

type MaskedAnswer = { readonly raw: Raw; readonly counts: Counts } | { readonly why: string };

/** Masks the answer where its text is. */
async function maskedAnswer(
  gate: Gate,
  { intent }: Admitted['intake'],
  raw: Raw,
  value: unknown,
  masks: readonly string[],
): Promise<MaskedAnswer> {
  if (typeof raw === 'string') {
    const masked = await maskAnswer(gate, intent, value, masks);
    return 'why' in masked ? masked : { raw: JSON.stringify(masked.value), counts: masked.counts };
  }
  const masked = await raw
    .mask(masks, outputSchemaOf(gate, intent) ?? null)
    .catch(() => ({ why: 'the scan failed' }));
  return 'why' in masked ? masked : { raw: masked.text, counts: masked.counts };
}

const sentenceOf = ({ reason }: Decision): string =>
  `The call was made, and its answer is withheld: ${reason ?? 'a rule of the policy does not let it through'}.`;

type Said = Omit<About, 'refs'>;

async function record(gate: Gate, admitted: Admitted, said: Said): Promise<Appended> {
  const refs = { decide: admitted.entry.leaf };
  const { draft, openings } = await answerDraft(gate, admitted, { ...said, refs });
  return gate.log.append(draft, openings);
}

/** Waits for a person; what cannot wait is withheld. */
async function held(
  gate: Gate,
  admitted: Admitted,
  answer: Extract<Answer, { readonly kind: 'result' | 'error' }>,
  said: Said,
): Promise<Checked> {
  const refs = { decide: admitted.entry.leaf };
  const { kind } = answer;
  const raw = await textOf(answer.raw);
  const facts = { ...said.facts, [HELD_FACT]: digest(raw) };
  const entry = await answerDraft(gate, admitted, { ...said, facts, refs });
  const pending = await holdAnswer(gate, admitted, { kind, raw }, entry);
  if (pending !== null) return { kind: 'held', pending };
  const decision = defaultDeny(
    `${said.decision.reason ?? 'a person has to see it'}, and it cannot wait for one`,
  );
  return {
    kind: 'withheld',
    sentence: sentenceOf(decision),
    entry: await record(gate, admitted, { ...said, decision }),
  };
}
