// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps what V8 made of the script of `check`, `fmt`, `build` and `test` (script.ts) after they ran on the policies that are named: the
 * same node then starts them without compiling anything. `npm run build` runs it; where another node is installed, it may be run again.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FILES, keptFor, load } from './script.js';

const nowhere = (): void => undefined;
const io = { out: nowhere, err: nowhere, env: {}, cwd: process.cwd(), colour: false, now: Date.now };

rmSync(FILES.kept, { force: true });
const loaded = load();
if (loaded === null) throw new Error('there is no script to keep code of: `npm run build` makes it');
const { script, run } = loaded;
const out = mkdtempSync(join(tmpdir(), 'sepal-keep-'));
try {
  for (const policy of process.argv.slice(2)) {
    for (const verb of ['check', 'test', 'fmt --check', 'build --out']) {
      const argv = [...verb.split(' '), ...(verb.endsWith('--out') ? [out] : []), policy];
      const code = await run(argv, io);
      if (code !== 0) throw new Error(`sepal ${argv.join(' ')} ended with ${code}`);
    }
  }
} finally {
  rmSync(out, { recursive: true });
}
writeFileSync(FILES.kept, Buffer.concat([keptFor(), script.createCachedData()]));
