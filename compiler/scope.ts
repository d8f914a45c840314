// SPDX-License-Identifier: Apache-2.0
/** The names of a policy: one namespace for everything that is named, roles apart, and the sets expanded. */
import { quote } from '../grammar/literals.js';
import type { Claiming } from './analyze/claims.js';
import type * as tree from '../grammar/tree.js';
import { type Code, type Diagnostic, diagnose, type Extra } from './diagnostics/diagnostic.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';
import { globIr, isLiteral, literalGlob, matchesGlob } from './glob.js';
import type { Binding } from './check-expr.js';
import type { FactIr, GlobIr, MeasureIr, WhatIr, WhatTermIr, WhoIr, WhoTermIr } from './ir.js';
import type { Lock, PinnedTool } from './lock.js';
import { listed } from './types.js';

export type Named = Extract<tree.Statement, { readonly name: tree.Name }>;

export interface Scope {
  readonly file: string;
  /** What stands before the names of this scope in the policy: `legal.` in an instance, `base.` in a module. */
  readonly prefix: string;
  readonly names: ReadonlyMap<string, Named>;
  /** Where those of the names are defined that are defined elsewhere: in a module or an instance. */
  readonly owners: ReadonlyMap<string, Scope>;
  /** What the parameters of a template stand for. */
  readonly bindings: ReadonlyMap<string, Binding>;
  /** Role name to the value that credentials carry. */
  readonly roles: ReadonlyMap<string, string>;
  readonly tools: readonly PinnedTool[];
  /** Null when the lock could not be read: then nothing is said about tools. */
  readonly lock: Lock | null;
  /** Names that something refers to. */
  readonly used: Set<string>;
  /** Names that were probably meant by misspelt ones: to call them unused as well would only distract. */
  readonly meant: Set<string>;
  /** Names that a definition mentions, which itself may be used or not. */
  readonly mentioned: Set<string>;
  /** Results of the scanner that conditions of the whole policy read, by name. */
  readonly scans: Map<string, FactIr>;
  /** Limits, counters and scores of the whole policy. */
  readonly measures: MeasureIr[];
  /** The day with which `shadow until` is compared, as `2026-03-09`. */
  readonly today: string;
  /** What the policy claims about itself. */
  readonly claims: Claiming;
  /** Errors so far; terms of sets written out for this statement. */
  readonly tally: { errors: number; terms: number };
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
/** The scope in which what `name` names is to be read. */
export const ownerOf = (scope: Scope, name: string): Scope => scope.owners.get(name) ?? scope;
/** The one name in the whole policy of what is called `name` here. */
export function fullName(scope: Scope, name: string): string {
  const named = scope.names.get(name);
  return ownerOf(scope, name).prefix + (named?.name.text ?? name);
}

/** What is the same in every file of a policy. */
export interface Shared {
  readonly lock: Lock | null;
  readonly roles: Map<string, string>;
  readonly scans: Map<string, FactIr>;
  /** Limits, counters and scores of the whole policy. */
  readonly measures: MeasureIr[];
  /** The day with which `shadow until` is compared, as `2026-03-09`. */
  readonly today: string;
  /** What the policy claims about itself. */
  readonly claims: Claiming;
  readonly diagnostics: Diagnostic[];
}

/** The scope of a file, with the scopes of its modules under their aliases. */
export function buildScope(
  file: string,
  prefix: string,
  statements: readonly tree.Statement[],
  modules: ReadonlyMap<string, Scope>,
  { lock, roles, scans, measures, today, claims, diagnostics }: Shared,
): Scope {
  const names = new Map<string, Named>();
  const owners = new Map<string, Scope>();
  for (const [alias, module] of modules) {
    for (const [name, named] of module.names) {
      names.set(`${alias}.${name}`, named);
      owners.set(`${alias}.${name}`, ownerOf(module, name));
    }
  }
  const tally = { errors: 0, terms: 0 };
  const report: Scope['report'] = (code, span, args = {}, extra = {}) => {
    const diagnostic = diagnose(code, file, span, args, extra);
    if (diagnostic.severity === 'error') tally.errors++;
    // Warnings about a module are for those who write it: they stand where it is checked itself.
    if (diagnostic.severity === 'error' || prefix === '') diagnostics.push(diagnostic);
  };
  const duplicate = (name: tree.Name, first: tree.Span): void =>
    report(
      'SEP2002',
      name.span,
      { name: name.text },
      { labels: [{ file, span: first, text: 'first used here' }] },
    );
  const roleSpans = new Map<string, tree.Span>();
  for (const statement of withInner(statements)) {
    if (statement.kind === 'role') {
      for (const { name, value } of statement.roles) {
        const first = roleSpans.get(name.text);
        const known = roles.get(name.text);
        const text = value?.value ?? name.text;
        if (first !== undefined) duplicate(name, first);
        else if (known !== undefined && known !== text) {
          const help = `roles are the same in all modules, and elsewhere it is ${JSON.stringify(known)}`;
          report('SEP2002', name.span, { name: name.text }, { help });
        }
        roleSpans.set(name.text, first ?? name.span);
        roles.set(name.text, known ?? text);
      }
    } else if ('name' in statement) {
      const { text, span } = statement.name;
      const first = names.get(text);
      if (modules.has(text)) report('SEP2002', span, { name: text }, { help: 'it is the name of an import' });
      else if (BUILT_IN.includes(text)) report('SEP2002', span, { name: text }, { help: BUILT_IN_HELP });
      else if (first === undefined) names.set(text, statement);
      else duplicate(statement.name, first.name.span);
    }
  }
  const tools = lock?.tools ?? [];
  const bindings = new Map<string, Binding>();
  const sets = { used: new Set<string>(), meant: new Set<string>(), mentioned: new Set<string>() };
  return {
    file,
    prefix,
    names,
    owners,
    bindings,
    roles,
    tools,
    lock,
    ...sets,
    scans,
    measures,
    today,
    claims,
    tally,
    report,
  };
}

/** Roles are the same everywhere: those that a template declares, too. */
const withInner = (statements: readonly tree.Statement[]): readonly tree.Statement[] =>
  statements.flatMap<tree.Statement>((s) =>
    s.kind === 'template' ? [s, ...withInner(s.body).filter((b) => b.kind === 'role')] : [s],
  );

const BUILT_IN: readonly string[] = [
  'has',
  'size',
  'lower',
  'url',
  'ip',
  'domain',
  'cidr',
  'injection_score',
  'has_secrets',
  'has_pii',
  'findings',
];
const BUILT_IN_HELP = 'it is a function of the language; choose another name';

/** The value of a declared role, or null after a diagnostic. */
export function roleValue(scope: Scope, role: tree.Name): string | null {
  const value = scope.roles.get(role.text);
  scope.used.add(`role:${role.text}`);
  if (value !== undefined) return value;
  const near = nearest(role.text, scope.roles.keys());
  if (near !== null) scope.meant.add(`role:${near}`);
  scope.report('SEP2004', role.span, { name: role.text }, meant(scope.file, role.span, near));
  return null;
}

/** The named statement of the wanted kind, or null after a diagnostic. */
export function lookUp<K extends Named['kind']>(
  scope: Scope,
  name: tree.Dotted | tree.Name,
  kind: K,
  others: readonly string[] = [],
): Extract<Named, { readonly kind: K }> | null {
  const found = scope.names.get(name.text);
  scope.used.add(name.text);
  if (found === undefined) {
    const candidates = [...scope.names].filter(
      ([, s]) => s.kind === kind || (kind === 'fact' && s.kind === 'let'),
    );
    const near = nearest(name.text, [...candidates.map(([n]) => n), ...others]);
    if (near !== null) scope.meant.add(near);
    const role = scope.roles.has(name.text) ? `it is a role: write \`role:${name.text}\`` : null;
    const help = role ?? DEFINE[kind] ?? null;
    const extra = { help, ...meant(scope.file, name.span, near) };
    scope.report('SEP2001', name.span, { name: name.text }, extra);
    return null;
  }
  if (found.kind === kind) return found as Extract<Named, { readonly kind: K }>;
  const wanted = KINDS[kind];
  const at = { file: scope.file, span: found.name.span, text: 'defined here' };
  scope.report('SEP2003', name.span, { name: name.text, is: kindOf(found), wanted }, { labels: [at] });
  return null;
}

const DEFINE: { readonly [kind in Named['kind']]?: string } = {
  principals: 'define it: `principals NAME = agent:x-*`; roles are written `role:x`',
  actions: 'define it: `actions NAME = server/tool`; single tools are written `server/tool`',
  schedule: 'define it: `schedule NAME in "Europe/Paris" { mon..fri 09:00..17:00 }`',
  fact: 'define it with `let` or `fact`; arguments are written `args.x`, texts in quotes',
};

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
      const bound = scope.bindings.get(term.name.text);
      if (bound !== undefined && 'who' in bound) return { kind: 'set', who: bound.who };
      const set = lookUp(scope, term.name, 'principals');
      if (set === null || !expandable(scope, term.name, seen)) return null;
      const full = fullName(scope, term.name.text);
      return { kind: 'set', who: whoIr(ownerOf(scope, term.name.text), set.who, [...seen, full]) };
    }
  }
}

