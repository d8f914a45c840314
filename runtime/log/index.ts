// SPDX-License-Identifier: Apache-2.0
export { eraseOpenings, openingsOf } from './erase.js';
export { LogHeld } from './failure.js';
export {
  createKeys,
  generateKey,
  KeyFailure,
  loadKey,
  loadKeys,
  type SigningKey,
  trustText,
} from './keys.js';
export { Log, openLog } from './log.js';
export type * from './types.js';
