// SPDX-License-Identifier: Apache-2.0
/** One MCP client hop to a server: which era it speaks is found out, then both are used in the same way. */
import type { JsonObject } from '../../verify/format/canonical.js';
import type { CanonicalIntent, Envelope } from '../wire/intent.js';
import { type Channel, NotSent, type OpenChannel, Refused } from './channel.js';
import {
  type Answer,
  type CallOptions,
  channelEvents,
  type HopEvents,
  newState,
  type State,
} from './exchange.js';
import { openLegacy } from './legacy.js';
import { openModern } from './modern.js';

/** With a handshake (to 2025-11-25), or without (2026-07-28). */
export type Era = 'legacy' | 'modern';

export interface Hop {
  readonly era: Era;
  readonly info: JsonObject;
  readonly protocol: string;
  readonly capabilities: JsonObject;
  readonly instructions: string | null;
  call(intent: CanonicalIntent, beside: Envelope, options: CallOptions): Promise<Answer>;
  /** Every page of `tools/list`; none where the server has no tools. */
  tools(): Promise<readonly JsonObject[]>;
  /** Every page of `prompts/list`; none where the server has no prompts. */
  prompts(): Promise<readonly JsonObject[]>;
  resources(list: 'resources' | 'resourceTemplates'): Promise<readonly JsonObject[]>;
  /** Wants to hear of a resource that it was let hear of before. */
  subscribe(uri: string): Promise<void>;
  /** No longer wants to hear of a resource. */
  unsubscribe(uri: string): Promise<void>;
  setLogLevel(level: string): void;
  /** Sends a notification without parameters. */
  tell(method: string): void;
  running(): number;
  alive(): boolean;
  /** Why the hop is gone, once it is. */
  close(): Promise<void>;
}

export interface HopOptions {
  readonly version: string;
  readonly events: HopEvents;
  /** What the client can do, as its server may know. */
  readonly abilities: JsonObject;
  /** The era that is tried first. */
  readonly want: Era;
  /** The one era that the server is known to speak; null when that is not known. */
  readonly known: Era | null;
}

/** Opens the channel and agrees on an era; rejects with an Error that says what failed. */
export async function openHop(open: OpenChannel, options: HopOptions): Promise<Hop> {
  const state = newState(options.events);
  const channel = await open(channelEvents(state));
  state.channel = channel;
  try {
    return (options.known ?? options.want) === 'modern'
      ? await modernFirst(state, channel, options)
      : await legacyFirst(state, channel, options);
  } catch (error) {
    await channel.close();
    // Some servers end when they are asked what they do not know.
    const again = options.want === 'modern' && options.known === null && state.closed !== null;
    if (again) return openHop(open, { ...options, want: 'legacy', known: 'legacy' });
    throw error;
  }
}

async function modernFirst(state: State, channel: Channel, options: HopOptions): Promise<Hop> {
  try {
    return await openModern(state, channel, options.version);
  } catch (error) {
    if (options.known === 'modern' || state.closed !== null) throw error;
    return openLegacy(state, channel, options.version, options.abilities);
  }
}

/** A refused handshake is how a server of the other era alone answers. */
async function legacyFirst(state: State, channel: Channel, options: HopOptions): Promise<Hop> {
  try {
    return await openLegacy(state, channel, options.version, options.abilities);
  } catch (error) {
    if (!(error instanceof Refused) || options.known === 'legacy' || state.closed !== null) throw error;
    return openModern(state, channel, options.version).catch(() => {
      throw new NotSent(error.message, error.detail);
    });
  }
}
