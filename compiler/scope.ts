// SPDX-License-Identifier: Apache-2.0
/** The names of a policy: one namespace for everything that is named, roles apart, and the sets expanded. */
import type * as tree from '../grammar/tree.js';
import { type Code, type Diagnostic, diagnose, type Extra } from './diagnostics/diagnostic.js';
import { didYouMean } from './diagnostics/suggest.js';
import { globIr, isLiteral, literalGlob, matchesGlob } from './glob.js';
import type { GlobIr, WhatIr, WhatTermIr, WhoIr, WhoTermIr } from './ir.js';
import type { PinnedTool } from './lock.js';

type Named = Extract<tree.Statement, { readonly name: tree.Name }>;

export interface Scope {
  readonly file: string;
  readonly names: ReadonlyMap<string, Named>;
  /** Role name to the value that credentials carry. */
  readonly roles: ReadonlyMap<string, string>;
  readonly tools: readonly PinnedTool[];
  /** Names that something refers to. */
  readonly used: Set<string>;
  report(code: Code, span: tree.Span, args?: Readonly<Record<string, string>>, extra?: Extra): void;
}

const KINDS: { readonly [kind in Named['kind']]: string } = {
  principals: 'a set of principals',
  actions: 'a set of actions',
  let: 'a predicate',
  fact: 'a fact',
  schedule: 'a schedule',
  limit: 'a limit',
  counter: 'a counter',
  score: 'a score',
  rule: 'a rule',
  redact: 'a rule',
  decide: 'a block',
  template: 'a template',
  instance: 'an instance',
};
export const kindOf = (named: Named): string => KINDS[named.kind];

export function buildScope(
  file: string,
  statements: readonly tree.Statement[],
  tools: readonly PinnedTool[],
  diagnostics: Diagnostic[],
): Scope {
  const names = new Map<string, Named>();
  const roles = new Map<string, string>();
  const report: Scope['report'] = (code, span, args = {}, extra = {}) => {
    diagnostics.push(diagnose(code, file, span, args, extra));
  };
  const duplicate = (name: tree.Name, first: tree.Span): void =>
    report(
      'SEP2002',
      name.span,
      { name: name.text },
      { labels: [{ file, span: first, text: 'first used here' }] },
    );
  const roleSpans = new Map<string, tree.Span>();
  for (const statement of statements) {
    if (statement.kind === 'role') {
      for (const { name, value } of statement.roles) {
        const first = roleSpans.get(name.text);
        if (first !== undefined) duplicate(name, first);
        roleSpans.set(name.text, first ?? name.span);
        roles.set(name.text, value?.value ?? name.text);
      }
    } else if ('name' in statement) {
      const first = names.get(statement.name.text);
      if (first === undefined) names.set(statement.name.text, statement);
      else duplicate(statement.name, first.name.span);
    }
  }
  return { file, names, roles, tools, used: new Set(), report };
}

/** The value of a declared role, or null after a diagnostic. */
export function roleValue(scope: Scope, role: tree.Name): string | null {
  const value = scope.roles.get(role.text);
  scope.used.add(`role:${role.text}`);
  if (value !== undefined) return value;
  const help = didYouMean(role.text, scope.roles.keys());
  scope.report('SEP2004', role.span, { name: role.text }, help === null ? {} : { help });
  return null;
}

/** The named statement of the wanted kind, or null after a diagnostic. */
export function lookUp<K extends Named['kind']>(
  scope: Scope,
  name: tree.Dotted | tree.Name,
  kind: K,
): Extract<Named, { readonly kind: K }> | null {
  const found = scope.names.get(name.text);
  scope.used.add(name.text);
  if (found === undefined) {
    const candidates = [...scope.names].filter(([, s]) => s.kind === kind).map(([n]) => n);
    const help = didYouMean(name.text, candidates);
    scope.report('SEP2001', name.span, { name: name.text }, help === null ? {} : { help });
    return null;
  }
  if (found.kind === kind) return found as Extract<Named, { readonly kind: K }>;
  const wanted = KINDS[kind];
  scope.report('SEP2003', name.span, { name: name.text, is: kindOf(found), wanted });
  return null;
}

export function whoIr(scope: Scope, who: tree.Who, seen: readonly string[] = []): WhoIr {
  const terms = (list: readonly tree.WhoTerm[]): readonly WhoTermIr[] =>
    list.flatMap((term) => whoTerm(scope, term, seen) ?? []);
  return { include: terms(who.include), except: terms(who.except) };
}

