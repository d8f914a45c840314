// SPDX-License-Identifier: Apache-2.0
/** One question to a compiled policy as the gateway would put it: pinned and fitting first, then the rules. */
import type { Decision, Explanation, Facts, Phase, Request } from '../../stdlib/abi.js';
import type { Answer, TestSubject } from './types.js';

export function ask(
  subject: Pick<TestSubject, 'ir' | 'module' | 'misfit'>,
  request: Request,
  facts: Facts,
  phase: Phase = 'call',
): Answer & Pick<Explanation, 'near'> {
  const refused = refusal(subject, request);
  if (refused !== null) return { decision: refusedDecision(), matched: [], near: [], refused };
  const { decision, matched, near } = subject.module.explain(request, facts, phase);
  return { decision, matched, near, refused: null };
}

function refusal(subject: Pick<TestSubject, 'ir' | 'misfit'>, { intent }: Request): string | null {
  if (intent.kind !== 'tool') return null;
  const pinned = subject.ir.tools.some((tool) => tool.server === intent.server && tool.name === intent.name);
  if (!pinned) return `\`${intent.server}/${intent.name}\` is not pinned`;
  return subject.misfit(intent.server, intent.name, intent.args);
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
