// SPDX-License-Identifier: Apache-2.0
/** What of an answer may go on once it is masked, and the entry of a decision on an answer. */
import type { Decision, Facts } from '../../stdlib/abi.js';
import type { Draft, Openings } from '../log/types.js';
import type { DecisionBody, Effect } from '../verify/format/body.js';
import type { JsonValue } from '../verify/format/canonical.js';
import type { ActivePolicy, Asked, Gate } from './gate.js';
import type { Intake } from './intake.js';
import { decideDraft } from './record.js';
import { expiryOf } from './review.js';
import { structuredMisfit } from './validate.js';

export type Counts = DecisionBody['masked'];

export type Mask = { readonly value: unknown; readonly counts: Counts } | { readonly why: string };

/** Structured content that no longer fits the tool's schema would be no answer of this tool. */
export async function maskAnswer(
  gate: Gate,
  { kind, server, name }: Intake['intent'],
  value: unknown,
  masks: readonly string[],
): Promise<Mask> {
  const masked = await gate.scanner
    .mask(value, masks)
    .catch(() => ({ ok: false, why: 'the scan failed' }) as const);
  if (!masked.ok) return { why: masked.why };
  const schema = outputSchemaOf(gate, { kind, server, name });
  const misfit = masked.counts.length === 0 ? null : structuredMisfit(masked.value, schema);
  return misfit === null ? masked : { why: misfit };
}

/** What the structured content of a tool has to fit, if anything. */
export function outputSchemaOf(
  gate: Gate,
  { kind, server, name }: Pick<Intake['intent'], 'kind' | 'server' | 'name'>,
): JsonValue | undefined {
  return kind === 'tool'
    ? gate.catalog().pins.tool.get(server)?.get(name)?.definition['outputSchema']
    : undefined;
}

/** Whose answer it is. */
export interface Answered {
  readonly intake: Intake;
  readonly asked: Asked;
  /** The call's id in the log. */
  readonly call: string;
  readonly policy: ActivePolicy;
}

export interface About {
  readonly decision: Decision;
  readonly facts: Facts;
  readonly reads: readonly string[];
  readonly refs: NonNullable<Draft['refs']>;
  readonly masked: Counts;
  readonly dryRun?: Effect | null;
}

/** The decide entry of the result phase and the clear text kept beside it. */
export async function answerDraft(
  gate: Gate,
  { intake, asked, call, policy }: Answered,
  { refs, masked, ...about }: About,
): Promise<{ readonly draft: Draft; readonly openings: Openings }> {
  const { draft, openings } = await decideDraft({
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
  const all = [...(draft.decision?.masked ?? []), ...(masked ?? [])];
  const decision = { ...draft.decision, ...(all.length > 0 ? { masked: all } : {}) } as DecisionBody;
  return { draft: { ...draft, phase: 'result', refs, decision }, openings };
}
