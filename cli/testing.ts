// SPDX-License-Identifier: Apache-2.0
/** The tests of policies: run, measured, and printed in each format. */
import { renderTestsJunit } from '../compiler/testing/junit.js';
import {
  type Coverage,
  Observer,
  percentOf,
  renderCoverage,
  renderLcov,
  renderTests,
  runTests,
  type TestReport,
} from '../compiler/testing/index.js';
import type { TestSubject } from '../compiler/testing/types.js';
import { compilePolicy, type Policy, policyOrFail } from './compiled.js';
import type { Io } from './terminal.js';

/** One policy with what its tests gave. */
export interface Tested {
  readonly policy: Policy;
  readonly subject: TestSubject;
  readonly report: TestReport;
  /** Null where it was not asked for. */
  readonly coverage: Coverage | null;
}

export interface Wanted {
  /** Titles contain one of these; empty: all tests. */
  readonly filter: readonly string[];
  readonly coverage: boolean;
}

/** Compiles the policy at `path` and runs its tests; ends with exit 3 where it has errors. */
export async function testPolicy(path: string, wanted: Wanted, io: Io): Promise<Tested> {
  const policy = policyOrFail(await compilePolicy(path, io), io);
  const { compiled, source, module, misfit, scan } = policy;
  const { file, ir } = compiled;
  const subject = { path: source.path, source: source.text, file, ir, module, misfit, scan };
  const observer = wanted.coverage ? new Observer(ir, file) : null;
  const observed = observer === null ? subject : { ...subject, observe: observer.observe.bind(observer) };
  const report = runTests(observed, wanted.filter);
  return { policy, subject, report, coverage: observer?.report() ?? null };
}

/** Of several policies as of one. */
export function together(all: readonly Tested[]): TestReport {
  const reports = all.map(({ report }) => report);
  const sum = (of: (report: TestReport) => number): number =>
    reports.reduce((n, report) => n + of(report), 0);
  return {
    passed: sum((report) => report.passed),
    failed: sum((report) => report.failed),
    tests: reports.flatMap((report) => report.tests),
    coverage: {
      rules: sum((report) => report.coverage.rules),
      covered: sum((report) => report.coverage.covered),
      uncovered: reports.flatMap((report) => report.coverage.uncovered),
    },
  };
}

export function printed(all: readonly Tested[], format: 'human' | 'json' | 'junit'): string {
  switch (format) {
    case 'human':
      return all
        .map(
          ({ report, subject }) =>
            `${all.length > 1 ? `${subject.path}\n` : ''}${renderTests(report, subject.source)}`,
        )
        .join('\n');
    case 'junit':
      return renderTestsJunit(all.map(({ report, subject }) => ({ file: subject.path, report })));
    case 'json': {
      const report = together(all);
      const measured = all.flatMap(({ coverage, subject }) =>
        coverage === null ? [] : [{ file: subject.path, ...coverage }],
      );
      if (measured.length === 0) return `${JSON.stringify(report, null, 2)}\n`;
      const coverage = { ...report.coverage, percent: leastPercent(all), policies: measured };
      return `${JSON.stringify({ ...report, coverage }, null, 2)}\n`;
    }
  }
}

/** Of the policy that is covered least. */
export const leastPercent = (all: readonly Tested[]): number =>
  Math.min(100, ...all.map(({ coverage }) => (coverage === null ? 100 : percentOf(coverage))));

export function printedCoverage(all: readonly Tested[], format: 'text' | 'lcov' | 'json'): string {
  const measured = all.flatMap(({ coverage, subject }) => (coverage === null ? [] : [{ coverage, subject }]));
  switch (format) {
    case 'text':
      return measured
        .map(({ coverage, subject }) => renderCoverage(coverage, subject.path, subject.source))
        .join('');
    case 'lcov':
      return measured
        .map(({ coverage, subject }) => renderLcov(coverage, subject.path, subject.source))
        .join('');
    case 'json': {
      const policies = measured.map(({ coverage, subject }) => ({
        file: subject.path,
        percent: percentOf(coverage),
        ...coverage,
      }));
      return `${JSON.stringify({ version: 1, policies }, null, 2)}\n`;
    }
  }
}
