// SPDX-License-Identifier: Apache-2.0
/** `args.x`, `principal.id`, `tool.hints.x`: what stands behind a dot. */
import { quote } from '../grammar/literals.js';
import type { Expr, Span } from '../grammar/tree.js';
import { checkCall } from './check-call.js';
import { checkExpr, checkFactRead, type Env } from './check-expr.js';
import { checkExhausted, checkMeasureRead } from './check-measure.js';
import { checkUrlPart } from './check-net.js';
import { hostText, inPhase } from './check-scan.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';
import type { ExprIr } from './ir.js';
import { argPath, elementKey, nameChain, pathKey, readPath } from './narrow.js';
import { ELEMENT, type Property, propertyAt, propertyNames } from './schema.js';
import { BOOL, bool, JSON_TYPE, listed, type Ty, type Typed, unionOf } from './types.js';

type Member = Extract<Expr, { kind: 'member' }>;
const STRING = { kind: 'string' } as const;

export function checkMember(env: Env, e: Member): Typed | null {
  const path = argPath(e);
  if (path !== null) return checkArg(env, path, e.span);
  const chain = nameChain(e);
  if (chain === null) {
    if (e.object.kind === 'call' && e.object.callee.text === 'url') return checkUrlPart(env, e, e.object);
    if (checkExpr(env, e.object) !== null)
      env.scope.report('SEP2013', e.property.span, { object: 'this value', name: e.property.text });
    return null;
  }
  const named = env.scope.names.get(chain.join('.'));
  if (named?.kind === 'fact') return checkFactRead(env, chain.join('.'), named);
  if (named?.kind === 'let') return checkCall(env, callOf(chain, e.span));
  if (named?.kind === 'limit' || named?.kind === 'counter' || named?.kind === 'score') {
    return checkMeasureRead(env, chain.join('.'), named);
  }
  const exhausted = checkExhausted(env, chain);
  if (exhausted !== null) return exhausted;
  const [root = '', ...rest] = chain;
  return env.params.has(root) || !ROOTS.has(root)
    ? checkOther(env, e, root)
    : checkSubject(env, e, root, rest);
}

const SUBJECTS = ['principal.id', 'user.id', 'session.id', 'tool.server', 'tool.name'] as const;
const HINTS = ['readOnly', 'destructive', 'idempotent', 'openWorld'] as const;
const ROOTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['principal', ['id']],
  ['user', ['id']],
  ['session', ['id']],
  ['tool', ['name', 'server', 'hints', 'description']],
  ['result', ['text']],
]);

/** `base.open`: a predicate of a module, without parameters. */
function callOf(chain: readonly string[], span: Span): Extract<Expr, { kind: 'call' }> {
  const parts = chain.map((text) => ({ text, quoted: false, span }));
  return { kind: 'call', callee: { parts, text: chain.join('.'), span }, args: [], span };
}

/** A dot behind an element of a list, a fact, a predicate, another parameter or a name that does not exist. */
function checkOther(env: Env, e: Member, root: string): Typed | null {
  const element = readPath(e);
  if (element !== null && env.params.has(root)) return checkElement(env, root, element.path, e.span);
  if (checkExpr(env, e.object) !== null) {
    env.scope.report('SEP2013', e.property.span, { object: root, name: e.property.text });
  }
  return null;
}

function checkSubject(env: Env, e: Member, root: string, rest: readonly string[]): Typed | null {
  const text = [root, ...rest].join('.');
  if (root === 'tool' && !readsTools(env, e.span, text)) return null;
  if (text === 'tool.description' || text === 'result.text') return hostText(env, e.span, text);
  const field = SUBJECTS.find((subject) => subject === text);
  if (field !== undefined) return { ir: { op: 'subject', field }, type: STRING };
  if (root === 'tool' && rest[0] === 'hints' && rest.length === 2) return checkHint(env, rest[1] ?? '', e);
  const known = ROOTS.get(root) ?? [];
  const [name = ''] = rest;
  if (known.includes(name)) {
    const args = { object: `${root}.${name}`, name: rest[1] ?? '' };
    env.scope.report('SEP2013', memberAt(e, rest.length - 2).span, args, { help: null });
    return null;
  }
  const { span } = memberAt(e, rest.length - 1);
  const help = known.length === 0 ? null : `known: ${listed(known.map((k) => `${root}.${k}`))}`;
  const extra = { help, ...meant(env.scope.file, span, nearest(name, known)) };
  env.scope.report('SEP2013', span, { object: root, name }, extra);
  return null;
}

/** The property `up` dots before the last one. */
function memberAt(e: Member, up: number): Member['property'] {
  return up > 0 && e.object.kind === 'member' ? memberAt(e.object, up - 1) : e.property;
}

function readsTools(env: Env, span: Span, name: string): boolean {
  if (!env.readsArgs) env.scope.report('SEP3013', span, { name });
  return env.readsArgs;
}

function checkHint(env: Env, name: string, e: Member): Typed | null {
  const hint = HINTS.find((h) => h === name);
  if (hint === undefined) {
    const { span } = e.property;
    const extra = { help: `known: ${listed(HINTS)}`, ...meant(env.scope.file, span, nearest(name, HINTS)) };
    env.scope.report('SEP2013', span, { object: 'tool.hints', name }, extra);
    return null;
  }
  if (env.grants) env.scope.report('SEP3005', e.span);
  return env.grants ? null : { ir: { op: 'hint', hint }, type: BOOL };
}

