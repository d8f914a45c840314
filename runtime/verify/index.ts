// SPDX-License-Identifier: Apache-2.0
/** sepal-verify: an independent verifier of receipt logs. */
export { EXIT, printReport, type Terminal, verifyCommand } from './command.js';
export type { Property, Report, Result, Status } from './report.js';
export { TrustError } from './format/trust.js';
export { type Held, HeldError, parseHeld } from './held.js';
export { verifyEquivocation, verifyReceipt } from './receipt.js';
export { folderSource, type LogSource, memorySource, type Segment, SourceError } from './source.js';
export { tilesSource } from './tiles.js';
export { CheckpointError } from './witnessed.js';
export { openSource, type Replay, verify, type VerifyOptions } from './verify.js';
