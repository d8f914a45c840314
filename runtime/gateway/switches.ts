// SPDX-License-Identifier: Apache-2.0
/**
 * What the operator has switched off, and whether the gateway only watches. Both are states of the log: each change is an `event` entry, and
 * a start takes up what the last ones said. Switching off holds at once; switching on again only once it is written down.
 */
import type { Action } from '../decide/ceiling.js';
import type { Fold } from '../log/snapshot.js';
import type { ReceiptLog, StoredEntry } from '../log/types.js';
import type { JsonValue } from '../verify/format/canonical.js';
import type { Caller } from './caller.js';
import { clean } from './floods.js';
import { isObject } from './wire/message.js';

export interface Switched {
  /** `all`, `principal agent:x`, `server fs` or `tool fs/write_file`. */
  readonly scope: string;
  readonly since: string;
  readonly reason: string;
}

const ON = 'on';
const OFF = 'off';
const MAX_SWITCHES = 1_000;

export class Switches implements Fold {
  readonly kind = 'sepal.dev/switches/v1';
  private readonly off = new Map<string, Switched>();
  private watching = false;

  observe({ body }: Pick<StoredEntry, 'body'>): void {
    const { event, time } = body;
    const detail = event?.detail ?? '';
    if (event?.kind === 'dry_run') this.watching = detail === ON;
    if (event?.kind !== 'kill_switch' || event.source === undefined) return;
    if (detail === OFF) this.off.delete(event.source);
    else
      this.off.set(event.source, {
        scope: event.source,
        since: time,
        reason: detail.slice(`${ON}: `.length),
      });
  }

  save(): JsonValue {
    return { watching: this.watching, off: this.list().map((one) => ({ ...one })) };
  }

  load(state: JsonValue): void {
    if (!isObject(state)) return;
    this.watching = state['watching'] === true;
    for (const one of Array.isArray(state['off']) ? (state['off'] as readonly Switched[]) : [])
      this.off.set(one.scope, one);
  }

  list(): readonly Switched[] {
    return [...this.off.values()];
  }

  /** Did the log end while a gateway only watched? */
  watched(): boolean {
    return this.watching;
  }

  /** Why nothing is forwarded for this caller, to this server, or of this tool; null where nothing is switched off. */
  why({ subject }: Caller, { server, name }: Pick<Action, 'server' | 'name'>): string | null {
    if (this.off.size === 0) return null;
    const scopes = ['all', `principal ${subject.principal}`, `server ${server}`, `tool ${server}/${name}`];
    if (subject.user !== null) scopes.push(`principal ${subject.user}`);
    const found = scopes.find((scope) => this.off.has(scope));
    return found === undefined
      ? null
      : `the operator has switched this off (kill switch, ${found.split(' ')[0] ?? ''})`;
  }

  /** Resolves once it is written down. */
  async set(log: Pick<ReceiptLog, 'append'>, scope: string, on: boolean, reason: string): Promise<void> {
    const detail = on ? `${ON}: ${clean(reason)}` : OFF;
    if (on && !this.off.has(scope) && this.off.size >= MAX_SWITCHES)
      throw new RangeError('too many kill switches');
    if (on) this.off.set(scope, { scope, since: new Date().toISOString(), reason: clean(reason) });
    await log.append({ type: 'event', event: { kind: 'kill_switch', source: scope, detail } });
    if (!on) this.off.delete(scope);
  }

  async watch(log: Pick<ReceiptLog, 'append'>, on: boolean): Promise<void> {
    await log.append({
      type: 'event',
      event: { kind: 'dry_run', source: 'operator', detail: on ? ON : OFF },
    });
    this.watching = on;
  }
}
