// SPDX-License-Identifier: Apache-2.0
/** Who is calling, once a credential has been verified, in the shapes that the gateway needs. */
import type { Subject } from '../../stdlib/abi.js';
import type { Identity } from '../decide/identity.js';

export interface Caller {
  readonly identity: Identity;
  readonly subject: Subject;
  /** The session of the client that is calling, where it has one; ours, and told to nobody. */
  readonly place?: string;
}

export function callerOf(identity: Identity): Caller {
  const { principal, roles, user, userRoles, session } = identity;
  return { identity, subject: { principal, roles, user, userRoles, session } };
}

/** The same caller in a session of its client. */
export const at = ({ identity, subject }: Caller, place: string): Caller => ({ identity, subject, place });

/** Equal for the same principal, user and credential: MCP sessions are bound to it. */
export function callerKey({ identity }: Caller): string {
  return JSON.stringify([identity.principal, identity.user, identity.method, identity.credential]);
}

/** Whose a call is, whatever the credential and the session: its principal and user. */
export const whoseKey = ({ identity }: Caller): string => JSON.stringify([identity.principal, identity.user]);

/** Processes of upstreams are kept apart by principal and user, not by credential; where it is configured, by session. */
export const upstreamKey = (caller: Caller): string => whoseKey(caller) + (caller.place ?? '');

/** The key without the session. */
export function withoutPlace(key: string): string {
  const end = key.lastIndexOf(']') + 1;
  return end === 0 ? key : key.slice(0, end);
}

/** What events of this caller are counted under. */
export const sourceName = ({ identity }: Caller): string => identity.credential ?? identity.principal;
