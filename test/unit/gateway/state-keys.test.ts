// SPDX-License-Identifier: Apache-2.0
// The keys of states: kept for a restart, changed each day, read by nobody else.
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRounds } from '../../../runtime/gateway/modern/rounds.js';
import { createSeal } from '../../../runtime/gateway/modern/sealed.js';
import { stateKeys } from '../../../runtime/gateway/modern/state-keys.js';
import { scratch } from '../../helpers/gateway.js';

const DAY = 86_400_000;
const START = Date.UTC(2026, 2, 9);
const about = { who: 'a', request: 'r', definition: null };
const nothing = { count: 0, talk: null, close: () => undefined };

describe('the keys of states', () => {
  it('outlive the process, in a file that only it can read', () => {
    const folder = scratch();
    const text = createSeal(
      stateKeys(folder, () => START),
      'o',
    ).close('hello');
    expect(statSync(join(folder, 'states.key')).mode & 0o777).toBe(0o600);
    expect(
      createSeal(
        stateKeys(folder, () => START),
        'o',
      ).open(text),
    ).toBe('hello');
    expect(
      createSeal(
        stateKeys(folder, () => START),
        'other',
      ).open(text),
    ).toBeNull();
    expect(
      createSeal(
        stateKeys(scratch(), () => START),
        'o',
      ).open(text),
    ).toBeNull();
  });

  it('change each day, while the process runs too, and open for one day more', () => {
    const folder = scratch();
    let now = START;
    const seal = createSeal(
      stateKeys(folder, () => now),
      'o',
    );
    const first = seal.close('first');
    now += DAY + 1;
    const second = seal.close('second');
    const keys = readFileSync(join(folder, 'states.key'), 'utf8');
    expect((JSON.parse(keys) as unknown[]).length).toBe(2);
    expect([first, second].map((text) => seal.open(text))).toEqual(['first', 'second']);
    now += DAY + 1;
    seal.close('third');
    const again = createSeal(
      stateKeys(folder, () => now),
      'o',
    );
    expect([first, second].map((text) => again.open(text))).toEqual([null, 'second']);
  });

  it('are refused where others can read them, and made anew where the file is not whole', () => {
    const folder = scratch();
    stateKeys(folder, () => START);
    const file = join(folder, 'states.key');
    chmodSync(file, 0o644);
    expect(() => stateKeys(folder, () => START)).toThrow('can be read by others');
    chmodSync(file, 0o600);
    writeFileSync(file, '[{"made":"x"');
    expect(stateKeys(folder, () => START).all()).toHaveLength(1);
  });

  it('need no folder', () => {
    expect(stateKeys(join(scratch(), 'none'), () => START).all()).toHaveLength(1);
  });
});

describe('a state of an earlier run', () => {
  it('is good once where it waits for people, lost where a server waited, and nothing when it is old', () => {
    const folder = scratch();
    let now = START;
    const rounds = () =>
      createRounds(
        () => 0,
        () => now,
        createSeal(
          stateKeys(folder, () => now),
          'o',
        ),
      );
    const before = rounds();
    const waits = before.open(about, null, { ...nothing, count: 3, review: 'o#7' }, 60_000);
    const old = before.open(about, null, { ...nothing, review: 'o#8' }, 60_000);
    const asked = before.open(about, 'of the server', nothing, 60_000);
    before.closeAll();
    const after = rounds();
    expect(after.take(waits, { ...about, who: 'b' }, {})).toBeNull();
    expect(after.take(waits, about, { a: 1 })).toEqual({
      round: { count: 4, talk: null, answers: { a: 1 }, review: 'o#7' },
      state: null,
    });
    expect(after.take(waits, about, {})).toBeNull();
    expect(after.take(asked, about, {})).toBe('lost');
    now += 61_000;
    expect(after.take(old, about, {})).toBeNull();
  });
});
