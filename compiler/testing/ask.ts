// SPDX-License-Identifier: Apache-2.0
/** One question to a compiled policy as the gateway would put it: pinned and fitting first, then the rules. */
import type { Decision, Explanation, Facts, Phase, Request } from '../../stdlib/abi.js';
import type { Answer, TestSubject } from './types.js';

export function ask(
  subject: Pick<TestSubject, 'ir' | 'module' | 'misfit'>,
  request: Request,
  facts: Facts,
  phase: Phase = 'call',
): Omit<Answer, 'found'> & Pick<Explanation, 'near'> {
  const refused = refusal(subject, request, phase);
  if (refused !== null) return { decision: refusedDecision(), matched: [], near: [], refused };
  const { decision, matched, near } = subject.module.explain(request, facts, phase);
  return { decision, matched, near, refused: null };
}

/** A listed item has no arguments, and those of an answered call fitted. */
function refusal(
  subject: Pick<TestSubject, 'ir' | 'misfit'>,
  { intent }: Request,
  phase: Phase,
): string | null {
  if (intent.kind !== 'tool') return null;
  const pinned = subject.ir.tools.some((tool) => tool.server === intent.server && tool.name === intent.name);
  if (!pinned) return `\`${intent.server}/${intent.name}\` is not pinned`;
  return phase === 'call' ? subject.misfit(intent.server, intent.name, intent.args) : null;
}

/** What the gateway answers before any rule is asked (language, section 2). */
function refusedDecision(): Decision {
  return {
    effect: 'deny',
    rules: [],
    default: true,
    reason: null,
    unknowns: [],
    approvals: [],
    timeout: null,
    shadow: [],
    steps: 0,
  };
}
