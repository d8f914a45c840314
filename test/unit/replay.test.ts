// SPDX-License-Identifier: Apache-2.0
// Replay: decisions of a real policy, recorded as the gateway records them, decided again from what an export discloses.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { command as replayCommand } from '../../cli/commands/replay.js';
import { command as verifyCommand } from '../../cli/commands/verify.js';
import { readArguments } from '../../cli/command.js';
import { compilePolicy, type Policy, policyOrFail } from '../../cli/compiled.js';
import { digest } from '../../runtime/verify/format/index.js';
import { CALLS, io, lie, logOf, quickPolicy } from '../helpers/replay-log.js';

const folder = mkdtempSync(join(tmpdir(), 'sepal-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const POLICY = join(folder, 'policy.sep');

async function verified(home: string, log: string, ...more: string[]) {
  const terminal = io(folder);
  const argv = [join(home, log), '--trust', join(home, 'trust.json'), '--format', 'json', ...more];
  const code = await verifyCommand.raw?.(argv, terminal);
  const report = JSON.parse(terminal.text().out) as {
    result: string;
    properties: { name: string; status: string; detail: string; entry: number | null }[];
  };
  const of = (name: string) => report.properties.find((p) => p.name === name);
  return { code, binding: of('policy binding'), replay: of('replay') };
}

let policy: Policy;
beforeAll(async () => {
  ({ policy } = await quickPolicy(folder));
});

describe('sepal verify --policy', () => {
  it('decides every call again from the reads alone, in both engines', async () => {
    const home = await logOf(folder, 'honest', policy, CALLS);
    expect(readFileSync(join(home, 'reads/openings.jsonl'), 'utf8')).not.toContain('TOP SECRET');
    for (const log of ['reads', 'full']) {
      const { code, binding, replay } = await verified(home, log, '--policy', POLICY);
      expect(binding).toMatchObject({
        status: 'pass',
        detail: '1 activated policies compile to the modules named',
      });
      expect(replay).toMatchObject({
        status: 'pass',
        detail: `${CALLS.length} decisions match in both engines`,
      });
      expect(code).toBe(0);
    }
  });

  it('says what it cannot check, and why', async () => {
    const home = join(folder, 'honest');
    const closed = await verified(home, 'none', '--policy', POLICY);
    expect(closed.replay).toMatchObject({
      status: 'not checked',
      detail: expect.stringContaining('a fact that it used is not opened'),
    });
    const other = join(folder, 'other.sep');
    writeFileSync(other, readFileSync(POLICY, 'utf8').replace('1.0.0', '1.0.1'));
    const { binding, replay } = await verified(home, 'reads', '--policy', other);
    expect(binding).toMatchObject({
      status: 'not checked',
      detail: 'the source of 1 activated policies is not given',
    });
    expect(replay?.detail).toContain('the source of its policy is not given');
    expect((await verified(home, 'reads')).replay?.detail).toBe('no policy given to decide again with');
  });

  it('catches a gateway that was made to sign a wrong allow', async () => {
    const home = await logOf(folder, 'lying', policy, CALLS, lie);
    const { code, replay } = await verified(home, 'reads', '--policy', POLICY);
    expect(code).toBe(5);
    expect(replay).toMatchObject({
      status: 'fail',
      entry: 6,
      detail: expect.stringContaining('the receipt says effect "allow"'),
    });
  });

  it('catches another rule, another asker, and a fact that was changed afterwards', async () => {
    const renamed = await logOf(folder, 'renamed', policy, CALLS, (d) =>
      d.effect === 'allow' ? { ...d, rules: ['other'] } : d,
    );
    expect((await verified(renamed, 'reads', '--policy', POLICY)).replay).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('rules'),
    });
    const easier = await logOf(folder, 'easier', policy, CALLS, (d) =>
      d.effect === 'review' ? { ...d, approvals: d.approvals.map((a) => ({ ...a, quorum: 0 })) } : d,
    );
    expect((await verified(easier, 'reads', '--policy', POLICY)).replay).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('approvals'),
    });
  });

  it('catches a gateway that masks more than the policy does, so as not to be replayed', async () => {
    const home = await logOf(folder, 'hiding', policy, CALLS, lie, undefined, ['path']);
    expect((await verified(home, 'full', '--policy', POLICY)).replay).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('the receipt masks /path, which the policy does not'),
    });
  });

  it('leaves open what read a masked argument, and catches a receipt that holds one', async () => {
    const masking = join(folder, 'masking.sep');
    const text = readFileSync(POLICY, 'utf8');
    writeFileSync(
      masking,
      `${text}\nredact paths: any -> fs/read_text_file, fs/write_file on call mask args.path\n`,
    );
    const own = policyOrFail(await compilePolicy(masking, io(folder)), io(folder));
    const home = await logOf(folder, 'masking', own, CALLS, undefined, undefined, ['path']);
    const { code, replay } = await verified(home, 'full', '--policy', masking);
    expect(code).toBe(0);
    expect(replay).toMatchObject({
      status: 'not checked',
      detail: expect.stringContaining('5 not checkable (the policy masks an argument that it read)'),
    });
    const held = await logOf(folder, 'holding', own, CALLS);
    expect((await verified(held, 'full', '--policy', masking)).replay).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('the policy masks /path, and the receipt holds it'),
    });
  });

  it('catches a module that is not the one of the source', async () => {
    const swapped = { ...policy, manifest: { ...policy.manifest, module: digest('another module') } };
    const home = await logOf(folder, 'swapped', swapped, CALLS);
    expect((await verified(home, 'reads', '--policy', POLICY)).binding).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('compiles to another module'),
    });
    const older = {
      ...policy,
      manifest: { ...swapped.manifest, compiler: { ...policy.manifest.compiler, hash: digest('older') } },
    };
    const then = await logOf(folder, 'older', older, CALLS);
    expect((await verified(then, 'reads', '--policy', POLICY)).binding).toMatchObject({
      status: 'not checked',
      detail: 'the policy was compiled by another compiler',
    });
  });

  it('counts limits again from the receipts before, and finds a gateway that forgot some', async () => {
    const file = join(folder, 'limited.sep');
    const text = readFileSync(POLICY, 'utf8').replace(/\ntest "[\s\S]*$/, '\n');
    writeFileSync(file, `${text}limit often: 3 per 1h by principal on fs/read_text_file\n`);
    const limited = policyOrFail(await compilePolicy(file, io(folder)), io(folder));
    const reads = Array.from({ length: 5 }, () => CALLS[0] as (typeof CALLS)[number]);
    const honest = await logOf(folder, 'limited', limited, reads);
    const good = await verified(honest, 'reads', '--policy', file);
    expect(good.replay).toMatchObject({ status: 'pass', detail: '5 decisions match in both engines' });
    // Five seconds are the gateway's own: only what is older must have been counted.
    const clock = vi.spyOn(Date, 'now');
    try {
      let now = Date.parse('2027-01-01T00:00:00Z');
      clock.mockImplementation(() => (now += 10_000));
      const forgetful = await logOf(folder, 'forgetful', limited, reads, undefined, (used) =>
        Object.fromEntries(Object.keys(used).map((fact) => [fact, 0])),
      );
      const bad = await verified(forgetful, 'reads', '--policy', file);
      expect(bad.replay).toMatchObject({
        status: 'fail',
        detail: expect.stringContaining('the receipts before it come to'),
      });
      const patient = await logOf(folder, 'patient', limited, reads);
      expect((await verified(patient, 'reads', '--policy', file)).replay?.status).toBe('pass');
    } finally {
      clock.mockRestore();
    }
  });

  it('is refused by sepal-verify, which has no compiler', async () => {
    const { verifyCommand: plain } = await import('../../runtime/verify/index.js');
    const terminal = { ...io(folder), interactive: false };
    expect(await plain([join(folder, 'honest/reads'), '--policy', POLICY], terminal)).toBe(1);
  });
});

