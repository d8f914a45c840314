// SPDX-License-Identifier: Apache-2.0
// The engines of the bench by name. The limit and the naive interpreter are the shared ones where those are there.
import { indexed } from './indexed.js';
import { naive } from './naive.js';
import {
  ANSWER,
  type BenchPolicy,
  type Decide,
  RANK,
  type SharedEngines,
  type Workload,
} from './workload.js';

export const ENGINES = ['residualIndexed', 'sepal', 'naive', 'cedar-wasm'] as const;
export type EngineName = (typeof ENGINES)[number];

export const isEngine = (name: string | undefined): name is EngineName =>
  ENGINES.some((engine) => engine === name);

/** Only what is asked for is loaded, so that no process pays for another engine. */
export async function engine(name: EngineName, policy: BenchPolicy, workload: Workload): Promise<Decide> {
  switch (name) {
    case 'sepal':
      return (await import('./sepal.js')).sepal(policy);
    case 'cedar-wasm':
      return (await import('./cedar.js')).cedarWasm(policy);
    case 'naive':
      return workload.shared === null ? naive(policy) : workload.shared.referenceDecider(policy);
    case 'residualIndexed':
      return workload.shared === null ? indexed(policy) : sharedIndexed(workload.shared, policy);
  }
}

/** The shared shape answers with the number of the rule in order of effect. */
function sharedIndexed(shared: SharedEngines, policy: BenchPolicy): Decide {
  const answers = policy.rules
    .map((rule) => rule.effect)
    .sort((a, b) => RANK[a] - RANK[b])
    .map((e) => ANSWER[e]);
  const decide = shared.residualIndexed(policy).build();
  return (request) => {
    const rule = decide(request);
    return rule < 0 ? 'DENY' : (answers[rule] ?? 'DENY');
  };
}
