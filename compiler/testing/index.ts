// SPDX-License-Identifier: Apache-2.0
export { type Coverage, Observer } from './coverage.js';
export { percentOf, renderCoverage, renderLcov } from './render-coverage.js';
export { mutate, type Mutation } from './mutate.js';
export { renderTests } from './render.js';
export { runTests } from './run.js';
export type { TestReport } from './types.js';
