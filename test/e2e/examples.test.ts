// SPDX-License-Identifier: Apache-2.0
// Every example runs as its README says.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commandFile } from '../../cli/install.js';
import { folder, must, sepal } from '../helpers/command.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const example = (...path: readonly string[]): string => join(ROOT, 'examples', ...path);

function run(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly out: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: '1', SEPAL: `${process.execPath} ${commandFile()}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
    child.once('close', (code) => resolve({ code, out }));
  });
}

/** Those of the cookbook have a test of their own (cookbook.test.ts). */
const POLICIES = readdirSync(example(), { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.sep') && !name.startsWith('cookbook/'),
);

describe('examples', () => {
  it('sep-client proposes, waits for a person, calls, and cannot call something else', async () => {
    const { code, out } = await run(process.execPath, [example('sep-client/main.mjs')]);
    expect(out).toContain('Denied: the decision token is not one of this gateway for this call');
    expect(out).toContain('"entities":[{"name":"sepal"');
    expect(out).toContain('Unknown tool: delete_entities');
    expect([code, out]).toEqual([0, out]);
  });

  it.each(POLICIES)('%s checks, passes its tests and is formatted', async (name) => {
    expect((await must(ROOT, 0, 'check', example(name))).err).toContain('0 errors, 0 warnings');
    expect((await must(ROOT, 0, 'test', example(name))).out).toMatch(
      /[1-9]\d* passed, 0 failed; (\d+) of \1 rules met/,
    );
    await must(ROOT, 0, 'fmt', '--check', example(name));
  });

  it('the quickstart plays to its end', async () => {
    const ran = await run(process.execPath, [join(ROOT, 'dist/examples/quickstart/main.js'), '--once']);
    expect(ran.out).toMatch(/Everything behaved as promised\.\n$/);
    expect(ran.code).toBe(0);
  });

  it('the quickstart stays up, what it prints can be pasted, and an interrupt ends it in order', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'dist/examples/quickstart/main.js')], {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    let out = '';
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString('utf8');
        if (out.includes('Ctrl-C stops it.')) resolve();
      });
      void ended.then(() => reject(new Error(out)));
    });
    const printed = /In another terminal:\n([^]*?)\n {2}An MCP client/.exec(out)?.[1] ?? '';
    const lines = printed.trim().split(/\n(?! {6})/);
    const script = lines.map((line) => `${line.trim()}\necho "= $?"`).join('\n');
    const pasted = await run('bash', ['-O', 'expand_aliases', '-c', script]);
    expect(pasted.out.match(/^= \d+$/gm)?.join(' '), pasted.out).toBe('= 0 = 0 = 0 = 0 = 0 = 0 = 2 = 0 = 0');
    const wrap = JSON.parse(/^ {4}(\{"mcpServers".*)$/m.exec(out)?.[1] ?? '') as {
      readonly mcpServers: { readonly sepal: { readonly command: string; readonly args: readonly string[] } };
    };
    const { command, args } = wrap.mcpServers.sepal;
    expect(await run(command, args)).toMatchObject({
      code: 0,
      out: expect.stringContaining('wrapping fs, memory'),
    });
    const dir = /^ {4}cd (\S+)$/m.exec(out)?.[1] ?? ROOT;
    expect(existsSync(dir)).toBe(true);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(existsSync(dir)).toBe(false);
  });

  it('filesystem answers as its README shows', async () => {
    const policy = example('filesystem/policy.sep');
    const args = '{"path":"/srv/data/../../etc/passwd","content":"x"}';
    const { out } = await must(
      ROOT,
      2,
      'decide',
      '--policy',
      policy,
      '--as',
      'agent:writer',
      '--call',
      'fs/write_file',
      '--args',
      args,
      '--explain',
    );
    const answer = out.replace(/ {2}steps:.*\n/, '');
    for (const page of [example('filesystem/README.md'), join(ROOT, 'README.md')]) {
      const text = readFileSync(page, 'utf8');
      expect(text).toContain(page.endsWith('filesystem/README.md') ? answer : answer.split('\n')[0]);
    }
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(
      readFileSync(policy, 'utf8').split('\n\ntest ')[0],
    );
  });

  it('the pipeline passes, and fails where an answer changes', async () => {
    const ran = await run('bash', [example('ci-pipeline/run.sh')]);
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('the policy may go live') });
    const dir = folder();
    for (const name of ['ci-pipeline', 'filesystem'])
      cpSync(example(name), join(dir, name), { recursive: true });
    const policy = join(dir, 'filesystem/policy.sep');
    writeFileSync(
      policy,
      readFileSync(policy, 'utf8')
        .replace('allow read: agent:*', 'allow read: agent:*, service:*')
        // Its claims would not hold either, and the pipeline end with them.
        .replace(/\n(?:prove .*\n)+$/, ''),
    );
    const changed = await run('bash', [join(dir, 'ci-pipeline/run.sh')]);
    expect(changed).toMatchObject({ code: 1, out: expect.stringContaining('> allow read') });
  });

  it('the recorded receipts verify, and a changed copy does not', async () => {
    const trust = ['--trust', example('receipts/trust.json')];
    expect((await must(ROOT, 0, 'verify', example('receipts/log'), ...trust)).out).toMatch(
      /\npass: 16 entries/,
    );
    const copy = join(folder(), 'log');
    cpSync(example('receipts/log'), copy, { recursive: true });
    const entries = join(copy, 'entries/000000.log');
    writeFileSync(
      entries,
      readFileSync(entries, 'latin1').replaceAll('agent:writer', 'agent:reader'),
      'latin1',
    );
    expect((await sepal(ROOT, ['verify', copy, ...trust])).code).toBe(5);
  });

  it('each has a README and stands in the overview', () => {
    const overview = readFileSync(example('README.md'), 'utf8');
    for (const name of readdirSync(example(), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )) {
      expect(existsSync(example(name.name, 'README.md')), name.name).toBe(true);
      expect(overview).toContain(`(${name.name}/README.md)`);
    }
  });
});
