// SPDX-License-Identifier: Apache-2.0
/** One evaluation: the facts that the compiled policy needs for this request, then the decision, then what it holds of the limits. */
import type { Facts, Json, JsonRecord, Request } from '../../stdlib/abi.js';
import type { LoadedPolicy } from '../decide/load.js';
import type { Limits } from '../decide/limits.js';
import type { ScanService } from '../scan/service.js';
import type { DecideOnce } from './gate.js';

/** The pinned definition of a tool, for conditions that scan it; null where there is none. */
export type DefinitionOf = (server: string, name: string) => unknown;

/**
 * `config` holds the values of `config.x` facts; results of the scanner are computed for each call, and the moment
 * of the decision is a fact too; a fact of any other source is
 * unknown in this release.
 */
export function evaluator(
  policy: LoadedPolicy,
  config: JsonRecord,
  limits: Limits,
  definitionOf: DefinitionOf,
  now: () => number,
): DecideOnce {
  const values = new Map<string, Json>();
  for (const { name, source, path } of policy.manifest.facts) {
    const value = source === 'config' ? at(config, path) : undefined;
    if (value !== undefined) values.set(name, value);
  }
  const scans = new Map(
    policy.manifest.facts.filter((f) => f.source === 'scan').map((f) => [f.name, f.path]),
  );
  const clocks = new Set(policy.manifest.facts.filter((f) => f.source === 'clock').map((f) => f.name));
  // Most policies scan nothing: the scanner is then not even loaded.
  let scanner: Promise<ScanService> | null = null;
  const valueOf = async (name: string, { intent }: Request): Promise<Json | undefined> => {
    if (clocks.has(name)) return new Date(now()).toISOString();
    const path = scans.get(name);
    if (path === undefined) return values.get(name);
    const tool = intent.kind === 'tool' ? definitionOf(intent.server, intent.name) : null;
    scanner ??= import('../scan/service.js').then(({ scanService }) => scanService());
    return (await scanner).fact(path, { args: intent.args, tool });
  };
  return async (module, request, phase) => {
    const facts: { [name: string]: Json } = Object.create(null);
    for (const name of module.needs(request)) {
      const value = await valueOf(name, request);
      if (value !== undefined) facts[name] = value;
    }
    // A policy of this ABI names no limits, so there is nothing to count yet.
    const reservation = await limits.reserve([]);
    try {
      const decision = module.decide(request, facts satisfies Facts, phase);
      return { decision, facts, reads: module.reads(request), reservation };
    } catch (error) {
      await reservation.release();
      throw error;
    }
  };
}

/** The value at a path, by own property only; undefined when there is none. */
function at(value: Json, path: readonly string[]): Json | undefined {
  let found: Json | undefined = value;
  for (const key of path) {
    if (found === null || typeof found !== 'object' || Array.isArray(found) || !Object.hasOwn(found, key))
      return undefined;
    found = (found as JsonRecord)[key];
  }
  return found;
}
