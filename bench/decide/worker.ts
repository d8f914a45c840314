// SPDX-License-Identifier: Apache-2.0
// One measurement of one engine at one size in a process of its own; prints one line of JSON. Requests are parsed afresh for
// every pass, outside the timed part, so that no engine profits from strings that are already hashed.
import { engine, isEngine } from './engines.js';
import { type BenchRequest, loadWorkload } from './workload.js';

const [name, rulesText, budgetText] = process.argv.slice(2);
const rules = Number(rulesText);
const budget = Number(budgetText ?? 1000);
if (!isEngine(name)) throw new Error(`there is no engine ${name}`);

const workload = await loadWorkload();
const stream = workload.requests(rules, 10_000).map((request) => JSON.stringify(request));
const loading = performance.now();
const decide = await engine(name, workload.policy(rules), workload);
const loadMs = performance.now() - loading;

let next = 0;
const fresh = (count: number): readonly BenchRequest[] =>
  Array.from({ length: count }, () => JSON.parse(stream[next++ % stream.length] as string) as BenchRequest);

let sum = 0;
function timed(list: readonly BenchRequest[]): number {
  const start = performance.now();
  for (const request of list) sum += decide(request).length;
  return performance.now() - start;
}

// Warm up for the budget, and find the size of a pass of about 50 ms.
let pass = 1;
for (let spent = 0; spent < budget; ) {
  const ms = timed(fresh(pass));
  spent += ms;
  if (ms < 25 && pass < 10_000) pass = Math.min(10_000, pass * 2);
  else if (pass === 10_000) spent += 20;
}

const passes: number[] = [];
for (let spent = 0; passes.length < 3 || (spent < budget && passes.length < 200); ) {
  const ms = timed(fresh(pass));
  spent += ms;
  passes.push((ms / pass) * 1000);
}
passes.sort((a, b) => a - b);
const micros = passes[passes.length >> 1];
console.log(JSON.stringify({ name, rules, micros, loadMs, passes: passes.length, pass, sum }));
process.exit(0);
