// SPDX-License-Identifier: Apache-2.0
/** What upstreams say on their own: log messages to the client whose call runs, changed lists to the pins, requests to the receipts. */
import type { JsonObject } from '../verify/format/canonical.js';
import { type Connection, LOG_LEVELS } from './connection.js';
import { denyUpstream } from './deny.js';
import { driftKey, type Gate } from './gate.js';
import { compare, type Drift, hashesOf } from './pins.js';
import type { UpstreamEvents } from './upstream/supervise.js';
import { notificationOf } from './wire/reply.js';

const SHOWN = 10;
const MAX_PLACES = 10_000;
export const LIST_CHANGED = notificationOf('notifications/tools/list_changed', undefined);

/** `gate` is asked for late: upstreams are built before it. `connections` are all that could be told of a changed list. */
export function relay(gate: () => Gate, connections: () => Iterable<Connection>): UpstreamEvents {
  const told = new Map<string, string>();
  return {
    asked: (server, key, method, params) => {
      denyUpstream(gate(), server, key, method, params).catch((error: unknown) =>
        gate().say(`${server}: ${String(error)}`),
      );
    },
    logged: (server, key, params, level) => {
      // A shared server's messages belong to nobody in particular: they could tell one principal of another.
      if (key === '') return;
      const rank = LOG_LEVELS.indexOf(level);
      const text = `{"jsonrpc":"2.0","method":"notifications/message","params":${params}}`;
      const done = new Set<Connection>();
      for (const one of gate().active) {
        if (
          one.server !== server ||
          one.key !== key ||
          done.has(one.connection) ||
          rank < one.connection.logLevel
        )
          continue;
        done.add(one.connection);
        one.side.notify(text);
      }
    },
    listed: (server, key, tools) => listed(gate(), connections, told, server, key, tools),
    noise: (server, why) => void gate().floods.record('refused_input', `server ${server}`, why),
    trouble: (server, message) => gate().say(`server \`${server}\`: ${message}`),
  };
}

function listed(
  gate: Gate,
  connections: () => Iterable<Connection>,
  told: Map<string, string>,
  server: string,
  key: string,
  tools: readonly JsonObject[],
): void {
  const place = driftKey(server, key);
  if (gate.live.size >= MAX_PLACES) forgetOldest(gate);
  gate.live.set(place, { server, hashes: hashesOf(tools) });
  const before = JSON.stringify(gate.drift.get(place) ?? null);
  const drift = setDrift(gate, place);
  if (JSON.stringify(gate.drift.get(place) ?? null) !== before) {
    for (const connection of connections()) connection.push(LIST_CHANGED);
  }
  const news = describe(drift);
  if (news === '' || told.get(server) === news) return;
  told.set(server, news);
  gate.say(`server \`${server}\` is not as pinned: ${news}; see \`sepal tools diff\``);
  void gate.floods.record('pins_changed', server, news);
}

function forgetOldest(gate: Gate): void {
  const [oldest] = gate.live.keys();
  if (oldest === undefined) return;
  gate.live.delete(oldest);
  gate.drift.delete(oldest);
}

/** Compares what the process at `place` listed last with the pins in force. */
export function setDrift(gate: Gate, place: string): Drift {
  const { server = '', hashes = new Map<string, string>() } = gate.live.get(place) ?? {};
  const drift = compare(server, gate.catalog().pins.get(server) ?? new Map(), hashes);
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
