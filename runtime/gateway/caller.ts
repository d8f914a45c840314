// SPDX-License-Identifier: Apache-2.0
/** Who is calling, once a credential has been verified, in the shapes that the gateway needs. */
import type { Subject } from '../../stdlib/abi.js';
import type { Identity } from '../decide/identity.js';

export interface Caller {
  readonly identity: Identity;
  readonly subject: Subject;
}

export function callerOf(identity: Identity): Caller {
  const { principal, roles, user, userRoles, session } = identity;
  return { identity, subject: { principal, roles, user, userRoles, session } };
}

/** Equal for the same principal, user and credential: MCP sessions are bound to it. */
export function callerKey({ identity }: Caller): string {
  return JSON.stringify([identity.principal, identity.user, identity.method, identity.credential]);
}

/** Processes of upstreams are kept apart by principal and user, not by credential. */
export function upstreamKey({ identity }: Caller): string {
  return JSON.stringify([identity.principal, identity.user]);
}

/** What events of this caller are counted under. */
export const sourceName = ({ identity }: Caller): string => identity.credential ?? identity.principal;
