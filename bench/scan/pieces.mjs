// SPDX-License-Identifier: Apache-2.0
// Loaded into the gateway by the bench of large messages (--import): how long its own thread works without a pause, in processor time of
// that thread, so that other processes on the machine do not count. Asked by a signal, it writes what it saw since to PIECES and begins anew.
import { openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

// The command starts the gateway anew without the means to compile text (cli/main.ts): that process is looked at.
const watched = process.execArgv.includes('--disallow-code-generation-from-strings');
if (isMainThread && watched && process.env.PIECES !== undefined) {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const bytes = Buffer.alloc(64);
  /** Milliseconds on a processor so far. */
  const used = () => Number(bytes.toString('latin1', 0, readSync(file, bytes, 0, 64, 0)).split(' ')[0]) / 1e6;
  let began = used();
  let last = began;
  let pieces = [];
  const turn = () => {
    const now = used();
    if (now - last > 0.5) pieces.push(now - last);
    last = now;
    setTimeout(turn, 1).unref();
  };
  turn();
  process.on('SIGUSR2', () => {
    const now = used();
    // There as a whole or not at all: it is read as soon as it is there.
    writeFileSync(`${process.env.PIECES}.new`, JSON.stringify({ total: now - began, pieces }));
    renameSync(`${process.env.PIECES}.new`, process.env.PIECES);
    began = used();
    last = began;
    pieces = [];
  });
}
