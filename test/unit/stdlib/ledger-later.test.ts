// SPDX-License-Identifier: Apache-2.0
// What measures will stand at if nothing is added: the same as a ledger reads then.
import { describe, expect, it } from 'vitest';
import type { MeasureSpec } from '../../../stdlib/abi.js';
import { Ledger } from '../../../stdlib/ledger.js';

const spec = (name: string, more: Partial<MeasureSpec>): MeasureSpec => ({
  name,
  kind: 'score',
  attempts: false,
  window: 60_000,
  fixed: false,
  keys: [],
  decay: null,
  cap: null,
  ...more,
});
const read = (name: string) => ({ fact: name, name, key: [] });
const add = (name: string, amount: number) => ({ name, key: [], add: amount, attempt: false });

/** Adds at these moments, then compares what is foretold with what is read, in a ledger of its own for each moment. */
function foretold(
  specs: readonly MeasureSpec[],
  adds: readonly (readonly [at: number, name: string, amount: number])[],
  now: number,
) {
  const filled = (): Ledger => {
    const ledger = new Ledger(specs);
    for (const [at, name, amount] of adds) {
      const hold = ledger.hold([add(name, amount)], at);
      if (hold === null) throw new Error('no room');
      ledger.commit(hold, at);
    }
    return ledger;
  };
  const reads = specs.map(({ name }) => read(name));
  const turns = filled().later(reads, now);
  for (const { at, values } of turns) expect([at, values]).toEqual([at, { ...filled().read(reads, at) }]);
  return turns.map(({ at, values }) => [at, ...Object.values(values)]);
}

describe('what measures stand at later', () => {
  it('keeps what a session has counted, whatever leaves the windows of others', () => {
    const specs = [spec('hour', {}), spec('ever', { window: null })];
    expect(
      foretold(
        specs,
        [
          [0, 'hour', 1],
          [0, 'ever', 1],
          [5, 'ever', 1],
        ],
        10,
      ),
    ).toEqual([[60_000, 0, 2]]);
  });

  it('follows a score that decays, and what leaves its window', () => {
    const decaying = spec('risk', { decay: [5, 20_000] });
    expect(foretold([decaying], [[0, 'risk', 10]], 1_000)).toEqual([
      [20_000, 5],
      [40_000, 0],
      [60_000, 0],
    ]);
    const turns = foretold(
      [decaying],
      [
        [0, 'risk', 10],
        [15_000, 'risk', 12],
        [30_000, 'risk', 1],
      ],
      31_000,
    );
    expect(turns.at(-1)?.[1]).toBe(0);
    expect(turns.length).toBeGreaterThan(3);
    expect(foretold([spec('risk', { window: null, decay: [4, 1_000] })], [[0, 'risk', 10]], 0)).toEqual([
      [1_000, 6],
      [2_000, 2],
      [3_000, 0],
    ]);
  });
});
