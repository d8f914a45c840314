// SPDX-License-Identifier: Apache-2.0
export { renderTests } from './render.js';
export { runTests } from './run.js';
export type { TestReport } from './types.js';
