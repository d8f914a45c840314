// SPDX-License-Identifier: Apache-2.0
// Sets of principals and actions: in one of the included and in none of the excepted; total.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { std } from '../../../stdlib/std.js';
import {
  act,
  actions,
  every,
  everyTool,
  matchesWhat,
  matchesWho,
  rolesOf,
  type WhatTerm,
  type Who,
  type WhoTerm,
  what,
} from '../../../stdlib/sets.js';

const exact = (text: string) => std.glob([text], '');
const subject = { principal: 'agent:a', roles: ['lead'], user: null, userRoles: [], session: 's' };

const leaf: fc.Arbitrary<WhoTerm> = fc.oneof(
  fc.constant(std.anyone),
  fc.constantFrom('agent:a', 'agent:b', 'user:a').map((id) => std.principal(exact(id))),
  fc.constantFrom('lead', 'ops').map((r) => std.role(r)),
);
const { set } = fc.letrec<{ set: Who; term: WhoTerm }>((tie) => ({
  term: fc.oneof(
    { depthSize: 'small' },
    leaf,
    tie('set').map((w) => std.members(w)),
  ),
  set: fc
    .tuple(fc.array(tie('term'), { minLength: 1, maxLength: 3 }), fc.array(tie('term'), { maxLength: 2 }))
    .map(([include, except]) => std.who(include, except)),
}));

/** The members of a set among a few principals, by set algebra. */
const WORLD = ['agent:a', 'agent:b', 'user:a'].flatMap((id) =>
  [[], ['lead'], ['ops'], ['lead', 'ops']].map((roles) => ({ id, roles })),
);
function membersOf(who: Who): ReadonlySet<number> {
  const of = (term: WhoTerm): ReadonlySet<number> => {
    if (term.kind === 'set') return membersOf(term.who);
    return new Set(
      WORLD.flatMap((p, i) =>
        term.kind === 'any' || (term.kind === 'role' ? p.roles.includes(term.value) : term.glob.matches(p.id))
          ? [i]
          : [],
      ),
    );
  };
  const all = new Set(who.include.flatMap((t) => [...of(t)]));
  for (const t of who.except) for (const i of of(t)) all.delete(i);
  return all;
}

describe('who', () => {
  it('is union minus union, nested as deep as it is written', () => {
    fc.assert(
      fc.property(set, (who) => {
        const expected = membersOf(who);
        WORLD.forEach((p, i) => {
          expect(matchesWho(who, p.id, p.roles)).toBe(expected.has(i));
          const s = { ...subject, principal: p.id, roles: p.roles, user: p.id, userRoles: p.roles };
          expect([std.inWho(s, who), std.userInWho(s, who)]).toEqual(expected.has(i) ? [2, 2] : [0, 0]);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('without a user, what is asked of the user is unknown', () => {
    expect([std.userInWho(subject, std.who([std.anyone], [])), std.userHasRole(subject, 'lead')]).toEqual([
      1, 1,
    ]);
    expect([std.hasRole(subject, 'lead'), std.hasRole(subject, 'ops')]).toEqual([2, 0]);
    const delegated = { ...subject, user: 'user:a', userRoles: ['ops'] };
    expect([std.userHasRole(delegated, 'ops'), std.userHasRole(delegated, 'lead')]).toEqual([2, 0]);
  });

  it('roles that it asks for are found wherever they stand', () => {
    const inner = std.who([std.role('a')], [std.role('b')]);
    expect([...rolesOf(std.who([std.members(inner), std.role('c')], [std.members(inner)]))].sort()).toEqual([
      'a',
      'a',
      'b',
      'b',
      'c',
    ]);
  });
});

describe('what', () => {
  const fs = act('tool', exact('fs'), exact('read'));
  const uri = act('resource', exact('fs'), std.glob(['file:///', ''], 'a'));
  const sampling = act('sampling', exact('web'), null);
  const matches = (
    include: readonly WhatTerm[],
    except: readonly WhatTerm[],
    of: readonly ['tool' | 'resource' | 'sampling', string, string],
  ) => matchesWhat(what(include, except), ...of);

  it('matches kind, server and name; kinds without names by server alone', () => {
    expect(matches([fs], [], ['tool', 'fs', 'read'])).toBe(true);
    expect(matches([fs], [], ['resource', 'fs', 'read'])).toBe(false);
    expect(matches([fs], [], ['tool', 'web', 'read'])).toBe(false);
    expect(matches([uri], [], ['resource', 'fs', 'file:///a/b'])).toBe(true);
    expect(matches([sampling], [], ['sampling', 'web', ''])).toBe(true);
    expect(matches([sampling], [], ['sampling', 'fs', ''])).toBe(false);
  });

  it('every is every kind, everyTool only tools; except takes away, in nested sets too', () => {
    expect(matches([every], [], ['sampling', 'x', ''])).toBe(true);
    expect(matches([everyTool], [], ['sampling', 'x', ''])).toBe(false);
    expect(matches([everyTool], [fs], ['tool', 'fs', 'read'])).toBe(false);
    expect(matches([actions(what([every], [fs]))], [], ['tool', 'fs', 'read'])).toBe(false);
    expect(matches([every], [actions(what([every], [fs]))], ['tool', 'fs', 'read'])).toBe(true);
    expect(matches([], [], ['tool', 'fs', 'read'])).toBe(false);
  });
});
