// SPDX-License-Identifier: Apache-2.0
/** Measures as code over `std`: what is kept by which key, and what calls add. */
import { condition, type Emitter, rawCode, shared, whoCode } from './emit-expr.js';
import type { ExprIr, MeasureIr, WhatIr } from './ir.js';

/** Parts of the emitter of units, which also knows what conditions read. */
export interface UnitParts {
  readonly what: (m: Emitter, what: WhatIr) => string;
  readonly facts: (e: ExprIr) => readonly string[];
  readonly reads: (e: ExprIr) => readonly string[];
}

export function measureCode(m: Emitter, measure: MeasureIr, parts: UnitParts): string {
  const { kind, name, window, fixed, attempts, keys, decay, cap } = measure;
  const additions = measure.additions.map((one) => {
    const who = shared(m, 'w', whoCode(m, one.who));
    const what = shared(m, 'x', parts.what(m, one.what));
    const when = one.when === null ? 'null' : condition(m, one.when);
    const amount = one.amount === null ? 'null' : `(a, r, f, t) => ${rawCode(m, one.amount)}`;
    const read = [one.when, one.amount].filter((e) => e !== null);
    const texts = (of: (e: ExprIr) => readonly string[]): string =>
      `[${[...new Set(read.flatMap(of))]
        .sort()
        .map((text) => m.k.ref(text))
        .join(', ')}]`;
    return `addition(${[who, what, when, amount, texts(parts.facts), texts(parts.reads)].join(', ')})`;
  });
  const head = [
    m.k.ref(name),
    JSON.stringify(kind),
    String(window),
    fixed,
    attempts,
    `[${keys.map((key) => JSON.stringify(key)).join(', ')}]`,
    decay === null ? 'null' : `[${decay.amount}, ${decay.per}]`,
    String(cap),
  ];
  return `measure(${head.join(', ')}, [${additions.join(', ')}])`;
}
