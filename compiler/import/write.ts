// SPDX-License-Identifier: Apache-2.0
/** First-match rules as a policy: a rule where only one speaks of a tool, a `decide` block where the order of several counts. */
import { format } from '../../grammar/format.js';
import { quote } from '../../grammar/literals.js';
import { parse } from '../../grammar/parse.js';
import { isFreeWord } from '../slips.js';
import { assertNever } from '../assert.js';
import type { Reader } from './fields.js';
import { covers, groupsOf, overlap, widest } from './groups.js';
import {
  ALWAYS,
  type Condition,
  type FirstMatch,
  type NumberTest,
  type BoolTest,
  type Rule,
  type TextTest,
} from './model.js';

export interface Writing {
  readonly reader: Reader;
  /** The policy's name. */
  readonly name: string;
  /** As the `tools` statement names it. */
  readonly lock: string;
  /** The part of actions before the `/`. */
  readonly server: string;
  /** The role that approves where the file names none. */
  readonly approver: string;
  /** Lines of comment below the header. */
  readonly header: readonly string[];
  /** Is the argument certain to be there in every call of the tools that these patterns match? */
  readonly certain: (tools: readonly string[], arg: readonly string[]) => boolean;
}

const TIMEOUT = '15m';

export function writePolicy(policy: FirstMatch, writing: Writing): string {
  const writer = new Writer(writing);
  const body = groupsOf(policy.rules).map((group) => writer.group(group));
  const { name, lock, header } = writing;
  const version = /^\d+\.\d+\.\d+$/.test(policy.version ?? '') ? policy.version : '1.0.0';
  const text = [
    ...header.map((line) => `// ${line}`.trimEnd()),
    'sep 1',
    `policy ${name} ${version}`,
    `tools ${quote(lock)}`,
    '',
    ...writer.roles(),
    '',
    ...body,
  ].join('\n');
  const { file, faults } = parse(text);
  // What cannot be read is said by the check, with its place.
  return faults.length > 0 ? text : format(file, text);
}

class Writer {
  private readonly writing: Writing;
  private readonly names = new Set<string>();
  /** Names of roles by the value that credentials carry. */
  private readonly roleNames = new Map<string, string>();

  constructor(writing: Writing) {
    this.writing = writing;
  }

  roles(): readonly string[] {
    const all = [...this.roleNames].map(([value, name]) =>
      value === name ? name : `${name} = ${quote(value)}`,
    );
    return all.length === 0 ? [] : [`role ${all.join(', ')}`];
  }

  group(rules: readonly Rule[]): string {
    const reached = this.reachable(rules);
    const limits = reached.flatMap((rule) => this.limit(rule, rules));
    const [only] = reached;
    const text = reached.length === 1 && only !== undefined ? this.rule(only) : this.block(reached);
    return [text, ...limits, ''].join('\n');
  }

  /** Without rules behind one that always decides, and without those whose condition never holds. */
  private reachable(rules: readonly Rule[]): readonly Rule[] {
    const found: Rule[] = [];
    for (const rule of rules) {
      const over = found.find(
        (one) =>
          one.who === null &&
          (isTrue(simple(one.when)) || one.unmet === 'deny') &&
          rule.tools.every((tool) => one.tools.some((wide) => covers(wide, tool))),
      );
      if (over !== undefined) {
        this.writing.reader.note(rule.at, `the rule ${quote(rule.title)} is never reached: left out`);
      } else if (isFalse(simple(rule.when)) && rule.unmet === 'next') {
        this.writing.reader.note(rule.at, `the condition of ${quote(rule.title)} never holds: left out`);
      } else found.push(rule);
    }
    return found;
  }

