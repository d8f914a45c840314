// SPDX-License-Identifier: Apache-2.0
/** The methods of the control socket as functions, for commands. All reject with a ControlError. */
import type { Pending, Shown, Verdict } from '../approvals/types.js';
import type { TokenSpec } from '../decide/tokens.js';
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import { controlCall } from './client.js';
import type { TokenView } from './methods.js';

export const listPending = (path: string): Promise<readonly Pending[]> => ask(path, 'approvals.list');

/** `id` may be the receipt's id, or its number alone. Check the digest before showing it: `signVerdict` does. */
export const showPending = (path: string, id: string): Promise<Shown> => ask(path, 'approvals.show', { id });

export const sendVerdict = (
  path: string,
  verdict: Verdict,
): Promise<{ readonly state: 'approved' | 'pending' | 'denied'; readonly pending: Pending }> =>
  ask(path, 'approvals.decide', { ...verdict });

export const listTokens = (path: string): Promise<readonly TokenView[]> => ask(path, 'token.list');

/** The token is in this answer and nowhere else. */
export const createTokenAt = (
  path: string,
  spec: TokenSpec,
): Promise<{ readonly token: string; readonly entry: TokenView }> =>
  ask(path, 'token.create', JSON.parse(JSON.stringify(spec)) as JsonObject);

export const rotateTokenAt = (
  path: string,
  id: string,
): Promise<{ readonly token: string; readonly id: string }> => ask(path, 'token.rotate', { id });

export const revokeTokenAt = (path: string, id: string): Promise<{ readonly revoked: string }> =>
  ask(path, 'token.revoke', { id });

export interface SwitchedOff {
  readonly scope: string;
  readonly since: string;
  readonly reason: string;
}

export const killSwitches = (path: string): Promise<readonly SwitchedOff[]> => ask(path, 'kill.list');

/** Without a principal, a server and a tool: everything. */
export const killSwitch = (
  path: string,
  change: {
    readonly on: boolean;
    readonly principal?: string | undefined;
    readonly server?: string | undefined;
    readonly tool?: string | undefined;
    readonly reason?: string | undefined;
  },
): Promise<readonly SwitchedOff[]> => ask(path, 'kill.set', JSON.parse(JSON.stringify(change)) as JsonObject);

/** The policy and the pins, as they stand in their files now. */
export const reloadGateway = (
  path: string,
): Promise<{
  readonly changed: boolean;
  readonly policy: { readonly name: string; readonly version: string };
}> => ask(path, 'reload');

/** A new epoch key, and a log key that waits. */
export const rotateLog = (
  path: string,
): Promise<{ readonly epoch: string; readonly logKey: string | null; readonly from: number }> =>
  ask(path, 'log.rotate');

/** `statement` is the root's; resolves with the receipt of the revocation. */
export const revokeKey = (path: string, statement: JsonObject): Promise<{ readonly id: string }> =>
  ask(path, 'log.revoke', { statement });

export const gatewayStatus = (path: string): Promise<JsonValue> => ask(path, 'status');

/** The other end is this release's own gateway under the same user: its answers have the shapes of methods.ts. */
async function ask<T>(path: string, method: string, params: JsonObject = {}): Promise<T> {
  return (await controlCall(path, method, params)) as T;
}
