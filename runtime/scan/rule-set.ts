// SPDX-License-Identifier: Apache-2.0
/** What names the rules in a receipt: a hash over ids, words and weights, so that a changed rule set is seen. */
import { createHash } from 'node:crypto';
import { FOREIGN, PHRASES } from './injection/phrases.js';
import { SETS } from './injection/words.js';
import { RULES } from './scan.js';

let known: string | undefined;

/** `sha256:…` over the rules as data, and the version of the matchers. */
export function ruleSetHash(): string {
  known ??= `sha256:${createHash('sha256')
    .update(
      JSON.stringify({
        matchers: 1,
        rules: RULES.map(({ id, detector, kind, anchors }) => ({ id, detector, kind, anchors })),
        phrases: PHRASES,
        foreign: FOREIGN,
        sets: [...SETS].map(([name, words]) => [name, [...words]]),
      }),
    )
    .digest('base64')}`;
  return known;
}
