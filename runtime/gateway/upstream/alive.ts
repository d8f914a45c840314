// SPDX-License-Identifier: Apache-2.0
/**
 * A server that takes calls and never answers: after a few of them nobody waits for it any more. Calls are told so at once, while it is asked from
 * time to time whether it is there; any word of it counts. A process that stays silent is ended, and started anew for the next call.
 */
import type { Answer, State } from './exchange.js';
import { ask, channelEvents } from './exchange.js';

/** Calls that ended without a word of their server. */
const SILENT = 3;
const PROBE_MS = 5_000;
const BETWEEN_MS = 5_000;

/** Why a call is not sent; null where it may be. */
export function silence(state: State, question: string): Answer | null {
  if (state.silent < SILENT) return null;
  probe(state, question);
  const why = `it has not answered the last ${state.silent} calls; it is asked whether it is there`;
  return { kind: 'failed', status: 'not_sent', why };
}

function probe(state: State, question: string): void {
  const now = performance.now();
  if (now < state.nextProbe) return;
  state.nextProbe = now + PROBE_MS + BETWEEN_MS;
  ask(state, question, {}, PROBE_MS).catch(() => {
    const { channel } = state;
    if (state.silent < SILENT + 2 || state.waiting.size > 0 || channel?.kind !== 'stdio') return;
    channelEvents(state).closed('it no longer answers', 'it no longer answers, and is ended');
    void channel.close();
  });
}
