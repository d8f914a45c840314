// SPDX-License-Identifier: Apache-2.0
/** A condition of the IR in the words of the language, for explanations. */
import { assertNever } from './assert.js';
import type { ConstIr, ExprIr, WhatIr, WhatTermIr, WhoIr, WhoTermIr } from './ir.js';

export function words(e: ExprIr): string {
  switch (e.op) {
    case 'const':
      return constWords(e.value);
    case 'arg':
      return ['args', ...e.path].join('.');
    case 'has':
      return `has(${['args', ...e.path].join('.')})`;
    case 'subject':
      return e.field;
    case 'fact':
      return e.name;
    case 'hint':
      return `tool.hints.${e.hint}`;
    case 'hasRole':
      return `${e.subject} has role ${e.value}`;
    case 'inWho':
      return `${e.subject} in ${whoWords(e.who)}`;
    case 'not':
      return `not (${words(e.operand)})`;
    case 'and':
    case 'or':
      return e.operands
        .map((o) => (o.op === 'and' || o.op === 'or' ? `(${words(o)})` : words(o)))
        .join(` ${e.op} `);
    case 'compare':
      return `${words(e.left)} ${e.cmp} ${words(e.right)}`;
    case 'inList':
      return `${words(e.left)} in [${e.items.map(words).join(', ')}]`;
    case 'inValue':
      return `${words(e.left)} in ${words(e.list)}`;
    case 'startsWith':
      return `${words(e.left)} starts with ${words(e.right)}`;
    case 'endsWith':
      return `${words(e.left)} ends with ${words(e.right)}`;
    case 'contains':
      return `${words(e.left)} contains ${words(e.right)}`;
    case 'like':
      return `${words(e.left)} like ${JSON.stringify(e.glob.text)}`;
    case 'matches':
      return `${words(e.left)} matches r"${e.pattern.replaceAll('"', '\\"')}"`;
    case 'under':
      return `${words(e.left)} under ${words(e.right)}`;
    case 'inDomain':
      return `${words(e.left)} in domain(${JSON.stringify(e.domain)})`;
    case 'inCidr':
      return `${words(e.left)} in cidr(${JSON.stringify(e.range.text)})`;
    case 'within':
      return `${words(e.instant)} within ${e.schedule.name}`;
    case 'quantifier':
      return `${e.mode}(${words(e.list)}, x${e.param} => ${words(e.body)})`;
    case 'param':
      return `x${e.param}`;
    case 'member':
      return [words(e.object), ...e.path].join('.');
    case 'hasMember':
      return `has(${[words(e.object), ...e.path].join('.')})`;
    case 'arith':
      return `(${words(e.left)} ${e.fn} ${words(e.right)})`;
    case 'negate':
      return `-${words(e.operand)}`;
    case 'amount':
      return words(e.operand);
    case 'moment':
    case 'span':
      return words(e.operand);
    case 'url':
      return `url(${words(e.operand)}).${e.part}`;
    case 'ip':
    case 'lower':
    case 'size':
      return `${e.op}(${words(e.operand)})`;
    default:
      return assertNever(e);
  }
}

function constWords(value: ConstIr): string {
  switch (value.kind) {
    case 'null':
      return 'null';
    case 'bool':
      return String(value.value);
    case 'number':
      return value.text;
    case 'string':
      return JSON.stringify(value.value);
    case 'list':
      return `[${value.items.map(constWords).join(', ')}]`;
  }
}

export function whoWords(who: WhoIr): string {
  const term = (t: WhoTermIr): string =>
    t.kind === 'any'
      ? 'any'
      : t.kind === 'principal'
        ? t.glob.text
        : t.kind === 'role'
          ? `role:${t.value}`
          : whoWords(t.who);
  const except = who.except.length === 0 ? '' : ` except ${who.except.map(term).join(', ')}`;
  return who.include.map(term).join(', ') + except;
}

export function whatWords(what: WhatIr): string {
  const term = (t: WhatTermIr): string => {
    if (t.kind === 'every') return t.toolsOnly ? '*/*' : '*';
    if (t.kind === 'set') return whatWords(t.what);
    return `${t.act === 'tool' ? '' : `${t.act} `}${t.server.text}${t.name === null ? '' : `/${t.name.text}`}`;
  };
  const except = what.except.length === 0 ? '' : ` except ${what.except.map(term).join(', ')}`;
  return what.include.map(term).join(', ') + except;
}
