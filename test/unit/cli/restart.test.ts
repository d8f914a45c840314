// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { nodeFlags } from '../../../cli/restart.js';

test.each([1, 2, 3, 64])(
  'with %d processors node is started with flags that it knows, and makes no code from text',
  (count) => {
    const flags = nodeFlags(count);
    expect(flags).toHaveLength(count <= 2 ? 3 : 1);
    const script = 'try { Function("")() } catch (error) { console.log(error.name) }';
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8' });
    expect([stderr, stdout]).toEqual(['', 'EvalError\n']);
  },
);
