// SPDX-License-Identifier: Apache-2.0
/**
 * The `on result` rules: what a server answered is decided, and the decision durable, before any of it reaches the client. A deny withholds
 * it, a review too (nobody can approve an answer yet), masks are put over what was found.
 */
import type { Decision } from '../../stdlib/abi.js';
import type { Appended, Draft } from '../log/types.js';
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import type { DecisionBody, Effect } from '../verify/format/body.js';
import type { Admitted } from './forward.js';
import type { Gate } from './gate.js';
import { watched } from './judge.js';
import { decideDraft, defaultDeny } from './record.js';
import { expiryOf } from './review.js';
import type { Answer } from './upstream/exchange.js';
import { argumentCheck } from './validate.js';
import { isObject } from './wire/message.js';

export type Checked =
  | { readonly kind: 'as_it_is' }
  /** JSON text in place of the result, or of the error, of the server. */
  | { readonly kind: 'masked'; readonly raw: string }
  | {
      readonly kind: 'withheld';
      readonly sentence: string;
      readonly entry: Appended;
      readonly effect: 'review' | 'deny';
    };

type Counts = DecisionBody['masked'];

const AS_IT_IS: Checked = { kind: 'as_it_is' };

/** Decides on an answer. An error of the server is an answer too: a model reads it. */
export async function checkAnswer(gate: Gate, admitted: Admitted, answer: Answer): Promise<Checked> {
  const { policy } = admitted;
  if (answer.kind === 'failed' || answer.kind === 'asks' || !policy.module.phases.includes('result'))
    return AS_IT_IS;
  const value: unknown = answer.kind === 'result' ? answer.value : JSON.parse(answer.raw);
  const { intake, asked } = admitted;
  const { kind, server, name, args } = intake.intent;
  const request = { ...asked.caller.subject, intent: { kind, server, name, args } };
  const judged = await gate.decide(policy.module, request, 'result', value).catch((error: unknown) => {
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
  const masked = masking ? await mask(gate, intake.intent, value, decided.masks ?? []) : null;
  const failed = masked !== null && 'why' in masked;
  const decision = failed ? defaultDeny(`the answer could not be masked: ${masked.why}`) : decided;
  const counts = masked !== null && !failed ? masked.counts : [];
  const about = { decision, facts, reads: judged?.reads ?? [], dryRun };
  const entry = await record(gate, admitted, about, counts);
  if (decision.effect !== 'allow')
    return { kind: 'withheld', sentence: sentenceOf(decision), entry, effect: decision.effect };
  return masked === null || failed || counts?.length === 0
    ? AS_IT_IS
    : { kind: 'masked', raw: JSON.stringify(masked.value) };
}

function sentenceOf({ effect, reason }: Decision): string {
  const why = reason ?? 'a rule of the policy does not let it through';
  return effect === 'review'
    ? `The call was made, and its answer is withheld until a person has looked at it: ${why}. Do not repeat the call.`
    : `The call was made, and its answer is withheld: ${why}.`;
}

type Mask = { readonly value: unknown; readonly counts: Counts } | { readonly why: string };

/** Structured content that no longer fits the tool's schema would be no answer of this tool. */
async function mask(
  gate: Gate,
  { kind, server, name }: Admitted['intake']['intent'],
  value: unknown,
  masks: readonly string[],
): Promise<Mask> {
  const masked = await gate.scanner
    .mask(value, masks)
    .catch(() => ({ ok: false, why: 'the scan failed' }) as const);
  if (!masked.ok) return { why: masked.why };
  const schema =
    kind === 'tool' ? gate.catalog().pins.tool.get(server)?.get(name)?.definition['outputSchema'] : undefined;
  const structured = isObject(masked.value) ? masked.value['structuredContent'] : undefined;
  if (masked.counts.length > 0 && isObject(schema) && isObject(structured)) {
    const misfit = argumentCheck({ inputSchema: schema as JsonValue })(structured as JsonObject);
    if (misfit !== null) return { why: 'its structured content would no longer fit the schema of the tool' };
  }
  return masked;
}

interface About {
  readonly decision: Decision;
  readonly facts: Decided['facts'];
  readonly reads: readonly string[];
  readonly dryRun: Effect | null;
}
type Decided = Awaited<ReturnType<Gate['decide']>>;

function record(
  gate: Gate,
  { intake, asked, call, entry, policy }: Admitted,
  about: About,
  masked: Counts,
): Promise<Appended> {
  const { draft, openings } = decideDraft({
    call,
    caller: asked.caller,
    intent: intake.intent,
    definition: intake.definition,
    trace: intake.beside.traceparent,
    policy: policy.ref,
    ...about,
    counts: [],
    expires: expiryOf(about.decision, gate.now()),
    links: null,
    propose: null,
  });
  const decision = { ...draft.decision, ...(masked?.length ? { masked } : {}) } as DecisionBody;
  const own: Draft = { ...draft, phase: 'result', refs: { decide: entry.leaf }, decision };
  return gate.log.append(own, openings);
}
