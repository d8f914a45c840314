// SPDX-License-Identifier: Apache-2.0
// The schema that `sepal schema` prints takes the configurations that the product takes, and refuses unknown keys as it does.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@cfworker/json-schema';
import { expect, it } from 'vitest';
import { runCommand } from '../../../cli/run.js';

const ROOT = join(import.meta.dirname, '../../..');

it('prints a schema that validates configurations', async () => {
  let out = '';
  const io = {
    out: (text: string) => void (out += text),
    err: () => undefined,
    env: {},
    cwd: ROOT,
    colour: false,
    now: Date.now,
  };
  expect(await runCommand(['schema'], io)).toBe(0);
  const validator = new Validator(JSON.parse(out) as object, '2020-12');
  const quickstart = JSON.parse(readFileSync(join(ROOT, 'examples/quickstart/sepal.json'), 'utf8')) as object;
  expect(validator.validate(quickstart).errors).toEqual([]);
  expect(validator.validate({ ...quickstart, polices: 1 }).valid).toBe(false);
  expect(validator.validate({ ...quickstart, listen: { http: 5 } }).valid).toBe(false);
});
