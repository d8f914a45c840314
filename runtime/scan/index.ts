// SPDX-License-Identifier: Apache-2.0
/** The scanner: findings in texts and values, for conditions of policies (language.md 1.2) and for redaction. */
export { scanFact } from './facts.js';
export { maskResult } from './mask.js';
export { ruleSetHash } from './rule-set.js';
export { injectionScore, scanText } from './scan.js';
export { scanValue } from './walk.js';
