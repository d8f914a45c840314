// SPDX-License-Identifier: Apache-2.0
/**
 * A call of a modern client at a server that asks in its middle: the call waits at the server while the client is away with the questions, and
 * goes on when it has come back with the answers.
 */
import { type Ended, Ending, onFirst } from '../../ending.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import type { Side } from '../connection.js';
import type { Asked } from '../gate.js';
import type { Answer, InputRequest } from '../upstream/exchange.js';
import { isObject, type RpcResponse } from '../wire/message.js';

export interface Talk {
  /** Where the server's words go: to the client while it is there. */
  readonly side: Side;
  /** When the call is not wanted any more. */
  readonly cancel: Ended;
  /** Waits for the answer of a call that has begun, or for the first question. */
  begin(running: Promise<Answer>, asked: Asked): Promise<Answer>;
  /** The client is back: its answers go to the server, and the wait goes on. */
  resume(asked: Asked, answers: JsonObject): Promise<Answer>;
  /** Keeps a question for the client, up to the first of the ends. */
  put(request: InputRequest, over: readonly Ended[]): Promise<RpcResponse | 'cancelled'>;
  abandon(): void;
}

interface Question extends InputRequest {
  readonly settle: (reply: RpcResponse | 'cancelled') => void;
}

export function newTalk(): Talk {
  const cancel = new Ending();
  const questions = new Map<string, Question>();
  let here: Side | null = null;
  let running: Promise<Answer> = new Promise(() => undefined);
  let asked: () => void = () => undefined;
  let count = 0;
  const abandon = (): void => cancel.end();
  const wait = async (by: Asked): Promise<Answer> => {
    here = by.side;
    const leave = onFirst([by.cancel, by.side.gone], abandon);
    const question = new Promise<'asked'>((resolve) => {
      asked = () => resolve('asked');
      if (questions.size > 0) resolve('asked');
    });
    const first = await Promise.race([running, question]);
    leave();
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
    side: { notify: (text) => here?.notify(text) ?? false, gone: cancel },
    cancel,
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
        let leave = (): void => undefined;
        const settle = (reply: RpcResponse | 'cancelled'): void => {
          questions.delete(key);
          leave();
          resolve(reply);
        };
        questions.set(key, { ...request, settle });
        leave = onFirst(over, () => settle('cancelled'));
        if (questions.has(key)) asked();
      }),
    abandon,
  };
  return talk;
}
