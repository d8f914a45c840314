// SPDX-License-Identifier: Apache-2.0
/** Before the first client: a call that nobody may make goes through the real path. If it is not denied, the gateway does not start. */
import type { Subject } from '../../stdlib/abi.js';
import { call } from './call.js';
import { callerOf } from './caller.js';
import { newConnection } from './connection.js';
import type { Gate } from './gate.js';
import { StartRefused } from './start.js';
import { INVALID_PARAMS } from './wire/message.js';
import { digest } from '../verify/format/hash.js';

const TOOL = 'sepal self-test';

export async function selfTest(gate: Gate): Promise<void> {
  const caller = callerOf({
    principal: 'service:sepal-self-test',
    roles: [],
    user: null,
    userRoles: [],
    method: 'stdio',
    credential: 'self-test',
    ceiling: { actions: [] },
    session: digest('sepal.dev/self-test'),
    expires: null,
  });
  const side = { notify: () => undefined, gone: new AbortController().signal };
  const asked = { caller, connection: newConnection(caller), side, cancel: new AbortController().signal };
  await answers(gate, caller.subject);
  const denied = await refusals(gate, asked);
  if (!denied)
    throw new StartRefused(
      'a call that nobody may make was not denied',
      'report this: the gateway cannot be trusted in this state',
    );
}

/** The policy must be able to answer at all. */
async function answers(gate: Gate, subject: Subject): Promise<void> {
  const intent = { kind: 'tool', server: 'sepal', name: TOOL, args: {} } as const;
  try {
    await gate.decide(gate.policy().module, { ...subject, intent }, 'call');
  } catch (error) {
    throw new StartRefused(
      `the policy cannot be evaluated: ${String(error)}`,
      'build the policy again; if that does not help, report this',
    );
  }
}

/** A tool that does not exist, and every pinned tool's server once by a credential that may do nothing. */
async function refusals(gate: Gate, asked: Parameters<typeof call>[3]): Promise<boolean> {
  const unknown = JSON.parse((await call(gate, 0, { name: TOOL, arguments: {} }, asked)) ?? '{}') as Answer;
  if (unknown.error?.code !== INVALID_PARAMS) return false;
  for (const own of gate.catalog().tools.values()) {
    const [first] = own.values();
    const name = first === undefined ? undefined : gate.catalog().names.exposed(first.pin);
    if (name === undefined) continue;
    const answer = JSON.parse((await call(gate, 0, { name, arguments: {} }, asked)) ?? '{}') as Answer;
    if (answer.error?.code !== INVALID_PARAMS && answer.result?.isError !== true) return false;
    break;
  }
  return true;
}

interface Answer {
  readonly error?: { readonly code?: number };
  readonly result?: { readonly isError?: boolean };
}
