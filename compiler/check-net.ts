// SPDX-License-Identifier: Apache-2.0
/** `url(x).host`, `ip(x)`, `x in domain("…")`, `x in cidr("…")`; constants beside them are read as they are. */
import type * as tree from '../grammar/tree.js';
import { ipText, parseIp, parseRange } from '../stdlib/ip.js';
import { hostOf, parseUrl } from '../stdlib/url.js';
import { checkExpr, constant, type Env, expectKind } from './check-expr.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';
import type { ExprIr, TypeIr } from './ir.js';
import { bool, listed, type Typed } from './types.js';

type Expr = tree.Expr;
type Call = Extract<Expr, { kind: 'call' }>;
type Member = Extract<Expr, { kind: 'member' }>;
type Part = Extract<ExprIr, { op: 'url' }>['part'];

const PARTS: { readonly [part in Part]: TypeIr } = {
  scheme: { kind: 'string' },
  host: { kind: 'string' },
  port: { kind: 'int' },
  path: { kind: 'path' },
};
const isPart = (text: string): text is Part => Object.hasOwn(PARTS, text);

/** Functions whose value stands behind a dot, or behind `in`. */
export const ADDRESSES: readonly string[] = ['url', 'ip', 'domain', 'cidr'];

/** `url(x).host`. */
export function checkUrlPart(env: Env, e: Member, call: Call): Typed | null {
  const { text: part, span } = e.property;
  if (!isPart(part)) {
    const known = Object.keys(PARTS);
    const help = `known: ${listed(known)}`;
    const extra = { help, ...meant(env.scope.file, span, nearest(part, known)) };
    env.scope.report('SEP2013', span, { object: 'url(…)', name: part }, extra);
    return null;
  }
  const operand = only(env, call, 'a URL');
  return operand && { ir: { op: 'url', part, operand: operand.ir }, type: PARTS[part] };
}

/** The four as values: only `ip` is one. */
export function checkAddress(env: Env, e: Call): Typed | null {
  const name = e.callee.text;
  if (name === 'ip') {
    const operand = only(env, e, 'an address');
    return operand && { ir: { op: 'ip', operand: operand.ir }, type: { kind: 'string' } };
  }
  const help =
    name === 'url'
      ? 'read one of its parts: `url(x).scheme`, `.host`, `.port`, `.path`'
      : `write \`url(x).host in domain("example.com")\`, \`ip(x) in cidr("10.0.0.0/8")\``;
  env.scope.report('SEP2014', e.span, { name: `\`${name}(…)\`` }, { help });
  return null;
}

function only(env: Env, e: Call, wanted: string): Typed | null {
  const [argument] = e.args;
  if (e.args.length === 1 && argument !== undefined)
    return expectKind(env, argument, 'string', `\`${e.callee.text}\``, wanted);
  const found = String(e.args.length);
  env.scope.report('SEP3007', e.span, { name: e.callee.text, wanted: 'one argument', found });
  return null;
}

/** `x in domain("example.com")`, `x in cidr("10.0.0.0/8")`. */
export function checkInAddress(env: Env, left: Expr, set: Call): Typed | null {
  const name = set.callee.text;
  const value = expectKind(
    env,
    left,
    'string',
    `\`in ${name}(…)\``,
    name === 'domain' ? 'a host' : 'an address',
  );
  const [argument] = set.args;
  const written = argument === undefined || set.args.length !== 1 ? null : checkExpr(env, argument);
  if (written?.open === true) return value && bool({ op: 'not', operand: value.ir });
  if (written?.ir.op !== 'const' || written.ir.value.kind !== 'string') {
    const wanted =
      name === 'domain' ? 'a name in quotes, as `"example.com"`' : 'a range in quotes, as `"10.0.0.0/8"`';
    if (written !== null || set.args.length !== 1)
      env.scope.report('SEP3001', set.span, { what: `\`${name}\``, wanted, found: 'something else' });
    return null;
  }
  const text = written.ir.value.value;
  const span = argument?.span ?? set.span;
  return name === 'domain' ? inDomain(env, value, text, span) : inRange(env, value, text, span);
}

function inDomain(env: Env, value: Typed | null, text: string, span: tree.Span): Typed | null {
  const domain = hostOf(text);
  if (domain !== null && parseIp(domain) === null)
    return value && bool({ op: 'inDomain', left: value.ir, domain });
  const meantHost = hostOf(parseUrl(text)?.host ?? text.replace(/^(\*?\.)+/, ''));
  const near = meantHost !== null && parseIp(meantHost) === null ? meantHost : null;
  const what = domain === null ? 'it has other characters than a name, or another form' : 'it is an address';
  refuse(env, span, text, { wanted: 'a domain', what }, near);
  return null;
}

function inRange(env: Env, value: Typed | null, text: string, span: tree.Span): Typed | null {
  const range = parseRange(text);
  if (typeof range !== 'string')
    return (
      value && bool({ op: 'inCidr', left: value.ir, range: { text, bytes: range.bytes, bits: range.bits } })
    );
  const bytes = parseIp(text);
  const near = bytes === null ? (/`(.+)`$/.exec(range)?.[1] ?? null) : `${ipText(bytes)}/${bytes.length * 8}`;
  refuse(
    env,
    span,
    text,
    { wanted: 'a range of addresses', what: range },
    near?.startsWith('/') === true ? null : near,
  );
  return null;
}

interface Misfit {
  readonly wanted: string;
  readonly what: string;
}

/** An address that cannot be used, with what was probably meant. */
function refuse(
  env: Env,
  span: tree.Span,
  text: string,
  { wanted, what }: Misfit,
  near: string | null,
): void {
  const extra = near === null ? {} : meant(env.scope.file, span, near, JSON.stringify(near));
  env.scope.report('SEP3019', span, { text, wanted, what }, extra);
}

/** A text that is compared with a part of a URL or an address: in the one form that these have. Null after a diagnostic. */
export function besideAddress(
  env: Env,
  e: Extract<Expr, { kind: 'string' }>,
  other: ExprIr,
): Typed | null | undefined {
  const form = formOf(other);
  if (form === undefined) return undefined;
  const one = form.of(e.value);
  if (one !== null) return constant({ kind: 'string', value: one }, { kind: 'string' });
  const near = form.of(parseUrl(e.value)?.host ?? '') ?? form.of(e.value.replace(/:.*$/, ''));
  refuse(env, e.span, e.value, { wanted: form.wanted, what: 'it can never be equal' }, near);
  return null;
}

interface Form {
  readonly wanted: string;
  readonly of: (text: string) => string | null;
}

function formOf(other: ExprIr): Form | undefined {
  if (other.op === 'ip') return { wanted: 'an IP address', of: address };
  if (other.op !== 'url') return undefined;
  if (other.part === 'host') return { wanted: 'a host', of: (text) => address(text) ?? hostOf(text) };
  const scheme = (text: string): string | null =>
    /^[a-z][a-z0-9+.-]*$/i.test(text) ? text.toLowerCase() : null;
  return other.part === 'scheme' ? { wanted: 'a scheme', of: scheme } : undefined;
}

function address(text: string): string | null {
  const bytes = parseIp(text);
  return bytes && ipText(bytes);
}
