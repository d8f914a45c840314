// SPDX-License-Identifier: Apache-2.0
/** Who may answer which asker, and what is still missing: pure rules over recorded approvals. */
import type { ApprovalNeed } from '../../stdlib/abi.js';
import { kindOf } from '../decide/principal-names.js';
import type { Registry } from './registry.js';
import type { Given, Missing } from './types.js';

export interface Requester {
  readonly principal: string;
  readonly user: string | null;
}

interface Person {
  readonly id: string;
  readonly roles: readonly string[];
}

/** The person who confirms a `by self` rule: the user, or the principal if it is one. */
export function selfOf(requester: Requester): string | null {
  return requester.user ?? (kindOf(requester.principal) === 'user' ? requester.principal : null);
}

/** Is this person the one who asks, under either identity? */
export function isRequester(id: string, requester: Requester): boolean {
  return id === requester.principal || id === requester.user;
}

/** May this person's verdict count for this asker? Never the requester's own, but where the rule says `by self`. */
export function eligible(need: ApprovalNeed, person: Person, requester: Requester): boolean {
  if (need.self) return person.id === selfOf(requester);
  return !isRequester(person.id, requester) && need.roles.some((role) => person.roles.includes(role));
}

/**
 * What the askers still lack. An approval counts with the roles that its approver had then and still has, and only while the same key is
 * registered: whoever is removed from the configuration no longer opens anything.
 */
export function missingFor(
  needs: readonly ApprovalNeed[],
  given: readonly Given[],
  requester: Requester,
  registry: Registry,
): readonly Missing[] {
  const people = given.flatMap((one) => {
    // Attested: in person, without a key and without roles.
    if (one.key === '') return one.approver === selfOf(requester) ? [{ id: one.approver, roles: [] }] : [];
    const known = registry.get(one.approver);
    if (known === undefined || known.key !== one.key) return [];
    return [{ id: one.approver, roles: one.roles.filter((role) => known.roles.includes(role)) }];
  });
  return needs.flatMap((need) => {
    const distinct = new Set(
      people.filter((person) => eligible(need, person, requester)).map(({ id }) => id),
    );
    const short = Math.max(1, need.quorum) - distinct.size;
    return short <= 0 ? [] : [{ rule: need.rule, self: need.self, roles: need.roles, people: short }];
  });
}
