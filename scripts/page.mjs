// SPDX-License-Identifier: Apache-2.0
// Builds the auditor page: one HTML file with everything in it, and a policy that lets nothing else run or load.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

/** `define` holds SEPAL_VERSION and SEPAL_COMPILER, as for the command. */
export async function buildPage(root, define, outfile) {
  const folder = join(root, 'cli/page');
  const platform = {
    'node:crypto': join(folder, 'crypto.ts'),
    'node:fs/promises': join(folder, 'absent.ts'),
    'node:path': join(folder, 'absent.ts'),
  };
  const bundle = await build({
    absWorkingDir: root,
    entryPoints: [join(folder, 'main.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2023',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    define,
    inject: [join(folder, 'buffer-global.ts')],
    plugins: [
      {
        name: 'platform',
        setup(own) {
          own.onResolve({ filter: /^node:/ }, ({ path }) => {
            if (!Object.hasOwn(platform, path)) throw new Error(`the auditor page cannot have ${path}`);
            return { path: platform[path] };
          });
          // tweetnacl asks for Node's crypto to make keys, which the page never does.
          own.onResolve({ filter: /^crypto$/ }, () => ({ path: 'crypto', namespace: 'empty' }));
          own.onLoad({ filter: /./, namespace: 'empty' }, () => ({ contents: 'module.exports = {}' }));
        },
      },
    ],
  });
  const script = bundle.outputFiles[0].text
    .trimEnd()
    .replaceAll('</script', '<\\/script')
    .replaceAll('<!--', '<\\!--');
  const style = readFileSync(join(folder, 'page.css'), 'utf8');
  const source = (text) => `sha256-${createHash('sha256').update(text).digest('base64')}`;
  const html = readFileSync(join(folder, 'page.html'), 'utf8')
    .replace("'SCRIPT'", () => `'${source(script)}'`)
    .replace("'STYLE'", () => `'${source(style)}'`)
    .replace('/*STYLE*/', () => style)
    .replace('/*SCRIPT*/', () => script);
  mkdirSync(dirname(outfile), { recursive: true });
  writeFileSync(outfile, html);
}