export function principalGlob(pattern: tree.PrincipalPattern): GlobIr {
  return globIr(`${pattern.type}:${pattern.glob.text}`);
}

const MAX_SETS = 16;
const MAX_TERMS = 10_000;

/** A set is written out where it is used: it must end, and not grow without bound. */
function expandable(scope: Scope, name: tree.Dotted, seen: readonly string[]): boolean {
  if (seen.includes(fullName(scope, name.text))) {
    scope.report('SEP2007', name.span, { name: name.text });
    return false;
  }
  if (seen.length < MAX_SETS && scope.tally.terms++ < MAX_TERMS) return true;
  scope.report('SEP3015', name.span);
  return false;
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
      if (set === null || !expandable(scope, term.name, seen)) return null;
      const full = fullName(scope, term.name.text);
      const owner = ownerOf(scope, term.name.text);
      return { kind: 'set', what: whatIr(owner, set.what, toolsOnly, [...seen, full]) };
    }
  }
}

export function actIr(act: tree.Act): Extract<WhatTermIr, { readonly kind: 'act' }> {
  const name = act.name === null ? null : globIr(act.name.text, act.act === 'resource' ? 'uri' : 'name');
  return { kind: 'act', act: act.act, server: globIr(act.server.text), name };
}

/** By the tools of a lock, then by the set: rules that speak of the same actions share one list. */
const covered = new WeakMap<readonly PinnedTool[], Map<string, readonly PinnedTool[]>>();

