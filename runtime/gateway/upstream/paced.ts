// SPDX-License-Identifier: Apache-2.0
/** Reads a pipe as fast as its meter lets: piece by piece, paused in between. */
import type { Readable } from 'node:stream';
import { type Meter, pause } from './meter.js';

export interface Paced {
  /** Ends the pause: its writer has gone, so what is left is little. */
  hurry(): void;
}

const NEWLINE = 10;

/** After the line that goes on at `at`: what comes next may be many short ones. */
export function endOfLine(chunk: Buffer, at: number): number {
  const end = chunk.indexOf(NEWLINE, at);
  return end < 0 ? chunk.length : end + 1;
}

/** `pieceEnd` says how far of a chunk may be taken at once, where that is not for the meter to say. */
export function paced(
  stream: Readable,
  by: Meter,
  take: (chunk: Buffer) => void,
  pieceEnd: (chunk: Buffer, at: number) => number | null = () => null,
): Paced {
  let rest: Buffer | null = null;
  /** What is left of a chunk where it has to wait. */
  const some = (chunk: Buffer): { readonly left: Buffer; readonly ms: number } | null => {
    for (let at = 0; at < chunk.length; ) {
      const to = pieceEnd(chunk, at) ?? Math.min(chunk.length, at + by.piece());
      take(chunk.subarray(at, to));
      at = to;
      const ms = by.rest();
      if (ms !== null) return { left: chunk.subarray(at), ms };
    }
    return null;
  };
  const read = (chunk: Buffer): void => {
    const wait = some(chunk);
    if (wait === null) return;
    rest = wait.left;
    stream.pause();
    void pause(wait.ms).then(go);
  };
  const go = (): void => {
    const left = rest;
    if (left === null) return;
    rest = null;
    read(left);
    if (rest === null) stream.resume();
  };
  stream.on('data', (chunk: Buffer) => {
    by.read(chunk.length);
    read(chunk);
  });
  return { hurry: go };
}
