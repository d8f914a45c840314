// SPDX-License-Identifier: Apache-2.0
/**
 * A call of a modern client at a server that asks in its middle: the call waits at the server while the client is away with the questions, and
 * goes on when it has come back with the answers.
 */
import type { JsonObject } from '../../verify/format/canonical.js';
import type { Side } from '../connection.js';
import type { Asked } from '../gate.js';
import type { Answer, InputRequest } from '../upstream/exchange.js';
import { isObject, type RpcResponse } from '../wire/message.js';

export interface Talk {
  /** Where the server's words go: to the client while it is there. */
  readonly side: Side;
  /** Aborts when the call is not wanted any more. */
  readonly cancel: AbortSignal;
  /** Waits for the answer of a call that has begun, or for the first question. */
  begin(running: Promise<Answer>, asked: Asked): Promise<Answer>;
  /** The client is back: its answers go to the server, and the wait goes on. */
  resume(asked: Asked, answers: JsonObject): Promise<Answer>;
  /** Keeps a question for the client. */
  put(request: InputRequest, over: AbortSignal): Promise<RpcResponse | 'cancelled'>;
  abandon(): void;
}

interface Question extends InputRequest {
  readonly settle: (reply: RpcResponse | 'cancelled') => void;
}

export function newTalk(): Talk {
  const cancel = new AbortController();
  const questions = new Map<string, Question>();
  let here: Side | null = null;
  let running: Promise<Answer> = new Promise(() => undefined);
  let asked: () => void = () => undefined;
  let count = 0;
  const abandon = (): void => cancel.abort();
  const wait = async (by: Asked): Promise<Answer> => {
    here = by.side;
    const gone = AbortSignal.any([by.cancel, by.side.gone]);
    gone.addEventListener('abort', abandon, { once: true });
    if (gone.aborted) abandon();
    const question = new Promise<'asked'>((resolve) => {
      asked = () => resolve('asked');
      if (questions.size > 0) resolve('asked');
    });
    const first = await Promise.race([running, question]);
    gone.removeEventListener('abort', abandon);
    here = null;
    return first === 'asked' ? asks() : first;
  };
  const asks = (): Answer => {
    const requests = new Map([...questions].map(([key, { method, params }]) => [key, { method, params }]));
    const raw = JSON.stringify({
      resultType: 'input_required',
      inputRequests: Object.fromEntries(requests),
    });
    return { kind: 'asks', raw, requests, state: null, talk };
  };
  const talk: Talk = {
    side: { notify: (text) => here?.notify(text) ?? false, gone: cancel.signal },
    cancel: cancel.signal,
    begin(call, by) {
      running = call;
      return wait(by);
    },
    resume(by, answers) {
      for (const [key, { settle }] of questions) {
        const result = Object.hasOwn(answers, key) ? answers[key] : undefined;
        if (isObject(result)) settle({ kind: 'response', id: key, result });
      }
      return wait(by);
    },
    put: (request, over) =>
      new Promise((resolve) => {
        const key = `q${++count}`;
        const stop = (): void => settle('cancelled');
        const settle = (reply: RpcResponse | 'cancelled'): void => {
          questions.delete(key);
          over.removeEventListener('abort', stop);
          resolve(reply);
        };
        questions.set(key, { ...request, settle });
        over.addEventListener('abort', stop, { once: true });
        if (over.aborted) stop();
        else asked();
      }),
    abandon,
  };
  return talk;
}
