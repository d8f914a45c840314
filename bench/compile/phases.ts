// SPDX-License-Identifier: Apache-2.0
// The phases of the compiler on the policies of the workload, with a test of four questions for each ten rules.
import { check } from '../../compiler/check.js';
import { type Compiled, compile, type Input } from '../../compiler/compile.js';
import type { Host } from '../../compiler/lock.js';
import { runTests } from '../../compiler/testing/index.js';
import { parse } from '../../grammar/parse.js';
import { argumentCheck } from '../../runtime/gateway/validate.js';
import { canonical, type JsonObject } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import { naive } from '../decide/naive.js';
import { loadSepal, sepalInput } from '../decide/sepal.js';
import type { BenchPolicy, Workload } from '../decide/workload.js';

const host: Host = { parse, parseJson: (text) => parseStrict(text), canonical, hash: digest };
const COMPILER = { version: '0.0.0', hash: digest('bench'), tz: 'bench', unicode: 'bench' };

/** Of a test; there is one for each ten rules. */
const QUESTIONS = 4;

/** The policy with its tests: questions of the workload, and what the naive interpreter answers. */
export function phasesInput(workload: Workload, rules: number): Input {
  const policy: BenchPolicy = workload.policy(rules);
  const input = sepalInput(policy);
  const answer = naive(policy);
  const known = new Set(policy.rules.flatMap(({ action }) => action.exact ?? []));
  const questions = workload.requests(rules, rules * 3).filter(({ action }) => known.has(action));
  const tests = Array.from({ length: Math.ceil(rules / 10) }, (_, i) => {
    const lines = questions.slice(i * QUESTIONS, (i + 1) * QUESTIONS).map((q) => {
      const [server = '', name = ''] = q.action.split('.');
      return `  as ${q.principal}\n  ${server}/${name} ${JSON.stringify(q.args)} => ${answer(q).toLowerCase()}`;
    });
    return `test "questions ${i}" {\n${lines.join('\n')}\n}`;
  });
  const text = `${input.source.text}\n${tests.join('\n\n')}\n`;
  return { ...input, source: { ...input.source, text } };
}

export interface Phase {
  readonly name: 'parse' | 'check' | 'compile' | 'test';
  readonly run: (input: Input) => unknown;
}

export async function phasesOf(input: Input): Promise<readonly Phase[]> {
  const compiled = compiledOf(input);
  const module = await loadSepal(compiled);
  const checks = new Map(
    compiled.lock.tools.map((tool) => [
      `${tool.server}/${tool.name}`,
      argumentCheck({ name: tool.name, inputSchema: tool.inputSchema } as JsonObject),
    ]),
  );
  const subject = {
    path: input.source.path,
    source: input.source.text,
    file: compiled.file,
    ir: compiled.ir,
    module,
    misfit: (server: string, tool: string, args: object) =>
      checks.get(`${server}/${tool}`)?.(args as JsonObject) ?? null,
    scan: () => undefined,
  };
  return [
    { name: 'parse', run: ({ source }) => parse(source.text) },
    { name: 'check', run: (own) => check(own, host) },
    { name: 'compile', run: compiledOf },
    {
      name: 'test',
      run: () => {
        const { failed } = runTests(subject);
        if (failed > 0) throw new Error(`${failed} tests of the bench fail`);
      },
    },
  ];
}

function compiledOf(input: Input): Compiled {
  const { output, diagnostics } = compile(input, host, COMPILER);
  if (output !== null) return output;
  throw new Error(`the policy of the bench does not compile: ${JSON.stringify(diagnostics.slice(0, 2))}`);
}
