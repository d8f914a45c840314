// SPDX-License-Identifier: Apache-2.0
export { ask } from './ask.js';
export { renderTests } from './render.js';
export { runTests } from './run.js';
export type { Answer, QuestionFailure, TestReport, TestResult, TestSubject } from './types.js';
