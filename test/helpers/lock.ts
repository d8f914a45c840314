// SPDX-License-Identifier: Apache-2.0
// Texts of `sepal.lock` for tests, from tool definitions.
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';

interface Definition {
  readonly name: string;
}

/** The text of a lock that pins these tools, by server; `before` is the text of a lock that they are added to. */
export function lockText(tools: { readonly [server: string]: readonly Definition[] }, before = '{}'): string {
  const { servers = {} } = JSON.parse(before) as {
    readonly servers?: { readonly [server: string]: { readonly tools: object } };
  };
  const more = Object.entries(tools).map(([server, definitions]) => {
    const pinned = definitions.map((definition) => [
      definition.name,
      { hash: digest(canonical(definition)), definition },
    ]);
    const own = servers[server] ?? { info: {}, protocol: '2025-11-25', tools: {} };
    return [server, { ...own, tools: { ...own.tools, ...(Object.fromEntries(pinned) as object) } }];
  });
  return JSON.stringify({
    version: 1,
    modules: {},
    servers: { ...servers, ...(Object.fromEntries(more) as object) },
  });
}
