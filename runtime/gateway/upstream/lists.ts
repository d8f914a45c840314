// SPDX-License-Identifier: Apache-2.0
/** Every page of a server's lists, read strictly: a list that cannot be trusted whole is none. */
import type { JsonObject } from '../../verify/format/canonical.js';
import { isObject } from '../wire/message.js';
import { NotSent } from './channel.js';
import { ask, type State } from './exchange.js';

const LIST_MS = 30_000;
const MAX_PAGES = 100;
const MAX_LISTED = 5_000;

export interface Listing {
  readonly method: string;
  /** Of the result. */
  readonly member: string;
  /** What tells its entries apart. */
  readonly key: string;
  /** One of them, in words. */
  readonly of: string;
}

export const TOOLS: Listing = { method: 'tools/list', member: 'tools', key: 'name', of: 'tool' };
export const PROMPTS: Listing = { method: 'prompts/list', member: 'prompts', key: 'name', of: 'prompt' };
export const RESOURCES: Listing = {
  method: 'resources/list',
  member: 'resources',
  key: 'uri',
  of: 'resource',
};
export const TEMPLATES: Listing = {
  method: 'resources/templates/list',
  member: 'resourceTemplates',
  key: 'uriTemplate',
  of: 'template',
};

/** Walks all pages; a repeated cursor, too many pages or entries, and entries without a name are errors. */
export async function listAll(
  state: State,
  { method, member, key, of }: Listing,
): Promise<readonly JsonObject[]> {
  const found = new Map<string, JsonObject>();
  const cursors = new Set<string>();
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const result: JsonObject = await ask(state, method, cursor === null ? {} : { cursor }, LIST_MS);
    const entries = Array.isArray(result[member]) ? result[member] : [];
    for (const entry of entries) {
      const name = isObject(entry) ? entry[key] : undefined;
      if (!isObject(entry) || typeof name !== 'string')
        throw new NotSent(`a ${of} without a name in \`${method}\``);
      if (found.has(name))
        throw new NotSent(`the ${of} \`${name.slice(0, 100)}\` stands twice in \`${method}\``);
      if (found.size >= MAX_LISTED) throw new NotSent(`more than ${MAX_LISTED} entries in \`${method}\``);
      found.set(name, entry);
    }
    const next: unknown = result['nextCursor'];
    if (typeof next !== 'string') return [...found.values()];
    if (cursors.has(next)) throw new NotSent(`\`${method}\` repeats a cursor`);
    cursors.add(next);
    cursor = next;
  }
  throw new NotSent(`more than ${MAX_PAGES} pages in \`${method}\``);
}
