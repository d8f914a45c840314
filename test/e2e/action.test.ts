// SPDX-License-Identifier: Apache-2.0
// action.yml and .pre-commit-hooks.yaml do what they say: their scripts are run here as a runner would, in a repository of its own.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commandFile } from '../../cli/install.js';
import { edit, folder } from '../helpers/command.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

interface Step {
  readonly id: string;
  readonly if?: string;
  readonly shell?: string;
  readonly env?: { readonly [name: string]: string };
  readonly run?: string;
  readonly uses?: string;
}
interface Action {
  readonly inputs: { readonly [name: string]: { readonly default?: string; readonly required?: boolean } };
  readonly outputs: { readonly [name: string]: { readonly value: string } };
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}
const ACTION = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as Action;
const HOOKS = parse(readFileSync(join(ROOT, '.pre-commit-hooks.yaml'), 'utf8')) as readonly {
  readonly id: string;
  readonly entry: string;
  readonly language: string;
  readonly files: string;
}[];

/** A repository whose first commit holds the example, with a `gh` that writes down what it is asked. */
function repository(): { readonly dir: string; readonly base: string } {
  const dir = folder();
  cpSync(join(ROOT, 'examples/filesystem'), join(dir, 'policies'), { recursive: true });
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: dir,
      encoding: 'utf8',
    }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('add', '.');
  git('commit', '--quiet', '-m', 'first');
  mkdirSync(join(dir, '.bin'));
  writeFileSync(
    join(dir, '.bin/gh'),
    `#!/bin/sh\necho "$@" >> "${dir}/gh.log"\ncase "$*" in *--paginate*) printf '%s' "$KNOWN" ;; esac\n`,
  );
  chmodSync(join(dir, '.bin/gh'), 0o755);
  return { dir, base: git('rev-parse', 'HEAD') };
}

interface Ran {
  readonly codes: { readonly [step: string]: number };
  readonly outputs: { readonly [name: string]: string };
  readonly said: string;
}

/** The steps with scripts, in order, with every `${{ … }}` of their environment filled in; a failed one skips none of those after it. */
function play(
  dir: string,
  given: { readonly [input: string]: string },
  only: readonly string[] | null = null,
): Ran {
  const inputs = {
    ...Object.fromEntries(
      Object.entries(ACTION.inputs).map(([name, { default: text = '' }]) => [name, text]),
    ),
    ...given,
  };
  const fill = (text: string): string =>
    text.replaceAll(/\$\{\{ (.*?) \}\}/g, (_whole, path: string) => {
      if (path.startsWith('inputs.')) return fill(inputs[path.slice('inputs.'.length)] ?? `no input ${path}`);
      return (
        {
          'github.token': 'token',
          'github.repository': 'acme/policies',
          'github.event.pull_request.number': '7',
        }[path] ?? `unknown ${path}`
      );
    });
  let [codes, said]: [Record<string, number>, string] = [{}, ''];
  const outputs: Record<string, string> = {};
  for (const step of ACTION.runs.steps) {
    if (step.run === undefined || only?.includes(step.id) === false) continue;
    if (step.if?.includes("inputs.base != ''") === true && inputs['base'] === '') continue;
    const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, text]) => [name, fill(text)]));
    for (const text of Object.values(env)) expect(text).not.toMatch(/^unknown|no input/);
    writeFileSync(join(dir, 'output'), '');
    const ran = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run], {
      cwd: dir,
      encoding: 'utf8',
      env: {
        ...process.env,
        ...env,
        KNOWN: given['known'] ?? '',
        PATH: `${join(dir, '.bin')}:${process.env['PATH'] ?? ''}`,
        SEPAL: `${process.execPath} ${commandFile()}`,
        GITHUB_OUTPUT: join(dir, 'output'),
        GITHUB_STEP_SUMMARY: join(dir, 'summary'),
      },
    });
    codes = { ...codes, [step.id]: ran.status ?? -1 };
    said += ran.stdout + ran.stderr;
    for (const line of readFileSync(join(dir, 'output'), 'utf8').trim().split('\n')) {
      const [name = '', value = ''] = line.split('=');
      if (name !== '') outputs[name] = value;
    }
  }
  return { codes, outputs, said };
}

const POLICY = { policy: 'policies/policy.sep', 'coverage-min': '90' };

