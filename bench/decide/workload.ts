// SPDX-License-Identifier: Apache-2.0
// The workload as data, and where it comes from: the shared family `mcp-authz-1` beside the repository where that is there,
// else our own generator of the same kind of policy and stream (generate.ts).
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findUp } from '../paths.js';
import { generatePolicy, generateRequests } from './generate.js';

export type Effect = 'allow' | 'review' | 'deny';
export type Answer = 'ALLOW' | 'REVIEW' | 'DENY';
export interface Pattern {
  readonly exact?: string;
  readonly glob?: string;
}
export type Condition =
  | { readonly arg: string; readonly op: 'eq' | 'prefix' | 'glob'; readonly value: string }
  | { readonly arg: string; readonly op: 'range'; readonly min?: number; readonly max?: number }
  | { readonly arg: string; readonly op: 'in'; readonly value: readonly string[] };
/** An action is `server.tool`; every condition must hold, and a missing or wrongly typed argument makes it false. */
export interface BenchRule {
  readonly id: string;
  readonly effect: Effect;
  readonly action: Pattern;
  readonly principal: Pattern;
  readonly conditions: readonly Condition[];
}
export interface BenchPolicy {
  readonly rules: readonly BenchRule[];
}
export interface BenchRequest {
  readonly principal: string;
  readonly action: string;
  readonly args: { readonly [name: string]: string | number };
}
export type Decide = (request: BenchRequest) => Answer;
/** An engine that can only answer later. */
export type DecideLater = (request: BenchRequest) => Promise<Answer>;

/** Any deny, else any review, else any allow, else deny. */
export const RANK = { deny: 0, review: 1, allow: 2 } as const;
export const ANSWER = { deny: 'DENY', review: 'REVIEW', allow: 'ALLOW' } as const;

export interface Workload {
  readonly source: string;
  readonly policy: (rules: number) => BenchPolicy;
  readonly requests: (rules: number, count: number) => readonly BenchRequest[];
  /** The engines that come with it, where it is the shared one. */
  readonly shared: SharedEngines | null;
}
export interface SharedEngines {
  readonly residualIndexed: (policy: BenchPolicy) => { readonly build: () => (q: BenchRequest) => number };
  readonly referenceDecider: (policy: BenchPolicy) => Decide;
}

interface SharedModules {
  readonly makePolicy: Workload['policy'];
  readonly makeRequests: Workload['requests'];
  readonly referenceDecider: SharedEngines['referenceDecider'];
  readonly residualIndexed: SharedEngines['residualIndexed'];
}

/** Any deny first, then any review, then any allow: for engines that stop at the first rule that holds. */
export const byPrecedence = (policy: BenchPolicy): readonly BenchRule[] =>
  [...policy.rules].sort((a, b) => RANK[a.effect] - RANK[b.effect]);

/** The folder `shared/bench` beside the repository, or null. */
export function sharedFolder(): string | null {
  const folder = new URL('../shared/bench/', pathToFileURL(`${findUp('package.json')}/`));
  return existsSync(new URL('workload.mjs', folder)) ? fileURLToPath(folder) : null;
}

export async function loadWorkload(): Promise<Workload> {
  const folder = process.env['BENCH_OWN'] === undefined ? sharedFolder() : null;
  if (folder === null) {
    return {
      source: 'bench/decide/generate.ts',
      policy: generatePolicy,
      requests: generateRequests,
      shared: null,
    };
  }
  const load = async (file: string): Promise<Partial<SharedModules>> =>
    (await import(pathToFileURL(`${folder}/${file}`).href)) as Partial<SharedModules>;
  const parts = await Promise.all(['workload.mjs', 'reference.mjs', 'shapes.mjs'].map(load));
  const all = Object.assign({}, ...parts) as SharedModules;
  return {
    source: '../shared/bench (mcp-authz-1)',
    policy: all.makePolicy,
    requests: all.makeRequests,
    shared: all,
  };
}
