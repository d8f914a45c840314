// SPDX-License-Identifier: Apache-2.0
/** The two ways to an upstream (a child's stdio, Streamable HTTP) in one shape: texts out, texts in, and how an answer can be lost. */

import type { Slowed } from './meter.js';

/** The message surely did not reach the upstream: the call may be answered `not_sent`. */
export class NotSent extends Error {
  /** For the operator only: paths, last words of a process. */
  readonly detail: string | null;
  constructor(message: string, detail: string | null = null) {
    super(message);
    this.detail = detail;
  }
}

/** It was taken and refused: it did not run, and another way of asking may be understood. */
export class Refused extends NotSent {}

/** What the operator is told of a failure. */
export function troubleOf(error: unknown): string {
  if (error instanceof NotSent && error.detail !== null) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

/** A message as it came: text, or bytes in one part or in several. */
export type Said = string | readonly Buffer[];

export const sizeOf = (said: Said): number =>
  typeof said === 'string' ? said.length : said.reduce((size, { length }) => size + length, 0);

export interface ChannelEvents {
  /** `of` is the request on whose stream it came, where there are streams. True for an answer that is, or was, waited for. */
  message(body: Said, of: number | null): boolean | Promise<boolean>;
  /** Bytes that were no message (a banner line …). */
  noise(bytes: number): void;
  /** It says more than its share, and is read slowly from here on. */
  slowed(why: Slowed): void;
  /** Is anybody else called just now? */
  others?(): boolean;
  /** Does anybody wait for an answer? */
  awaited?(): boolean;
  /** No answer will come to this request, or to any when `id` is null; whether it ran is not known. */
  lost(id: number | null, why: string): void;
  /** The channel is gone; `detail` is for the operator only. */
  closed(why: string, detail: string): void;
}

export interface Channel {
  readonly kind: 'stdio' | 'http';
  /**
   * Resolves once handed over; rejects with `NotSent` when it surely did not leave. `id` is that of a request; `headers` go with it where there
   * are any, and say that it is one of 2026-07-28.
   */
  send(
    text: string | Uint8Array,
    id: number | null,
    headers?: { readonly [name: string]: string },
  ): Promise<void>;
  /** Tells the channel which revision was agreed, once. */
  negotiated(revision: string): void;
  /** Begins to hear what belongs to no request (HTTP: a stream of its own, where the server has one). */
  listen(): void;
  /** Ends the wait for one answer (HTTP: aborts its stream). */
  abandon(id: number): void;
  close(): Promise<void>;
}

export type OpenChannel = (events: ChannelEvents) => Promise<Channel>;
