// SPDX-License-Identifier: Apache-2.0
/** What a request of revision 2026-07-28 says about itself in `_meta`: no handshake came before it, so nothing else is known of its client. */
import type { JsonObject, JsonValue } from '../../verify/format/canonical.js';
import type { Caller } from '../caller.js';
import { type Connection, LOG_LEVELS, newConnection } from '../connection.js';
import { INVALID_PARAMS, isObject } from '../wire/message.js';

/** The revision without a handshake that is spoken here. */
export const MODERN = '2026-07-28';

const PREFIX = 'io.modelcontextprotocol/';
export const VERSION_META = `${PREFIX}protocolVersion`;
export const CLIENT_META = `${PREFIX}clientInfo`;
export const CAPABILITIES_META = `${PREFIX}clientCapabilities`;
export const LEVEL_META = `${PREFIX}logLevel`;
export const SUBSCRIPTION_META = `${PREFIX}subscriptionId`;
export const SERVER_META = `${PREFIX}serverInfo`;

/** The headers and the body of a request disagree. */
export const HEADER_MISMATCH = -32020;
/** The request needs what its client did not declare. */
export const MISSING_CAPABILITY = -32021;
export const UNSUPPORTED_VERSION = -32022;

export interface Fault {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonObject;
}

export const isModern = ({ revision }: Connection): boolean => revision === MODERN;

const metaOf = (params: JsonObject): JsonObject => (isObject(params['_meta']) ? params['_meta'] : {});

/** The revision that the body names; undefined where it names none, which is how the legacy era speaks. */
export const claimed = (params: JsonObject): JsonValue | undefined => metaOf(params)[VERSION_META];

/** What is wrong with the envelope of a request of the modern era, or null. */
export function envelopeFault(params: JsonObject): Fault | null {
  const meta = metaOf(params);
  const { [VERSION_META]: version, [CAPABILITIES_META]: capabilities } = meta;
  const invalid = (message: string): Fault => ({ code: INVALID_PARAMS, message });
  if (typeof version !== 'string') return invalid(`\`_meta\` must name the revision in \`${VERSION_META}\``);
  if (version !== MODERN) {
    const message = 'this revision is not spoken here without `initialize`';
    return {
      code: UNSUPPORTED_VERSION,
      message,
      data: { supported: [MODERN], requested: version.slice(0, 100) },
    };
  }
  if (!isObject(capabilities))
    return invalid(`\`_meta\` must say what the client can do in \`${CAPABILITIES_META}\``);
  const level = meta[LEVEL_META];
  if (level !== undefined && !(typeof level === 'string' && LOG_LEVELS.includes(level)))
    return invalid(`\`${LEVEL_META}\` is one of ${LOG_LEVELS.join(', ')}`);
  return null;
}

/** A connection of one request; its envelope has no fault. Nothing is logged to who asks for nothing. */
export function modernConnection(caller: Caller, params: JsonObject): Connection {
  const meta = metaOf(params);
  const { [CAPABILITIES_META]: capabilities, [LEVEL_META]: level } = meta;
  return {
    ...newConnection(caller),
    revision: MODERN,
    capabilities: isObject(capabilities) ? capabilities : {},
    logLevel: typeof level === 'string' ? LOG_LEVELS.indexOf(level) : LOG_LEVELS.length,
  };
}
