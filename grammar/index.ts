// SPDX-License-Identifier: Apache-2.0
export { FAULTS, type FaultCode, type FaultText } from './faults.js';
export { format } from './format.js';
export { type ParseResult, parse } from './parse.js';
export type * from './tree.js';