function whoTerm(scope: Scope, term: tree.WhoTerm, seen: readonly string[]): WhoTermIr | null {
  switch (term.kind) {
    case 'any':
      return { kind: 'any' };
    case 'principal':
      return { kind: 'principal', glob: principalGlob(term) };
    case 'role': {
      const value = roleValue(scope, term.role);
      return value === null ? null : { kind: 'role', value };
    }
    case 'name': {
      const set = lookUp(scope, term.name, 'principals');
      if (set === null || recursive(scope, term.name, seen)) return null;
      return { kind: 'set', who: whoIr(scope, set.who, [...seen, term.name.text]) };
    }
  }
}

export function principalGlob(pattern: tree.PrincipalPattern): GlobIr {
  return globIr(`${pattern.type}:${pattern.glob.text}`);
}

function recursive(scope: Scope, name: tree.Dotted, seen: readonly string[]): boolean {
  if (!seen.includes(name.text)) return false;
  scope.report('SEP2007', name.span, { name: name.text });
  return true;
}

export function whatIr(
  scope: Scope,
  what: tree.What,
  toolsOnly: boolean,
  seen: readonly string[] = [],
): WhatIr {
  const terms = (list: readonly tree.WhatTerm[]): readonly WhatTermIr[] =>
    list.flatMap((term) => whatTerm(scope, term, toolsOnly, seen) ?? []);
  return { include: terms(what.include), except: terms(what.except) };
}

function whatTerm(
  scope: Scope,
  term: tree.WhatTerm,
  toolsOnly: boolean,
  seen: readonly string[],
): WhatTermIr | null {
  switch (term.kind) {
    case 'every':
      return { kind: 'every', toolsOnly };
    case 'act':
      return actIr(term);
    case 'name': {
      const set = lookUp(scope, term.name, 'actions');
      if (set === null || recursive(scope, term.name, seen)) return null;
      return { kind: 'set', what: whatIr(scope, set.what, toolsOnly, [...seen, term.name.text]) };
    }
  }
}

export function actIr(act: tree.Act): Extract<WhatTermIr, { readonly kind: 'act' }> {
  const name = act.name === null ? null : globIr(act.name.text, act.act === 'resource');
  return { kind: 'act', act: act.act, server: globIr(act.server.text), name };
}

/** The pinned tools that a set of actions covers. */
export function toolsIn(scope: Scope, what: WhatIr): readonly PinnedTool[] {
  return scope.tools.filter((tool) => covers(what, tool));
}
export function covers(what: WhatIr, tool: { readonly server: string; readonly name: string }): boolean {
  const one = (term: WhatTermIr): boolean => {
    switch (term.kind) {
      case 'every':
        return true;
      case 'set':
        return covers(term.what, tool);
      case 'act':
        return (
          term.act === 'tool' &&
          matchesGlob(term.server, tool.server) &&
          matchesGlob(term.name ?? literalGlob(''), tool.name)
        );
    }
  };
  return what.include.some(one) && !what.except.some(one);
}

/** Every tool action written in a set: exact names must be pinned, patterns of a grant must match something. */
export function checkActs(scope: Scope, what: tree.What, grant: boolean, seen: readonly string[] = []): void {
  for (const term of [...what.include, ...what.except]) {
    if (term.kind === 'act' && term.act === 'tool')
      checkTool(scope, term, grant && what.include.includes(term));
    if (term.kind === 'name') {
      const set = scope.names.get(term.name.text);
      if (set?.kind === 'actions' && !seen.includes(term.name.text)) {
        checkActs(scope, set.what, grant, [...seen, term.name.text]);
      }
    }
  }
}

export function checkTool(scope: Scope, act: tree.Act, grant: boolean): void {
  const { server, name } = actIr(act);
  if (name === null) return;
  const shown = `${server.text}/${name.text}`;
  const found = scope.tools.some((tool) => matchesGlob(server, tool.server) && matchesGlob(name, tool.name));
  if (found) return;
  const help = didYouMean(
    shown,
    scope.tools.map((tool) => `${tool.server}/${tool.name}`),
  );
  if (scope.tools.length === 0 && (grant || (isLiteral(server) && isLiteral(name)))) {
    scope.report('SEP2008', act.span);
  } else if (isLiteral(server) && isLiteral(name)) {
    scope.report('SEP2005', act.span, { name: shown }, help === null ? {} : { help });
  } else scope.report(grant ? 'SEP2006' : 'SEP4004', act.span, { name: shown });
}
