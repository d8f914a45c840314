// SPDX-License-Identifier: Apache-2.0
/**
 * The vectors of test/vectors: logs that must pass and logs that must fail, at least one for each attack that auditors try.
 * `node scripts/vectors.mjs` writes them.
 */
import { beside } from './vectors/beside.js';
import { bytes } from './vectors/bytes.js';
import { edits, forks } from './vectors/edits.js';
import { goodOnes } from './vectors/good.js';
import { keys } from './vectors/keys.js';
import { life } from './vectors/life.js';
import { found, type Vector } from './vectors/make.js';
import { rotation } from './vectors/rotation.js';

export type { Vector } from './vectors/make.js';

/** All vectors, the same from run to run. */
export function vectors(): readonly Vector[] {
  found.length = 0;
  goodOnes();
  edits();
  forks();
  keys();
  rotation();
  bytes();
  life();
  beside();
  return [...found];
}
