// SPDX-License-Identifier: Apache-2.0
// Decisions that used facts of an HTTP service, the scanner and a classifier of the operator's own, made again from an export alone.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleCommand, project, type Project, runGateway, session } from '../helpers/gateway-process.js';

const RULES = `fact standing: enum good, bad from http.standing
fact spent: decimal from http.spent.today
deny bad_standing: any -> s/run when { standing == bad }
deny dear: any -> s/run when { spent > 99.5 }
deny orders: any -> s/run when { injection_score(args.id) >= 0.5 }
deny keys: any -> s/run when { has_secrets(args) }
`;

let command: Awaited<ReturnType<typeof bundleCommand>>;
let own: Project;
let service: Server;
let silent = false;
/** The last words of the text say what the service answers. */
const ANSWERS: { readonly [question: string]: (id: string) => unknown } = {
  standing: (id) => (id.includes('scoundrel') ? 'bad' : 'good'),
  spent: (id) => ({ today: id.includes('spender') ? 100.25 : 12 }),
};

beforeAll(async () => {
  command = await bundleCommand();
  service = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      if (silent) return void response.writeHead(500).end();
      const asked = JSON.parse(text) as { fact?: string; value?: unknown; intent?: { args: { id: string } } };
      const at = new Date().toISOString();
      if (asked.fact === undefined)
        return void response.end(
          JSON.stringify({ score: String(asked.value).includes('odd') ? 0.75 : 0.125 }),
        );
      const value = ANSWERS[asked.fact]?.(asked.intent?.args.id ?? '');
      response.end(JSON.stringify({ value, at }));
    });
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
  own = await project(
    { facts: { standing: { url }, spent: { url } }, scan: { classifier: { url } } },
    { principal: 'agent:a' },
    RULES,
  );
});
afterAll(() => {
  service?.closeAllConnections();
  service?.close();
  command?.remove();
  if (own !== undefined) rmSync(own.dir, { recursive: true, force: true });
});

/** No fact service answers whoever decides again. */
function sepal(...args: string[]): string {
  return sepalEnding(0, ...args);
}
function sepalEnding(code: number, ...args: string[]): string {
  const env = { PATH: process.env['PATH'] ?? '', HOME: own.dir };
  const { status, stdout, stderr } = spawnSync(process.execPath, [command.file, ...args], {
    cwd: own.dir,
    env,
    encoding: 'utf8',
  });
  expect(status, `${args.join(' ')}: ${stderr}${stdout}`).toBe(code);
  return stdout;
}

const TEXTS = ['plain', 'a scoundrel', 'a spender', 'something odd', `AKIA${'ABCDEFGH23456789'}`];

it('matches in both engines, and shows what another policy would do', async () => {
  const run = await runGateway(command.file, own);
  const { ask } = await session(run.url ?? '', own.token);
  const results: string[] = [];
  const call = async (id: string): Promise<void> =>
    void results.push(JSON.stringify(await ask('tools/call', { name: 'run', arguments: { id } })));
  for (const id of TEXTS) await call(id);
  silent = true;
  await call('unanswered');
  run.child.kill('SIGTERM');
  await run.ended;
  expect(results.map((text) => text.includes('"isError":true'))).toEqual([
    false,
    true,
    true,
    true,
    true,
    true,
  ]);

  sepal('log', 'export', '--out', 'export');
  const report = sepal('verify', 'export', '--trust', 'trust.json', '--policy', 'policy.sep');
  expect(report).toMatch(/policy binding +pass/);
  expect(report).toMatch(
    /replay +pass +7 decisions match in both engines; 1 denied before the policy was asked/,
  );
  expect(report).toMatch(/openings +pass/);
  sepal('log', 'export', '--out', 'closed', '--disclose', 'none');
  expect(sepal('verify', 'closed', '--trust', 'trust.json', '--policy', 'policy.sep')).toMatch(
    /replay +not checked .*6 not checkable \(a fact that it used is not opened\)/,
  );

  const text = readFileSync(join(own.dir, 'policy.sep'), 'utf8');
  writeFileSync(
    join(own.dir, 'milder.sep'),
    text.replace('spent > 99.5', 'spent > 200').replace('>= 0.5', '>= 0.9'),
  );
  const changes = sepalEnding(6, 'replay', 'export', '--policy', 'milder.sep');
  expect(changes).toContain('deny → allow  agent:a  s/run  2 calls');
});
