// SPDX-License-Identifier: Apache-2.0
/**
 * Runs the `test "…" { … }` blocks of a policy against its compiled module. Without `at` the clock stands at noon of a Monday.
 */
import type {
  ExampleStatement,
  Expect,
  Given,
  Question,
  TestStatement,
  TestStep,
  WithItem,
} from '../../grammar/tree.js';
import type { ApprovalNeed, Facts, Json, Request } from '../../stdlib/abi.js';
import { position } from '../diagnostics/render.js';
import { scanName } from '../check-scan.js';
import { nameChain } from '../narrow.js';
import { MASK_DETECTORS } from '../../stdlib/masks.js';
import { ask } from './ask.js';
import { Counting, type Waiting } from './counting.js';
import { describeAnswer, describeExpect, mismatch } from './expect.js';
import type { Answer, QuestionFailure, TestReport, TestResult, TestSubject } from './types.js';
import { argumentsOf, factValue } from './values.js';

/** Runs every test; `only` keeps those whose title contains one of its texts. */
export function runTests(subject: TestSubject, only: readonly string[] = []): TestReport {
  const met = new Set<string>();
  const tests = subject.file.statements
    .flatMap((s) => (s.kind === 'test' ? [s] : s.kind === 'example' ? [asTest(s)] : []))
    .filter((s) => only.length === 0 || only.some((text) => s.title.value.includes(text)))
    .map((test) => runTest(subject, test, met));
  const names = subject.ir.units.map((unit) => unit.name);
  const uncovered = names.filter((name) => !met.has(name));
  const passed = tests.filter((test) => test.passed).length;
  return {
    passed,
    failed: tests.length - passed,
    tests,
    coverage: { rules: names.length, covered: names.length - uncovered.length, uncovered },
  };
}

/** An example documents one rule: each of its answers is by that rule. */
function asTest(s: ExampleStatement): TestStatement {
  const byIt = (step: TestStep): TestStep =>
    step.kind === 'question' ? { ...step, expect: { ...step.expect, by: step.expect.by ?? s.rule } } : step;
  const title = { value: `example ${s.rule.text}`, span: s.rule.span };
  return { kind: 'test', title, steps: s.steps.map(byIt), span: s.span };
}

interface Asker {
  readonly request: Omit<Request, 'intent' | 'session'>;
  readonly session: string | null;
  readonly facts: Facts;
  /** The answer of the server, as a result; null where the call itself is asked about. */
  readonly result: unknown;
  readonly at: string;
  readonly faults: readonly string[];
}

function runTest(subject: TestSubject, test: TestStatement, met: Set<string>): TestResult {
  const failures: QuestionFailure[] = [];
  let asker: Asker | null = null;
  // Measures start afresh with each test.
  const counting = new Counting(subject.module);
  let questions = 0;
  for (const step of test.steps) {
    if (step.kind === 'given') {
      asker = askerOf(subject, step);
      continue;
    }
    const times = repeats(step.expect);
    for (let i = 0; i < times; i++) {
      const wrong = runQuestion(subject, step, asker, { fresh: `question ${++questions}`, met, counting });
      if (wrong === null) continue;
      const notes = times > 1 ? [`in repetition ${i + 1} of ${times}`, ...wrong.notes] : wrong.notes;
      failures.push({ ...wrong, notes });
      break;
    }
  }
  const { line } = position(subject.source, test.span.start);
  const title = test.title.value;
  return { title, file: subject.path, line, passed: failures.length === 0, questions, failures };
}

/** What the questions of one test have in common. */
interface Running {
  /** The session of a question without one. */
  readonly fresh: string;
  readonly met: Set<string>;
  readonly counting: Counting;
}

const MAX_REPEATS = 100_000;

function repeats(expect: Expect): number {
  return Math.min(expect.repeat === null ? 1 : Number(expect.repeat.text), MAX_REPEATS);
}

function askerOf(subject: TestSubject, given: Given): Asker {
  const faults: string[] = [];
  const facts: { [name: string]: Json | undefined } = Object.create(null);
  const items = [...given.with, ...(given.for?.with ?? [])];
  for (const item of items) readItem(subject, item, facts, faults);
  return {
    request: {
      principal: principalOf(given.as),
      roles: rolesOf(subject, given.with),
      user: given.for === null ? null : principalOf(given.for.user),
      userRoles: rolesOf(subject, given.for?.with ?? []),
    },
    session: given.session?.value ?? null,
    facts,
    result: resultOf(items),
    at: instantOf(given.at?.value ?? null, FIXED),
    faults,
  };
}

const FIXED = '2026-01-05T12:00:00.000Z';

/** In UTC; `at` without a fault of the checker is an instant. */
const instantOf = (at: string | null, otherwise: string): string =>
  at === null ? otherwise : new Date(at).toISOString();

function principalOf(pattern: Given['as']): string {
  return `${pattern.type}:${pattern.glob.text}`;
}

/** `with result "…"`: what a tool answers with one text. */
function resultOf(items: readonly WithItem[]): unknown {
  const item = items.find((one) => one.kind === 'result');
  return item === undefined ? null : { content: [{ type: 'text', text: item.text.value }] };
}

/** Declared roles by the value that credentials carry; undeclared ones are ignored by the policy. */
function rolesOf(subject: TestSubject, items: readonly WithItem[]): readonly string[] {
  if (!items.some((item) => item.kind === 'roles')) return [];
  const values = new Map(subject.ir.roles.map((role) => [role.name, role.value]));
  return items.flatMap((item) =>
    item.kind === 'roles' ? item.roles.map((role) => values.get(role.text) ?? role.text) : [],
  );
}

