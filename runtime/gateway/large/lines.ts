// SPDX-License-Identifier: Apache-2.0
/** Large responses where a line has a meaning: inside JSON strings there are no line breaks, and between tokens they may be spaces. */
import { sseEvent } from '../wire/sse.js';

/** Written over in place: the bytes are nobody else's. */
export function oneLine(bytes: Uint8Array): Uint8Array {
  for (const end of [10, 13])
    for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, at + 1)) bytes[at] = 32;
  return bytes;
}

/** One event of a stream, piece by piece. */
export const eventOf = (body: string | Uint8Array): readonly (string | Uint8Array)[] =>
  typeof body === 'string' ? [sseEvent(body)] : ['event: message\ndata: ', oneLine(body), '\n\n'];
