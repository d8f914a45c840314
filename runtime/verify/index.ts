// SPDX-License-Identifier: Apache-2.0
/** sepal-verify: an independent verifier of receipt logs. */
export { EXIT, printReport, type Terminal, verifyCommand } from './command.js';
export type { Property, Report, Result, Status } from './report.js';
export { folderSource, type LogSource, memorySource, type Segment, SourceError } from './source.js';
export { TrustError, verify, type VerifyOptions } from './verify.js';