  private rule(rule: Rule): string {
    const who = rule.who === null ? 'any' : rule.who.map(principal).join(', ');
    const when = simple(rule.when);
    const parts = [
      `${rule.effect} ${this.unique(rule.title)}: ${who} -> ${this.actions(rule.tools)}`,
      isTrue(when) ? '' : `when { ${this.condition(when, rule.tools)} }`,
      rule.effect === 'review' ? this.approval(rule) : '',
      because(rule),
    ];
    return [...comment(rule), parts.filter((part) => part !== '').join(' ')].join('\n');
  }

  private block(rules: readonly Rule[]): string {
    const tools = widest(rules.flatMap((rule) => rule.tools));
    const who = sameWho(rules);
    const lines = rules.flatMap((rule) => this.cases(who === null ? rule : { ...rule, who: null }, tools));
    const last = lines.at(-1);
    const closes = last?.when === '';
    const cases = (closes ? lines.slice(0, -1) : lines).map(({ comments, when, effect }) =>
      [...comments, `case ${when === '' ? 'true' : when} => ${effect}`].join('\n'),
    );
    const otherwise = closes
      ? [...last.comments, `otherwise => ${last.effect}`].join('\n')
      : 'otherwise => deny';
    const callers = who === null ? '' : `for ${who.map(principal).join(', ')} `;
    const head = `decide ${this.unique(rules[0]?.tools[0] ?? 'rules')} ${callers}on ${this.actions(tools)} {`;
    return [head, ...cases, otherwise, '}'].join('\n');
  }

  private cases(
    rule: Rule,
    tools: readonly string[],
  ): readonly { readonly comments: readonly string[]; readonly when: string; readonly effect: string }[] {
    const own = tools.every((tool) => rule.tools.some((one) => covers(one, tool)))
      ? []
      : [toolTest(rule.tools)];
    const who = rule.who === null ? [] : [oneOf(rule.who.map((one) => `principal in ${principal(one)}`))];
    const when = simple(rule.when);
    const asked = isTrue(when) ? [] : [this.condition(when, tools, 'and')];
    const approval = rule.effect === 'review' ? ` ${this.approval(rule)}` : '';
    const effect = [`${rule.effect}${approval}`, because(rule)].filter((part) => part !== '').join(' ');
    const first = { comments: comment(rule), when: [...own, ...who, ...asked].join(' and '), effect };
    if (rule.unmet === 'next' || isTrue(when)) return [first];
    return [first, { comments: [], when: [...own, ...who].join(' and '), effect: 'deny' }];
  }

  private limit(rule: Rule, group: readonly Rule[]): readonly string[] {
    const { limit } = rule;
    if (limit === null) return [];
    const before = group
      .slice(0, group.indexOf(rule))
      .filter((one) => one.tools.some((a) => rule.tools.some((b) => overlap(a, b))));
    const exact = rule.unmet === 'deny' ? before.every((one) => one.unmet === 'deny') : group.length === 1;
    if (!exact || (rule.unmet === 'next' && !isTrue(simple(rule.when)))) {
      const help = 'import the rule without it, and write the `limit` that is meant';
      this.writing.reader.fault(
        limit.at,
        'it counts only some calls of its tools, which a `limit` cannot',
        help,
      );
      return [];
    }
    const except =
      before.length === 0 ? '' : ` except ${this.actions(widest(before.flatMap((one) => one.tools)))}`;
    const by = limit.per === 'session' ? '' : ` by ${limit.by}`;
    const name = this.unique(`${rule.title}_calls`);
    return [`limit ${name}: ${limit.count} per ${limit.per}${by} on ${this.actions(rule.tools)}${except}`];
  }

  private approval({ approval: { roles, quorum, timeout }, title, at }: Rule): string {
    const { reader, approver } = this.writing;
    if (roles.length === 0)
      reader.note(at, `${quote(title)} does not say who approves: \`role:${approver}\``);
    if (timeout === null)
      reader.note(at, `${quote(title)} does not say how long an approval may take: ${TIMEOUT}`);
    const names = (roles.length === 0 ? [approver] : roles).map((role) => `role:${this.role(role)}`);
    return `by ${names.join(', ')}${quorum === 1 ? '' : ` quorum ${quorum}`} timeout ${timeout ?? TIMEOUT}`;
  }

