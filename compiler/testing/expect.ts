// SPDX-License-Identifier: Apache-2.0
/** What a test expects against what was decided, in words. */
import type { Expect } from '../../grammar/tree.js';
import type { DecisionEffect, RuleEffect } from '../../stdlib/abi.js';
import type { Answer } from './types.js';

/** Empty when the answer is what was expected, else what differs. */
export function mismatch(expect: Expect, answer: Answer): readonly string[] {
  const { decision, matched } = answer;
  const wrong: string[] = [];
  if (!expect.effects.some((effect) => effect.value === decision.effect)) wrong.push(...because(answer));
  if (expect.by !== null && wrong.length === 0) {
    const name = expect.by.text;
    const found =
      name === 'default'
        ? decision.default
        : matched.some((match) => match.name === name && yields(match.effect, decision.effect));
    if (!found) wrong.push(`it is decided, but not by \`${name}\``, ...because(answer));
  }
  if (expect.because !== null && expect.because.value !== decision.reason) {
    wrong.push(`the reason is ${decision.reason === null ? 'none' : JSON.stringify(decision.reason)}`);
  }
  for (const { text } of expect.masked) {
    if (decision.effect === 'deny') wrong.push('nothing is masked: the answer is withheld');
    else if (decision.masks?.includes(text) !== true) wrong.push(`no rule masks \`${text}\``);
    else if (!answer.found.includes(text)) wrong.push(`the answer holds nothing of \`${text}\``);
  }
  return wrong;
}

/** Does a rule with this effect bring about this decision? After an approval, a review has led to allow. */
function yields(rule: RuleEffect, decision: DecisionEffect): boolean {
  switch (rule) {
    case 'allow':
      return decision === 'allow';
    case 'deny':
      return decision === 'deny';
    case 'redact':
      return decision !== 'deny';
    case 'review':
    case 'escalate':
      return decision !== 'deny';
  }
}

function because({ decision, matched, refused }: Answer): readonly string[] {
  if (refused !== null) return [`no rule was asked: ${refused}`];
  const rules = matched.map((m) => `${m.name} (${m.effect}${m.unknown === true ? ', not sure' : ''})`);
  return [
    rules.length === 0 ? 'no rule matches' : `matching: ${rules.join(', ')}`,
    ...(decision.reason === null ? [] : [`reason: ${decision.reason}`]),
    ...decision.unknowns.map((u) => `unknown: ${u.name}: ${u.why} (else ${u.otherwise})`),
  ];
}

export function describeExpect(expect: Expect): string {
  const effects = expect.effects.map((effect) => effect.value).join(' or ');
  const by = expect.by === null ? '' : ` by ${expect.by.text}`;
  const reason = expect.because === null ? '' : ` because ${JSON.stringify(expect.because.value)}`;
  return `${effects}${by}${reason}`;
}

export function describeAnswer({ decision }: Answer): string {
  const by =
    decision.rules.length > 0 ? ` by ${decision.rules.join(', ')}` : decision.default ? ' by default' : '';
  return `${decision.effect}${by}`;
}
