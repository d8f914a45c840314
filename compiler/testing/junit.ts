// SPDX-License-Identifier: Apache-2.0
/** Results of tests as JUnit's XML, which CI systems show: a suite a policy, a case a test, a failure a question. */
import { xml } from '../diagnostics/formats.js';
import type { QuestionFailure, TestReport } from './types.js';

export function renderTestsJunit(
  all: readonly { readonly file: string; readonly report: TestReport }[],
): string {
  const counts = (reports: readonly TestReport[]): string => {
    const failed = reports.reduce((n, report) => n + report.failed, 0);
    const passed = reports.reduce((n, report) => n + report.passed, 0);
    return `tests="${passed + failed}" failures="${failed}"`;
  };
  const suites = all.flatMap(({ file, report }) => [
    `  <testsuite name="${xml(file)}" ${counts([report])}>`,
    ...report.tests.map((test) => {
      const head = `    <testcase classname="${xml(file)}" name="${xml(test.title)}" file="${xml(test.file)}" line="${test.line}"`;
      if (test.failures.length === 0) return `${head}/>`;
      const failures = test.failures.map((failure) => `      ${failed(file, failure)}`);
      return [`${head}>`, ...failures, '    </testcase>'].join('\n');
    }),
    '  </testsuite>',
  ]);
  const head = `<testsuites name="sepal test" ${counts(all.map(({ report }) => report))}>`;
  return ['<?xml version="1.0" encoding="UTF-8"?>', head, ...suites, '</testsuites>', ''].join('\n');
}

function failed(file: string, { line, column, question, expected, actual, notes }: QuestionFailure): string {
  const message = `${question}: expected ${expected}, got ${actual}`;
  const text = [`${file}:${line}:${column}: ${message}`, ...notes].join('\n');
  return `<failure type="question" message="${xml(message)}">${xml(text)}</failure>`;
}
