// SPDX-License-Identifier: Apache-2.0
// Wrong input on the command line: one clear message each, with where and what to do, the right exit code, and no stack trace.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { commandFile } from '../../cli/install.js';
import { VERBS } from '../../cli/verbs.js';
import { expectClear, folder, must, sepal, setup } from '../helpers/command.js';

let dir: string;
beforeAll(async () => {
  dir = await setup();
});

type Row = readonly [args: string, code: number, says: RegExp];

/** Words of `args` are split at single spaces; the message must match whole, help included. */
const WRONG: readonly Row[] = [
  ['', 1, /usage: sepal VERB/],
  ['chek', 1, /`chek` is not a verb of sepal\n {2}= help: did you mean `check`\?/],
  ['--nope', 1, /`--nope` is not a verb/],
  ['tools', 1, /`sepal tools` needs one of pull, diff, accept/],
  ['tools pul', 1, /`sepal tools` has no `pul`\n.*did you mean `pull`\?/],
  ['check --fromat json', 1, /no option `--fromat`\n.*did you mean `--format`\?/],
  ['check --format yaml', 1, /`--format yaml`: not a known value\n.*human, json, sarif/],
  ['check nope.sep', 1, /cannot read .*nope\.sep: there is no such file/],
  ['fmt nope.sep', 1, /cannot read .*nope\.sep: there is no such file or folder\n.*help: name/],
  ['fmt files', 1, /cannot read .*files: it is a folder/],
  ['check files', 1, /files holds no policy\n.*name the `\.sep` file itself/],
  ['build --out /proc/x', 1, /cannot write \/proc\/x.*\n.*the folder must be writable/],
  ['explain', 1, /`sepal explain` needs CODE/],
  ['explain SEP9999', 1, /there is no code `SEP9999`\n.*--list/],
  ['test --filter zzz', 1, /no test has `zzz` in its title\n.*"reading", "writing", "moving"/],
  ['test --format xml', 1, /not a known value\n.*human, json, junit/],
  ['decide --as agent:a', 1, /`--call` is missing\n.*--call fs\/read_file/],
  ['decide --as x --call fs/write_file', 1, /`x` is not a principal\n.*agent:NAME/],
  ['decide --as agent:a --call fs/*', 1, /`fs\/\*` is a pattern/],
  ['decide --as agent:a --call fs', 1, /`fs` is not an action\n.*SERVER\/TOOL/],
  ['decide --as agent:a --call fs/x --args {x', 1, /--args is not JSON.*\n.*quote it for your shell/],
  ['decide --as agent:a --call fs/x --args []', 1, /the arguments are not a JSON object/],
  ['decide --as agent:a --call fs/x --fact foo=1', 1, /no fact `foo`\n.*drafts, files/],
  ['decide --as agent:a --call fs/x --at noon', 1, /`at` is not a time: noon\n.*2026-/],
  ['decide --as agent:a --call fs/x more', 1, /`more` is one argument too many\n.*usage:/],
  ['decide --as', 1, /`--as` needs a value\n.*`--as WHO`/],
  ['decide --as agent:a --as agent:b', 1, /`--as` stands twice/],
  ['decide --json=1', 1, /`--json` takes no value/],
  ['decide --batch nope.jsonl', 1, /cannot read .*nope\.jsonl/],
  ['decide --batch - --as agent:a', 1, /`--as` and `--batch` exclude each other/],
  [
    'decide --config nope.json --as agent:a --call fs/x',
    1,
    /cannot read .*nope\.json: there is no such file/,
  ],
  [
    'decide --as agent:a --call fs/write_fil',
    2,
    /`fs\/write_fil` is not pinned; did you mean `fs\/write_file`/,
  ],
  ['token create', 1, /`--principal` is missing/],
  ['token create --principal bob', 1, /the principal does not start with `agent:`/],
  ['token create --principal agent:b --expires noon', 1, /`--expires noon` is not a time\n.*30d/],
  ['token create --principal agent:b --expires 2001-01-01', 1, /is in the past/],
  ['token create --principal agent:b --ceiling zz!', 1, /ceiling: "zz!" is no action pattern/],
  ['token create --principal agent:b --user-roles a', 1, /`--user-roles` needs `--for`/],
  ['token revoke nope', 1, /no token "nope"\n.*sepal token list/],
  ['token rotate', 1, /`sepal token rotate` needs ID\n.*usage:/],
  ['keygen', 1, /`sepal keygen` needs root\|log\|certificate\|revocation\|approver/],
  ['keygen rot', 1, /`rot` is not a kind of key\n.*`root`/],
  ['keygen approver', 1, /`--id` is missing/],
  ['keygen approver --id eve', 1, /`eve` is not a principal/],
  ['keygen approver --id user:eve --out .sepal/approver.key', 1, /approver\.key.*exists already.*\n?.*/],
  ['keygen root', 1, /`--name` is missing/],
  ['keygen root --name a+b', 1, /`a\+b` cannot name a key/],
  ['keygen log', 1, /exists already, and is never overwritten/],
  ['approvals list', 1, /no gateway is running for .*sepal\.json\n.*sepal gateway/],
  ['approvals show', 1, /`sepal approvals show` needs ID/],
  ['approvals approve 3 --key nope.key', 1, /nope\.key/],
  ['approvals deny 3', 1, /no gateway is running/],
  ['verify', 1, /error: give one log folder.*\n {2}= help/],
  ['verify nope', 1, /cannot read nope\/entries: there is no such file.*\n.*`entries\/`/],
  [
    'verify .sepal/log --trust nope.json',
    1,
    /the trust file nope\.json: there is no such file.*\n.*ask the operator/,
  ],
  ['verify .sepal/log --trust policy.sep', 1, /policy\.sep is not a trust file/],
  ['verify .sepal/log --format yaml', 1, /--format is text or json/],
  ['verify .sepal/log', 7, /incomplete/],
  ['log show nope', 1, /there is no log at .*nope\n.*entries/],
  ['log show --from x', 1, /`--from x` is not a number/],
  ['wrap --name fs', 1, /`--name` and a command belong together\n.*sepal wrap --name fs -- /],
  ['wrap -- ls', 1, /`--name` and a command belong together/],
  ['wrap --instance ../x', 1, /`\.\.\/x` cannot name a log/],
  [
    'wrap --name fs --env NOT_SET_ANYWHERE -- ls',
    1,
    /the environment variable `NOT_SET_ANYWHERE` is not set/,
  ],
  ['tools pull nope', 1, /there is no server `nope` in sepal\.json\n.*it has fs/],
  ['tools accept', 1, /name what to accept, or say `--all`/],
  ['init', 1, /holds sepal\.json, .* already, and nothing is ever overwritten/],
  ['init other --from nope.json', 1, /cannot read .*nope\.json/],
  ['init other --from client.json.bad', 1, /is not JSON/],
  ['init other --from trust.json', 1, /has no `mcpServers`/],
];

