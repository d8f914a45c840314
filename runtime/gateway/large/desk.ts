// SPDX-License-Identifier: Apache-2.0
/**
 * The work on large messages, done in a thread of its own (worker.ts) with the functions that small ones go through: only where it is
 * done differs. What was read stays here until it is put away; the gateway's own thread names it by number.
 */
import { serialize } from 'node:v8';
import { writeApart, type Apart } from '../../log/apart.js';
import { maskResult } from '../../scan/mask.js';
import { scanValue } from '../../scan/walk.js';
import type { JsonObject, JsonValue } from '../../verify/format/canonical.js';
import { modernText, statusOf } from '../modern/reply.js';
import { commitArgs, newSalt, outcomeOf } from '../record.js';
import { type ArgumentCheck, argumentCheck, structuredMisfit } from '../validate.js';
import { replyMemory } from './reply-memory.js';
import { withoutLongTexts, type WithoutLongTexts } from './long-texts.js';
import { readUpstream, type UpstreamMessage } from '../wire/answer.js';
import {
  type Action,
  type CanonicalIntent,
  canonicalIntent,
  type Envelope,
  forwardText,
} from '../wire/intent.js';
import {
  type ClientMessage,
  isObject,
  MESSAGE_LIMITS,
  readMessage,
  type RequestId,
} from '../wire/message.js';
import { errorText, type Outgoing, type ReceiptMeta, resultText, withMeta } from '../wire/reply.js';

/** A member of `params`: as the document has it, or another. */
export type Part = { readonly of: string } | { readonly value: JsonValue };

export interface IntentTask {
  readonly document: number;
  readonly action: Action;
  readonly params: { readonly [member: string]: Part };
  /** The pinned definition whose schema the arguments have to fit, and its hash; null for none. */
  readonly definition: { readonly hash: string; readonly definition: JsonObject } | null;
}

/** What the gateway's own thread has to know of an intent. */
export interface MadeIntent {
  readonly intent: number;
  readonly digest: string;
  readonly misfit: string | null;
}

export interface Committed {
  /** Base64. */
  readonly salt: string;
  readonly root: string;
  readonly count: number;
  /** Null where there is no folder for it. */
  readonly apart: Apart | null;
}

type Raw = Extract<UpstreamMessage, { readonly kind: 'result' | 'error' }>;
type Unsaid<M extends Raw> = Omit<M, 'raw'>;

/** A message of an upstream; of an answer the text stays here, under a number. */
export type Said =
  | {
      readonly text: number;
      readonly length: number;
      readonly message:
        | Unsaid<Extract<Raw, { readonly kind: 'result' }>>
        | Unsaid<Extract<Raw, { readonly kind: 'error' }>>;
    }
  | {
      readonly text: null;
      readonly message: Exclude<UpstreamMessage, Raw>;
      /** First and last characters, where the id of an unusable answer may be found. */
      readonly head: string;
      readonly tail: string;
    };

export interface Outcome {
  /** Base64. */
  readonly salt: string;
  readonly root: string;
  readonly bytes: number;
}

export interface ReplyTask {
  readonly id: RequestId;
  readonly kind: 'result' | 'error';
  readonly receipt: ReceiptMeta;
  /** The method, where the client is of 2026-07-28. */
  readonly modern: string | null;
  /** Into memory that is given back. */
  readonly shared?: boolean;
}

export type MaskMade =
  | {
      readonly text: number;
      readonly length: number;
      readonly counts: readonly { readonly kind: string; readonly count: number }[];
    }
  | { readonly why: string };

/** Where in a text the id of an answer is looked for. */
const EDGE = 512;
const MAX_CHECKS = 64;

/** What nests deeper cannot be handed from thread to thread. */
const MAX_DEPTH = 1_000;

/** Does a JSON text nest deeper? Brackets in strings do not count. */
function deeperThan(text: string, most: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at);
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > most) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
      default:
    }
  }
  return false;
}

/** Where the string that begins at `from` ends. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

/** The members of a result by which the gateway knows what kind of result it is; whoever wants more asks for it. */
function outlineOf(value: unknown): JsonObject {
  const { resultType, isError, inputRequests } = value as { readonly [key: string]: unknown };
  const [first] = isObject(inputRequests) ? Object.values(inputRequests) : [];
  const method = isObject(first) ? first['method'] : undefined;
  return {
    isError: isError === true,
    // One that is no text is none that is known.
    ...(resultType === undefined ? {} : { resultType: typeof resultType === 'string' ? resultType : '' }),
    ...(typeof method === 'string' ? { inputRequests: { first: { method } } } : {}),
  };
}

export type Desk = ReturnType<typeof createDesk>;

