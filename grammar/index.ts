// SPDX-License-Identifier: Apache-2.0
export { format } from './format.js';
export { parse } from './parse.js';
export type * from './tree.js';
