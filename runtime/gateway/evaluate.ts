// SPDX-License-Identifier: Apache-2.0
/** One evaluation: the facts that the compiled policy needs for this request, then the decision, then what it holds of the limits. */
import type { Facts, Json, JsonRecord } from '../../stdlib/abi.js';
import type { LoadedPolicy } from '../decide/load.js';
import type { Limits } from '../decide/limits.js';
import type { DecideOnce } from './gate.js';

/** `config` holds the values of `config.x` facts; a fact of any other source is unknown in this release. */
export function evaluator(policy: LoadedPolicy, config: JsonRecord, limits: Limits): DecideOnce {
  const values = new Map<string, Json>();
  for (const { name, source, path } of policy.manifest.facts) {
    const value = source === 'config' ? at(config, path) : undefined;
    if (value !== undefined) values.set(name, value);
  }
  return async (module, request, phase) => {
    const facts: { [name: string]: Json } = Object.create(null);
    for (const name of module.needs(request)) {
      const value = values.get(name);
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
