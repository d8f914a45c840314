// SPDX-License-Identifier: Apache-2.0
/** The scanner: findings in texts and values, for conditions of policies (language.md 1.2) and for redaction. */
export { hostText, resultOf, scanCall, scanFact, scanned, type Scannable, subjectAt } from './facts.js';
export { type Masked, maskResult } from './mask.js';
export { ruleSetHash } from './rule-set.js';
export { injectionScore, scanText } from './scan.js';
export type { Detector, Finding, Incomplete, TextScan } from './types.js';
export { type Located, scanValue, type ValueScan } from './walk.js';
