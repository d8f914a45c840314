// SPDX-License-Identifier: Apache-2.0
/** Tests that live with a policy: their names must exist, and they ask only what this release can answer. */
import type * as tree from '../grammar/tree.js';
import { reportMember } from './check-compare.js';
import { typeOfRef } from './check-expr.js';
import { SCAN_RESULTS } from './check-scan.js';
import { nameChain } from './narrow.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';
import type { TypeIr } from './ir.js';
import { moment } from '../stdlib/moment.js';
import { MASKS } from '../stdlib/masks.js';
import { checkPinned, kindOf, type Named, type Scope } from './scope.js';
import { factValue } from './testing/values.js';
import { describeType } from './types.js';

type Value = Extract<tree.WithItem, { readonly kind: 'value' }>;

export function checkTest(scope: Scope, test: tree.TestStatement | tree.ExampleStatement): void {
  if (test.kind === 'example') checkUnit(scope, test.rule, []);
  if (!test.steps.some((step) => step.kind === 'question')) {
    const { span } = test.kind === 'test' ? test.title : test.rule;
    scope.report('SEP3014', span, { what: 'nothing' });
  }
  if (test.steps[0]?.kind === 'question') {
    scope.report('SEP3014', test.steps[0].span, { what: 'something before it says `as` whom' });
  }
  for (const step of test.steps) {
    if (step.kind === 'given') checkGiven(scope, step);
    else checkQuestion(scope, step);
  }
}

function checkGiven(scope: Scope, given: tree.Given): void {
  for (const pattern of [given.as, ...(given.for === null ? [] : [given.for.user])]) {
    if (pattern.glob.text.includes('*')) {
      scope.report('SEP3014', pattern.span, { what: 'as a pattern, not as one principal' });
    }
  }
  for (const item of [...given.with, ...(given.for?.with ?? [])]) {
    if (item.kind === 'roles') checkRoles(scope, item.roles);
    else if (item.kind === 'result') continue;
    else if (item.argument !== null) checkScanItem(scope, item, item.argument);
    else checkFactItem(scope, item);
  }
  checkInstant(scope, given.at);
}

/** A credential may carry roles that the policy does not know; one that is nearly a declared role is a slip. */
function checkRoles(scope: Scope, roles: readonly tree.Name[]): void {
  for (const role of roles) {
    scope.used.add(`role:${role.text}`);
    const near = scope.roles.has(role.text) ? null : nearest(role.text, scope.roles.keys());
    if (near !== null) {
      scope.report('SEP4010', role.span, { name: role.text }, meant(scope.file, role.span, near));
    }
  }
}

/** `injection_score(args) 0.7`: the result in place of what a scan of the question would give. */
function checkScanItem(scope: Scope, item: Value, subject: tree.Expr): void {
  const name = item.target.text;
  const type = SCAN_RESULTS.get(name);
  if (type === undefined) {
    const near = nearest(name, SCAN_RESULTS.keys());
    const help = 'a result of the scanner is given as `injection_score(args) 0.7`';
    scope.report(
      'SEP2012',
      item.target.span,
      { name },
      { help, ...meant(scope.file, item.target.span, near) },
    );
    return;
  }
  const chain = nameChain(subject);
  const root = chain?.[0] ?? '';
  if (root !== 'args' && root !== 'tool' && root !== 'result') {
    scope.report('SEP3001', subject.span, {
      what: `\`${name}\``,
      wanted: '`args`, one argument, `tool` or `result`',
      found: 'another value',
    });
  } else if (item.value !== null) checkFactValue(scope, name, type, item.value);
}

const FACTS_HELP = 'facts are declared with `fact`, roles follow the word `roles`';

function checkFactItem(scope: Scope, item: Value): void {
  const name = item.target.text;
  const named = scope.names.get(name);
  if (named === undefined) {
    const facts = [...scope.names].filter(([, s]) => s.kind === 'fact').map(([text]) => text);
    const near = nearest(name, facts);
    if (near !== null) scope.meant.add(near);
    const extra = { help: FACTS_HELP, ...meant(scope.file, item.target.span, near) };
    scope.report('SEP2001', item.target.span, { name }, extra);
  } else if (named.kind === 'limit' || named.kind === 'counter' || named.kind === 'score') {
    scope.used.add(name);
    const sums = named.kind !== 'score' && named.clauses.some((c) => c.kind === 'sum');
    if (item.value !== null) checkFactValue(scope, name, { kind: sums ? 'decimal' : 'int' }, item.value);
  } else if (named.kind !== 'fact')
    scope.report('SEP2003', item.target.span, { name, is: kindOf(named), wanted: 'a fact' });
  else if (item.value !== null) {
    const type = typeOfRef(named.type);
    checkFactValue(scope, name, type, item.value);
  }
}

