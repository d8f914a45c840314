// SPDX-License-Identifier: Apache-2.0
/** One HTTP request to a server: its answer comes whole, or as a stream where it is one of events. */
import type { Dispatcher } from 'undici';
import { isLarge } from '../large/bound.js';
import { giveBack } from '../wire/blocks.js';
import { Parts } from '../wire/parts.js';
import { begun, held } from './connect.js';
import { type Meter, pause } from './meter.js';

type Controller = Dispatcher.DispatchController;

export interface Head {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly body: Promise<readonly Buffer[]> | AsyncIterable<Buffer>;
}

export interface Asked {
  /** Rejects where no answer begins; what breaks off later is the body's. */
  readonly head: Promise<Head>;
  /** The rest of the answer is not wanted. */
  leave(): void;
}

const LEFT = new Error('the answer is not waited for');
const STREAM = 'text/event-stream';
/** Of a stream, what may come before its reader takes it. */
const MAX_AHEAD = 64 * 1024;
/** So many pieces, of a stream or of a whole answer, may come before it is asked whether to go on. */
const MAX_PIECES = 1024;

export const mediaTypeOf = (type: string | readonly string[] | undefined): string =>
  String(type ?? '')
    .split(';')[0]
    ?.trim()
    .toLowerCase() ?? '';

export interface Taking {
  /** A whole answer of more bytes breaks off with a RangeError. */
  readonly cap: number;
  /** As fast as it lets a whole answer is read; a stream is for its reader to pace, which asks for more when it has taken what there was. */
  readonly said: Meter;
}

export function ask(by: Dispatcher, options: Dispatcher.DispatchOptions, taking: Taking): Asked {
  let controller: Controller | null = null;
  let left = false;
  let over = false;
  const leave = (): void => {
    left = true;
    if (!over) controller?.abort(LEFT);
  };
  const head = new Promise<Head>((resolve, reject) => {
    let taker: Taker | null = null;
    by.dispatch(options, {
      onRequestStart: (own) => {
        controller = own;
        if (left) own.abort(LEFT);
      },
      onResponseStart: (own, status, headers) => {
        if (status < 200) return;
        begun();
        taker = mediaTypeOf(headers['content-type']) === STREAM ? streamed(own, taking) : whole(own, taking);
        resolve({ status, headers, body: taker.body });
      },
      onResponseData: (_, chunk) => {
        // Where nothing was left when it went on, undici gives an empty piece.
        if (chunk.length === 0) return;
        taker?.take(chunk, held(chunk.length));
      },
      onResponseEnd: () => {
        over = true;
        taker?.end();
      },
      onResponseError: (_, error) => {
        over = true;
        if (taker === null) reject(error);
        else taker.fail(error);
      },
    });
  });
  return { head, leave };
}

interface Taker {
  readonly body: Head['body'];
  /** The `nth` piece of what was read at once, from 1. */
  take(chunk: Buffer, nth: number): void;
  end(): void;
  fail(error: Error): void;
}

/** Pieces are collected until they are asked for: going on with undici's parser for each would cost more than they do. */
function streamed(controller: Controller, { said }: Taking): Taker {
  const ahead = new Parts();
  let pieces = 0;
  let ended: { readonly error: Error | null } | null = null;
  let wake = (): void => undefined;
  const more = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
      if (controller.paused) controller.resume();
    });
  async function* body(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        if (ahead.size === 0 && ended === null) await more();
        pieces = 0;
        yield* ahead.take();
        if (ahead.size > 0 || ended === null) continue;
        if (ended.error !== null) throw ended.error;
        return;
      }
    } finally {
      if (ended === null) controller.abort(LEFT);
    }
  }
  const end = (error: Error | null): void => {
    ended = { error };
    wake();
  };
  return {
    body: body(),
    take: (chunk, nth) => {
      ahead.add(chunk);
      if (nth > 1) said.crumb();
      if (ahead.size >= MAX_AHEAD || ++pieces >= MAX_PIECES) controller.pause();
      wake();
    },
    end: () => end(null),
    fail: end,
  };
}

function whole(controller: Controller, { cap, said }: Taking): Taker {
  const parts = new Parts();
  let settle: {
    readonly resolve: (parts: readonly Buffer[]) => void;
    readonly reject: (error: Error) => void;
  };
  const body = new Promise<readonly Buffer[]>((resolve, reject) => {
    settle = { resolve, reject };
  });
  let rested = false;
  const add = (chunk: Buffer, nth: number): void => {
    const goesOn = parts.size > 0;
    parts.add(chunk);
    if (nth === 1) said.read(chunk.length);
    else said.crumb();
    if (goesOn && isLarge(parts.size)) said.growing(chunk.length);
    // After a rest some go through: pausing at each piece would cost more than they do.
    const due = nth === 1 ? goesOn && !rested : nth % MAX_PIECES === 0;
    rested = false;
    const ms = due ? said.rest() : null;
    if (ms === null) return;
    controller.pause();
    void pause(ms).then(() => {
      rested = true;
      controller.resume();
    });
  };
  // It may be that nobody wants it.
  body.catch(() => undefined);
  return {
    body,
    take: (chunk, nth) => {
      if (parts.size + chunk.length > cap) controller.abort(new RangeError(`an answer over ${cap} bytes`));
      else add(chunk, nth);
    },
    end: () => settle.resolve(parts.take()),
    fail: (error) => {
      giveBack(parts.take());
      settle.reject(error);
    },
  };
}
