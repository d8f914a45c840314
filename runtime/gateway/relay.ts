// SPDX-License-Identifier: Apache-2.0
/** What upstreams say on their own: log messages to the client whose call runs, changed lists to the pins, requests to the receipts. */
import type { JsonObject } from '../verify/format/canonical.js';
import { ask } from './asking.js';
import { type Connection, LOG_LEVELS } from './connection.js';
import { upstreamKey } from './caller.js';
import { visible } from './discovery.js';
import { driftKey, type Gate } from './gate.js';
import { compare, type Drift, hashesOf, type Live, type PinKind } from './pins.js';
import { listenersOf, renew, revive } from './subscriptions.js';
import type { UpstreamEvents } from './upstream/supervise.js';
import { notificationOf } from './wire/reply.js';

const SHOWN = 10;
const MAX_PLACES = 10_000;
export const LIST_CHANGED: { readonly [kind in PinKind]: string } = {
  tool: notificationOf('notifications/tools/list_changed', undefined),
  prompt: notificationOf('notifications/prompts/list_changed', undefined),
};
export const RESOURCES_CHANGED = notificationOf('notifications/resources/list_changed', undefined);
const NOTHING: Live = { server: '', kind: 'tool', hashes: new Map() };

/** `gate` is asked for late: upstreams are built before it. `connections` are all that could be told of a changed list. */
export function relay(gate: () => Gate, connections: () => Iterable<Connection>): UpstreamEvents {
  const told = new Map<string, string>();
  return {
    read: (body) => gate().large.answer(body),
    asked: (server, key, question) => void ask(gate(), { server, key, ...question }),
    logged: (server, key, params, level, owner) => {
      // A shared server's messages belong to nobody in particular, unless they came on the stream of a call.
      if (key === '' && owner === null) return;
      const rank = LOG_LEVELS.indexOf(level);
      const done = new Set<Connection>();
      for (const one of gate().active.values()) {
        if (
          one.server !== server ||
          one.key !== key ||
          (owner !== null && one !== owner) ||
          done.has(one.connection) ||
          rank < one.connection.logLevel
        )
          continue;
        done.add(one.connection);
        one.news.tell('notifications/message', params);
      }
    },
    listed: (server, key, kind, definitions) =>
      listed(gate(), { server, key, kind, definitions }, connections, told),
    resourcesChanged: (server, key) => tellOf(gate(), server, key, connections(), RESOURCES_CHANGED),
    resourceUpdated: (server, key, params) => resourceUpdated(gate(), server, key, params, connections),
    started: (server, key, hop) => renew(gate(), server, key, hop),
    ended: (server, key) => revive(gate(), server, key),
    listened: (server, key) => listenersOf(gate(), server, key).length > 0,
    noise: (server, why) => void gate().floods.record('refused_input', `server ${server}`, why),
    trouble: (server, message) => gate().say(`server \`${server}\`: ${message}`),
  };
}

interface Listed {
  readonly server: string;
  readonly key: string;
  readonly kind: PinKind;
  readonly definitions: readonly JsonObject[];
}

function listed(
  gate: Gate,
  { server, key, kind, definitions }: Listed,
  connections: () => Iterable<Connection>,
  told: Map<string, string>,
): void {
  const place = driftKey(server, key, kind);
  if (gate.live.size >= MAX_PLACES) forgetOldest(gate);
  gate.live.set(place, { server, kind, hashes: hashesOf(definitions) });
  const before = quarantined(gate.drift.get(place));
  const drift = setDrift(gate, place);
  const now = quarantined(gate.drift.get(place));
  const turned = [...before, ...now].filter((name) => before.has(name) !== now.has(name));
  const sees = (connection: Connection): boolean =>
    turned.some((name) => visible(gate, connection.caller, { kind, server, name }));
  tellOf(gate, server, key, [...connections()].filter(sees), LIST_CHANGED[kind]);
  const news = describe(drift);
  const about = `${kind} ${server}`;
  if (news === '' || told.get(about) === news) return;
  told.set(about, news);
  const what = kind === 'tool' ? '' : `, ${kind}s`;
  gate.say(`server \`${server}\` is not as pinned${what}: ${news}; see \`sepal tools diff\``);
  void gate.floods.record('pins_changed', server, news);
}

/** The names that are hidden for now. */
const quarantined = (drift: Drift | undefined): ReadonlySet<string> =>
  new Set([...(drift?.changed ?? []), ...(drift?.missing ?? [])]);

/** To those whose process it is. */
function tellOf(
  gate: Gate,
  server: string,
  key: string,
  connections: Iterable<Connection>,
  text: string,
): void {
  for (const connection of connections)
    if (gate.upstreams.get(server)?.key(upstreamKey(connection.caller)) === key) connection.push(text);
}

/** To those who asked for it, and may still see it. */
function resourceUpdated(
  gate: Gate,
  server: string,
  key: string,
  params: { readonly uri: string; readonly raw: string },
  connections: () => Iterable<Connection>,
): void {
  const text = `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":${params.raw}}`;
  for (const connection of connections()) {
    if (gate.upstreams.get(server)?.key(upstreamKey(connection.caller)) !== key) continue;
    const asked = [...connection.subscriptions].some(
      ([uri, at]) => at === server && (params.uri === uri || params.uri.startsWith(`${uri}/`)),
    );
    if (asked && visible(gate, connection.caller, { kind: 'resource', server, name: params.uri }))
      connection.push(text);
  }
}

function forgetOldest(gate: Gate): void {
  const [oldest] = gate.live.keys();
  if (oldest === undefined) return;
  gate.live.delete(oldest);
  gate.drift.delete(oldest);
}

/** Compares what the process at `place` listed last with the pins in force. */
export function setDrift(gate: Gate, place: string): Drift {
  const live = gate.live.get(place) ?? NOTHING;
  const drift = compare(live, gate.catalog().pins[live.kind].get(live.server) ?? new Map());
  if (drift.changed.length + drift.missing.length > 0) gate.drift.set(place, drift);
  else gate.drift.delete(place);
  return drift;
}

function describe({ changed, missing, added }: Drift): string {
  const part = (word: string, names: readonly string[]): string[] =>
    names.length === 0
      ? []
      : [
          `${word} ${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''}`,
        ];
  return [...part('changed', changed), ...part('missing', missing), ...part('not pinned', added)].join('; ');
}
