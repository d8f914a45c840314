// SPDX-License-Identifier: Apache-2.0
/**
 * Large messages, as the gateway's own thread sees them. What has to be known of one comes back as plain data, so that everything small
 * (rules, names, receipts) goes on as ever; the texts, and the work on them, stay in the thread (desk.ts). Memory is bounded by what is
 * held there at a time; whatever cannot be had fails, and with it the call.
 */
import type { Apart } from '../../log/apart.js';
import type { JsonObject, JsonValue } from '../../verify/format/canonical.js';
import type { UpstreamMessage } from '../wire/answer.js';
import {
  type Action,
  type CanonicalIntent,
  type Envelope,
  type LargeWork,
  LargeIntent,
} from '../wire/intent.js';
import { type ClientMessage, INTERNAL_ERROR, isObject } from '../wire/message.js';
import type { Outgoing } from '../wire/reply.js';
import type { IntentTask, MaskMade, Outcome, Part, ReplyTask } from './desk.js';
import { giveBack, isBlock } from '../wire/blocks.js';
import { withLongTexts } from './long-texts.js';
import { LargeFailure, openThread, type Thread } from './thread.js';

/** The text of an answer that stays in the thread. */
export interface HeldText {
  readonly length: number;
  text(): Promise<string>;
  /** What it is. Of a result there are else only the members that say what kind it is. */
  value(): Promise<unknown>;
  outcome(): Promise<Outcome>;
  reply(task: ReplyTask): Promise<Exclude<Outgoing, string>>;
  /** Another text, masked, or why it cannot be. */
  mask(masks: readonly string[], outputSchema: JsonValue): Promise<MaskedText | { readonly why: string }>;
  readonly putAway: () => void;
}

export interface MaskedText {
  readonly text: HeldText;
  readonly counts: Extract<MaskMade, { readonly counts: unknown }>['counts'];
}

/** JSON text of an answer: here, or in the thread. */
export type Raw = string | HeldText;

export const textOf = (raw: Raw): string | Promise<string> => (typeof raw === 'string' ? raw : raw.text());

/** A message of an upstream whose answer may be a large one. */
export type UpstreamSaid =
  | Exclude<UpstreamMessage, { readonly raw: string; readonly id: number }>
  | WithRaw<Extract<UpstreamMessage, { readonly kind: 'result' }>>
  | WithRaw<Extract<UpstreamMessage, { readonly kind: 'error' }>>;
type WithRaw<M> = Omit<M, 'raw'> & { readonly raw: Raw };

export interface HeardLarge {
  readonly message: UpstreamSaid;
  readonly head: string;
  readonly tail: string;
}

export interface LargeMessages {
  /** Reads a client's message, given in the parts in which it came. `leave` puts away what was kept of it. */
  message(
    parts: readonly Uint8Array[],
  ): Promise<{ readonly message: ClientMessage; readonly leave: () => void }>;
  /** The intent of parameters that were read here, and how the arguments misfit; null for all others, which are small. */
  intent(
    action: Action,
    args: JsonObject,
    params: JsonObject,
    definition: IntentTask['definition'],
  ): Promise<{ readonly intent: CanonicalIntent; readonly misfit: string | null }> | null;
  /** A part of the arguments, by own members, as `v8.serialize` writes it; null for arguments that were not read here. */
  readonly packed: (args: object, path: readonly string[]) => Promise<Uint8Array> | null;
  /** Reads an upstream's message. */
  answer(body: readonly Uint8Array[] | string): Promise<HeardLarge>;
  close(): Promise<void>;
}

/** Responses that are on their way out in memory that V8 does not count (reply-memory.ts). */
const MAX_LENT = 8;
/** Bytes, all messages together. */
const MAX_HELD = 256 * 1024 * 1024;

const FULL = 'the gateway holds as many large messages at a time as it can; try again in a moment';
const LOST = 'the gateway could not read this message; nothing was done with it';

interface Place {
  readonly document: number;
  readonly era: number;
  readonly member: string;
}

