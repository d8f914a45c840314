// SPDX-License-Identifier: Apache-2.0
// Secrets in arguments and answers: nowhere in clear in what the gateway keeps, not in an export of what decisions read, and gone when they are erased.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleCommand, project, type Project, runGateway, session } from '../helpers/gateway-process.js';

let command: Awaited<ReturnType<typeof bundleCommand>>;
let own: Project;
beforeAll(async () => {
  command = await bundleCommand();
  own = await project({}, { principal: 'agent:a' }, 'redact leaks: any -> s/run on result mask secrets\n');
});
afterAll(() => {
  command?.remove();
  if (own !== undefined) rmSync(own.dir, { recursive: true, force: true });
});

/** As the scanners know them; made anew for each run. */
const letters = (count: number): string =>
  [...randomBytes(count)].map((byte) => 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'[byte % 32]).join('');
const PLANTED = {
  allowed: `AKIA${letters(16)}`,
  masked: `ghp_${letters(36)}`,
  denied: `AKIA${letters(16)}`,
  reviewed: `AKIA${letters(16)}`,
  refused: `AKIA${letters(16)}`,
};

function forms(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // Base64 of it at each of the three places that it may have in a longer text, without the letters that its neighbours share.
  const shifted = [0, 1, 2].map((by) =>
    Buffer.concat([Buffer.alloc(by), bytes])
      .toString('base64')
      .slice(by === 0 ? 0 : 4, -4),
  );
  return [
    secret,
    bytes.toString('hex'),
    ...shifted,
    encodeURIComponent(secret),
    [...secret].reverse().join(''),
  ];
}

/** Every file below a folder but the upstream's own notes. */
function places(dir: string): ReadonlyMap<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const found = files.map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    found
      .map((file) => [relative(own.dir, file), file] as const)
      .filter(([name]) => name !== 'journal')
      .map(([name, file]) => [name, readFileSync(file, 'latin1')]),
  );
}
function expectNowhere(dir: string, secrets: readonly string[]): void {
  for (const [where, text] of places(dir))
    for (const secret of secrets)
      expect(
        forms(secret).filter((form) => text.includes(form)),
        `a planted secret in ${where}`,
      ).toEqual([]);
}

function sepal(...args: string[]): string {
  const env = { PATH: process.env['PATH'] ?? '', HOME: own.dir };
  const { status, stdout, stderr } = spawnSync(process.execPath, [command.file, ...args], {
    cwd: own.dir,
    env,
    encoding: 'utf8',
  });
  expect(status, `${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

it('keeps what is planted sealed, exports nothing that no decision read, and erases it without breaking a proof', async () => {
  const run = await runGateway(command.file, own);
  const { ask } = await session(run.url ?? '', own.token);
  const call = async (name: string, id: string): Promise<string> =>
    JSON.stringify(await ask('tools/call', { name, arguments: { id } }));
  expect(await call('run', PLANTED.masked)).toContain('[redacted:');
  await call('run', `the key is ${PLANTED.allowed}, keep it`);
  await call('never', PLANTED.denied);
  await call('ask', PLANTED.reviewed);
  await ask('tools/call', { name: 'run', arguments: { id: 1, other: PLANTED.refused } });
  await ask('tools/call', { name: `x${PLANTED.refused}`, arguments: {} });
  run.child.kill('SIGTERM');
  await run.ended;
  const all = Object.values(PLANTED);
  expect(
    own.journal().some((line) => line.includes(PLANTED.masked)),
    'the upstream got it',
  ).toBe(true);
  // What a client sends as a name of a tool is a name, and names stand in receipts; a value does not.
  expectNowhere(
    own.dir,
    all.filter((secret) => secret !== PLANTED.refused),
  );
  expect(`${run.stdout()}${run.stderr()}`).not.toMatch(new RegExp(all.join('|')));

  sepal('log', 'export', '--out', 'reads');
  expectNowhere(
    join(own.dir, 'reads'),
    all.filter((secret) => secret !== PLANTED.refused),
  );
  const recipient = sepal('keygen', 'auditor', '--out', 'auditor.pem').trim();
  sepal('log', 'export', '--out', 'sealed', '--disclose', 'full', '--seal-to', recipient);
  expectNowhere(
    join(own.dir, 'sealed'),
    all.filter((secret) => secret !== PLANTED.refused),
  );
  sepal('log', 'export', '--out', 'full', '--disclose', 'full');
  const full = readFileSync(join(own.dir, 'full/openings.jsonl'), 'utf8');
  expect(full).toContain(PLANTED.allowed);
  const results = full.split('\n').filter((line) => line.includes('"result"'));
  expect(
    results.some((line) => line.includes(PLANTED.masked)),
    'the text of a masked answer is not kept',
  ).toBe(false);

  expect(sepal('log', 'erase', '--principal', 'agent:a')).toMatch(/erased the clear text of [1-9]/);
  sepal('log', 'export', '--out', 'after', '--disclose', 'full');
  const after = readFileSync(join(own.dir, 'after/openings.jsonl'), 'utf8');
  for (const secret of all) expect(after).not.toContain(secret);
  for (const log of ['.sepal/log', 'reads', 'after']) {
    expect(sepal('verify', log, '--trust', 'trust.json')).toContain('pass:');
  }
});
