// SPDX-License-Identifier: Apache-2.0
/** Everything that one call needs, in one place; built once by gateway.ts. */
import type { Ended } from '../ending.js';
import type { Passing } from '../passing.js';
import type { Decision, Facts, JsonRecord, Phase, PolicyModule, Request } from '../../stdlib/abi.js';
import type { Approvals } from '../approvals/types.js';
import type { Config } from '../config.js';
import type { Reservation } from '../decide/limits.js';
import type { ReceiptLog } from '../log/types.js';
import type { PolicyRef } from '../verify/format/body.js';
import type { Caller } from './caller.js';
import type { Connection, Side } from './connection.js';
import type { DecisionTokens } from './decision-token.js';
import type { Floods } from './floods.js';
import type { Idle } from './idle.js';
import type { LargeMessages } from './large/service.js';
import type { Throttle } from './front/throttle.js';
import type { Round, Rounds } from './modern/rounds.js';
import type { Talk } from './modern/talk.js';
import type { Names } from './names.js';
import type { JsonObject } from '../verify/format/canonical.js';
import type { News } from './news.js';
import type { Drift, Live, Pin, PinKind, Pins } from './pins.js';
import type { Scanner } from './scanner.js';
import type { Switches } from './switches.js';
import type { Upstream } from './upstream/supervise.js';
import type { Narrowing } from './narrowing.js';
import type { ArgumentCheck } from './validate.js';

/** The policy in force: what decides, and how receipts name it. */
export interface ActivePolicy {
  readonly module: PolicyModule;
  /** With the leaf of its `policy` entry. */
  readonly ref: PolicyRef;
  /** Hashes of the definitions that it was compiled against, by `server/name`. */
  readonly tools: ReadonlyMap<string, string>;
  /** What its grants imply about arguments. */
  readonly narrowing?: Narrowing;
  /** By pinned tool, the arguments that receipts must not hold. */
  readonly masked?: { readonly [tool: string]: readonly string[] };
}

export type DecideOnce = (
  module: PolicyModule,
  request: Request,
  phase: Phase,
  /** The answer, in the result phase. */
  result?: unknown,
  /** The verified claims of the credential, and the call whose review this may redeem. */
  by?: { readonly claims?: JsonRecord; readonly own?: string | null },
) => Promise<{
  readonly decision: Decision;
  readonly facts: Facts;
  readonly reads: readonly string[];
  readonly reservation: Reservation;
  /** Of a denial whose rule says `tell`: the nearest changes that would be permitted, in words. */
  readonly told?: readonly string[];
}>;

export interface PinnedTool {
  readonly pin: Pin;
  readonly check: ArgumentCheck;
}

/** A call that runs, so that what its upstream says meanwhile finds its client. */
export interface Active {
  readonly server: string;
  readonly key: string;
  readonly connection: Connection;
  readonly side: Side;
  /** What its server says meanwhile. */
  readonly news: News;
  /** When the call is over. */
  readonly over: Ended;
  /** Where its client goes away with questions and comes back. */
  readonly talk: Talk | null;
}

/** What is pinned and in force, and the names that it is shown under. */
export interface Catalog {
  readonly pins: { readonly [kind in PinKind]: Pins };
  readonly tools: ReadonlyMap<string, ReadonlyMap<string, PinnedTool>>;
  readonly names: { readonly [kind in PinKind]: Names };
  /** What each configured server can do, as it said when it was pinned. */
  readonly capabilities: ReadonlyMap<string, JsonObject>;
  readonly instructions: ReadonlyMap<string, string>;
  /** Grows with each reload. */
  readonly version: number;
}

export interface Gate {
  readonly config: Config;
  readonly version: string;
  readonly log: ReceiptLog;
  /** Keys the hashes that stand in for masked arguments. */
  readonly maskKey: Buffer;
  /** Key id of the epoch key, for receipts that were written before. */
  readonly kid: string;
  readonly policy: () => ActivePolicy;
  readonly decide: DecideOnce;
  readonly switches: Switches;
  /** Decide and write down, forward everything that the policy would not: set at start, and an event of the log. */
  readonly dryRun: boolean;
  readonly scanner: Scanner;
  /** Where large messages are worked on. */
  readonly large: LargeMessages;
  /** Is the credential that proved this caller still good? Asked again before a call that waited is sent. */
  readonly admits: (caller: Caller) => boolean;
  readonly approvals: Approvals;
  readonly catalog: () => Catalog;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** Live definitions that differ from their pins, by server, process and kind. */
  readonly drift: Map<string, Drift>;
  /** What each process listed last, by the same keys. */
  readonly live: Map<string, Live>;
  /** By their ends. */
  readonly active: Passing<Ended, Active>;
  /** All clients of all fronts. */
  readonly connections: () => Iterable<Connection>;
  /** Connections of `subscriptions/listen`, which are told of what belongs to no request. */
  readonly listening: Set<Connection>;
  /** When the gateway stops. */
  readonly stopping: Ended;
  /** Time for what nobody waits for. */
  readonly idle: Idle;
  /** Outcome entries on their way to the disk. */
  readonly settling: Set<Promise<unknown>>;
  readonly decisions: DecisionTokens;
  /** Calls that wait for their clients to come back. */
  readonly rounds: Rounds;
  readonly floods: Floods;
  /** Bounds the single receipts of denied methods per caller; past it they are counted. */
  readonly denials: Throttle;
  readonly now: () => number;
  /** For the operator's log on stderr: one line, no secrets. */
  readonly say: (line: string) => void;
}

/** One request of a client that is to be decided. */
export interface Asked {
  readonly caller: Caller;
  readonly connection: Connection;
  readonly side: Side;
  /** When the client cancels the request. */
  readonly cancel: Ended;
  /** Where the request goes on with one that asked for input. */
  readonly round?: Round;
}

export const driftKey = (server: string, key: string, kind: PinKind): string =>
  JSON.stringify([server, key, kind]);

/** The gate with policy and pins as they are now, for one decision: a reload in between must not mix into it. */
export function fixed(gate: Gate): Gate {
  const [policy, catalog] = [gate.policy(), gate.catalog()];
  return Object.assign(Object.create(gate) as Gate, { policy: () => policy, catalog: () => catalog });
}
