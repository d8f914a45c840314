// SPDX-License-Identifier: Apache-2.0
import type { File, Span } from '../../grammar/tree.js';
import type {
  Decision,
  Facts,
  Intent,
  Json,
  JsonRecord,
  Match,
  Phase,
  PolicyModule,
  Request,
} from '../../stdlib/abi.js';
import type { PolicyIr } from '../ir.js';

/** A checked and compiled policy, and what the host knows of its pinned tools. */
export interface TestSubject {
  /** Name of the file, for frames. */
  readonly path: string;
  readonly source: string;
  readonly file: File;
  readonly ir: PolicyIr;
  readonly module: PolicyModule;
  /** Checks arguments against the pinned schema: null when they fit, else one sentence. */
  readonly misfit: (server: string, tool: string, args: JsonRecord) => string | null;
  /** Computes a result of the scanner (`FactIr.path`); undefined where it cannot. */
  readonly scan: (path: readonly string[], intent: Intent, result?: unknown) => Json | undefined;
  /** Sees every question that rules are asked: for coverage. */
  readonly observe?: (request: Request, facts: Facts, phase: Phase) => void;
}

/** What a question was answered: the decision and every rule that matched. */
export interface Answer {
  readonly decision: Decision;
  readonly matched: readonly Match[];
  /** Of what the decision masks: what the given answer holds. */
  readonly found: readonly string[];
  /** Why no rule was asked: an unpinned tool or arguments that do not fit. */
  readonly refused: string | null;
}

export interface QuestionFailure {
  readonly span: Span;
  readonly line: number;
  readonly column: number;
  /** `fs/write_file as agent:editor`. */
  readonly question: string;
  readonly expected: string;
  readonly actual: string;
  readonly notes: readonly string[];
}

export interface TestResult {
  readonly title: string;
  readonly file: string;
  readonly line: number;
  readonly passed: boolean;
  readonly questions: number;
  readonly failures: readonly QuestionFailure[];
}

export interface TestReport {
  readonly passed: number;
  readonly failed: number;
  readonly tests: readonly TestResult[];
  /** Which rules and blocks some question of a test was decided or matched by. */
  readonly coverage: {
    readonly rules: number;
    readonly covered: number;
    readonly uncovered: readonly string[];
  };
}
