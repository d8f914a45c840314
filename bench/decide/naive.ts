// SPDX-License-Identifier: Apache-2.0
// The naive interpreter: rules sorted by effect, asked one after the other.
import {
  ANSWER,
  type BenchPolicy,
  type BenchRequest,
  type Condition,
  type Decide,
  type Pattern,
  RANK,
} from './workload.js';

/** `*` is any run of characters; nothing else is special. */
export function globMatches(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return text === glob;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

export const patternMatches = (pattern: Pattern, text: string): boolean =>
  pattern.exact !== undefined ? pattern.exact === text : globMatches(pattern.glob ?? '', text);

export function holds(condition: Condition, args: BenchRequest['args']): boolean {
  const value = Object.hasOwn(args, condition.arg) ? args[condition.arg] : undefined;
  switch (condition.op) {
    case 'eq':
      return value === condition.value;
    case 'prefix':
      return typeof value === 'string' && value.startsWith(condition.value);
    case 'glob':
      return typeof value === 'string' && globMatches(condition.value, value);
    case 'range':
      return (
        typeof value === 'number' &&
        value >= (condition.min ?? Number.NEGATIVE_INFINITY) &&
        value <= (condition.max ?? Number.POSITIVE_INFINITY)
      );
    case 'in':
      return typeof value === 'string' && condition.value.includes(value);
  }
}

export function naive(policy: BenchPolicy): Decide {
  const rules = [...policy.rules].sort((a, b) => RANK[a.effect] - RANK[b.effect]);
  return (request) => {
    const found = rules.find(
      (rule) =>
        patternMatches(rule.action, request.action) &&
        patternMatches(rule.principal, request.principal) &&
        rule.conditions.every((condition) => holds(condition, request.args)),
    );
    return found === undefined ? 'DENY' : ANSWER[found.effect];
  };
}