/** The pinned tools that a set of actions covers. */
export function toolsIn(scope: Scope, what: WhatIr): readonly PinnedTool[] {
  const known = covered.get(scope.tools) ?? new Map<string, readonly PinnedTool[]>();
  covered.set(scope.tools, known);
  const key = JSON.stringify(what);
  const found = known.get(key) ?? scope.tools.filter((tool) => covers(what, tool));
  known.set(key, found);
  return found;
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

/** Every tool and prompt written in a set: exact names must be pinned, patterns of a grant must match something. */
export function checkActs(scope: Scope, what: tree.What, grant: boolean, seen: readonly string[] = []): void {
  for (const term of [...what.include, ...what.except]) {
    if (term.kind === 'act') checkPinned(scope, term, grant && what.include.includes(term));
    if (term.kind === 'name') {
      const set = scope.names.get(term.name.text);
      const full = fullName(scope, term.name.text);
      if (set?.kind === 'actions' && !seen.includes(full) && seen.length < MAX_SETS) {
        checkActs(ownerOf(scope, term.name.text), set.what, grant, [...seen, full]);
      }
    }
  }
}

export function checkPinned(scope: Scope, act: tree.Act, grant: boolean): void {
  if ((act.act !== 'tool' && act.act !== 'prompt') || scope.lock === null) return;
  const { server, name } = actIr(act);
  if (name === null) return;
  const pinned = act.act === 'tool' ? scope.tools : scope.lock.prompts;
  if (pinned.some((pin) => matchesGlob(server, pin.server) && matchesGlob(name, pin.name))) return;
  const exact = isLiteral(server) && isLiteral(name);
  const shown = `${server.text}/${name.text}`;
  const args = { kind: act.act, name: shown };
  if (act.act === 'tool' && !scope.lock.named && (grant || exact)) scope.report('SEP2008', act.span);
  else if (exact) scope.report('SEP2005', act.span, args, nearTool(scope, act, shown, pinned));
  else {
    const extra = { ...nearServer(scope, act.server, server), notes: offered(server, act.act, pinned) };
    scope.report(grant ? 'SEP2006' : 'SEP4004', act.span, args, extra);
  }
}

interface Pinned {
  readonly server: string;
  readonly name: string;
}

function nearTool(scope: Scope, act: tree.Act, shown: string, pinned: readonly Pinned[]): Extra {
  const near = nearest(shown, pinned.map(nameOf));
  const pin = pinned.find((one) => nameOf(one) === near);
  if (pin === undefined) return {};
  const text = `${partOf(pin.server)}/${partOf(pin.name)}`;
  return meant(scope.file, act.span, near, act.explicit ? `${act.act} ${text}` : text);
}
const partOf = (text: string): string => (/^[\w.@-]+$/.test(text) ? text : quote(text));

/** What a pinned server has of this kind, where a pattern matches none of it. */
function offered(server: GlobIr, kind: 'tool' | 'prompt', pinned: readonly Pinned[]): readonly string[] {
  const names = pinned.filter((pin) => pin.server === server.text).map((pin) => pin.name);
  if (names.length === 0) return [];
  return [`\`${server.text}\` has ${kind === 'prompt' ? 'the prompts ' : ''}${listed(names)}`];
}

const nameOf = (pin: Pinned): string => `${pin.server}/${pin.name}`;

/** A misspelt server is the likeliest reason why a pattern matches nothing. */
function nearServer(scope: Scope, at: tree.Glob, server: GlobIr): Extra {
  const servers = [...new Set(scope.tools.map((tool) => tool.server))];
  if (!isLiteral(server) || servers.includes(server.text) || servers.length === 0) return {};
  const near = nearest(server.text, servers);
  if (near !== null) return meant(scope.file, at.span, near, partOf(near));
  return { help: `pinned are the servers ${listed(servers)}` };
}
