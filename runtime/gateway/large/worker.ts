// SPDX-License-Identifier: Apache-2.0
/** The thread that works on large messages: one task after the other, as the gateway asks (service.ts). */
import { parentPort } from 'node:worker_threads';
import { stepBack } from '../../threads.js';
import { createDesk, type Desk } from './desk.js';
import type { WithoutLongTexts } from './long-texts.js';

export type TaskName = keyof Desk;

export interface Task {
  readonly id: number;
  readonly name: TaskName;
  readonly given: readonly unknown[];
}

export interface TaskAnswer {
  readonly id: number;
  readonly value?: unknown;
  /** Why there is none; no part of a message. */
  readonly failed?: string;
}

stepBack();
const desk = createDesk();

parentPort?.on('message', ({ id, name, given }: Task) => {
  // Whoever asks is the gateway's own thread, whose types hold the names and what goes with them.
  const work = desk[name] as (...given: readonly unknown[]) => unknown;
  void Promise.resolve()
    .then(() => work(...given))
    .then((value) => parentPort?.postMessage({ id, value } satisfies TaskAnswer, bytesOf(value)))
    // What cannot be handed over fails alone: the thread holds the messages of others.
    .catch((error: unknown) => {
      const failed = error instanceof Error ? error.message : 'it failed';
      parentPort?.postMessage({ id, failed } satisfies TaskAnswer);
    });
});

/** What is handed over instead of being copied. */
function bytesOf(value: unknown): ArrayBuffer[] {
  if (typeof value !== 'object' || value === null) return [];
  const { bytes, message } = value as {
    readonly bytes?: unknown;
    readonly message?: Partial<WithoutLongTexts<unknown>>;
  };
  const all = [value, bytes, ...(message?.texts ?? []).map((text) => text.bytes)];
  return all.flatMap((one) =>
    one instanceof Uint8Array && one.buffer instanceof ArrayBuffer && one.length === one.buffer.byteLength
      ? [one.buffer]
      : [],
  );
}
