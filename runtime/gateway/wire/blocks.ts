// SPDX-License-Identifier: Apache-2.0
/**
 * Memory for large messages on their way to the thread that reads them (large/service.ts). V8 counts what comes from pipes and connections as the
 * heap's own, and ten megabytes of it make it collect everything, which holds up all calls; shared memory it does not count, so that it is
 * used again and again instead: a block is free as soon as the thread has copied it.
 */

const BLOCK = 256 * 1024;
/** Of those that nobody uses. */
const MAX_FREE = 64;
/** Of those that are in use; whoever needs more gets what V8 counts. */
const MAX_LENT = 256;

const free: SharedArrayBuffer[] = [];
let lent = 0;
/** Blocks that nobody gave back: a message that broke off. */
const forgotten = new FinalizationRegistry(() => {
  lent--;
});

export function takeBlock(): Buffer {
  if (lent >= MAX_LENT) return Buffer.allocUnsafeSlow(BLOCK);
  const block = free.pop() ?? new SharedArrayBuffer(BLOCK);
  lent++;
  forgotten.register(block, null, block);
  return Buffer.from(block);
}

export const isBlock = ({ buffer }: Uint8Array): boolean => buffer instanceof SharedArrayBuffer;

/** Nobody reads these any more; what is no block stays as it is. */
export function giveBack(parts: readonly Uint8Array[]): void {
  for (const { buffer } of parts) {
    if (!(buffer instanceof SharedArrayBuffer) || !forgotten.unregister(buffer)) continue;
    lent--;
    if (free.length < MAX_FREE) free.push(buffer);
  }
}
