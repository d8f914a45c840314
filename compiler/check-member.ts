// SPDX-License-Identifier: Apache-2.0
/** `args.x`, `principal.id`, `tool.hints.x`: what stands behind a dot. */
import type { Expr, Span } from '../grammar/tree.js';
import type { Env, Ty, Typed } from './check-expr.js';
import { didYouMean } from './diagnostics/suggest.js';
import type { ExprIr, TypeIr } from './ir.js';
import { argPath, pathKey } from './narrow.js';
import { type Property, propertyAt, propertyNames, union } from './schema.js';

export function checkMember(env: Env, e: Extract<Expr, { kind: 'member' }>): Typed | null {
  const path = argPath(e);
  if (path !== null) return checkArg(env, path, e.span);
  const chain = nameChain(e);
  if (chain === null) {
    env.scope.report('SEP4911', e.span, { name: 'members of a value' });
    return null;
  }
  const text = chain.join('.');
  const field = SUBJECTS.find((subject) => subject === text);
  if (field !== undefined) return { ir: { op: 'subject', field }, type: { kind: 'string' } };
  if (chain[0] === 'tool' && chain[1] === 'hints' && chain.length === 3)
    return checkHint(env, chain[2] ?? '', e);
  const known = ['principal.id', 'user.id', 'session.id', 'tool.name', 'tool.server', 'tool.hints.readOnly'];
  if (
    ['tool.description', 'result.text'].includes(text) ||
    !['principal', 'user', 'session', 'tool'].includes(chain[0] ?? '')
  ) {
    if (
      chain[0] !== undefined &&
      env.scope.names.get(chain[0])?.kind === undefined &&
      !text.startsWith('tool.') &&
      !text.startsWith('result.')
    ) {
      env.scope.report('SEP2001', e.span, { name: chain[0] });
    } else env.scope.report('SEP4911', e.span, { name: text });
    return null;
  }
  const help = didYouMean(text, known);
  env.scope.report(
    'SEP2013',
    e.property.span,
    { object: chain.slice(0, -1).join('.'), name: chain.at(-1) ?? '' },
    { help },
  );
  return null;
}

const SUBJECTS = ['principal.id', 'user.id', 'session.id', 'tool.server', 'tool.name'] as const;
const HINTS = ['readOnly', 'destructive', 'idempotent', 'openWorld'] as const;

function nameChain(e: Expr): readonly string[] | null {
  if (e.kind === 'name') return [e.name.text];
  if (e.kind !== 'member') return null;
  const object = nameChain(e.object);
  return object === null ? null : [...object, e.property.text];
}

function checkHint(env: Env, name: string, e: Extract<Expr, { kind: 'member' }>): Typed | null {
  const hint = HINTS.find((h) => h === name);
  if (hint === undefined) {
    env.scope.report(
      'SEP2013',
      e.property.span,
      { object: 'tool.hints', name },
      { help: didYouMean(name, HINTS) },
    );
    return null;
  }
  if (env.grants) env.scope.report('SEP3005', e.span);
  return env.grants ? null : { ir: { op: 'hint', hint }, type: { kind: 'bool' } };
}

/** An argument, typed over every tool that the rule is about. */
function checkArg(env: Env, path: readonly string[], span: Span): Typed | null {
  const found = argProperty(env, path, span);
  if (found === null) return null;
  if (!found.required && !env.narrowed.has(pathKey(path))) {
    env.scope.report('SEP3002', span, { name: shown(path) });
    return null;
  }
  const type: TypeIr = found.type.kind === 'any' ? { kind: 'json' } : found.type;
  const ir: ExprIr = { op: 'arg', path, type, nullable: false };
  return { ir, type: found.type };
}

export interface ArgProperty {
  readonly type: Ty;
  /** Every tool of the rule has it and requires it. */
  readonly required: boolean;
  readonly minItems: number;
}

/** The argument over all tools of the rule, or null after a diagnostic. */
export function argProperty(env: Env, path: readonly string[], span: Span): ArgProperty | null {
  if (!env.readsArgs) {
    env.scope.report('SEP3013', span);
    return null;
  }
  if (env.tools.length === 0) return { type: { kind: 'any' }, required: true, minItems: 0 };
  const properties = env.tools.map((tool) => propertyAt(tool.inputSchema, path));
  const present = properties.filter((p): p is Property => p !== null);
  if (present.length === 0) {
    reportUnknown(env, path, span);
    return null;
  }
  const { type } = union(present);
  const required = present.length === properties.length && present.every((p) => p.required);
  return { type, required, minItems: Math.min(...present.map((p) => p.minItems)) };
}

function reportUnknown(env: Env, path: readonly string[], span: Span): void {
  const names = new Set(env.tools.flatMap((tool) => propertyNames(tool.inputSchema, path.slice(0, -1))));
  const first = env.tools.slice(0, 3).map((tool) => `\`${tool.server}/${tool.name}\``);
  const more = env.tools.length > 3 ? ` and ${env.tools.length - 3} more` : '';
  const near = didYouMean(path.at(-1) ?? '', names);
  const help =
    near ??
    (names.size === 0
      ? null
      : `it has ${[...names]
          .slice(0, 8)
          .map((n) => `\`${n}\``)
          .join(', ')}`);
  const tools = `${env.tools.length > 1 ? 'none of ' : ''}${first.join(', ')}${more}`;
  env.scope.report('SEP2011', span, { tools, name: path.join('.') }, { help });
}

export const shown = (path: readonly string[]): string => ['args', ...path].join('.');