describe('sepal replay', () => {
  const replayed = async (...argv: string[]) => {
    const terminal = io(folder);
    const input = readArguments('replay', replayCommand, argv);
    if (input === null) throw new Error('help');
    const code = await replayCommand.run(input, terminal);
    return { code, ...terminal.text() };
  };
  const changed = join(folder, 'changed.sep');
  const edit = (from: string, to: string): void =>
    writeFileSync(
      changed,
      readFileSync(POLICY, 'utf8')
        .replace(from, to)
        .replace(/\ntest "[\s\S]*$/, '\n'),
    );

  it('lists what would change, deny to allow first', async () => {
    edit('{ args.path under scratch }', '{ args.path under "/etc" }');
    const { code, out } = await replayed(join(folder, 'honest/full'), '--policy', changed);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(
      /^deny → allow +agent:writer +fs\/read_text_file +1 call, first #\d+ by reading$/,
    );
    expect(lines.slice(1, 3).join('\n')).toMatch(/^allow → deny +agent:writer +fs\/read_text_file +1 call/m);
    expect(out).toContain('2 of 9 decisions would change');
    expect(code).toBe(6);
  });

  it('finds nothing where nothing changes, and says what it could not decide', async () => {
    const same = await replayed(join(folder, 'honest/reads'), '--policy', POLICY);
    expect(same).toMatchObject({ code: 0, out: '0 of 9 decisions would change\n' });
    const own = await replayed(
      join(folder, 'honest/log'),
      '--config',
      join(folder, 'honest/sepal.json'),
      '--policy',
      POLICY,
    );
    expect(own).toMatchObject({ code: 0, out: '0 of 9 decisions would change\n' });
    const closed = await replayed(join(folder, 'honest/none'), '--policy', POLICY);
    expect(closed.out).toContain('not decided again');
  });

  it('lets limits of the other policy stand where it would have brought them', async () => {
    const text = readFileSync(POLICY, 'utf8').replace(/\ntest "[\s\S]*$/, '\n');
    writeFileSync(changed, `${text}limit often: 1 per 1h by principal on fs/read_text_file\n`);
    const { code, out } = await replayed(join(folder, 'limited/full'), '--policy', changed);
    expect(out).toMatch(/^allow → deny +agent:writer +fs\/read_text_file +2 calls, first #\d+ by often$/m);
    expect(out).toContain('2 of 5 decisions would change');
    expect(code).toBe(6);
  });

  it('prints JSON', async () => {
    edit('deny because "Files may be written in the drafts folder only"', 'allow');
    const { code, out } = await replayed(
      join(folder, 'honest/full'),
      '--policy',
      changed,
      '--format',
      'json',
    );
    const { changes, same } = JSON.parse(out) as { changes: object[]; same: number };
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({
      from: 'deny',
      to: 'allow',
      principal: 'agent:writer',
      action: 'fs/write_file',
      count: 1,
    });
    expect([code, same]).toEqual([6, 8]);
  });
});
