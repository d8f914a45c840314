// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { room } from '../../../runtime/gateway/front/room.js';

const KB = 1024;

describe('the room for messages', () => {
  it('is for so many requests, and given back once each', () => {
    const two = room(2);
    const [first, second] = [two.run(), two.run()];
    expect(two.run()).toBeNull();
    first?.();
    first?.();
    const third = two.run();
    expect(third).not.toBeNull();
    expect(two.run()).toBeNull();
    second?.();
    third?.();
    expect([two.run(), two.run()]).not.toContain(null);
  });

  it('is for so many bytes; short messages are read all the same', () => {
    const small = room(1, 1000 * KB);
    const large = small.hold(900 * KB);
    expect(large).not.toBeNull();
    expect(small.hold(101 * KB)).toBeNull();
    expect(small.hold(64 * KB)).not.toBeNull();
    large?.();
    expect(small.hold(1000 * KB)).not.toBeNull();
  });
});
