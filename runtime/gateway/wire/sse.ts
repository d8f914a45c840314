// SPDX-License-Identifier: Apache-2.0
/** Server-sent events, read (upstream) and written (front). Only `data` counts; `event` must be absent or `message`. */
import { StringDecoder } from 'node:string_decoder';
import { isLarge } from '../large/bound.js';

export interface EventEvents {
  message(data: string): void;
  /** A line that belongs to no message, by its length. */
  nothing?(length: number): void;
  /** So many characters of an event that is large already. */
  growing?(length: number): void;
}

/** Returns the function that takes the next chunk; throws a RangeError when one event passes the cap (in UTF-16 units). */
export function sseReader(cap: number, events: EventEvents): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let parts: string[] = [];
  let pending = 0;
  let data: string[] = [];
  let size = 0;
  let kind = 'message';
  const line = (text: string): void => {
    if (text === '') {
      if (data.length > 0 && kind === 'message') events.message(data.join('\n'));
      else events.nothing?.(size);
      data = [];
      size = 0;
      kind = 'message';
      return;
    }
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') {
      // An empty line takes room as well.
      size += value.length + 1;
      data.push(value);
    } else {
      if (field === 'event') kind = value;
      events.nothing?.(text.length);
    }
  };
  return (chunk) => {
    const text = decoder.write(chunk);
    const before = size + pending;
    let from = 0;
    // Only the new text is searched: a line that never ends costs its length, not its square.
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      const whole = parts.join('') + text.slice(from, at);
      line(whole.endsWith('\r') ? whole.slice(0, -1) : whole);
      parts = [];
      pending = 0;
      from = at + 1;
    }
    if (from < text.length) {
      parts.push(text.slice(from));
      pending += text.length - from;
    }
    if (isLarge(size + pending) && size + pending > before) events.growing?.(size + pending - before);
    if (size + pending > cap) throw new RangeError(`an event over ${cap} characters`);
  };
}

/** One event with one JSON text (which holds no line break once written by us; an upstream's raw text may). */
export function sseEvent(json: string): string {
  return json.includes('\n') || json.includes('\r')
    ? `event: message\n${json
        .split(/\r\n|\r|\n/)
        .map((part) => `data: ${part}\n`)
        .join('')}\n`
    : `event: message\ndata: ${json}\n\n`;
}