/** `openings` is the folder for the clear text of receipts; without one it goes with the receipts. */
export function largeMessages(openings: string | null, thread: Thread = openThread()): LargeMessages {
  const places = new WeakMap<object, Place>();
  let held = 0;

  const hold = (size: number): (() => void) => {
    if (held + size > MAX_HELD) throw new LargeFailure(FULL);
    held += size;
    let inside = true;
    return () => {
      if (inside) held -= size;
      inside = false;
    };
  };
  const inEra = (era: number): void => {
    if (thread.era() !== era) throw new LargeFailure('what was kept of a large message is lost');
  };
  const putAway = (number: number, era: number): void => {
    if (thread.era() === era) thread.ask('putAway', [number]).catch(() => undefined);
  };
  let lent = 0;
  /** Of responses that never went out. */
  const unsaid = new FinalizationRegistry(() => {
    lent--;
  });
  /** The memory of a response is in use until what this gives is called. */
  const lend = (memory: SharedArrayBuffer, era: number): (() => void) => {
    lent++;
    unsaid.register(memory, null, memory);
    return () => {
      if (!unsaid.unregister(memory)) return;
      lent--;
      if (thread.era() === era) thread.ask('replied', [memory]).catch(() => undefined);
    };
  };
  /** Whoever forgets to put a text away does so when nothing refers to it any more. */
  const forgotten = new FinalizationRegistry((leave: () => void) => leave());

  const textHeld = (number: number, length: number, era: number, gone: () => void): HeldText => {
    const leave = (): void => {
      gone();
      putAway(number, era);
    };
    const asked = async <Value>(ask: () => Promise<Value>): Promise<Value> => {
      inEra(era);
      return ask();
    };
    const text: HeldText = {
      length,
      text: () => asked(() => thread.ask('text', [number])),
      value: () => asked(() => thread.ask('value', [number])),
      outcome: () => asked(() => thread.ask('outcome', [number])),
      reply: (task) =>
        asked(async () => {
          const shared = lent < MAX_LENT;
          const made = await thread.ask('reply', [number, { shared, ...task }]);
          const { buffer } = made.bytes;
          return buffer instanceof SharedArrayBuffer ? { done: lend(buffer, era), ...made } : made;
        }),
      mask: (masks, outputSchema) =>
        asked(async () => {
          const made = await thread.ask('mask', [number, masks, outputSchema]);
          if ('why' in made) return made;
          return { text: textHeld(made.text, made.length, era, hold(made.length)), counts: made.counts };
        }),
      putAway: () => {
        forgotten.unregister(text);
        leave();
      },
    };
    forgotten.register(text, leave, text);
    return text;
  };

  return {
    async message(parts) {
      let leave: () => void = () => undefined;
      try {
        const gone = hold(parts.reduce((size, part) => size + part.length, 0));
        leave = gone;
        const own = parts.map(givenAway);
        const { message: handed, document } = await thread.ask('message', [own], own.flatMap(bufferOf));
        const message = withLongTexts(handed);
        const era = thread.era();
        if (message.kind !== 'request' || document === null) return { message, leave };
        for (const [member, value] of Object.entries(message.params))
          if (isObject(value)) places.set(value, { document, era, member });
        return {
          message,
          leave: () => {
            gone();
            putAway(document, era);
          },
        };
      } catch (error) {
        leave();
        const message = error instanceof LargeFailure && error.message === FULL ? FULL : LOST;
        return { message: { kind: 'refused', id: null, code: INTERNAL_ERROR, message }, leave };
      } finally {
        giveBack(parts);
      }
    },
    intent(action, args, params, definition) {
      const place = places.get(args);
      if (place === undefined) return null;
      const { document, era } = place;
      const parts: { [member: string]: Part } = {};
      for (const [member, value] of Object.entries(params)) {
        const at = isObject(value) ? places.get(value) : undefined;
        parts[member] = at?.document === document && at.era === era ? { of: at.member } : { value };
      }
      return Promise.resolve().then(async () => {
        inEra(era);
        const task = { document, action, params: parts, definition };
        const { intent: number, digest, misfit } = await thread.ask('intent', [task]);
        return { intent: new LargeIntent(action, args, params, digest, workOn(number, era)), misfit };
      });
    },
    packed(args, path) {
      const place = places.get(args);
      if (place === undefined || thread.era() !== place.era) return null;
      return thread.ask('packed', [place.document, [place.member, ...path]]);
    },
    async answer(body) {
      const own = typeof body === 'string' ? body : body.map(givenAway);
      const gone = hold(
        typeof own === 'string' ? own.length : own.reduce((sum, { length }) => sum + length, 0),
      );
      try {
        const said = await thread.ask('answer', [own], typeof own === 'string' ? [] : own.flatMap(bufferOf));
        if (said.text === null) {
          gone();
          return said;
        }
        const raw = textHeld(said.text, said.length, thread.era(), gone);
        return { message: { ...said.message, raw } as UpstreamSaid, head: '', tail: '' };
      } catch (error) {
        gone();
        throw error;
      } finally {
        if (typeof body !== 'string') giveBack(body);
      }
    },
    close: () => thread.close(),
  };

  function workOn(number: number, era: number): LargeWork {
    return {
      async commit() {
        inEra(era);
        const { apart, ...rest } = await thread.ask('commit', [number, openings]);
        return { ...rest, apart: apart satisfies Apart | null };
      },
      async forward(id: number, beside: Envelope, more: readonly string[]) {
        inEra(era);
        return thread.ask('forward', [number, id, beside, more]);
      },
    };
  }
}

const bufferOf = (bytes: Uint8Array): readonly ArrayBuffer[] =>
  isBlock(bytes) ? [] : [bytes.buffer as ArrayBuffer];

/** Bytes that can be given away: those of a buffer that others share are copied. */
function givenAway(bytes: Uint8Array): Uint8Array {
  if (isBlock(bytes)) return bytes;
  const whole = bytes.byteOffset === 0 && bytes.length === bytes.buffer.byteLength;
  return whole ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}
