// SPDX-License-Identifier: Apache-2.0
// Every engine of the decide bench answers as the oracle does, so that the bench compares like with like.
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cedarWasm } from '../../bench/decide/cedar.js';
import { generatePolicy, generateRequests } from '../../bench/decide/generate.js';
import { indexed } from '../../bench/decide/indexed.js';
import { naive } from '../../bench/decide/naive.js';
import { sepal } from '../../bench/decide/sepal.js';
import {
  type Answer,
  type BenchPolicy,
  type BenchRequest,
  type Decide,
  loadWorkload,
  sharedFolder,
} from '../../bench/decide/workload.js';
import { engine, PEERS } from '../../bench/decide/engines.js';
import { PEERS_MISSING, peersInstalled } from '../../bench/decide/peers/load.js';

const SMALL = [10, 100, 1000] as const;
const SIZES = [...SMALL, 10_000] as const;
const REQUESTS = 1000;
/** Cedar evaluates every policy of a set: how many requests it can be asked in a second or two. */
const CEDAR_REQUESTS = { 10: 1000, 100: 1000, 1000: 200, 10_000: 15 } as const;
const TIMEOUT = 180_000;
const STRICTNESS = { ALLOW: 0, REVIEW: 1, DENY: 2 } as const;

/** Requests that are answered otherwise, as text; only their number would say little. */
function differences(engineOf: Decide, oracle: Decide, requests: readonly BenchRequest[]): readonly string[] {
  return requests.flatMap((request) => {
    const [is, should] = [engineOf(request), oracle(request)];
    return is === should ? [] : [`${JSON.stringify(request).slice(0, 200)}: ${is}, not ${should}`];
  });
}

const answersIn = (oracle: Decide, requests: readonly BenchRequest[]): readonly Answer[] =>
  [...new Set(requests.map(oracle))].sort();

describe('our own workload', () => {
  it.each(SMALL)(
    'at %i rules: Sepal, the index by hand and Cedar answer as the naive interpreter',
    async (rules) => {
      const policy = generatePolicy(rules);
      const requests = generateRequests(rules, REQUESTS);
      const oracle = naive(policy);
      expect(answersIn(oracle, requests)).toEqual(
        rules < 100 ? expect.arrayContaining(['DENY']) : ['ALLOW', 'DENY', 'REVIEW'],
      );
      expect(differences(await sepal(policy), oracle, requests)).toEqual([]);
      expect(differences(await indexed(policy), oracle, requests)).toEqual([]);
      expect(differences(cedarWasm(policy), oracle, requests.slice(0, CEDAR_REQUESTS[rules]))).toEqual([]);
    },
    TIMEOUT,
  );

  it.skipIf(!peersInstalled()).each(PEERS)(
    `%s answers as the naive interpreter (skipped where ${PEERS_MISSING})`,
    async (name) => {
      const [policy, requests] = [generatePolicy(100), generateRequests(100, 200)];
      const [decide, oracle] = [await engine(name, policy, await loadWorkload()), naive(policy)];
      for (const request of requests) expect(await decide(request)).toBe(oracle(request));
    },
    TIMEOUT,
  );

  it('is the same on every machine', () => {
    expect(generatePolicy(100)).toEqual(generatePolicy(100));
    expect(generateRequests(100, 50)).toEqual(generateRequests(100, 50));
  });
});

const folder = sharedFolder();
const shared = folder === null ? describe.skip : describe;

shared(
  folder === null ? 'the shared workload (skipped: there is no ../shared/bench)' : 'the shared workload',
  () => {
    it.each(SIZES)(
      'at %i rules: every engine answers the stream as the oracle',
      async (rules) => {
        const workload = await loadWorkload();
        const policy = workload.policy(rules);
        const requests = workload.requests(rules, REQUESTS);
        const oracle = await engine('naive', policy, workload);
        expect(differences(await engine('sepal', policy, workload), oracle, requests)).toEqual([]);
        expect(differences(await engine('residualIndexed', policy, workload), oracle, requests)).toEqual([]);
        expect(differences(naive(policy), oracle, requests)).toEqual([]);
        expect(differences(await indexed(policy), oracle, requests)).toEqual([]);
        const few = requests.slice(0, CEDAR_REQUESTS[rules]);
        expect(differences(await engine('cedar-wasm', policy, workload), oracle, few)).toEqual([]);
      },
      TIMEOUT,
    );

    it.each(SMALL)(
      'at %i rules: on odd requests Sepal is at least as strict as the oracle',
      async (rules) => {
        const workload = await loadWorkload();
        const policy: BenchPolicy = workload.policy(rules);
        const { makeEdgeRequests } = (await import(pathToFileURL(`${folder}/workload.mjs`).href)) as {
          readonly makeEdgeRequests: (rules: number, count: number) => readonly BenchRequest[];
        };
        const oracle = await engine('naive', policy, workload);
        const decide = await engine('sepal', policy, workload);
        const looser = makeEdgeRequests(rules, 400).filter(
          (request) => STRICTNESS[decide(request)] < STRICTNESS[oracle(request)],
        );
        expect(looser).toEqual([]);
      },
      TIMEOUT,
    );
  },
);
