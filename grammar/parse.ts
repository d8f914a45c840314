// SPDX-License-Identifier: Apache-2.0
/** Text to tree. Never throws: every syntax error is a fault with a span and an expectation in the author's words. */
import { type ParseResult, readCorrect, readWith } from './read.js';
import { recoveringParser } from './recovery.js';

export type { ParseResult } from './read.js';

export function parse(source: string): ParseResult {
  const result = readCorrect(source) ?? readWith(recoveringParser(), source);
  if (result === null) throw new Error('the parser that recovers gave up');
  return result;
}
