// SPDX-License-Identifier: Apache-2.0
/**
 * Sessions are ours, never the client's: one per (principal, user, credential), as long as calls come before the idle window is over. A new
 * connection continues the session, so reconnecting resets no limit, taint or risk.
 *
 * The id is `sha256:` over 16 random bytes that are then forgotten. It stands in every receipt of the session, so after a restart the log
 * says which sessions there were and when each was last seen; no other state and no key is needed.
 */
import { randomBytes } from 'node:crypto';
import type { Body } from '../verify/format/body.js';
import { canonical, type JsonValue } from '../verify/format/canonical.js';
import { digest } from '../verify/format/hash.js';

/** Whose session. */
export interface SessionOwner {
  readonly principal: string;
  readonly user: string | null;
  /** The credential's id, never the credential; null where there is none (stdio, anonymous). */
  readonly credential: string | null;
  readonly method: string;
}

export interface SessionOptions {
  readonly idleMs: number;
  readonly wall: () => number;
  readonly monotonic: () => number;
  /** A session for which this answers true does not idle out (a call of it is parked). */
  readonly held?: (session: string) => boolean;
}

interface Session {
  readonly id: string;
  /** Monotonic time of the last use. */
  last: number;
}

/** Sessions that have idled out are dropped when the table passes this size. */
const SWEEP_AT = 10_000;

export class Sessions {
  /** What `save` writes. */
  readonly kind = 'sepal.dev/sessions/v1';
  private readonly table = new Map<string, Session>();
  private readonly options: SessionOptions;
  private sweepAt = SWEEP_AT;
  private newest = 0;
  private seen = new Map<string, { readonly id: string; readonly time: number }>();

  constructor(options: SessionOptions) {
    this.options = options;
  }

  /** Feed every entry of the log, in order, before the first `enter`. */
  observe({ body }: { readonly body: Body }): void {
    const time = Date.parse(body.time);
    this.newest = Math.max(this.newest, time);
    const who = body.principal;
    if (who === undefined || body.type === 'approve') return;
    const owner = {
      principal: who.id,
      user: who.on_behalf_of?.id ?? null,
      credential: who.auth.credential ?? null,
      method: who.auth.method,
    };
    this.seen.set(ownerKey(owner), { id: who.session, time });
  }

  /** Of what the log said, before the first `enter`. */
  save(): JsonValue {
    const seen = [...this.seen].map(([owner, { id, time }]) => [owner, id, time]);
    return { newest: this.newest, seen };
  }

  load(state: JsonValue): void {
    const { newest, seen } = state as unknown as {
      readonly newest: number;
      readonly seen: readonly (readonly [string, string, number])[];
    };
    this.newest = newest;
    this.seen = new Map(seen.map(([owner, id, time]) => [owner, { id, time }]));
  }

  /** The session of this moment; starts one where there is none or the last has idled out. */
  enter(owner: SessionOwner): string {
    this.restore();
    const key = ownerKey(owner);
    const now = this.options.monotonic();
    const found = this.table.get(key);
    if (found !== undefined && !this.isOver(found, now)) {
      found.last = now;
      return found.id;
    }
    const id = digest(Buffer.concat([Buffer.from('sepal.dev/session/v1\n'), randomBytes(16)]));
    this.table.set(key, { id, last: now });
    if (this.table.size > this.sweepAt) this.sweep(now);
    return id;
  }

  /** Sessions that are not over. */
  live(): ReadonlySet<string> {
    this.restore();
    const now = this.options.monotonic();
    return new Set([...this.table.values()].filter((one) => !this.isOver(one, now)).map(({ id }) => id));
  }

  private isOver(session: Session, now: number): boolean {
    return now - session.last >= this.options.idleMs && this.options.held?.(session.id) !== true;
  }

  /**
   * Sessions of the log, aged by the wall clock. A clock that stands before the log's last entry ages nothing: going back in time must not
   * end a session.
   */
  private restore(): void {
    if (this.seen.size === 0) return;
    const wall = Math.max(this.options.wall(), this.newest);
    const now = this.options.monotonic();
    for (const [key, { id, time }] of this.seen) {
      const session = { id, last: now - (wall - time) };
      if (!this.isOver(session, now)) this.table.set(key, session);
    }
    this.seen = new Map();
  }

  private sweep(now: number): void {
    for (const [key, session] of this.table) if (this.isOver(session, now)) this.table.delete(key);
    this.sweepAt = Math.max(SWEEP_AT, this.table.size * 2);
  }
}

function ownerKey(owner: SessionOwner): string {
  return canonical([owner.method, owner.credential, owner.principal, owner.user]);
}
