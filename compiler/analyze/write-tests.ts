// SPDX-License-Identifier: Apache-2.0
/** Questions that refute a statement as tests of the policy: they fail until the policy does what it claims. */
import type { DecisionEffect, Json } from '../../stdlib/abi.js';
import { quote } from '../../grammar/literals.js';
import type { Proof } from './prove.js';
import type { Question } from './witness.js';

interface Said {
  readonly proof: Proof;
  readonly statement: string;
}

/** The source with a test for each witness that it does not have yet. */
export function testsOf(
  source: string,
  said: readonly Said[],
): { readonly text: string; readonly count: number } {
  const tests = said.flatMap(({ proof, statement }) => {
    const { witness, claim, demands } = proof;
    if (witness === null) return [];
    const forbidden: readonly DecisionEffect[] = claim.kind === 'never' ? claim.effects : [];
    const wanted = demands ?? (['deny', 'review', 'allow'] as const).find((e) => !forbidden.includes(e));
    const test = testOf(`witness: ${statement}`, witness, wanted ?? 'deny');
    return source.includes(test) ? [] : [test];
  });
  const base = source.endsWith('\n') ? source : `${source}\n`;
  return { text: tests.length === 0 ? source : `${base}\n${tests.join('\n')}`, count: tests.length };
}

export function testOf(title: string, question: Question, wanted: DecisionEffect): string {
  const args = Object.keys(question.args).length === 0 ? '' : ` ${jsonText(question.args)}`;
  return `test ${quote(title)} {\n  ${givenOf(question)}\n  ${question.call}${args} => ${wanted}\n}\n`;
}

function givenOf({ as, roles, for: user, userRoles, session, facts }: Question): string {
  const values = Object.entries(facts).map(
    ([name, value]) => `${name} ${value === null ? 'unavailable' : jsonText(value)}`,
  );
  const items = [...(roles.length === 0 ? [] : [rolesText(roles)]), ...values];
  const withs = items.length === 0 ? '' : ` with ${items.join(', ')}`;
  const ofUser = userRoles === undefined || userRoles.length === 0 ? '' : ` with ${rolesText(userRoles)}`;
  const forUser = user === undefined ? '' : ` for ${principalText(user)}${ofUser}`;
  return `as ${principalText(as)}${withs}${forUser}${session === undefined ? '' : ` in session ${quote(session)}`}`;
}

const rolesText = (roles: readonly string[]): string => `roles [${roles.map(word).join(', ')}]`;
const word = (text: string): string => (/^[A-Za-z_]\w*$/.test(text) ? text : quote(text));

function principalText(id: string): string {
  const at = id.indexOf(':') + 1;
  const name = id.slice(at);
  return `${id.slice(0, at)}${/^[\w.@-]+$/.test(name) ? name : quote(name)}`;
}

function jsonText(value: Json): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => jsonText(item)).join(', ')}]`;
  const members = Object.entries(value).map(([key, member]) => `${word(key)}: ${jsonText(member as Json)}`);
  return `{ ${members.join(', ')} }`;
}