export function createDesk() {
  const documents = new Map<number, { readonly params: JsonObject; readonly intents: number[] }>();
  const intents = new Map<number, CanonicalIntent>();
  const texts = new Map<number, string>();
  const checks = new Map<string, ArgumentCheck>();
  const replies = replyMemory();
  let next = 0;

  const found = <Value>(map: ReadonlyMap<number, Value>, number: number): Value => {
    const value = map.get(number);
    if (value === undefined) throw new RangeError('this has been put away');
    return value;
  };
  const keepText = (text: string): { readonly text: number; readonly length: number } => {
    texts.set(++next, text);
    return { text: next, length: text.length };
  };
  const checkOf = ({ hash, definition }: NonNullable<IntentTask['definition']>): ArgumentCheck => {
    const check = checks.get(hash) ?? argumentCheck(definition);
    if (checks.size >= MAX_CHECKS) checks.clear();
    checks.set(hash, check);
    return check;
  };

  return {
    /** Reads a client's message; the parameters of a request stay here. */
    message(parts: readonly Uint8Array[]): {
      readonly message: WithoutLongTexts<ClientMessage>;
      readonly document: number | null;
    } {
      const message = readMessage(Buffer.concat(parts), MESSAGE_LIMITS);
      const handed = withoutLongTexts(message);
      if (message.kind !== 'request') return { message: handed, document: null };
      documents.set(++next, { params: message.params, intents: [] });
      return { message: handed, document: next };
    },

    intent({ document, action, params, definition }: IntentTask): MadeIntent {
      const { params: own, intents: made } = found(documents, document);
      const whole: { [member: string]: JsonValue } = Object.create(null);
      for (const [member, part] of Object.entries(params)) {
        const value = 'of' in part ? own[part.of] : part.value;
        if (value === undefined) throw new RangeError('there is no such member');
        whole[member] = value;
      }
      const args = (whole['arguments'] ?? {}) as JsonObject;
      const intent = canonicalIntent(action, args, whole);
      intents.set(++next, intent);
      made.push(next);
      return {
        intent: next,
        digest: intent.digest,
        misfit: definition === null ? null : checkOf(definition)(args),
      };
    },

    /** A part of the parameters for another thread. */
    packed(document: number, path: readonly string[]): Uint8Array {
      let at: JsonValue = found(documents, document).params;
      for (const key of path) {
        const inside: JsonValue | undefined = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
        if (inside === undefined) throw new RangeError('there is no such member');
        at = inside;
      }
      return serialize(at);
    },

    /** Commits to the arguments for a receipt, and writes the intent below `openings` for whoever may open it. */
    commit(intent: number, openings: string | null): Committed {
      const { args, text } = found(intents, intent);
      const salt = newSalt();
      const { root, count } = commitArgs(salt, args);
      const apart = openings === null ? null : writeApart(openings, text);
      return { salt: salt.toString('base64'), root, count, apart };
    },

    /** The bytes of the message to the upstream. */
    forward(intent: number, id: number, beside: Envelope, more: readonly string[]): Uint8Array {
      return Buffer.from(forwardText(found(intents, intent), id, beside, more));
    },

    /** Reads an upstream's message. */
    answer(body: readonly Uint8Array[] | string): Said {
      const text = typeof body === 'string' ? body : Buffer.concat(body).toString('utf8');
      const message: UpstreamMessage = deeperThan(text, MAX_DEPTH)
        ? { kind: 'noise', why: 'it is nested too deep' }
        : readUpstream(text);
      if (message.kind !== 'result' && message.kind !== 'error')
        return { text: null, message, head: text.slice(0, EDGE), tail: text.slice(-EDGE) };
      const { raw, ...rest } = message;
      const about = rest.kind === 'result' ? { ...rest, value: outlineOf(rest.value) } : rest;
      return { ...keepText(raw), message: about };
    },

    /** Commits to an answer, for its receipt. */
    outcome(text: number): Outcome {
      return outcomeOf(found(texts, text));
    },

    /** The bytes of the response that gives an answer to the client. */
    reply(text: number, { id, kind, receipt, modern, shared = false }: ReplyTask): Exclude<Outgoing, string> {
      const raw = found(texts, text);
      const plain = kind === 'error' ? errorText(id, raw) : resultText(id, withMeta(raw, receipt));
      const own = modern === null ? plain : modernText(modern, plain);
      const bytes = shared ? replies.write(own) : Buffer.from(own);
      return { bytes, status: modern === null ? 200 : statusOf(own) };
    },

    /** The response has gone out. */
    replied(memory: SharedArrayBuffer): void {
      replies.giveBack(memory);
    },

    /** An answer with what was found masked, as a text of its own. */
    async mask(text: number, masks: readonly string[], outputSchema: JsonValue): Promise<MaskMade> {
      const value: unknown = JSON.parse(found(texts, text));
      const masked = await maskResult(value, masks, async (one) => scanValue(one));
      if (!masked.ok) return { why: masked.why };
      const misfit = masked.counts.length === 0 ? null : structuredMisfit(masked.value, outputSchema);
      if (misfit !== null) return { why: misfit };
      return { ...keepText(JSON.stringify(masked.value)), counts: masked.counts };
    },

    /** What the answer is, for rules that read it. */
    value(text: number): unknown {
      return JSON.parse(found(texts, text));
    },

    /** The whole text, for the few who need it. */
    text(text: number): string {
      return found(texts, text);
    },

    putAway(number: number): void {
      texts.delete(number);
      for (const intent of documents.get(number)?.intents ?? []) intents.delete(intent);
      documents.delete(number);
    },
  };
}
