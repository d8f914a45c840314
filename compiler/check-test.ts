// SPDX-License-Identifier: Apache-2.0
/** Tests that live with a policy: their names must exist, and they ask only what this release can answer. */
import type * as tree from '../grammar/tree.js';
import { didYouMean } from './diagnostics/suggest.js';
import { checkPinned, type Scope } from './scope.js';

export function checkTest(scope: Scope, test: tree.TestStatement): void {
  if (!test.steps.some((step) => step.kind === 'question')) {
    scope.report('SEP3014', test.title.span, { what: 'nothing' });
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
  for (const item of [...given.with, ...(given.for?.with ?? [])]) {
    if (item.kind === 'roles') {
      for (const role of item.roles) scope.used.add(`role:${role.text}`);
      continue;
    }
    if (item.kind === 'result' || item.argument !== null) {
      scope.report('SEP4916', item.span);
      continue;
    }
    const named = scope.names.get(item.target.text);
    if (named?.kind === 'fact') continue;
    const facts = [...scope.names.values()].filter((s) => s.kind === 'fact').map((s) => s.name.text);
    const help = didYouMean(item.target.text, facts);
    if (named === undefined)
      scope.report('SEP2001', item.target.span, { name: item.target.text }, help === null ? {} : { help });
    else scope.report('SEP4916', item.span);
  }
  if (given.at !== null && Number.isNaN(Date.parse(given.at.value))) {
    scope.report('SEP3012', given.at.span, {
      found: given.at.value,
      wanted: 'an instant such as `2026-03-09T13:00:00Z`',
    });
  }
}

function checkQuestion(scope: Scope, question: tree.Question): void {
  if (question.onList || question.expect.masked.length > 0) scope.report('SEP4916', question.span);
  const { action } = question;
  if ([action.server.text, action.name?.text ?? ''].some((text) => text.includes('*'))) {
    scope.report('SEP3014', action.span, { what: 'a pattern, not one action' });
  } else checkPinned(scope, action, true);
  for (
    let expect: tree.Expect | undefined = question.expect;
    expect !== undefined;
    expect = expect.then?.expect
  ) {
    checkExpected(scope, expect);
  }
}

function checkExpected(scope: Scope, expect: tree.Expect): void {
  if (expect.by !== null && expect.by.text !== 'default') {
    const units = [...scope.names.values()].filter((s) => s.kind === 'rule' || s.kind === 'decide');
    if (!units.some((s) => s.name.text === expect.by?.text)) {
      const help = didYouMean(
        expect.by.text,
        units.map((s) => s.name.text),
      );
      scope.report('SEP2001', expect.by.span, { name: expect.by.text }, help === null ? {} : { help });
    }
  }
  const repeat = expect.repeat === null ? 1 : Number(expect.repeat.text);
  if (expect.repeat !== null && !(repeat >= 1 && repeat <= 100_000)) {
    scope.report('SEP3012', expect.repeat.span, {
      found: expect.repeat.text,
      wanted: 'between 1 and 100000',
    });
  }
}
