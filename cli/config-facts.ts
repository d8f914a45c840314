// SPDX-License-Identifier: Apache-2.0
import type { FactSource } from '../runtime/decide/load.js';
import type { Facts, Json, JsonRecord } from '../stdlib/abi.js';

/** Values of `config.x` facts, by own property only, as the gateway would read them. */
export function configFacts(facts: readonly FactSource[], config: JsonRecord): Facts {
  const out: { [name: string]: Json | undefined } = Object.create(null);
  for (const { name, source, path } of facts) {
    if (source !== 'config') continue;
    let found: Json | undefined = config;
    for (const key of path) {
      const inside: boolean =
        typeof found === 'object' && found !== null && !Array.isArray(found) && Object.hasOwn(found, key);
      found = inside ? (found as JsonRecord)[key] : undefined;
    }
    out[name] = found;
  }
  return out;
}
