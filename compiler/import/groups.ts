// SPDX-License-Identifier: Apache-2.0
/** Which rules can speak of the same tool: only among those does the order of a file mean anything. */
import { globIr, matchesGlob } from '../glob.js';
import type { Rule } from './model.js';

/** Rules in the order of the file, in groups that share no tool; groups in the order of their first rules. */
export function groupsOf(rules: readonly Rule[]): readonly (readonly Rule[])[] {
  const groups: Rule[][] = [];
  for (const rule of rules) {
    const touching = groups.filter((group) => group.some((other) => share(rule.tools, other.tools)));
    const [first, ...others] = touching;
    if (first === undefined) {
      groups.push([rule]);
      continue;
    }
    for (const other of others) {
      first.push(...other);
      groups.splice(groups.indexOf(other), 1);
    }
    first.push(rule);
  }
  return groups.map((group) => [...group].sort((a, b) => a.at - b.at));
}

const share = (a: readonly string[], b: readonly string[]): boolean =>
  a.some((one) => b.some((other) => overlap(one, other)));

/** Is there a name that both patterns match? */
export function overlap(a: string, b: string): boolean {
  // reach[j]: the first i characters of `a` and the first j of `b` can stand for the same text.
  let reach = [true, ...Array.from({ length: b.length }, () => false)];
  for (let j = 1; j <= b.length; j++) reach[j] = reach[j - 1] === true && b[j - 1] === '*';
  for (const c of a) {
    const next = [reach[0] === true && c === '*'];
    for (let j = 1; j <= b.length; j++) {
      const d = b[j - 1] ?? '';
      if (c === '*' || d === '*') next[j] = next[j - 1] === true || reach[j] === true;
      else next[j] = c === d && reach[j - 1] === true;
      if ((c === '*' || d === '*') && reach[j - 1] === true) next[j] = true;
    }
    reach = next;
  }
  return reach[b.length] === true;
}

/** Does every name that `inner` matches match `outer` too? A pattern is read as a name whose stars are some odd character. */
export function covers(outer: string, inner: string): boolean {
  return matchesGlob(globIr(outer), inner.replaceAll('*', '\u0001'));
}

/** Without those that another one covers. */
export function widest(patterns: readonly string[]): readonly string[] {
  const unique = [...new Set(patterns)];
  return unique.filter((one) => !unique.some((other) => other !== one && covers(other, one)));
}

export const matchesAny = (patterns: readonly string[], text: string): boolean =>
  patterns.some((pattern) => matchesGlob(globIr(pattern), text));
