// SPDX-License-Identifier: Apache-2.0
export { LogFailure, LogHeld } from './failure.js';
export {
  createKeys,
  generateKey,
  KeyFailure,
  loadKey,
  loadKeys,
  type LogKeys,
  type SigningKey,
  trustText,
} from './keys.js';
export { Log, type LogOptions, openLog } from './log.js';
export type * from './types.js';
