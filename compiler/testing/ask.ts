// SPDX-License-Identifier: Apache-2.0
/** One question to a compiled policy as the gateway would put it: pinned and fitting first, then the rules. */
import type { Decision, Facts, Phase, Request } from '../../stdlib/abi.js';
import type { ToolIr } from '../ir.js';
import type { Answer, TestSubject } from './types.js';

export function ask(
  subject: Pick<TestSubject, 'ir' | 'module' | 'misfit'>,
  request: Request,
  facts: Facts,
  phase: Phase = 'call',
): Omit<Answer, 'found'> {
  const refused = refusal(subject, request, phase);
  if (refused !== null) return { decision: refusedDecision(), matched: [], refused };
  const { decision, matched } = subject.module.explain(request, facts, phase);
  return { decision, matched, refused: null };
}

/** A listed item has no arguments, and those of an answered call fitted. */
function refusal(
  subject: Pick<TestSubject, 'ir' | 'misfit'>,
  { intent }: Request,
  phase: Phase,
): string | null {
  if (intent.kind !== 'tool') return null;
  if (!isPinned(subject.ir.tools, intent.server, intent.name))
    return `\`${intent.server}/${intent.name}\` is not pinned`;
  return phase === 'call' ? subject.misfit(intent.server, intent.name, intent.args) : null;
}

/** The names of the pinned tools, by server. */
const pins = new WeakMap<readonly ToolIr[], ReadonlyMap<string, ReadonlySet<string>>>();

function isPinned(tools: readonly ToolIr[], server: string, name: string): boolean {
  let known = pins.get(tools);
  if (known === undefined) {
    const made = new Map<string, Set<string>>();
    for (const tool of tools) {
      const names = made.get(tool.server) ?? new Set();
      made.set(tool.server, names.add(tool.name));
    }
    pins.set(tools, (known = made));
  }
  return known.get(server)?.has(name) === true;
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
