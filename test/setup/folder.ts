// SPDX-License-Identifier: Apache-2.0
// One folder for all that a run writes, which goes with it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let dir = '';

/** The workers that are started after it have its environment. */
export function setup(): void {
  dir = mkdtempSync(join(tmpdir(), 'sepal-'));
  process.env['TMPDIR'] = dir;
}

export function teardown(): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
