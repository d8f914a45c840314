// SPDX-License-Identifier: Apache-2.0
// Peers live in bench/peers, a package of its own with its own lock, so that nobody installs them to use or to test Sepal.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { findUp } from '../../paths.js';

export const PEERS_FOLDER = join(findUp('package.json'), 'bench/peers');
export const PEERS_MISSING = 'the peers are not installed: `npm ci --ignore-scripts --prefix bench/peers`';

export const peersInstalled = (): boolean => existsSync(join(PEERS_FOLDER, 'node_modules/casbin'));

/** The exports of a package of bench/peers; `T` names the few that an adapter uses. */
export function peer<T>(name: string): T {
  if (!peersInstalled()) throw new Error(PEERS_MISSING);
  return createRequire(join(PEERS_FOLDER, 'package.json'))(name) as T;
}
