// SPDX-License-Identifier: Apache-2.0
// Large values are scanned in a thread: the event loop goes on. Bundled as in production, since a thread starts from a file.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ScanService } from '../../runtime/scan/service.js';

const root = resolve(import.meta.dirname, '../..');
const TOKEN = `ghp_${'mxp4d8UQb2oziU9A3k2a3Qu8k6pvmT0yGLu6'}`;
const LINE = '{"id": 4711, "name": "column", "note": "ready for review on 2026-08-20 by the team"}\n';
let service: () => ScanService;

beforeAll(async () => {
  const outdir = mkdtempSync(join(tmpdir(), 'sepal-scan-'));
  await build({
    absWorkingDir: root,
    entryPoints: ['runtime/scan/service.ts', 'runtime/scan/worker.ts'],
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    outExtension: { '.js': '.mjs' },
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  });
  const thread = pathToFileURL(join(outdir, 'worker.mjs'));
  const { scanService } = (await import(pathToFileURL(join(outdir, 'service.mjs')).href)) as {
    scanService: (thread: URL) => ScanService;
  };
  service = () => scanService(thread);
});

describe('a large value', () => {
  it('is scanned while the event loop goes on', async () => {
    const scans = service();
    await scans.scan({ text: LINE.repeat(1000) });
    const loop = monitorEventLoopDelay({ resolution: 5 });
    loop.enable();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const started = performance.now();
    const found = await scans.scan({ text: LINE.repeat(60_000) + TOKEN });
    const took = performance.now() - started;
    clearInterval(timer);
    loop.disable();
    await scans.close();
    expect(found?.findings.map((f) => f.kind)).toContain('github-token');
    expect(found?.incomplete).toBeNull();
    // Generous: the machines that this runs on are shared.
    expect(loop.max / 1e6).toBeLessThan(Math.max(250, took / 2));
    expect(ticks).toBeGreaterThan(3);
  });

  it('is unknown when the thread cannot be had, and when too many wait', async () => {
    const scans = service();
    const all = await Promise.all(Array.from({ length: 70 }, () => scans.scan({ text: LINE.repeat(300) })));
    expect(all.filter((scan) => scan === null)).toHaveLength(6);
    await scans.close();
  });
});