/** A value of another type would be unknown in every answer: the test would ask something else than it says. */
function checkFactValue(scope: Scope, name: string, type: TypeIr, value: tree.Expr): void {
  if (type.kind === 'list' && value.kind === 'list') {
    for (const item of value.items) checkFactValue(scope, name, type.element, item);
    return;
  }
  const text = value.kind === 'name' ? value.name.text : value.kind === 'string' ? value.value : null;
  if (type.kind === 'enum' && text !== null) {
    if (type.members.includes(text)) return;
    reportMember(scope, value, text, type.members);
    return;
  }
  if (fits(type, value)) return;
  const help = value.kind === 'null' ? 'a value that cannot be had is written `unavailable`' : null;
  const args = { what: `\`${name}\``, wanted: describeType(type), found: 'something else' };
  scope.report('SEP3001', value.span, args, { help });
}

function fits(type: TypeIr, value: tree.Expr): boolean {
  if (value.kind === 'name' || value.kind === 'list') return false;
  const found = factValue(value);
  switch (type.kind) {
    case 'bool':
      return typeof found === 'boolean';
    case 'int':
      return typeof found === 'number' && Number.isInteger(found);
    case 'decimal':
      return typeof found === 'number' && value.kind !== 'duration';
    case 'string':
    case 'path':
    case 'url':
      return value.kind === 'string';
    case 'instant':
      return typeof found === 'string' && moment(found) !== undefined;
    case 'duration':
      return value.kind === 'duration';
    default:
      return false;
  }
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

function checkInstant(scope: Scope, at: tree.Str | null): void {
  if (at === null || (INSTANT.test(at.value) && !Number.isNaN(Date.parse(at.value)))) return;
  const wanted = 'an instant such as `2026-03-09T13:00:00Z`';
  scope.report('SEP3012', at.span, { found: at.value, wanted });
}

function checkQuestion(scope: Scope, question: tree.Question): void {
  const { action } = question;
  if ([action.server.text, action.name?.text ?? ''].some((text) => text.includes('*'))) {
    scope.report('SEP3014', action.span, { what: 'a pattern, not one action' });
  } else checkPinned(scope, action, true);
  for (
    let expect: tree.Expect | undefined = question.expect;
    expect !== undefined;
    expect = expect.afterApproval?.expect
  ) {
    checkExpected(scope, expect);
  }
}

/** What can stand among the rules of a decision. */
const isUnit = (s: Named | undefined): boolean =>
  (s?.kind === 'fact' && s.onUnknownReview !== null) ||
  s?.kind === 'rule' ||
  s?.kind === 'decide' ||
  (s?.kind === 'redact' && s.phase === 'result') ||
  s?.kind === 'limit';

/** A rule or block, of this file, a module or an instance. */
function checkUnit(scope: Scope, { text, span }: tree.Dotted, others: readonly string[]): void {
  if (isUnit(scope.names.get(text))) return;
  const units = [...scope.names].flatMap(([name, s]) => (isUnit(s) ? [name] : []));
  const near = nearest(text, [...units, ...others]);
  const extra = { help: 'name a rule or block of this policy', ...meant(scope.file, span, near) };
  scope.report('SEP2001', span, { name: text }, extra);
}

function checkExpected(scope: Scope, expect: tree.Expect): void {
  for (const mask of expect.masked) {
    if (MASKS.includes(mask.text)) continue;
    const extra = { help: null, ...meant(scope.file, mask.span, nearest(mask.text, MASKS)) };
    scope.report('SEP3022', mask.span, { name: mask.text }, extra);
  }
  checkInstant(scope, expect.afterApproval?.at ?? null);
  if (expect.by !== null && expect.by.text !== 'default') checkUnit(scope, expect.by, ['default']);
  const repeat = expect.repeat === null ? 1 : Number(expect.repeat.text);
  if (expect.repeat !== null && !(repeat >= 1 && repeat <= 100_000)) {
    scope.report('SEP3012', expect.repeat.span, {
      found: expect.repeat.text,
      wanted: 'between 1 and 100000',
    });
  }
}
