// SPDX-License-Identifier: Apache-2.0
/**
 * Calls that wait for their client between two rounds. The client carries a sealed state, bound to principal, method, arguments and definition; it
 * is taken once, within its time, by the identical request alone. What the round left open is closed when it is taken or its time is over.
 */
import { randomBytes } from 'node:crypto';
import { canonical, type JsonObject } from '../../verify/format/canonical.js';
import { digest } from '../../verify/format/hash.js';
import { type Caller, whoseKey } from '../caller.js';
import type { Intake } from '../intake.js';
import { createSeal, type Seal } from './sealed.js';
import type { Talk } from './talk.js';

/** What a state is good for. */
export interface About {
  readonly who: string;
  /** Of method, place and parameters without those of the round. */
  readonly request: string;
  readonly definition: string | null;
}

/** A call that goes on. */
export interface Round {
  /** How many rounds were before. */
  readonly count: number;
  /** The call that waits at a server which asked in its middle; null where the request is made again. */
  readonly talk: Talk | null;
  /** What the client answers, by the keys of the questions. */
  readonly answers: JsonObject;
  /** The review that the call waits in. */
  readonly review?: string;
}

interface Left {
  readonly count: number;
  readonly talk: Talk | null;
  /** Called once: with the answers when it goes on, with null when its time is over. */
  readonly close: (answers: JsonObject | null) => void;
  /** The id of the review that the call waits in. Nothing else is left open then, so the state is good after a restart as well. */
  readonly review?: string;
}

/** What was closed into a state. */
interface Sealed {
  readonly id: string;
  /** Of the process that gave it. */
  readonly run: string;
  readonly about: About;
  readonly state: string | null;
  /** By the clock on the wall. */
  readonly until: number;
  readonly count: number;
  readonly review: string | null;
}

export interface Rounds {
  /** The sealed state for the client; `state` is the server's own. */
  open(about: About, state: string | null, left: Left, forMs: number): string;
  /** What a state stands for, once; null for one that is not good for this request, `lost` where a restart has ended what it stood for. */
  take(
    sealed: string,
    about: About,
    answers: JsonObject,
  ): { readonly round: Round; readonly state: string | null } | 'lost' | null;
  closeAll(): void;
}

const MAX_OPEN = 10_000;

/** `now` is monotonic, `wall` the time of day, in milliseconds. */
export function createRounds(
  now: () => number,
  wall: () => number = Date.now,
  seal: Seal = createSeal(),
): Rounds {
  const run = randomBytes(16).toString('base64url');
  /** States of an earlier run that were shown to this one. */
  const used = new Set<string>();
  const open = new Map<
    string,
    { readonly left: Left; readonly until: number; readonly timer: NodeJS.Timeout }
  >();
  const end = (id: string, answers: JsonObject | null): void => {
    const found = open.get(id);
    if (found === undefined) return;
    open.delete(id);
    clearTimeout(found.timer);
    found.left.close(answers);
    if (answers === null) found.left.talk?.abandon();
  };
  return {
    open(about, state, left, forMs) {
      const [oldest] = open.keys();
      if (open.size >= MAX_OPEN && oldest !== undefined) end(oldest, null);
      const id = randomBytes(16).toString('base64url');
      const timer = setTimeout(() => end(id, null), forMs);
      timer.unref();
      open.set(id, { left, until: now() + forMs, timer });
      const { count, review = null } = left;
      const until = wall() + forMs;
      return seal.close(JSON.stringify({ id, run, about, state, until, count, review } satisfies Sealed));
    },
    take(sealed, about, answers) {
      const text = seal.open(sealed);
      if (text === null) return null;
      const own = JSON.parse(text) as Sealed;
      // Who shows another's state, or shows it for another call, does not use it up.
      if (canonical({ ...own.about }) !== canonical({ ...about })) return null;
      const { count, review } = own;
      const round = { count: count + 1, answers, ...(review === null ? {} : { review }) };
      if (own.run !== run) {
        if (own.until <= wall() || used.has(own.id)) return null;
        if (review === null) return 'lost';
        if (used.size >= MAX_OPEN) used.clear();
        used.add(own.id);
        return { round: { ...round, talk: null }, state: null };
      }
      const found = open.get(own.id);
      if (found === undefined || found.until <= now()) return null;
      end(own.id, answers);
      return { round: { ...round, talk: found.left.talk }, state: own.state };
    },
    closeAll() {
      for (const id of open.keys()) end(id, null);
    },
  };
}

/** What a round of this request is bound to. */
export function aboutOf(caller: Caller, { intent, definition }: Intake): About {
  const { inputResponses: _, requestState: __, ...params } = JSON.parse(intent.params) as JsonObject;
  const { kind, method, server, name } = intent;
  return {
    who: whoseKey(caller),
    request: digest(canonical({ kind, method, server, name, params })),
    definition,
  };
}
