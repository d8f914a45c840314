// SPDX-License-Identifier: Apache-2.0
/** Results of tests for people. */
import type { QuestionFailure, TestReport, TestResult } from './types.js';

export function renderTests(report: TestReport, source: string): string {
  const lines = report.tests.flatMap((test) => [
    `${test.passed ? 'ok  ' : 'FAIL'} ${test.title}`,
    ...test.failures.flatMap((failure) => frame(test, failure, source)),
  ]);
  const { coverage } = report;
  const total = `${report.passed} passed, ${report.failed} failed; ${coverage.covered} of ${coverage.rules} rules met by a test`;
  const missing = coverage.uncovered.length === 0 ? [] : [`not met: ${coverage.uncovered.join(', ')}`];
  return `${[...lines, total, ...missing].join('\n')}\n`;
}

function frame(test: TestResult, failure: QuestionFailure, source: string): readonly string[] {
  const text = source.split('\n')[failure.line - 1] ?? '';
  const shown = text.replaceAll('\t', ' ').trimEnd();
  const number = String(failure.line);
  const gutter = ' '.repeat(number.length);
  const length = Math.max(
    1,
    Math.min(failure.span.end - failure.span.start, shown.length - failure.column + 1),
  );
  return [
    `  --> ${test.file}:${failure.line}:${failure.column}  ${failure.question}`,
    ` ${gutter} |`,
    ` ${number} | ${shown}`,
    ` ${gutter} | ${' '.repeat(failure.column - 1)}${'^'.repeat(length)}`,
    `   = expected: ${failure.expected}`,
    `   = actual:   ${failure.actual}`,
    ...failure.notes.map((note) => `   = note: ${note}`),
    '',
  ];
}
