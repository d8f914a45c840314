// SPDX-License-Identifier: Apache-2.0
// @cedar-policy/cedar-wasm: the policy set is parsed once. REVIEW is a permit whose id starts with "review", read from the
// determining policies; globs on principal and action need copies in the context, since `like` works on strings only.
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import type { Answer, BenchPolicy, BenchRequest, BenchRule, Condition, Decide } from './workload.js';

const text = (value: string): string => JSON.stringify(value);

function conditionText(condition: Condition): string {
  const read = `context.args.${condition.arg}`;
  switch (condition.op) {
    case 'eq':
      return `${read} == ${text(condition.value)}`;
    case 'prefix':
      return `${read} like ${text(`${condition.value}*`)}`;
    case 'glob':
      return `${read} like ${text(condition.value)}`;
    case 'range':
      return [
        ...(condition.min === undefined ? [] : [`${read} >= ${condition.min}`]),
        ...(condition.max === undefined ? [] : [`${read} <= ${condition.max}`]),
      ].join(' && ');
    case 'in':
      return `[${condition.value.map(text).join(', ')}].contains(${read})`;
  }
}

function policyText({ effect, principal, action, conditions }: BenchRule): string {
  const who = principal.exact === undefined ? 'principal' : `principal == Agent::${text(principal.exact)}`;
  const what = action.exact === undefined ? 'action' : `action == Action::${text(action.exact)}`;
  const when = [
    ...(principal.glob === undefined || principal.glob === '*'
      ? []
      : [`context.principal like ${text(principal.glob)}`]),
    ...(action.glob === undefined || action.glob === '*' ? [] : [`context.tool like ${text(action.glob)}`]),
    ...conditions.map((c) => `context.args has ${c.arg} && ${conditionText(c)}`),
  ];
  const clause = when.length === 0 ? '' : ` when { ${when.join(' && ')} }`;
  return `${effect === 'deny' ? 'forbid' : 'permit'}(${who}, ${what}, resource)${clause};`;
}

const callOf = (q: BenchRequest): Omit<cedar.StatefulAuthorizationCall, 'preparsedPolicySetId'> => ({
  principal: { type: 'Agent', id: q.principal },
  action: { type: 'Action', id: q.action },
  resource: { type: 'Server', id: 's' },
  context: { principal: q.principal, tool: q.action, args: { ...q.args } },
  entities: [],
});

export function cedarWasm(policy: BenchPolicy): Decide {
  const staticPolicies = Object.fromEntries(policy.rules.map((r) => [`${r.effect}-${r.id}`, policyText(r)]));
  const parsed = cedar.preparsePolicySet('bench', { staticPolicies });
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed).slice(0, 500));
  return (request): Answer => {
    const answer = cedar.statefulIsAuthorized({ ...callOf(request), preparsedPolicySetId: 'bench' });
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer).slice(0, 500));
    if (answer.response.decision !== 'allow') return 'DENY';
    return answer.response.diagnostics.reason.some((id) => id.startsWith('review')) ? 'REVIEW' : 'ALLOW';
  };
}