describe('action.yml', () => {
  it('is a composite action whose scripts hold no expression, and whose outputs come from its steps', () => {
    expect(ACTION.runs.using).toBe('composite');
    const ids = new Set(ACTION.runs.steps.map((step) => step.id));
    for (const step of ACTION.runs.steps) {
      expect(step.run ?? '', step.id).not.toContain('${{');
      expect((step.run === undefined) !== (step.uses === undefined), step.id).toBe(true);
      if (step.run !== undefined) expect(step.shell, step.id).toBe('bash');
    }
    for (const { value } of Object.values(ACTION.outputs))
      expect(ids).toContain(/steps\.(\w+)\./.exec(value)?.[1]);
    const text = readFileSync(join(ROOT, 'action.yml'), 'utf8');
    for (const [, input = ''] of text.matchAll(/inputs\.([a-z-]+)/g))
      expect(Object.keys(ACTION.inputs)).toContain(input);
  });

  it('passes a good policy, leaves SARIF and JUnit, and says that nothing is wider', () => {
    const { dir, base } = repository();
    const { codes, outputs } = play(dir, { ...POLICY, base });
    expect(codes).toEqual({ fmt: 0, check: 0, test: 0, prove: 0, diff: 0, comment: 0 });
    expect(outputs).toEqual({ sarif: 'sepal.sarif', junit: 'sepal-tests.xml', widened: 'false' });
    expect(JSON.parse(readFileSync(join(dir, 'sepal.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' });
    expect(readFileSync(join(dir, 'sepal-tests.xml'), 'utf8')).toContain(
      '<testsuite name="policies/policy.sep" tests="2" failures="0">',
    );
    expect(readFileSync(join(dir, 'gh.log'), 'utf8')).toContain(
      '--method POST repos/acme/policies/issues/7/comments',
    );
    expect(
      execFileSync('git', ['worktree', 'list'], { cwd: dir, encoding: 'utf8' }).trim().split('\n'),
    ).toHaveLength(1);
  });

  it('says what is wider, changes its own comment, and fails only where it should', () => {
    const { dir, base } = repository();
    edit(dir, 'policies/policy.sep', (text) =>
      text.replace('under "/srv/data/drafts" }', 'under "/srv/data" }').replaceAll(/^prove .*\n/gm, ''),
    );
    const { codes, outputs, said } = play(dir, { ...POLICY, base, known: '42' }, ['test', 'diff', 'comment']);
    expect(codes).toEqual({ test: 6, diff: 0, comment: 0 });
    expect(outputs['widened']).toBe('true');
    expect(said).toContain('widened');
    const comment = readFileSync(join(dir, 'sepal-comment.md'), 'utf8');
    expect(comment).toMatch(/^<!-- sepal -->\n[^]*~~~~~~~~text\n[^]*fs\/write_file[^]*~~~~~~~~\n$/);
    expect(readFileSync(join(dir, 'summary'), 'utf8')).toBe(comment);
    expect(readFileSync(join(dir, 'gh.log'), 'utf8')).toContain(
      '--method PATCH repos/acme/policies/issues/comments/42',
    );
    expect(play(dir, { ...POLICY, base, 'fail-on-widening': 'true' }, ['diff']).codes['diff']).toBe(6);
  });

  it('fails with the exit codes of the command, and still leaves the findings', () => {
    const { dir } = repository();
    edit(dir, 'policies/policy.sep', (text) => `${text}\nallow  oops: any -> fs/no_such_tool\n`);
    const { codes, outputs, said } = play(dir, { ...POLICY, base: '' }, ['fmt', 'check']);
    expect(codes).toEqual({ fmt: 6, check: 3 });
    expect(outputs['sarif']).toBe('sepal.sarif');
    expect(readFileSync(join(dir, 'sepal.sarif'), 'utf8')).toContain('SEP2005');
    expect(said).toContain('::error file=policies/policy.sep,line=');
  });

  it('takes a path with anything in it as a path', () => {
    const { dir, base } = repository();
    const odd = 'policies/$(touch pwned) `x` "q".sep';
    cpSync(join(dir, 'policies/policy.sep'), join(dir, odd));
    const { codes } = play(dir, { ...POLICY, policy: odd, base }, ['fmt', 'diff']);
    expect(codes).toEqual({ fmt: 0, diff: 0 });
    expect(existsSync(join(dir, 'pwned'))).toBe(false);
  });
});

describe('.pre-commit-hooks.yaml', () => {
  it('has hooks that run as they stand', () => {
    expect(HOOKS.map((hook) => hook.id)).toEqual(['sepal-fmt', 'sepal-check']);
    const { dir } = repository();
    edit(dir, 'policies/policy.sep', (text) => text.replace('allow read: agent:*', 'allow read:   agent:*'));
    for (const { entry, language, files } of HOOKS) {
      expect(language).toBe('node');
      expect(new RegExp(files).test('policies/policy.sep')).toBe(true);
      const [, ...args] = entry.split(' ');
      const ran = spawnSync(process.execPath, [commandFile(), ...args, 'policies/policy.sep'], {
        cwd: dir,
        encoding: 'utf8',
      });
      expect(ran.status, ran.stderr).toBe(0);
    }
    // pre-commit fails where a hook has changed a file.
    expect(execFileSync('git', ['status', '--porcelain', 'policies'], { cwd: dir, encoding: 'utf8' })).toBe(
      '',
    );
    expect(readFileSync(join(dir, 'policies/policy.sep'), 'utf8')).toContain('allow read: agent:*');
  });
});
