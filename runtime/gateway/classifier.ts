// SPDX-License-Identifier: Apache-2.0
/**
 * A classifier of the operator's own, asked over HTTP (docs/scanning.md). It can only raise `injection_score`: what it does not answer in time,
 * or not as agreed, makes the score unknown, which policies take for the strict side.
 */
import { request } from 'undici';
import type { ClassifierConfig } from '../config.js';
import { capped } from '../decide/capped.js';
import { parseStrict } from '../verify/format/json.js';
import { isObject } from './wire/message.js';

export interface Classifier {
  /** 0 to 1; undefined when it cannot be had. */
  score(value: unknown): Promise<number | undefined>;
}

const MAX_ASKED = 1024 * 1024;
const MAX_ANSWER = 64 * 1024;
/** Questions that may wait at a time: a classifier that hangs must not hold all calls. */
const MAX_WAITING = 64;

export function httpClassifier({ url, headers, timeoutMs }: ClassifierConfig): Classifier {
  let waiting = 0;
  const ask = async (body: string): Promise<number | undefined> => {
    const answer = await request(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
      body,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await capped(answer.body, MAX_ANSWER);
    return answer.statusCode === 200 && text !== null ? scoreIn(text.toString('utf8')) : undefined;
  };
  return {
    score: async (value) => {
      const body = JSON.stringify({ version: 1, detector: 'injection', value });
      if (waiting >= MAX_WAITING || body.length > MAX_ASKED) return undefined;
      waiting++;
      try {
        return await ask(body);
      } catch {
        return undefined;
      } finally {
        waiting--;
      }
    },
  };
}

function scoreIn(text: string): number | undefined {
  const parsed = parseStrict(text);
  const score = parsed.ok && isObject(parsed.value) ? parsed.value['score'] : undefined;
  return typeof score === 'number' && score >= 0 && score <= 1 ? score : undefined;
}
