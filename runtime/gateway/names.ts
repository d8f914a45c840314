// SPDX-License-Identifier: Apache-2.0
/** Names are pairs (server, tool); clients see one exposed name for each. A two-way map: a name is never split again. */
import { createHash } from 'node:crypto';
import type { Config } from '../config.js';

export interface Place {
  readonly server: string;
  /** The upstream's own name. */
  readonly name: string;
}

export interface Names {
  /** Where an exposed name leads; undefined when it is none. Exact bytes, no case folding. */
  find(exposed: string): Place | undefined;
  exposed(place: Place): string | undefined;
}

export type NamesResult =
  | { readonly ok: true; readonly names: Names }
  | { readonly ok: false; readonly message: string; readonly help: string };

const SEPARATOR = '__';
/** What model APIs take for a tool's name. */
const BUDGET = 64;
const HASH_CHARS = 8;

/** Gives every pair its exposed name; two pairs under one name are an error at start. */
export function nameTools(places: readonly Place[], servers: number, mode: Config['names']): NamesResult {
  const prefix = mode === 'always' || (mode === 'prefix-when-several' && servers > 1);
  const forward = new Map<string, Place>();
  const back = new Map<string, Map<string, string>>();
  for (const place of places) {
    const exposed = shorten(prefix ? `${place.server}${SEPARATOR}${place.name}` : place.name, place);
    const other = forward.get(exposed);
    if (other !== undefined) {
      const pairs = `${other.server}/${other.name} and ${place.server}/${place.name}`;
      const help = prefix
        ? 'rename one of the servers in `mcpServers`'
        : 'set `names` to "prefix-when-several" or "always"';
      return { ok: false, message: `${pairs} would both be shown as \`${exposed}\``, help };
    }
    forward.set(exposed, place);
    const own = back.get(place.server) ?? new Map<string, string>();
    back.set(place.server, own.set(place.name, exposed));
  }
  const names: Names = {
    find: (exposed) => forward.get(exposed),
    exposed: ({ server, name }) => back.get(server)?.get(name),
  };
  return { ok: true, names };
}

/** A name over the budget keeps its beginning and ends in a hash of the pair, the same on every start. */
function shorten(name: string, place: Place): string {
  if (name.length <= BUDGET) return name;
  const hash = createHash('sha256')
    .update(JSON.stringify([place.server, place.name]))
    .digest('hex')
    .slice(0, HASH_CHARS);
  return `${name.slice(0, BUDGET - HASH_CHARS - 1)}_${hash}`;
}
