// SPDX-License-Identifier: Apache-2.0
/** What the compiler needs from outside, and the cheapest way to have it. */
import type { Host } from '../compiler/lock.js';
import { type Parse, readCorrect } from '../grammar/read.js';
import { canonical } from '../runtime/verify/format/canonical.js';
import { digest } from '../runtime/verify/format/hash.js';
import { parseStrict } from '../runtime/verify/format/json.js';

const LOCK_LIMITS = { size: 64 * 1024 * 1024, depth: 128, keys: 1_000_000 };

export const compilerHost = (parse: Parse): Host => ({
  parse,
  parseJson: (text) => parseStrict(text, LOCK_LIMITS),
  canonical,
  hash: digest,
});

class Mistaken extends Error {}

/**
 * Runs a phase that reads policies. What has words for syntax errors is large: it is loaded only for a policy that has one, and the
 * phase is run again.
 */
export async function withCompiler<T>(phase: (host: Host) => T): Promise<T> {
  const correct: Parse = (source) => {
    const result = readCorrect(source);
    if (result === null) throw new Mistaken();
    return result;
  };
  try {
    return phase(compilerHost(correct));
  } catch (error) {
    if (!(error instanceof Mistaken)) throw error;
  }
  const { parse } = await import('../grammar/parse.js');
  return phase(compilerHost(parse));
}