  private role(value: string): string {
    const known = this.roleNames.get(value);
    if (known !== undefined) return known;
    const taken = new Set(this.roleNames.values());
    const name = numbered(word(value), (one) => taken.has(one));
    this.roleNames.set(value, name);
    return name;
  }

  private unique(title: string): string {
    const name = numbered(word(title), (one) => this.names.has(one));
    this.names.add(name);
    return name;
  }

  private actions(tools: readonly string[]): string {
    return widest(tools)
      .map((tool) => `${part(this.writing.server)}/${part(tool)}`)
      .join(', ');
  }

  /** `present`: the arguments that have been asked for with `has` before it, in the same `and`. */
  private condition(
    c: Condition,
    tools: readonly string[],
    inside: 'and' | 'none' = 'none',
    present: ReadonlySet<string> = new Set(),
  ): string {
    switch (c.kind) {
      case 'all':
        return this.all(c.of, tools, inside, present);
      case 'any': {
        if (c.of.length === 0) return 'false';
        const shared = sameArg(c.of);
        const has = shared === null ? '' : this.has(shared, tools, present);
        const tests = c.of.map((one) =>
          one.kind === 'arg' && shared !== null
            ? bareTest(one.arg, one.test, 'none')
            : this.condition(one, tools, 'none', present),
        );
        const text = tests.join(' or ');
        return has !== '' || (inside === 'and' && tests.length > 1) ? `${has}(${text})` : text;
      }
      case 'not':
        return `not (${this.condition(c.of, tools, 'none', present)})`;
      case 'roles':
        return oneOf(
          c.roles.map((role) => `principal has role ${this.role(role)}`),
          inside,
        );
      case 'principal':
        return oneOf(
          c.patterns.map((one) => `principal in ${principal(one)}`),
          inside,
        );
      case 'tool':
        return textTest('tool.name', c.test);
      case 'present':
        return `has(${argument(c.arg)})`;
      case 'arg':
        return `${this.has(c.arg, tools, present)}${bareTest(c.arg, c.test, 'and')}`;
      default:
        return assertNever(c);
    }
  }

  private all(
    of: readonly Condition[],
    tools: readonly string[],
    inside: 'and' | 'none',
    before: ReadonlySet<string>,
  ): string {
    if (of.length === 0) return 'true';
    const present = new Set(before);
    const parts: string[] = [];
    for (const one of of) {
      parts.push(this.condition(one, tools, of.length > 1 ? 'and' : inside, present));
      if (one.kind === 'arg' || one.kind === 'present') present.add(JSON.stringify(one.arg));
    }
    return parts.join(' and ');
  }

  private has(arg: readonly string[], tools: readonly string[], present: ReadonlySet<string>): string {
    if (present.has(JSON.stringify(arg)) || this.writing.certain(tools, arg)) return '';
    return `has(${argument(arg)}) and `;
  }
}

/** The callers that every one of the rules speaks of, if they are the same and not all. */
function sameWho(rules: readonly Rule[]): readonly string[] | null {
  const [first] = rules;
  if (first === undefined || first.who === null) return null;
  const key = JSON.stringify(first.who);
  return rules.every((rule) => JSON.stringify(rule.who) === key) ? first.who : null;
}

/** The argument that all of them test, if it is one. */
function sameArg(of: readonly Condition[]): readonly string[] | null {
  const [first] = of;
  if (first?.kind !== 'arg') return null;
  const key = JSON.stringify(first.arg);
  return of.every((one) => one.kind === 'arg' && JSON.stringify(one.arg) === key) ? first.arg : null;
}

