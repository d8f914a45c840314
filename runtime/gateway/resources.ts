// SPDX-License-Identifier: Apache-2.0
/**
 * Resources have no pinned names: a URI leads to the one server that may own it for this caller. Two servers that both may are told apart by
 * what they list; where that does not help, the URI is refused and never given to the first one.
 */
import type { ActionKind } from '../../stdlib/abi.js';
import { globMatches } from '../decide/ceiling.js';
import type { JsonObject } from '../verify/format/canonical.js';
import { type Caller, upstreamKey } from './caller.js';
import { visible } from './discovery.js';
import type { Gate } from './gate.js';
import { listed } from './listed.js';
import { troubleOf } from './upstream/channel.js';
import { isObject } from './wire/message.js';

/** `none` is also what a caller is told of a resource that it cannot see. */
export type Route = { readonly server: string } | 'none' | 'several';

const MAX_URI = 2_048;

/**
 * The form in which policies see a URI. A URI in any other form could be read as another one by the server behind, so it is refused. Null when
 * the text is no absolute URI.
 */
export function canonicalUri(uri: string): string | null {
  if (uri.length > MAX_URI || !URL.canParse(uri)) return null;
  return new URL(uri).href;
}

/** What a caller may name: an absolute URI in canonical form; the reason when it is not. */
export function uriFault(uri: unknown): string | null {
  if (typeof uri !== 'string') return '`uri` must be a string';
  const own = canonicalUri(uri);
  if (own === null) return `\`uri\` must be an absolute URI of at most ${MAX_URI} characters`;
  return own === uri ? null : `\`uri\` is not in its canonical form, which is ${own.slice(0, 300)}`;
}

const can = (gate: Gate, server: string, ability: string): boolean =>
  Object.hasOwn(gate.catalog().capabilities.get(server) ?? {}, ability);

/** The servers that offer `ability`, as they said when they were pinned. */
export const serversWith = (gate: Gate, ability: string): readonly string[] =>
  [...gate.upstreams.keys()].filter((server) => can(gate, server, ability));

/** The server of a resource, or (for completions) of a template. Asks servers only where more than one may own it. */
export async function routeOf(
  gate: Gate,
  caller: Caller,
  kind: ActionKind & ('resource' | 'completion'),
  uri: string,
): Promise<Route> {
  const candidates = serversWith(gate, kind === 'resource' ? 'resources' : 'completions').filter((server) =>
    visible(gate, caller, { kind, server, name: uri }),
  );
  const [only] = candidates;
  if (only === undefined) return 'none';
  if (candidates.length === 1) return { server: only };
  const owners = await Promise.all(candidates.map((server) => owns(gate, caller, server, uri)));
  const listed = candidates.filter((_, i) => owners[i] === 'listed');
  const matched = candidates.filter((_, i) => owners[i] === 'template');
  const [owner, other] = listed.length > 0 ? listed : matched;
  if (owner === undefined) return 'none';
  return other === undefined ? { server: owner } : 'several';
}

async function owns(
  gate: Gate,
  caller: Caller,
  server: string,
  uri: string,
): Promise<'listed' | 'template' | null> {
  const lists = await Promise.all([
    offered(gate, caller, server, 'resources'),
    offered(gate, caller, server, 'resourceTemplates'),
  ]);
  const [resources, templates] = lists;
  if (resources.some((one) => one['uri'] === uri) || templates.some((one) => one['uriTemplate'] === uri))
    return 'listed';
  return templates.some((one) => matches(one['uriTemplate'], uri)) ? 'template' : null;
}

/** Only to find the server: which URI a template admits is the server's business. */
function matches(template: unknown, uri: string): boolean {
  return typeof template === 'string' && globMatches(template.replace(/\{[^{}]*\}/g, '**'), uri, true);
}

/** What a server lists now; nothing (and a word to the operator) when it cannot. */
async function offered(
  gate: Gate,
  caller: Caller,
  server: string,
  list: 'resources' | 'resourceTemplates',
): Promise<readonly JsonObject[]> {
  try {
    const hop = await gate.upstreams.get(server)?.hop(upstreamKey(caller));
    return (await hop?.resources(list)) ?? [];
  } catch (error) {
    gate.say(`server \`${server}\` lists no ${list}: ${troubleOf(error)}`);
    return [];
  }
}

/** The result of `resources/list` or `resources/templates/list`: what the caller may read, of all servers that answer. */
export async function resourceList(
  gate: Gate,
  caller: Caller,
  list: 'resources' | 'resourceTemplates',
): Promise<JsonObject> {
  const key = list === 'resources' ? 'uri' : 'uriTemplate';
  const servers = serversWith(gate, 'resources');
  const lists = await Promise.all(servers.map((server) => offered(gate, caller, server, list)));
  const found = new Map<string, JsonObject | null>();
  for (const [i, server] of servers.entries()) {
    for (const one of lists[i] ?? []) {
      const name = one[key];
      if (typeof name !== 'string' || !isObject(one)) continue;
      if (list === 'resources' && uriFault(name) !== null) continue;
      const action = { kind: 'resource', server, name } as const;
      if (!visible(gate, caller, action) || !(await listed(gate, caller, action))) continue;
      // What two servers offer leads to neither.
      found.set(name, found.has(name) ? null : one);
    }
  }
  return { [list]: [...found.values()].filter((one) => one !== null) };
}
