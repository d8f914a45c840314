// SPDX-License-Identifier: Apache-2.0
// The reference interpreter's reading of addresses answers as node:net does.
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as own from '../../../compiler/reference-ip.js';

const piece = fc.constantFrom(
  '0',
  '1',
  '10',
  '255',
  '256',
  '01',
  '192',
  'ffff',
  'a',
  '::',
  ':',
  '.',
  '',
  'g',
  '1e',
  'fe80',
);
const odd = fc.array(piece, { maxLength: 9 }).map((parts) => parts.join(''));
const addresses = fc.oneof(
  fc.ipV4(),
  fc.ipV6().filter((text) => !text.includes('%')),
  odd,
);

describe('addresses of the reference', () => {
  it('are told apart as by node:net', () => {
    fc.assert(
      fc.property(addresses, (text) => {
        expect(own.isIPv4(text)).toBe(isIPv4(text));
        expect(own.isIPv6(text)).toBe(isIPv6(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('are in the same ranges', () => {
    const inside = { four: 0, six: 0 };
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), (base, address, bits) => {
        const [ours, theirs] = [new own.BlockList(), new BlockList()];
        for (const list of [ours, theirs]) list.addSubnet(base, bits, 'ipv4');
        for (const one of [address, base]) {
          const answer = theirs.check(one, 'ipv4');
          if (answer) inside.four++;
          expect(ours.check(one, 'ipv4')).toBe(answer);
        }
      }),
    );
    const six = fc.ipV6().filter((text) => !text.includes('%') && !/^::(?:ffff:)?[0-9.]+$/i.test(text));
    fc.assert(
      fc.property(six, six, fc.integer({ min: 0, max: 128 }), (base, address, bits) => {
        const [ours, theirs] = [new own.BlockList(), new BlockList()];
        for (const list of [ours, theirs]) list.addSubnet(base, bits, 'ipv6');
        for (const one of [address, base]) {
          const answer = theirs.check(one, 'ipv6');
          if (answer) inside.six++;
          expect(ours.check(one, 'ipv6')).toBe(answer);
        }
      }),
    );
    expect(inside.four).toBeGreaterThan(50);
    expect(inside.six).toBeGreaterThan(50);
  });
});
