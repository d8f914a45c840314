// SPDX-License-Identifier: Apache-2.0
import { typedAt } from '../runtime/decide/fact-type.js';
import type { FactSource } from '../runtime/decide/load.js';
import type { Facts, Json, JsonRecord } from '../stdlib/abi.js';

/** Values of `config.x` facts, as the gateway would read them. */
export function configFacts(facts: readonly FactSource[], config: JsonRecord): Facts {
  const out: { [name: string]: Json | undefined } = Object.create(null);
  for (const { name, source, path, type } of facts)
    if (source === 'config') out[name] = typedAt(config, path, type);
  return out;
}
