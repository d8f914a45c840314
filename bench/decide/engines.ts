// SPDX-License-Identifier: Apache-2.0
// The engines of the bench by name. The limit and the naive interpreter are the shared ones where those are there.
import { indexed } from './indexed.js';
import { naive } from './naive.js';
import {
  ANSWER,
  type BenchPolicy,
  type Decide,
  type DecideLater,
  RANK,
  type SharedEngines,
  type Workload,
} from './workload.js';

/** Peers of a package of their own, bench/peers; they are asked where that is installed. */
export const PEERS = ['casl', 'casbin', 'cel', 'json-rules-engine'] as const;
export const ENGINES = ['residualIndexed', 'sepal', 'naive', 'cedar-wasm', ...PEERS] as const;
export type EngineName = (typeof ENGINES)[number];

export const isEngine = (name: string | undefined): name is EngineName =>
  ENGINES.some((engine) => engine === name);
export const isPeer = (name: EngineName): boolean => PEERS.some((peer) => peer === name);

/** Only what is asked for is loaded, so that no process pays for another engine. */
export async function engine(
  name: Exclude<EngineName, 'json-rules-engine'>,
  policy: BenchPolicy,
  workload: Workload,
): Promise<Decide>;
export async function engine(
  name: EngineName,
  policy: BenchPolicy,
  workload: Workload,
): Promise<Decide | DecideLater>;
export async function engine(
  name: EngineName,
  policy: BenchPolicy,
  workload: Workload,
): Promise<Decide | DecideLater> {
  switch (name) {
    case 'sepal':
      return (await import('./sepal.js')).sepal(policy);
    case 'cedar-wasm':
      return (await import('./cedar.js')).cedarWasm(policy);
    case 'casl':
      return (await import('./peers/casl.js')).casl(policy);
    case 'casbin':
      return (await import('./peers/casbin.js')).casbin(policy);
    case 'cel':
      return (await import('./peers/cel.js')).cel(policy);
    case 'json-rules-engine':
      return (await import('./peers/json-rules.js')).jsonRules(policy);
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
