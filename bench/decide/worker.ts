// SPDX-License-Identifier: Apache-2.0
// One measurement of one engine at one size in a process of its own; prints one line of JSON. Requests are parsed afresh for
// every pass, outside the timed part, so that no engine profits from strings that are already hashed. What is measured is
// processor time: on a machine that does other work as well, the clock would measure that work.
import { readFileSync } from 'node:fs';
import { engine, isEngine } from './engines.js';
import { type Bundle, decider, deciderOf, loadSepal } from './sepal.js';
import { type Answer, type BenchRequest, type Decide, type DecideLater, loadWorkload } from './workload.js';

/** `warm`: the stream as it is. `strange`: each request comes from a principal never seen before. `first`: import to first answer. */
const MODES = ['warm', 'strange', 'first'] as const;
type Mode = (typeof MODES)[number];

const [name, rulesText, budgetText, bundle, modeText = 'warm'] = process.argv.slice(2);
const rules = Number(rulesText);
const budget = Number(budgetText ?? 1000);
const mode: Mode | undefined = MODES.find((one) => one === modeText);
if (!isEngine(name) || mode === undefined)
  throw new Error(`there is no engine ${name} or no mode ${modeText}`);

const workload = await loadWorkload();
const stream = workload.requests(rules, 10_000).map((request) => JSON.stringify(request));

let sum = 0;
const spentSince = (start: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
};

let next = 0;
function fresh(count: number): readonly BenchRequest[] {
  return Array.from({ length: count }, () => {
    const request = JSON.parse(stream[next++ % stream.length] as string) as BenchRequest;
    // Parsed once more: a joined text would be flattened in the timed part.
    return mode === 'strange'
      ? (JSON.parse(
          JSON.stringify({ ...request, principal: `${request.principal}-${next}` }),
        ) as BenchRequest)
      : request;
  });
}

async function timed(decide: Decide | DecideLater, list: readonly BenchRequest[]): Promise<number> {
  const start = process.cpuUsage();
  if (name === 'json-rules-engine') {
    for (const request of list) sum += (await decide(request)).length;
  } else {
    for (const request of list) sum += (decide(request) as Answer).length;
  }
  return spentSince(start);
}

/** The two files of a policy, as a gateway reads them. */
const bundleIn = (policy: string): Bundle => ({
  js: readFileSync(`${policy}.js`),
  manifest: JSON.parse(readFileSync(`${policy}.manifest.json`, 'utf8')) as Bundle['manifest'],
});

/** Milliseconds from the files of the policy to the first answer, by the clock and by the processor. */
async function first(policy: string): Promise<object> {
  const [request] = fresh(1);
  if (request === undefined) throw new Error('the workload has no request');
  // What this process made so far, ten thousand requests, is not for the policy to clear away.
  globalThis.gc?.();
  const [clock, start] = [performance.now(), process.cpuUsage()];
  // The names of tools are no part of the policy: a gateway has them from its servers.
  const decide = decider(await loadSepal(bundleIn(policy)), {});
  sum += decide(request).length;
  return { name, rules, ms: performance.now() - clock, cpuMs: spentSince(start), sum };
}

async function steady(): Promise<object> {
  // Sepal's policy was compiled by another process, as in production; only its module is loaded here.
  const decide =
    name === 'sepal' && bundle !== undefined
      ? await deciderOf(bundleIn(bundle))
      : await engine(name as Parameters<typeof engine>[0], workload.policy(rules), workload);
  globalThis.gc?.();

  // Warm up for the budget, and find the size of a pass of about 50 ms.
  let pass = 1;
  for (let spent = 0; spent < budget; ) {
    const ms = await timed(decide, fresh(pass));
    // Quick engines spend most of a pass on parsing the requests.
    spent += ms + pass / 500;
    if (ms < 25 && pass < 10_000) pass = Math.min(10_000, pass * 2);
  }

  const passes: number[] = [];
  for (let spent = 0; passes.length < 3 || (spent < budget && passes.length < 200); ) {
    const ms = await timed(decide, fresh(pass));
    spent += ms + pass / 500;
    passes.push((ms / pass) * 1000);
  }
  passes.sort((a, b) => a - b);
  return { name, rules, micros: passes[passes.length >> 1], passes: passes.length, pass, sum };
}

console.log(JSON.stringify(mode === 'first' && bundle !== undefined ? await first(bundle) : await steady()));
process.exit(0);
