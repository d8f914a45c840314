// SPDX-License-Identifier: Apache-2.0
/** `sepal test --mutate` on a policy of the workload, whose tests are questions of the workload with the answers that it gives. */
import type { Side } from '../../compiler/analyze/differ.js';
import { testOf } from '../../compiler/analyze/write-tests.js';
import type { Input } from '../../compiler/compile.js';
import { mutate, type Mutation } from '../../compiler/testing/index.js';
import type { CompiledModule } from '../../stdlib/abi.js';
import { compileSepal, deciderOf, loadSepal } from '../decide/sepal.js';
import type { BenchRequest } from '../decide/workload.js';

const EFFECT = { ALLOW: 'allow', REVIEW: 'review', DENY: 'deny' } as const;

export async function mutation(
  input: Input,
  requests: readonly BenchRequest[],
  sideOf: (input: Input) => Promise<Side>,
): Promise<() => Promise<Mutation>> {
  const plain = compileSepal(input);
  const decide = await deciderOf(plain);
  const pinned = new Set(plain.lock.tools.map(({ server, name }) => `${server}/${name}`));
  const tests = requests.flatMap((request, i) => {
    const call = request.action.replace('.', '/');
    const question = { as: request.principal, roles: [], call, args: request.args, facts: {} };
    return pinned.has(call) ? [testOf(`question ${i}`, question, EFFECT[decide(request)])] : [];
  });
  const tested = { ...input, source: { ...input.source, text: input.source.text + tests.join('') } };
  const { ir, manifest, ...compiled } = compileSepal(tested);
  const original = await sideOf(tested);
  const { fits } = original.engine;
  const subject = {
    path: 'bench.sep',
    source: tested.source.text,
    file: compiled.file,
    ir,
    module: await loadSepal({ js: compiled.js, manifest }),
    misfit: fits,
    scan: () => undefined,
  };
  return () =>
    mutate(subject, original, async (js) => {
      const url = `data:text/javascript;base64,${Buffer.from(js).toString('base64')}`;
      return (await import(url)) as CompiledModule;
    });
}
