// SPDX-License-Identifier: Apache-2.0
export { eraseOpenings, openingsOf } from './erase.js';
export { LogFailure, LogHeld } from './failure.js';
export {
  createKeys,
  generateKey,
  KeyFailure,
  loadKey,
  loadKeys,
  NEXT_CERTIFICATE,
  NEXT_LOG,
  type SigningKey,
  trustText,
} from './keys.js';
export { Log, openLog } from './log.js';
export { readSecrets } from './secrets.js';
export type { Fold, Folds } from './snapshot.js';
export type * from './types.js';