function readItem(
  subject: TestSubject,
  item: WithItem,
  facts: { [name: string]: Json | undefined },
  faults: string[],
): void {
  switch (item.kind) {
    case 'roles':
      return;
    case 'result':
      return;
    case 'value': {
      const name = nameOf(item);
      const measured = (subject.ir.measures ?? []).some((measure) => measure.name === name);
      if (!measured && !subject.ir.facts.some((fact) => fact.name === name)) {
        faults.push(`\`${name}\` is not a fact of this policy`);
        return;
      }
      // Own but undefined: it is unavailable, and nothing is computed in its place.
      const set = (given: Json | undefined): void => {
        facts[name] = given;
        if (measured) facts[`${name} for user`] = given;
      };
      set(undefined);
      if (item.value === null) return;
      const value = factValue(item.value);
      if (value === undefined) faults.push(`the value of \`${name}\` is not a literal`);
      else set(value);
    }
  }
}

/** `injection_score(args)` for a result of the scanner, as conditions name it. */
function nameOf(item: Extract<WithItem, { kind: 'value' }>): string {
  if (item.argument === null) return item.target.text;
  return scanName(item.target.text, nameChain(item.argument) ?? []);
}

/** What was given, and for what was not: the clock, and what a scan of the question gives. */
function scanned(subject: TestSubject, { facts: given, result }: Asker, request: Request, at: string): Facts {
  if (subject.ir.facts.length === 0) return given;
  const facts: { [name: string]: Json | undefined } = Object.create(null);
  for (const { name, source, path } of subject.ir.facts) {
    if (source === 'clock') facts[name] = at;
    if (source === 'scan' || source === 'pin' || source === 'result')
      facts[name] = subject.scan(source === 'scan' ? path : [source, ...path], request.intent, result);
  }
  return Object.assign(facts, given);
}

function runQuestion(
  subject: TestSubject,
  step: Question,
  asker: Asker | null,
  { fresh, met, counting }: Running,
): QuestionFailure | null {
  const { action, expect } = step;
  const fail = (expected: string, actual: string, notes: readonly string[]): QuestionFailure => {
    const { line, column } = position(subject.source, step.span.start);
    const question = asker === null ? targetOf(step) : `${targetOf(step)} as ${asker.request.principal}`;
    return { span: step.span, line, column, question, expected, actual, notes };
  };
  if (asker === null) return fail(describeExpect(expect), 'nobody asks', ['say who asks: `as agent:name`']);
  if (asker.faults.length > 0)
    return fail(describeExpect(expect), 'the question cannot be put', asker.faults);
  const request: Request = {
    ...asker.request,
    session: asker.session ?? fresh,
    intent: {
      kind: action.act,
      server: action.server.text,
      name: action.name?.text ?? '',
      args: argumentsOf(step.args),
    },
  };
  const phase = step.onList ? 'list' : asker.result === null ? 'call' : 'result';
  const facts = (at: string, own: Waiting | null = null): Facts => ({
    ...counting.facts(request, at, own),
    ...scanned(subject, asker, request, at),
  });
  const answer = (known: Facts): Answer => {
    const { decision, matched, refused } = ask(subject, request, known, phase);
    if (refused === null) subject.observe?.(request, known, phase);
    return { decision, matched, refused, found: found(subject, decision.masks ?? [], request, asker.result) };
  };
  const known = facts(asker.at);
  const first = answer(known);
  const counted = phase === 'call' && first.refused === null;
  const waiting = counted ? counting.count(request, known, first.decision, asker.at) : null;
  for (const { name } of first.matched) met.add(name);
  for (const { name } of first.decision.shadow) met.add(name);
  const wrong = mismatch(expect, first);
  if (wrong.length > 0) return fail(describeExpect(expect), describeAnswer(first), wrong);
  if (expect.afterApproval === null) return null;
  const later = instantOf(expect.afterApproval.at?.value ?? null, asker.at);
  const then = facts(later, waiting);
  const second = approved(first, answer(then));
  if (waiting !== null) counting.end(waiting, request, then, second.decision, later);
  const after = mismatch(expect.afterApproval.expect, second);
  if (after.length === 0) return null;
  return fail(
    `then approved => ${describeExpect(expect.afterApproval.expect)}`,
    describeAnswer(second),
    after,
  );
}

const targetOf = ({ action: { act, server, name } }: Question): string =>
  name === null ? `${act} from ${server.text}` : `${server.text}/${name.text}`;

/** The masks of which the answer holds something. */
function found(
  subject: TestSubject,
  masks: readonly string[],
  { intent }: Request,
  result: unknown,
): readonly string[] {
  return masks.filter((mask) => {
    const kind = MASK_DETECTORS.get(mask) ?? mask.replaceAll('_', '-');
    const count = subject.scan(['findings', kind, 'result'], intent, result);
    return typeof count === 'number' && count > 0;
  });
}

/** The second decision, with every requirement of the first review met: a review that asks for no more is then allowed. */
function approved(first: Answer, second: Answer): Answer {
  if (first.decision.effect !== 'review' || second.decision.effect !== 'review') return second;
  const given = new Set(first.decision.approvals.map(needKey));
  if (!second.decision.approvals.every((need) => given.has(needKey(need)))) return second;
  return { ...second, decision: { ...second.decision, effect: 'allow', approvals: [], timeout: null } };
}

function needKey(need: ApprovalNeed): string {
  return JSON.stringify([need.rule, need.self, need.roles, need.quorum]);
}
