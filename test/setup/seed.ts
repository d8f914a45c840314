// SPDX-License-Identifier: Apache-2.0
/**
 * The same generated cases in each `npm test`, so that a red run is about the change at hand; other cases in each long run, which
 * says the seed of what it finds. `SEPAL_SEED=N` asks the cases of N.
 */
import fc from 'fast-check';

const wanted = process.env['SEPAL_SEED'];
if (wanted !== undefined) fc.configureGlobal({ seed: Number(wanted) });
else if (process.env['SEPAL_LONG'] !== '1') fc.configureGlobal({ seed: 20_261_121 });
