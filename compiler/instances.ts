// SPDX-License-Identifier: Apache-2.0
/** Templates: each instance is the template's statements in a scope of their own, in which the parameters stand for the arguments. */
import type * as tree from '../grammar/tree.js';
import { bind } from './check-call.js';
import { type Binding, type Env, typeOfRef } from './check-expr.js';
import { fullName, lookUp, type Named, ownerOf, type Scope, whoIr } from './scope.js';

/** Statements to check, and where. */
export interface Part {
  readonly scope: Scope;
  readonly statements: readonly tree.Statement[];
}

/** What a template may hold. Tools, imports, delegation and tests are those of the file. */
const INSIDE: readonly tree.Statement['kind'][] = [
  'rule',
  'redact',
  'decide',
  'let',
  'fact',
  'principals',
  'actions',
  'schedule',
  'limit',
  'counter',
  'score',
  'prove',
  'assume',
  'template',
  'instance',
  'role',
];

const MAX_DEPTH = 8;
const MAX_PARTS = 2_000;

/** The instances of a file. Their names come to stand in its scope, as `legal.use`. */
export function expandInstances(
  scope: Scope,
  statements: readonly tree.Statement[],
  environment: (scope: Scope) => Env,
  around: readonly tree.TemplateStatement[] = [],
): readonly Part[] {
  const parts: Part[] = [];
  for (const s of statements) {
    if (s.kind !== 'instance') continue;
    const template = lookUp(scope, s.template, 'template');
    if (template === null) continue;
    if (around.includes(template) || around.length >= MAX_DEPTH) {
      scope.report('SEP2007', s.template.span, { name: s.template.text });
      continue;
    }
    const bindings = bindAll(environment(scope), s, template);
    if (bindings === null) continue;
    const home = ownerOf(scope, s.template.text);
    const part = partOf(home, template, `${scope.prefix}${s.name.text}.`, bindings);
    const inner = expandInstances(part.scope, part.statements, environment, [...around, template]);
    for (const [name, named] of part.scope.names) {
      if (part.own.get(name) !== named && !isOfInstance(name, part.own)) continue;
      (scope.names as Map<string, Named>).set(`${s.name.text}.${name}`, named);
      (scope.owners as Map<string, Scope>).set(`${s.name.text}.${name}`, ownerOf(part.scope, name));
    }
    parts.push(part, ...inner);
    if (parts.length > MAX_PARTS) {
      scope.report('SEP3015', s.span);
      return [];
    }
  }
  return parts;
}

/** `legal.use`, where `legal` is an instance that the template itself makes. */
const isOfInstance = (name: string, own: ReadonlyMap<string, Named>): boolean =>
  own.get(name.slice(0, name.indexOf('.')))?.kind === 'instance';

/** Rules and blocks are named only from outside, where their names are the instance's. */
const FREE: readonly tree.Statement['kind'][] = ['rule', 'redact', 'decide'];

/** A template that nothing uses is still checked: its parameters are of their types, its principals any. */
export function unusedTemplates(
  scope: Scope,
  statements: readonly tree.Statement[],
  environment: (scope: Scope) => Env,
): readonly Part[] {
  return statements.flatMap((s) => {
    if (s.kind !== 'template' || scope.used.has(s.name.text)) return [];
    const env = environment(scope);
    const bindings = new Map<string, Binding>();
    for (const { name, type: ref } of s.params) {
      const type = typeOfRef(ref);
      if (ref.name === 'principals') bindings.set(name.text, { who: { include: [], except: [] } });
      else {
        const param = env.counter.params++;
        bindings.set(name.text, { typed: { ir: { op: 'param', param, type }, type, open: true } });
      }
    }
    return [partOf(scope, s, `${fullName(scope, s.name.text)}.`, bindings)];
  });
}

function partOf(
  home: Scope,
  template: tree.TemplateStatement,
  prefix: string,
  bindings: ReadonlyMap<string, Binding>,
): Part & { readonly own: ReadonlyMap<string, Named> } {
  const names = new Map(home.names);
  const own = new Map<string, Named>();
  const owners = new Map(home.owners);
  for (const name of home.names.keys()) if (!owners.has(name)) owners.set(name, home);
  const free = (name: tree.Name): boolean =>
    template.body.some((s) => FREE.includes(s.kind) && 'name' in s && s.name === name);
  const first = (name: tree.Name): tree.Name | undefined =>
    (free(name) ? undefined : home.names.get(name.text)?.name) ??
    own.get(name.text)?.name ??
    template.params.find((param) => param.name.text === name.text && param.name.span.start < name.span.start)
      ?.name;
  const taken = (name: tree.Name): boolean => {
    const other = first(name);
    if (other === undefined) return false;
    const at = { file: home.file, span: other.span, text: 'first used here' };
    home.report('SEP2002', name.span, { name: name.text }, { labels: [at] });
    return true;
  };
  for (const { name } of template.params) taken(name);
  const statements = template.body.filter((s) => INSIDE.includes(s.kind));
  for (const s of template.body) {
    if (!INSIDE.includes(s.kind))
      home.report('SEP2019', { start: s.span.start, end: s.span.start + s.kind.length }, { what: s.kind });
  }
  for (const s of statements) {
    if (!('name' in s) || taken(s.name)) continue;
    own.set(s.name.text, s);
    names.set(s.name.text, s);
    owners.delete(s.name.text);
  }
  const scope = { ...home, prefix, names, owners, bindings: new Map([...home.bindings, ...bindings]) };
  return { scope, statements, own };
}

function bindAll(
  env: Env,
  s: tree.InstanceStatement,
  template: tree.TemplateStatement,
): ReadonlyMap<string, Binding> | null {
  if (s.args.length !== template.params.length) {
    const wanted = template.params.length === 1 ? 'one argument' : `${template.params.length} arguments`;
    env.scope.report('SEP3007', s.template.span, {
      name: s.template.text,
      wanted,
      found: String(s.args.length),
    });
    return null;
  }
  const bindings = new Map<string, Binding>();
  for (const [i, param] of template.params.entries()) {
    const argument = s.args[i];
    const bound = argument === undefined ? null : bindOne(env, s, param, argument);
    if (bound === null) return null;
    bindings.set(param.name.text, bound);
  }
  return bindings;
}

function bindOne(
  env: Env,
  s: tree.InstanceStatement,
  param: tree.Param,
  argument: tree.TemplateArg,
): Binding | null {
  if (argument.kind === 'expr') return bind(env, s.template.text, param, argument.expr);
  if (param.type.name === 'principals') {
    const { term, span } = argument;
    return { who: whoIr(env.scope, { include: [term], except: [], span }) };
  }
  const what = `\`${param.name.text}\` of \`${s.template.text}\``;
  const wanted = `a value of the type ${param.type.name}`;
  env.scope.report('SEP3001', argument.span, { what, wanted, found: 'a set of principals' });
  return null;
}
