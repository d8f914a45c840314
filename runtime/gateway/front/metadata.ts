// SPDX-License-Identifier: Apache-2.0
/**
 * What a client is told of this protected resource (RFC 9728): who issues tokens for it, and which scopes every call needs. Made of the
 * configuration alone: a `Host` header of a stranger must not send clients elsewhere.
 */
import type { Config } from '../../config.js';

export interface ResourceMetadata {
  /** For `resource_metadata` of challenges. */
  readonly url: string;
  /** Paths that it is served under, without a credential. */
  readonly paths: readonly string[];
  readonly body: string;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Null where there is no issuer, or no URL that clients know this gateway by. */
export function resourceMetadata({ identity, listen, receipts }: Config): ResourceMetadata | null {
  const { jwt } = identity;
  const resource = jwt === null ? null : resourceOf(listen, jwt.audience);
  if (jwt === null || resource === null) return null;
  const { origin, pathname } = new URL(resource);
  const inserted = `${WELL_KNOWN}${pathname === '/' ? '' : pathname}`;
  const { baseline } = jwt.scopes;
  const body = JSON.stringify({
    resource,
    authorization_servers: [jwt.issuer],
    bearer_methods_supported: ['header'],
    ...(baseline.length === 0 ? {} : { scopes_supported: baseline }),
    resource_name: receipts.origin,
  });
  return { url: `${origin}${inserted}`, paths: [inserted, WELL_KNOWN], body };
}

/** `listen.publicUrl` with the path of the endpoint, else the first audience that is a URL. */
function resourceOf(listen: Config['listen'], audience: readonly string[]): string | null {
  if (listen.publicUrl !== null) {
    const url = new URL(listen.publicUrl);
    return url.pathname === '/' ? `${url.origin}${listen.path}` : listen.publicUrl;
  }
  return audience.find((one) => /^https?:\/\//.test(one) && URL.canParse(one)) ?? null;
}
