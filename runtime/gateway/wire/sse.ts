// SPDX-License-Identifier: Apache-2.0
/**
 * Server-sent events, read (upstream) and written (front). Only `data` counts; `event` must be absent or `message`. An event without data says
 * nothing: servers begin a stream with one that gives no more than an id (MCP 2025-11-25, transports).
 */
import { isLarge } from '../large/bound.js';
import { giveBack } from './blocks.js';
import { Parts } from './parts.js';

export interface EventEvents {
  /** The data of an event, as it came: bytes in one part or in several. */
  message(data: readonly Buffer[], size: number): void;
  /** From here the stream can be gone on with; null: from nowhere. */
  place?(id: string | null): void;
  /** So many milliseconds to wait before it is. */
  retry?(ms: number): void;
  /** A line that belongs to no message, by its length. */
  nothing?(length: number): void;
  /** So many bytes of an event that is large already. */
  growing?(bytes: number): void;
}

const [NEWLINE, RETURN, SPACE] = [10, 13, 32];
const BREAK = Buffer.from([NEWLINE]);
const KEPT_RETURN = Buffer.from([RETURN]);
const NOTHING = Buffer.alloc(0);
const DATA = Buffer.from('data:');
/** Of a line that is no data: the names that mean something, and their values, are shorter. */
const KEPT = 1024;
/** What can stand in a header. */
const SENDABLE = /^[\x20-\x7e]+$/;
const MILLISECONDS = /^\d{1,9}$/;

const valueAfter = (line: string, colon: number): string =>
  colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);

/** Returns the function that takes the next chunk; throws a RangeError when one event passes the cap (in bytes). */
export function sseReader(cap: number, events: EventEvents): (chunk: Buffer) => void {
  const data = new Parts();
  let some = false;
  let kind = 'message';
  let place: string | null | undefined;
  /** Of the line: its first bytes, its length so far, and whether its rest is data; then, whether a carriage return came that may end it. */
  let head: Buffer = NOTHING;
  let length = 0;
  let inData = false;
  let held = false;

  const append = (piece: Buffer): void => {
    if (piece.length === 0) return;
    if (held) data.add(KEPT_RETURN);
    held = piece.at(-1) === RETURN;
    if (held) piece = piece.subarray(0, -1);
    if (piece.length > 0) data.add(piece);
  };
  const beginData = (): void => {
    if (some) data.add(BREAK);
    some = true;
  };
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (inData) append(piece);
    else {
      const first = piece.subarray(0, KEPT - head.length);
      const before = head.length;
      head = before === 0 ? first : Buffer.concat([head, first]);
      inData = before <= DATA.length && head.length > DATA.length && head.indexOf(DATA) === 0;
      if (inData) {
        beginData();
        append(head.subarray(head[DATA.length] === SPACE ? DATA.length + 1 : DATA.length));
        append(piece.subarray(first.length));
      }
    }
    const size = inData ? data.size : data.size + length;
    if (isLarge(size)) events.growing?.(piece.length);
    if (size > cap) {
      giveBack(data.take());
      throw new RangeError(`an event over ${cap} bytes`);
    }
  };
  const field = (line: string): void => {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    if (name === 'data') return beginData();
    const value = valueAfter(line, colon);
    // An empty name is that of messages, too.
    if (name === 'event') kind = value || 'message';
    if (name === 'id') place = length <= KEPT && SENDABLE.test(value) ? value : null;
    if (name === 'retry' && MILLISECONDS.test(value)) events.retry?.(Number(value));
    events.nothing?.(length);
  };
  const finish = (): void => {
    const size = data.size;
    const parts = data.take();
    if (place !== undefined) events.place?.(place);
    place = undefined;
    if (size > 0 && kind === 'message') events.message(parts, size);
    else {
      giveBack(parts);
      events.nothing?.(size);
    }
    some = false;
    kind = 'message';
  };
  const endLine = (): void => {
    if (!inData) {
      const line = head.toString('latin1', 0, head.at(-1) === RETURN ? head.length - 1 : head.length);
      if (line === '') finish();
      else field(line);
    }
    head = NOTHING;
    length = 0;
    inData = false;
    held = false;
  };
  return (chunk) => {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      if (at > from) add(chunk.subarray(from, at));
      endLine();
      from = at + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
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