/** What a parameter stands for, where it is an element of a list among the arguments. */
function elementAt(env: Env, root: string): (Typed & { readonly place: readonly string[] }) | null {
  const bound = env.params.get(root);
  return bound === undefined || !('typed' in bound) || bound.typed.place === undefined
    ? null
    : { ...bound.typed, place: bound.typed.place };
}

function noMember(env: Env, root: string, path: readonly string[], span: Span): null {
  env.scope.report('SEP2013', span, { object: root, name: path.join('.') });
  return null;
}

/** `x.amount` of an element `x`, typed over every tool that the rule is about. */
function checkElement(env: Env, root: string, path: readonly string[], span: Span): Typed | null {
  const element = elementAt(env, root);
  if (element === null) return noMember(env, root, path, span);
  const place = [...element.place, ...path];
  const found = argProperty(env, place, span);
  if (found === null) return null;
  const below = found.optional.filter((prefix) => prefix.length > element.place.length);
  const open = below
    .map((prefix) => prefix.slice(element.place.length))
    .find((prefix) => !env.narrowed.has(elementKey(root, prefix)));
  if (open !== undefined) {
    env.scope.report('SEP3002', span, { name: [root, ...open].join('.') });
    return null;
  }
  const type = found.type.kind === 'any' ? JSON_TYPE : found.type;
  return { ir: { op: 'member', object: element.ir, path, type, nullable: false }, type: found.type, place };
}

/** `has(x.amount)`; null where it is nothing below an element, which the caller says. */
export function hasElement(
  env: Env,
  { root, path }: { readonly root: string | null; readonly path: readonly string[] },
  span: Span,
): Typed | null {
  const element = root === null ? null : elementAt(env, root);
  if (element === null || path.length === 0) return null;
  return (
    argProperty(env, [...element.place, ...path], span) && bool({ op: 'hasMember', object: element.ir, path })
  );
}

/** An argument, typed over every tool that the rule is about. */
function checkArg(env: Env, path: readonly string[], span: Span): Typed | null {
  const found = argProperty(env, path, span);
  if (found === null) return null;
  const open = found.optional.find((prefix) => !env.narrowed.has(pathKey(prefix)));
  if (open !== undefined) {
    const notes = lacking(env, path).map((tool) => `\`${tool}\` has no argument \`${path.join('.')}\``);
    env.scope.report('SEP3002', span, { name: shown(open) }, { notes: notes.slice(0, 3) });
    return null;
  }
  const type = found.type.kind === 'any' ? JSON_TYPE : found.type;
  const ir: ExprIr = { op: 'arg', path, type, nullable: false };
  return { ir, type: found.type, place: path };
}

export interface ArgProperty {
  readonly type: Ty;
  /** Prefixes of the path that a valid call to some tool of the rule may leave out. */
  readonly optional: readonly (readonly string[])[];
}

/** The argument over all tools of the rule, or null after a diagnostic. */
export function argProperty(env: Env, path: readonly string[], span: Span): ArgProperty | null {
  if (!readsTools(env, span, 'args') || !inPhase(env, span, 'args')) return null;
  if (env.tools.length === 0) return { type: { kind: 'any' }, optional: [] };
  const found = overTools(env.tools, path);
  if (found === null) reportUnknown(env, path, span);
  return found;
}

/** By the list of tools, then by the path. */
const typed = new WeakMap<Env['tools'], Map<string, ArgProperty | null>>();

function overTools(tools: Env['tools'], path: readonly string[]): ArgProperty | null {
  const known = typed.get(tools) ?? new Map<string, ArgProperty | null>();
  typed.set(tools, known);
  const key = JSON.stringify(path);
  const before = known.get(key);
  if (before !== undefined) return before;
  const properties = tools.map((tool) => propertyAt(tool.inputSchema, path));
  const present = properties.filter((p): p is Property => p !== null);
  const optional = new Map(
    present.flatMap((p) => p.optional).map((prefix) => [JSON.stringify(prefix), prefix]),
  );
  if (present.length < properties.length) optional.set(key, path);
  const found =
    present.length === 0
      ? null
      : { type: unionOf(present.map((p) => p.type)), optional: [...optional.values()] };
  known.set(key, found);
  return found;
}

const lacking = (env: Env, path: readonly string[]): readonly string[] =>
  env.tools.filter((t) => propertyAt(t.inputSchema, path) === null).map((t) => `${t.server}/${t.name}`);

function reportUnknown(env: Env, path: readonly string[], span: Span): void {
  const parent = path.slice(0, -1);
  const names = new Set(env.tools.flatMap((tool) => propertyNames(tool.inputSchema, parent)));
  const tools = env.tools.slice(0, 3).map((tool) => `\`${tool.server}/${tool.name}\``);
  const more = env.tools.length > 3 ? ` and ${env.tools.length - 3} more` : '';
  const none = env.tools.length > 1 ? 'none of ' : '';
  const near = nearest(path.at(-1) ?? '', names);
  const help = names.size === 0 ? null : `known: ${listed([...names].map((n) => shown([...parent, n])))}`;
  const root = parent.includes(ELEMENT) ? [] : ['args', ...parent];
  const written = [...root, near ?? ''].map((n) => (/^[A-Za-z_]\w*$/.test(n) ? n : quote(n)));
  const args = { tools: `${none}${tools.join(', ')}${more}`, name: shown(path).slice('args.'.length) };
  const extra = { help, ...meant(env.scope.file, span, near, near && written.join('.')) };
  env.scope.report('SEP2011', span, args, extra);
}

/** A path as the author writes it. */
export const shown = (path: readonly string[]): string =>
  ['args', ...path].join('.').replaceAll(`.${ELEMENT}`, '[]');
