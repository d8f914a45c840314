// SPDX-License-Identifier: Apache-2.0
/**
 * What a server says without being asked (notifications, requests, noise) may cost so much of the gateway's time, and no more; nor, while
 * others are called, may large messages, whether they were asked for or not. Small answers that are waited for cost nothing, unless they
 * come in crumbs. A server that is over its share is read later: nothing of what it says is lost, its pipe or its connection fills up, and it
 * waits instead of others.
 */

/** What may come at once. */
const BURST_MS = 400;
/** From here on others go first after each piece. */
const WARY_MS = 20;
const PIECE = 1024;
const LARGE_PIECE = 16 * 1024;
/** Roughly what taking a message costs, measured; bytes of a large one at what its server and its client take as well, bytes that nobody asked for at four times as much. */
const MESSAGE_MS = 0.05;
const BYTE_MS = 0.000_01;
const LARGE_BYTE_MS = 0.000_02;
const UNASKED_BYTE_MS = 0.000_04;
/** Bytes that are thrown away as they come, each reading of some, and lines with nothing in them. Bytes are dear: V8 collects more often, and nobody waits for them. */
const DROPPED_BYTE_MS = 0.000_02;
const DROPPED_PIECE_MS = 0.05;
const DROPPED_LINE_MS = 0.001;
/** Reading a little, for whoever writes byte by byte; of more the bytes are what counts. */
const CRUMB_MS = 0.1;
const CRUMB = 4 * 1024;
/** Going on with a stream that ended. */
const AGAIN_MS = 0.5;
/** Each further piece that what was read at once came in. */
const PIECE_MS = 0.002;
/** Past so many bytes that are being read elsewhere the rest counts at once, until it is known to be asked for. */
const MAX_READING = 32 * 1024 * 1024;
/** How often its owner is told. */
const TELL_MS = 60_000;

export interface Meter {
  /** A message of so many bytes came that nobody had asked for. */
  said(bytes: number): void;
  /** A message of so many bytes is being read elsewhere, which then tells whether it was asked for. */
  reading(bytes: number, asked: Promise<boolean>): void;
  /** So many bytes of a large message came; it goes on. */
  growing(bytes: number): void;
  /** So many bytes were read at once. */
  read(bytes: number): void;
  /** A stream of it is asked for again. */
  again(): void;
  /** What is read at once came in one piece more. */
  crumb(): void;
  /** A message that is waited for ended: what was read last costs nothing. */
  answered(): void;
  /** So many bytes were read and thrown away, and a line ended with them or not. */
  dropped(bytes: number, line: boolean): void;
  /** How many bytes of what has been read may be taken before `rest` is asked again, where they may hold many messages. */
  piece(): number;
  /** How many milliseconds to take nothing from it; 0 to let others go first, null to go on at once. */
  rest(): number | null;
}

const costOf = (bytes: number): number => MESSAGE_MS + bytes * UNASKED_BYTE_MS;

export interface MeterEvents {
  /** It is over its share, by large messages that may have been asked for or by what was not; told of each at most once a minute. */
  slowed(why: Slowed): void;
  /** Is anybody else called just now? */
  others?(): boolean;
  /** Does anybody wait for an answer of it? */
  awaited?(): boolean;
}

export type Slowed = 'unasked' | 'large';

/** `share` is of the time of one processor. */
export function meter(
  events: MeterEvents,
  share: number,
  now: () => number = () => performance.now(),
): Meter {
  let owed = 0;
  let at = now();
  let fresh = false;
  let turn = false;
  let grown = 0;
  let pending = 0;
  const told = { unasked: Number.NEGATIVE_INFINITY, large: Number.NEGATIVE_INFINITY };
  const charge = (ms: number, why: Slowed = 'unasked'): void => {
    const then = now();
    owed = Math.max(0, Math.max(0, owed - (then - at) * share) + ms);
    at = then;
    fresh = true;
    if (owed <= BURST_MS || then - told[why] < TELL_MS) return;
    told[why] = then;
    events.slowed(why);
  };
  return {
    said: (bytes) => charge(costOf(bytes)),
    reading: (bytes, asked) => {
      pending += bytes;
      // What it takes in any case: until then it may be an answer.
      const held = pending > MAX_READING ? MESSAGE_MS + bytes * BYTE_MS : 0;
      if (held > 0) charge(held);
      void asked.then((was) => {
        pending -= bytes;
        const rest = (was ? 0 : costOf(bytes)) - held;
        if (rest !== 0) charge(rest);
      });
    },
    growing: (bytes) => {
      if (events.others?.() !== true) charge(0);
      else if (events.awaited?.() === false) charge(bytes * UNASKED_BYTE_MS);
      else charge(bytes * LARGE_BYTE_MS, 'large');
      grown += bytes;
      if (grown < LARGE_PIECE) return;
      grown = 0;
      turn = true;
    },
    read: (bytes) => {
      if (bytes < CRUMB) charge(CRUMB_MS);
    },
    again: () => charge(AGAIN_MS),
    crumb: () => charge(PIECE_MS),
    answered: () => charge(-CRUMB_MS),
    dropped: (bytes, line) => charge(bytes * DROPPED_BYTE_MS + (line ? DROPPED_LINE_MS : DROPPED_PIECE_MS)),
    piece: () => (owed > WARY_MS ? PIECE : LARGE_PIECE),
    rest: () => {
      if (!fresh || (owed <= WARY_MS && !turn)) return null;
      fresh = false;
      turn = false;
      if (owed <= BURST_MS) return 0;
      return Math.max(0, (owed - BURST_MS) / share - (now() - at));
    },
  };
}

/** Lets so many milliseconds go by; with 0, whoever waits for the event loop. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    if (ms === 0) setImmediate(resolve);
    else setTimeout(resolve, ms).unref();
  });

/** Counts a message of so many bytes, unless it is an answer that is, or was, waited for: then, if it is small, not even its reading. */
export function unasked(meter: Meter, bytes: number, waited: boolean | Promise<boolean>): void {
  if (waited === true) meter.answered();
  else if (waited === false) meter.said(bytes);
  else meter.reading(bytes, waited);
}
