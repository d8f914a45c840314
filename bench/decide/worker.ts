// SPDX-License-Identifier: Apache-2.0
// One measurement of one engine at one size in a process of its own; prints one line of JSON. Requests are parsed afresh for
// every pass, outside the timed part, so that no engine profits from strings that are already hashed. What is measured is
// processor time: on a machine that does other work as well, the clock would measure that work.
import { readFileSync } from 'node:fs';
import { engine, isEngine } from './engines.js';
import { decider, loadSepal } from './sepal.js';
import { type BenchRequest, loadWorkload } from './workload.js';

type Bundle = Parameters<typeof loadSepal>[0];

const [name, rulesText, budgetText, bundle] = process.argv.slice(2);
const rules = Number(rulesText);
const budget = Number(budgetText ?? 1000);
if (!isEngine(name)) throw new Error(`there is no engine ${name}`);

const workload = await loadWorkload();
const stream = workload.requests(rules, 10_000).map((request) => JSON.stringify(request));
// Sepal's policy was compiled by another process, as in production; only its module is loaded here.
const decide =
  name === 'sepal' && bundle !== undefined
    ? decider(await loadSepal(JSON.parse(readFileSync(bundle, 'utf8')) as Bundle))
    : await engine(name, workload.policy(rules), workload);
globalThis.gc?.();

let next = 0;
const fresh = (count: number): readonly BenchRequest[] =>
  Array.from({ length: count }, () => JSON.parse(stream[next++ % stream.length] as string) as BenchRequest);

let sum = 0;
function timed(list: readonly BenchRequest[]): number {
  const start = process.cpuUsage();
  for (const request of list) sum += decide(request).length;
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

// Warm up for the budget, and find the size of a pass of about 50 ms.
let pass = 1;
for (let spent = 0; spent < budget; ) {
  const ms = timed(fresh(pass));
  // Quick engines spend most of a pass on parsing the requests.
  spent += ms + pass / 500;
  if (ms < 25 && pass < 10_000) pass = Math.min(10_000, pass * 2);
}

const passes: number[] = [];
for (let spent = 0; passes.length < 3 || (spent < budget && passes.length < 200); ) {
  const ms = timed(fresh(pass));
  spent += ms + pass / 500;
  passes.push((ms / pass) * 1000);
}
passes.sort((a, b) => a - b);
const micros = passes[passes.length >> 1];
console.log(JSON.stringify({ name, rules, micros, passes: passes.length, pass, sum }));
process.exit(0);
