// SPDX-License-Identifier: Apache-2.0
/**
 * What the gateway takes in at a time, all clients together: so many bytes of messages, and so many requests. Past that a request is
 * refused in so many words, and memory stays where it is. Short messages are always read, so that what ends a request is never refused
 * for want of room; connections are counted apart.
 */

const MAX_BYTES = 256 * 1024 * 1024;
const SHORT = 64 * 1024;

/** Gives the room back; again is harmless. */
export type Leave = () => void;

export interface Room {
  /** Before a message of so many bytes is read; null where there is no room. */
  hold(bytes: number): Leave | null;
  /** Before a request is carried out. */
  run(): Leave | null;
}

export function room(requests: number, bytes = MAX_BYTES): Room {
  const held = gauge(bytes);
  const running = gauge(requests);
  return {
    hold: (size) => (size <= SHORT ? () => undefined : held(size)),
    run: () => running(1),
  };
}

function gauge(most: number): (size: number) => Leave | null {
  let used = 0;
  return (size) => {
    if (used + size > most) return null;
    used += size;
    let inside = true;
    return () => {
      if (inside) used -= size;
      inside = false;
    };
  };
}