describe('wrong input', () => {
  beforeAll(() => writeFileSync(join(dir, 'client.json.bad'), '{'));

  it.concurrent.each(WRONG)('sepal %s', async (line, code, says) => {
    const ran = await sepal(dir, line === '' ? [] : line.split(' '));
    expectClear(ran, code, says);
  });

  it('writes nothing when it refuses', () => {
    expect(existsSync(join(dir, 'other'))).toBe(false);
    expect(readFileSync(join(dir, 'tokens.json'), 'utf8')).not.toContain('agent:b');
  });
});

describe('help', () => {
  it.concurrent.each(Object.keys(VERBS))('sepal %s --help', async (verb) => {
    const ran = await sepal(dir, [...verb.split(' '), '--help']);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toContain(verb);
  });

  it('prints the version and the overview', async () => {
    expect((await must(dir, 0, '--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { out } = await must(dir, 0, '--help');
    for (const verb of Object.keys(VERBS)) expect(out).toContain(`  ${verb} `);
    expect((await must(dir, 0, 'tools', '--help')).out).toMatch(/sepal tools pull/);
  });
});

describe('pipes', () => {
  /** Runs a shell line with `$SEPAL` as the command. */
  const shell = (line: string): Promise<{ readonly code: number | null; readonly err: string }> =>
    new Promise((resolve) => {
      const child = spawn('bash', ['-c', line], {
        cwd: dir,
        env: { ...process.env, SEPAL: `${process.execPath} ${commandFile()}` },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let err = '';
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
      child.once('close', (code) => resolve({ code, err }));
    });

  it('ends quietly when the reader of stdout goes away', async () => {
    const { err } = await shell('$SEPAL explain --list | head -c 1');
    expect(err).toBe('');
  });

  it('reads a stdin that is closed as empty', async () => {
    expect(await shell('$SEPAL decide --batch - <&-')).toMatchObject({ code: 0, err: '' });
    expect(await shell('$SEPAL fmt - <&-')).toMatchObject({ code: 3 });
  });
});

describe('an empty folder', () => {
  const ROWS: readonly Row[] = [
    ['check', 1, /no policy is named and there is no sepal\.json here\n.*sepal init/],
    ['decide --as agent:a --call a/b', 1, /no policy is named/],
    ['gateway', 1, /cannot read .*sepal\.json: there is no such file\n.*sepal init/],
    ['wrap', 1, /cannot read .*sepal\.json/],
    ['tools pull', 1, /cannot read .*sepal\.json/],
    ['token list', 1, /cannot read .*sepal\.json/],
    ['log show', 1, /cannot read .*sepal\.json/],
  ];
  it.concurrent.each(ROWS)('sepal %s', async (line, code, says) => {
    expectClear(await sepal(folder(), line.split(' ')), code, says);
  });

  it('says when a policy folder holds several', async () => {
    const empty = folder();
    mkdirSync(join(empty, 'p'));
    for (const name of ['a.sep', 'b.sep']) writeFileSync(join(empty, 'p', name), '');
    expectClear(await sepal(empty, ['check', 'p']), 1, /p holds 2 policies/);
  });
});