function bareTest(
  arg: readonly string[],
  test: TextTest | NumberTest | BoolTest,
  inside: 'and' | 'none',
): string {
  const name = argument(arg);
  if (test.op === 'is') return `${name} == ${String(test.value)}`;
  if ('text' in test) return `${name} ${test.op} ${test.text}`;
  const text = textTest(name, test);
  return inside === 'none' && text.includes(' and ') ? `(${text})` : text;
}

function textTest(name: string, test: TextTest): string {
  switch (test.op) {
    case 'in': {
      const [only] = test.values;
      if (test.values.length === 1 && only !== undefined) return `${name} == ${quote(only)}`;
      return `${name} in [${test.values.map(quote).join(', ')}]`;
    }
    case 'contains':
      return `${name} contains ${quote(test.value)}`;
    case 'startsWith':
      return `${name} starts with ${quote(test.value)}`;
    case 'endsWith':
      return `${name} ends with ${quote(test.value)}`;
    case 'matches':
      return `${name} matches r"${test.pattern.replaceAll('"', '\\"')}"`;
    case 'under': {
      const under = `${name} under ${quote(test.folder)}`;
      return test.rest === null
        ? under
        : `${under} and ${name} matches r"${test.rest.replaceAll('"', '\\"')}"`;
    }
    default:
      return assertNever(test);
  }
}

function toolTest(tools: readonly string[]): string {
  const exact = tools.filter((tool) => !tool.includes('*'));
  const tests = tools
    .filter((tool) => tool.includes('*'))
    .map((tool) => `tool.name like ${quote(tool.replaceAll(/\*+/g, '**'))}`);
  const named = exact.length === 0 ? [] : [textTest('tool.name', { op: 'in', values: exact })];
  return oneOf([...named, ...tests]);
}

function oneOf(tests: readonly string[], inside: 'and' | 'none' = 'and'): string {
  return tests.length === 1 || inside === 'none' ? tests.join(' or ') : `(${tests.join(' or ')})`;
}

/** Constants out of it. */
export function simple(c: Condition): Condition {
  if (c.kind === 'not') {
    const of = simple(c.of);
    return isTrue(of) ? NEVER : isFalse(of) ? ALWAYS : of.kind === 'not' ? of.of : { kind: 'not', of };
  }
  if (c.kind !== 'all' && c.kind !== 'any') return c;
  const of = c.of.map(simple).flatMap((one) => (one.kind === c.kind ? one.of : [one]));
  if (of.some(c.kind === 'all' ? isFalse : isTrue)) return c.kind === 'all' ? NEVER : ALWAYS;
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: c.kind, of };
}
const NEVER: Condition = { kind: 'any', of: [] };
const isTrue = (c: Condition): boolean => c.kind === 'all' && c.of.length === 0;
const isFalse = (c: Condition): boolean => c.kind === 'any' && c.of.length === 0;

const comment = (rule: Rule): readonly string[] => rule.comment.map((line) => `// ${line}`.trimEnd());
const because = (rule: Rule): string => (rule.because === null ? '' : `because ${quote(rule.because)}`);

const argument = (path: readonly string[]): string =>
  ['args', ...path.map((name) => (/^[A-Za-z_]\w*$/.test(name) ? name : quote(name)))].join('.');

const part = (text: string): string =>
  /^[A-Za-z0-9_.@*-]+$/.test(text) && !text.includes('->') ? text : quote(text);
function principal(pattern: string): string {
  const colon = pattern.indexOf(':');
  return `${pattern.slice(0, colon)}:${part(pattern.slice(colon + 1))}`;
}

/** A name of the language: letters, digits, `_`, no reserved word. */
export function word(text: string): string {
  const plain = text
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 60);
  const name = plain === '' ? 'everything' : /^\d/.test(plain) ? `rule_${plain}` : plain;
  return isFreeWord(name) ? name : `${name}_rule`;
}

function numbered(name: string, taken: (name: string) => boolean): string {
  if (!taken(name)) return name;
  let n = 2;
  while (taken(`${name}_${n}`)) n++;
  return `${name}_${n}`;
}
