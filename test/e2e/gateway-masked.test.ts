// SPDX-License-Identifier: Apache-2.0
// Arguments that the policy masks: decided on and forwarded, and in nothing that is kept, shown, exported or disclosed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { bundleCommand, project, type Project, runGateway, session } from '../helpers/gateway-process.js';

let command: Awaited<ReturnType<typeof bundleCommand>>;
let own: Project;
beforeAll(async () => {
  command = await bundleCommand();
  own = await project(
    { approvals: { holdSeconds: 0 } },
    { principal: 'agent:a' },
    'redact pins: any -> s/* on call mask args.pin\ndeny default_pin: any -> s/run when { has(args.pin) and args.pin == "0000" }\n',
  );
});
afterAll(() => {
  command?.remove();
  if (own !== undefined) rmSync(own.dir, { recursive: true, force: true });
});

function sepal(args: readonly string[], code = 0): string {
  const env = { PATH: process.env['PATH'] ?? '', HOME: own.dir };
  const { status, stdout, stderr } = spawnSync(process.execPath, [command.file, ...args], {
    cwd: own.dir,
    env,
    encoding: 'utf8',
  });
  expect(status, `${args.join(' ')}: ${stderr}${stdout}`).toBe(code);
  return stdout;
}

interface Waiting {
  readonly pending: readonly { readonly id: string; readonly intent: { readonly digest: string } }[];
}
const PINS = [
  'pin-of-run-73',
  'pin-of-never-41',
  'pin-of-ask-88',
  'pin-of-misfit-19',
  'pin-of-nothing-52',
] as const;
const [RUN, NEVER, ASK, MISFIT, NOTHING] = PINS;

it('keeps them out of receipts, openings, approvals and exports, and says what cannot be replayed for it', async () => {
  const first = await runGateway(command.file, own);
  const { ask } = await session(first.url ?? '', own.token);
  const call = async (name: string, args: object): Promise<string> =>
    JSON.stringify(await ask('tools/call', { name, arguments: args }));
  expect(await call('run', { id: 'one', pin: RUN })).toContain('one');
  expect(await call('run', { id: 'open' })).toContain('open');
  expect(await call('run', { id: 'two', pin: '0000' })).toContain('isError');
  expect(await call('never', { id: 'x', pin: NEVER })).toContain('Unknown tool');
  expect(await call('run', { id: 7, pin: MISFIT })).toContain('isError');
  await call('nothing', { pin: NOTHING });
  expect(await call('ask', { id: 'three', pin: ASK })).toContain('approvalId');
  const [waiting] = (JSON.parse(sepal(['approvals', 'list', '--format', 'json'])) as Waiting).pending;
  const shown = sepal(['approvals', 'show', waiting?.id ?? '']);
  expect(shown).toContain('masked hmac-sha256:');
  expect(shown).not.toContain(ASK);
  writeFileSync(join(own.dir, 'eve.key'), own.approver.pem, { mode: 0o600 });
  sepal(['approvals', 'approve', waiting?.id ?? '', '--key', 'eve.key']);
  first.child.kill('SIGTERM');
  await first.ended;

  // The identical call is still the one that was approved, after a restart; another pin is another call.
  const second = await runGateway(command.file, own);
  const again = await session(second.url ?? '', own.token);
  const repeat = async (pin: string): Promise<string> =>
    JSON.stringify(await again.ask('tools/call', { name: 'ask', arguments: { id: 'three', pin } }));
  expect(await repeat('1')).toContain('approvalId');
  expect(await repeat(ASK)).not.toContain('approvalId');
  second.child.kill('SIGTERM');
  await second.ended;
  expect(own.journal().filter((line) => line.includes('pin-of'))).toEqual([
    `run one ${RUN}`,
    `ask three ${ASK}`,
  ]);

  sepal(['log', 'export', '--out', 'full', '--disclose', 'full']);
  sepal(['log', 'export', '--out', 'reads', '--disclose', 'reads']);
  const texts = ['full/openings.jsonl', 'reads/openings.jsonl', 'full/entries/000000.log'].map((name) =>
    readFileSync(join(own.dir, name), 'utf8'),
  );
  const seen = [...texts, first.stdout(), first.stderr(), second.stdout(), second.stderr()].join('\n');
  for (const pin of PINS) {
    expect(seen, pin).not.toContain(pin);
    expect(seen, pin).not.toContain(Buffer.from(pin).toString('base64').slice(0, -4));
  }
  expect(seen).toContain('"masked":[{"count":1,"kind":"/pin"}]');
  // Who knows everything else of a call cannot try pins against its digest.
  const guess = canonical({
    kind: 'tool',
    method: 'tools/call',
    name: 'run',
    params: { arguments: { id: 'one', pin: RUN }, name: 'run' },
    server: 's',
  });
  expect(texts[2]).not.toContain(createHash('sha256').update(guess).digest('hex'));

  for (const log of ['.sepal/log', 'full', 'reads'])
    expect(sepal(['verify', log, '--trust', 'trust.json'])).toContain('pass:');
  const replayed = sepal(['verify', 'full', '--trust', 'trust.json', '--policy', 'policy.sep']);
  expect(replayed).toMatch(
    /replay +not checked.*\b2 not checkable \(the policy masks an argument that it read\)/,
  );
  expect(replayed).toMatch(/openings +pass/);

  expect(sepal(['log', 'erase', '--principal', 'agent:a'])).toMatch(/erased the clear text of [1-9]/);
  expect(sepal(['verify', '.sepal/log', '--trust', 'trust.json'])).toContain('pass:');
});
