// SPDX-License-Identifier: Apache-2.0
/**
 * Facts from HTTP: `POST {fact, principal, user, session, intent}` to a service of the operator, which answers `{value, at}`. What is
 * not answered in time, as agreed, of the declared type and fresh enough cannot be had, and the policy decides without it (language, 3).
 */
import { request } from 'undici';
import type { Json, Request } from '../../stdlib/abi.js';
import { moment } from '../../stdlib/moment.js';
import { digest } from '../verify/format/hash.js';
import { canonical } from '../verify/format/canonical.js';
import { parseStrict } from '../verify/format/json.js';
import { capped } from './capped.js';
import { typedAt } from './fact-type.js';
import type { FactSource } from './manifest.js';

export interface FactServiceConfig {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly timeoutMs: number;
}

export interface FactServices {
  /** The value of a fact whose source is `http`; undefined when it cannot be had. Never rejects. */
  value(fact: FactSource, request: Request): Promise<Json | undefined>;
}

interface Answer {
  readonly value: Json;
  /** Milliseconds since 1970 at which the value held. */
  readonly at: number;
}

const MAX_ASKED = 1024 * 1024;
const MAX_ANSWER = 64 * 1024;
/** Questions that may wait at a time, for each service: one that hangs must not hold all calls. */
const MAX_WAITING = 64;
const MAX_KEPT = 4_096;
/** Answers kept are no longer than this, so that what is kept is bounded. */
const MAX_KEPT_SIZE = 4_096;
/** Clocks differ: an answer may be from so far ahead. */
const AHEAD_MS = 5_000;

/** `now`: milliseconds since 1970. */
export function factServices(
  services: ReadonlyMap<string, FactServiceConfig>,
  now: () => number,
): FactServices {
  const waiting = new Map<string, number>();
  const asked = new Map<string, Promise<Answer | null>>();
  const kept = new Map<string, Answer>();

  const fetched = async (name: string, config: FactServiceConfig, body: string): Promise<Answer | null> => {
    const others = waiting.get(name) ?? 0;
    if (others >= MAX_WAITING || body.length > MAX_ASKED) return null;
    waiting.set(name, others + 1);
    try {
      return await ask(config, body);
    } catch {
      return null;
    } finally {
      waiting.set(name, (waiting.get(name) ?? 1) - 1);
    }
  };

  /** Calls that ask the same at the same time share one question. */
  const once = async (
    name: string,
    config: FactServiceConfig,
    key: string,
    body: string,
  ): Promise<Answer | null> => {
    const running = asked.get(key);
    if (running !== undefined) return await running;
    const answer = fetched(name, config, body);
    asked.set(key, answer);
    try {
      return await answer;
    } finally {
      asked.delete(key);
    }
  };

  const keep = (key: string, answer: Answer): void => {
    if (JSON.stringify(answer.value).length > MAX_KEPT_SIZE) return;
    kept.delete(key);
    kept.set(key, answer);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  };

  const answerOf = async ({ path, fresh }: FactSource, question: Request): Promise<Answer | null> => {
    const [name = ''] = path;
    const config = services.get(name);
    if (config === undefined) return null;
    const { principal, user, session, intent } = question;
    const { kind, server, name: action, args } = intent;
    const body = canonical({
      fact: name,
      principal,
      user,
      session,
      intent: { kind, server, name: action, args },
    });
    const key = digest(body);
    const isFresh = ({ at }: Answer): boolean =>
      at <= now() + AHEAD_MS && (fresh === undefined || now() - at <= fresh);
    const known = fresh === undefined ? undefined : kept.get(key);
    if (known !== undefined && isFresh(known)) return known;
    const answer = await once(name, config, key, body);
    if (answer === null || !isFresh(answer)) return null;
    if (fresh !== undefined) keep(key, answer);
    return answer;
  };

  return {
    value: async (fact, question) => {
      try {
        const answer = await answerOf(fact, question);
        return answer === null ? undefined : typedAt(answer.value, fact.path.slice(1), fact.type);
      } catch {
        return undefined;
      }
    },
  };
}

async function ask({ url, headers, timeoutMs }: FactServiceConfig, body: string): Promise<Answer | null> {
  const answer = await request(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
    body,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await capped(answer.body, MAX_ANSWER);
  return answer.statusCode === 200 && text !== null ? answerIn(text) : null;
}

/** `{"value": …, "at": "2026-03-09T13:00:00Z"}` and nothing else. */
function answerIn(bytes: Buffer): Answer | null {
  const parsed = parseStrict(bytes);
  const found = parsed.ok ? parsed.value : null;
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return null;
  const members = Object.entries(found as { readonly [key: string]: Json });
  const { value, at } = Object.fromEntries(members) as { readonly value?: Json; readonly at?: Json };
  if (value === undefined || members.length !== 2) return null;
  const ms = typeof at === 'string' ? moment(at) : undefined;
  return ms === undefined
    ? null
    : { value, at: Math.floor(typeof ms === 'number' ? ms : Number(ms.c) / 10 ** ms.scale) };
}
