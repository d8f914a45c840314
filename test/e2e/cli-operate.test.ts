// SPDX-License-Identifier: Apache-2.0
// The operator's verbs on a real gateway: changed policies, the kill switch, the doctor.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createToken, printTokens } from '../../runtime/decide/tokens.js';
import { randomBytes } from 'node:crypto';
import { call, client, edit, expectClear, gateway, must, sepal, setup } from '../helpers/command.js';

/** A token of agent:local, since `init` shows its own once only. */
function token(dir: string): string {
  const made = createToken({ principal: 'agent:local' }, randomBytes);
  writeFileSync(join(dir, 'tokens.json'), printTokens([made.entry]), { mode: 0o600 });
  return made.token;
}

async function until(what: () => boolean, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !what(); ) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('a policy that changes while the gateway runs', () => {
  it('comes into force by itself, by `sepal reload` and by SIGHUP; one with errors does not', async () => {
    const dir = await setup();
    const own = token(dir);
    const running = await gateway(dir, ['--log', 'json']);
    const by = await client(running.url, own);
    // A tool that every rule denies is not even there.
    const read = () =>
      call(by, 'read_text_file', { path: join(dir, 'files/hello.txt') }).then(
        ({ isError }) => isError,
        () => true,
      );
    expect(await read()).toBe(false);
    const policy = readFileSync(join(dir, 'policy.sep'), 'utf8');
    writeFileSync(join(dir, 'policy.sep'), `${policy}\ndeny nothing_more: any -> fs/*\n`);
    await until(() => running.err().includes('is in force'));
    expect(await read()).toBe(true);

    writeFileSync(join(dir, 'policy.sep'), `${policy}\nallow broken: nobody\n`);
    await until(() => running.err().includes('"level":"error"'));
    expectClear(await sepal(dir, ['reload']), 3, /the old policy stays in force/);
    expect(await read()).toBe(true);

    writeFileSync(join(dir, 'policy.sep'), policy);
    expect((await must(dir, 0, 'reload')).out).toContain('in force');
    expect(await read()).toBe(false);
    running.child.kill('SIGHUP');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await read()).toBe(false);
    for (const line of running
      .err()
      .split('\n')
      .filter((text) => text.startsWith('{')))
      expect(Object.keys(JSON.parse(line) as object)).toEqual(['time', 'level', 'pid', 'message']);
    expect(running.err()).toContain('without the log');
    await by.close();
    await running.stop();
    const { out } = await must(dir, 0, 'log', 'show', '--format', 'json');
    const types = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; event?: { kind: string } });
    expect(types.filter(({ type }) => type === 'policy').length).toBeGreaterThanOrEqual(3);
    expect(types.some(({ event }) => event?.kind === 'reload_refused')).toBe(true);
    await must(dir, 0, 'verify', '.sepal/log', '--trust', 'trust.json');
  });
});

describe('a large policy that changes while the gateway runs', () => {
  it('is compiled beside the calls, which are answered meanwhile', async () => {
    const dir = await setup();
    const own = token(dir);
    const running = await gateway(dir);
    const by = await client(running.url, own);
    const policy = readFileSync(join(dir, 'policy.sep'), 'utf8');
    const rules = Array.from(
      { length: 1500 },
      (_, i) =>
        `deny no_${i}: agent:a${i} -> fs/write_file when { args.path starts with "/a/${i}" and size(args.content) > ${i} } because "Not ${i}"`,
    );
    writeFileSync(join(dir, 'policy.sep'), `${policy}\n${rules.join('\n')}\n`);
    let over = false;
    let answered = 0;
    const reloading = must(dir, 0, 'reload').then((ran) => ((over = true), ran));
    while (!over) {
      const answer = await call(by, 'read_text_file', { path: join(dir, 'files/hello.txt') });
      expect(answer.isError).toBe(false);
      answered++;
    }
    expect((await reloading).out).toContain('in force');
    expect(answered).toBeGreaterThan(10);
    await by.close();
    await running.stop();
  });
});

describe('sepal kill', () => {
  it('denies at once, survives a restart, and ends with `off`', async () => {
    const dir = await setup();
    const own = token(dir);
    let running = await gateway(dir);
    const read = async () => {
      const by = await client(running.url, own);
      const answer = await call(by, 'read_text_file', { path: join(dir, 'files/hello.txt') });
      await by.close();
      return answer;
    };
    expect((await must(dir, 0, 'kill', 'on', '--server', 'fs', '--reason', 'a drill')).out).toMatch(
      /server fs .*a drill/,
    );
    expect((await read()).text).toContain('kill switch, server');
    await running.stop();
    running = await gateway(dir);
    expect(running.err()).toContain('the kill switch is on (server fs)');
    expect((await read()).isError).toBe(true);
    expect((await must(dir, 0, 'kill', 'off', '--server', 'fs')).out).toContain('nothing is switched off');
    expect((await read()).isError).toBe(false);
    expectClear(await sepal(dir, ['kill', 'on', '--server', 'a', '--tool', 'b/c']), 1, /name one of/);
    expectClear(await sepal(dir, ['kill', 'maybe']), 1, /say on, off or list/);
    await running.stop();
  });
});

describe('sepal doctor', () => {
  const checks = async (dir: string, code: number) =>
    (JSON.parse((await must(dir, code, 'doctor', '--offline', '--format', 'json')).out) as Report).checks;
  interface Report {
    readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
    readonly verdicts: readonly { readonly on: string; readonly happens: string }[];
  }
  const statuses = (found: Report['checks'], name: string) =>
    found.filter((one) => one.name === name).map(({ status }) => status);

  it('finds a fresh set-up sound, and says what fails closed on what', async () => {
    const dir = await setup();
    const { out } = await must(dir, 0, 'doctor', '--offline');
    expect(out).toContain('ok       policy');
    expect(out).toMatch(/without ….*\n.*the log/s);
    expect(out).toMatch(/warning +root key/);
  });

  it('finds open keys, a policy with errors, and a tool that is given the keys', async () => {
    const dir = await setup();
    chmodSync(join(dir, '.sepal/keys/log.pem'), 0o644);
    expect(statuses(await checks(dir, 6), 'keys')).toEqual(['fault']);
    chmodSync(join(dir, '.sepal/keys/log.pem'), 0o600);
    chmodSync(join(dir, 'tokens.json'), 0o644);
    expect(statuses(await checks(dir, 6), 'identity')).toEqual(['fault']);
    chmodSync(join(dir, 'tokens.json'), 0o600);
    edit(dir, 'sepal.json', (text) => text.replace('"files"', '"."'));
    expect(statuses(await checks(dir, 0), 'reach of tools')).toEqual(['warning']);
    edit(dir, 'policy.sep', (text) => `${text}\nallow broken: nobody\n`);
    expect(statuses(await checks(dir, 6), 'policy')).toEqual(['fault']);
  });

  it('knows of a gateway that runs, and of what is switched off in it', async () => {
    const dir = await setup();
    const running = await gateway(dir);
    await must(dir, 0, 'kill', 'on');
    const found = await checks(dir, 0);
    expect(statuses(found, 'running gateway')).toEqual(['ok']);
    expect(statuses(found, 'kill switch')).toEqual(['warning']);
    await running.stop();
  });
});
