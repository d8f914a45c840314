// SPDX-License-Identifier: Apache-2.0
/** Measures as code over `std`: what is kept by which key, and what calls add. */
import { rawCode } from './emit-expr.js';
import { factsOf, readsOf, type RowEmitter, testPlace, whatPlace, whoPlace } from './emit-rows.js';
import type { ExprIr, MeasureIr } from './ir.js';

export function measureCode(m: RowEmitter, measure: MeasureIr): string {
  const { kind, name, window, fixed, attempts, keys, decay, cap } = measure;
  const additions = measure.additions.map((one) => {
    const who = whoPlace(m, one.who);
    const what = whatPlace(m, one.what);
    const when = one.when === null ? 'null' : testPlace(m, one.when);
    const amount = one.amount === null ? 'null' : `(a, r, f, t) => ${rawCode(m, one.amount)}`;
    const read = [one.when, one.amount].filter((e) => e !== null);
    const texts = (of: (e: ExprIr) => readonly string[]): string =>
      `[${[...new Set(read.flatMap(of))]
        .sort()
        .map((text) => m.k.ref(text))
        .join(', ')}]`;
    return `addition(${[who, what, when, amount, texts(factsOf), texts(readsOf)].join(', ')})`;
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
