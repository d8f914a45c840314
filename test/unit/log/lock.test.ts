// SPDX-License-Identifier: Apache-2.0
// One log has one writer: among processes, among containers, after a kill.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LogHeld } from '../../../runtime/log/index.js';
import { memoryFolder, policyDraft, type Scratch, scratch } from '../../helpers/log-folder.js';

const programs = memoryFolder();
const program = join(programs, 'program.mjs');
let place: Scratch;
let child: ChildProcess | null = null;
beforeAll(() =>
  build({
    entryPoints: [join(import.meta.dirname, '../../helpers/log-process.ts')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  }),
);
afterAll(() => rmSync(programs, { recursive: true }));
beforeEach(() => {
  place = scratch(memoryFolder());
});
afterEach(async () => {
  await kill();
  place.remove();
});

/** A process that writes the log, started by `command`; its id, as it sees it itself. */
async function writer(command: readonly string[] = []): Promise<number> {
  const said = join(place.folder, 'said');
  const out = openSync(said, 'a');
  const [file, ...more] = [...command, process.execPath];
  child = spawn(file ?? '', [...more, program, place.dir, place.keysDir, '1000000'], {
    stdio: ['ignore', out, 'inherit'],
  });
  closeSync(out);
  while (!readFileSync(said, 'utf8').includes('ready')) {
    expect(child.exitCode).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return Number(readFileSync(join(place.dir, 'writer.pid'), 'utf8'));
}

async function kill(): Promise<void> {
  if (child === null) return;
  const ended = new Promise((resolve) => child?.once('exit', resolve));
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await ended;
  }
  child = null;
}

const held = (who: string): string =>
  `${who} writes the log in ${place.dir} already; one log has one writer: stop it, or use another \`receipts.dir\``;

describe('a second process', () => {
  it('is refused, told which is the first, and let in once that was killed', async () => {
    const pid = await writer();
    expect(pid).toBe(child?.pid);
    const refused = place.open();
    await expect(refused).rejects.toThrow(held(`process ${pid}`));
    await expect(refused).rejects.toBeInstanceOf(LogHeld);
    await kill();
    expect(existsSync(join(place.dir, 'writer.sock')), 'the socket of the dead stays').toBe(true);
    const log = await place.open();
    await log.append(policyDraft);
    await log.close();
    expect(await place.verify()).toMatchObject({ result: 'pass' });
  });

  it('of another container is refused too, although abstract sockets are not seen there', async (context) => {
    const isolated = ['unshare', '--net'];
    if (spawnSync('unshare', ['--net', 'true']).status !== 0) {
      return context.skip('needs the right to make a network namespace');
    }
    const pid = await writer(isolated);
    await expect(place.open()).rejects.toThrow(held(`process ${pid}`));
    await kill();
    await (await place.open()).close();
  });

  it('that starts at the same time loses', async () => {
    for (let i = 0; i < 10; i++) {
      const tries = await Promise.allSettled([place.open(), place.open(), place.open()]);
      const open = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(open).toHaveLength(1);
      for (const result of tries)
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(LogHeld);
      await open[0]?.close();
    }
  });
});

describe('the lock', () => {
  it('holds in a folder whose name is longer than that of a socket may be', async () => {
    const dir = join(place.folder, 'x'.repeat(200), 'log');
    mkdirSync(dir, { recursive: true });
    const log = await place.open({ dir });
    await expect(place.open({ dir })).rejects.toThrow(
      `process ${process.pid} writes the log in ${dir} already`,
    );
    await log.close();
    await (await place.open({ dir })).close();
  });

  it('that somebody took away stops the writer', async () => {
    const failures: Error[] = [];
    const log = await place.open({ onFailure: (error) => failures.push(error) });
    rmSync(join(place.dir, 'writer.sock'));
    await expect(log.checkpoint()).rejects.toThrow('everything is denied until the cause is gone');
    expect(failures[0]?.message).toContain('writer.sock');
    await expect(log.append(policyDraft)).rejects.toThrow('another process took the log over');
    await log.close();
    const again = await place.open();
    await again.append(policyDraft);
    await again.close();
  });
});
