// SPDX-License-Identifier: Apache-2.0
/** Sets of principals and of actions, as compiled policies write them down. Total: an unknown touches neither. */
import type { ActionKind, Subject } from './abi.js';
import type { Glob } from './glob.js';
import type { Kleene } from './values.js';

export type WhoTerm =
  | { readonly kind: 'any' }
  | { readonly kind: 'principal'; readonly glob: Glob }
  | { readonly kind: 'role'; readonly value: string }
  | { readonly kind: 'set'; readonly who: Who };
export interface Who {
  readonly include: readonly WhoTerm[];
  readonly except: readonly WhoTerm[];
}

export const who = (include: readonly WhoTerm[], except: readonly WhoTerm[]): Who => ({ include, except });
export const anyone: WhoTerm = { kind: 'any' };
export const principal = (glob: Glob): WhoTerm => ({ kind: 'principal', glob });
export const role = (value: string): WhoTerm => ({ kind: 'role', value });
export const members = (set: Who): WhoTerm => ({ kind: 'set', who: set });

export const matchesWho = (set: Who, id: string, roles: readonly string[]): boolean =>
  isOneOf(set.include, id, roles) && !isOneOf(set.except, id, roles);

/** Callers who were never seen before are asked about set by set: a loop, no closures. */
function isOneOf(terms: readonly WhoTerm[], id: string, roles: readonly string[]): boolean {
  for (let i = 0; i < terms.length; i++) if (isIn(terms[i] as WhoTerm, id, roles)) return true;
  return false;
}
function isIn(term: WhoTerm, id: string, roles: readonly string[]): boolean {
  switch (term.kind) {
    case 'any':
      return true;
    case 'principal':
      return term.glob.matches(id);
    case 'role':
      return roles.includes(term.value);
    case 'set':
      return matchesWho(term.who, id, roles);
  }
}

/** The roles that the set asks for anywhere. */
export function rolesOf(set: Who): readonly string[] {
  return [...set.include, ...set.except].flatMap((term) =>
    term.kind === 'role' ? [term.value] : term.kind === 'set' ? rolesOf(term.who) : [],
  );
}

export const inWho = (r: Subject, set: Who): Kleene => (matchesWho(set, r.principal, r.roles) ? 2 : 0);
export const userInWho = (r: Subject, set: Who): Kleene =>
  r.user === null ? 1 : matchesWho(set, r.user, r.userRoles) ? 2 : 0;
export const hasRole = (r: Subject, value: string): Kleene => (r.roles.includes(value) ? 2 : 0);
export const userHasRole = (r: Subject, value: string): Kleene =>
  r.user === null ? 1 : r.userRoles.includes(value) ? 2 : 0;

export type WhatTerm =
  | { readonly kind: 'every'; readonly toolsOnly: boolean }
  | { readonly kind: 'act'; readonly act: ActionKind; readonly server: Glob; readonly name: Glob | null }
  | { readonly kind: 'set'; readonly what: What };
export interface What {
  readonly include: readonly WhatTerm[];
  readonly except: readonly WhatTerm[];
}

export const what = (include: readonly WhatTerm[], except: readonly WhatTerm[]): What => ({
  include,
  except,
});
export const every: WhatTerm = { kind: 'every', toolsOnly: false };
export const everyTool: WhatTerm = { kind: 'every', toolsOnly: true };
export const act = (kind: ActionKind, server: Glob, name: Glob | null): WhatTerm => ({
  kind: 'act',
  act: kind,
  server,
  name,
});
export const actions = (set: What): WhatTerm => ({ kind: 'set', what: set });

export const matchesWhat = (set: What, kind: ActionKind, server: string, name: string): boolean =>
  reachesOne(set.include, kind, server, name) && !reachesOne(set.except, kind, server, name);

function reachesOne(terms: readonly WhatTerm[], kind: ActionKind, server: string, name: string): boolean {
  for (let i = 0; i < terms.length; i++) if (reaches(terms[i] as WhatTerm, kind, server, name)) return true;
  return false;
}
function reaches(term: WhatTerm, kind: ActionKind, server: string, name: string): boolean {
  switch (term.kind) {
    case 'every':
      return !term.toolsOnly || kind === 'tool';
    case 'act':
      return (
        term.act === kind && term.server.matches(server) && (term.name === null || term.name.matches(name))
      );
    case 'set':
      return matchesWhat(term.what, kind, server, name);
  }
}
