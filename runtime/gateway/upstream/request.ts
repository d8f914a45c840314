// SPDX-License-Identifier: Apache-2.0
/** One HTTP request to a server: its answer comes whole, or as a stream where it is one of events. */
import { Readable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import { isLarge } from '../large/bound.js';
import { giveBack } from '../wire/blocks.js';
import { Parts } from '../wire/parts.js';
import { type Meter, pause } from './meter.js';

type Controller = Dispatcher.DispatchController;

export interface Head {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly body: Promise<readonly Buffer[]> | Readable;
}

export interface Asked {
  /** Rejects where no answer begins; what breaks off later is the body's. */
  readonly head: Promise<Head>;
  /** The rest of the answer is not wanted. */
  leave(): void;
}

const LEFT = new Error('the answer is not waited for');
const STREAM = 'text/event-stream';

export const mediaTypeOf = (type: string | readonly string[] | undefined): string =>
  String(type ?? '')
    .split(';')[0]
    ?.trim()
    .toLowerCase() ?? '';

export interface Taking {
  /** A whole answer of more bytes breaks off with a RangeError. */
  readonly cap: number;
  /** As fast as it lets a whole answer is read; a stream is for its reader to pace. */
  readonly said: Meter;
}

export function ask(pool: Pool, options: Dispatcher.DispatchOptions, taking: Taking): Asked {
  let controller: Controller | null = null;
  let left = false;
  let over = false;
  const leave = (): void => {
    left = true;
    if (!over) controller?.abort(LEFT);
  };
  const head = new Promise<Head>((resolve, reject) => {
    let taker: Taker | null = null;
    pool.dispatch(options, {
      onRequestStart: (own) => {
        controller = own;
        if (left) own.abort(LEFT);
      },
      onResponseStart: (own, status, headers) => {
        if (status < 200) return;
        taker = mediaTypeOf(headers['content-type']) === STREAM ? streamed(own) : whole(own, taking);
        resolve({ status, headers, body: taker.body });
      },
      onResponseData: (_, chunk) => taker?.take(chunk),
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
  take(chunk: Buffer): void;
  end(): void;
  fail(error: Error): void;
}

function streamed(controller: Controller): Taker {
  const body = new Readable({
    read: () => controller.resume(),
    destroy: (error, done) => {
      if (!body.readableEnded) controller.abort(error ?? LEFT);
      done(error);
    },
  });
  // Whoever reads it learns of its end by reading.
  body.on('error', () => undefined);
  return {
    body,
    take: (chunk) => {
      if (!body.push(chunk)) controller.pause();
    },
    end: () => body.push(null),
    fail: (error) => body.destroy(error),
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
  const add = (chunk: Buffer): void => {
    const begun = parts.size > 0;
    parts.add(chunk);
    said.read(chunk.length);
    if (!begun) return;
    if (isLarge(parts.size)) said.growing(chunk.length);
    const ms = said.rest();
    if (ms === null) return;
    controller.pause();
    void pause(ms).then(() => controller.resume());
  };
  // It may be that nobody wants it.
  body.catch(() => undefined);
  return {
    body,
    take: (chunk) => {
      if (parts.size + chunk.length > cap) controller.abort(new RangeError(`an answer over ${cap} bytes`));
      else add(chunk);
    },
    end: () => settle.resolve(parts.take()),
    fail: (error) => {
      giveBack(parts.take());
      settle.reject(error);
    },
  };
}
