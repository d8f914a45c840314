// SPDX-License-Identifier: Apache-2.0
/** Before the first client: a call that nobody may make goes through the real path. If it is not denied, the gateway does not start. */
import { Ending } from '../ending.js';
import type { Subject } from '../../stdlib/abi.js';
import { call } from './call.js';
import { callerOf } from './caller.js';
import { newConnection } from './connection.js';
import type { Gate } from './gate.js';
import { StartRefused } from './start.js';
import { NotSent } from './upstream/channel.js';
import { RECEIPT_META } from './wire/reply.js';
import { digest } from '../verify/format/hash.js';

const TOOL = 'sepal self-test';

/** Should the test call ever be admitted, it must not reach a real server. */
function unreachable(gate: Gate): Gate {
  const hop = (): Promise<never> => Promise.reject(new NotSent('the self-test calls no server'));
  const upstreams = [...gate.upstreams].map(([server, own]) => [server, { ...own, hop }] as const);
  return { ...gate, upstreams: new Map(upstreams) };
}

export async function selfTest(real: Gate): Promise<void> {
  const gate = unreachable(real);
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
  const side = { notify: () => false, gone: new Ending() };
  const asked = { caller, connection: newConnection(caller), side, cancel: new Ending() };
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

/** A tool that does not exist, and one that does by a credential that may do nothing. Denied is what a receipt calls so. */
async function refusals(gate: Gate, asked: Parameters<typeof call>[3]): Promise<boolean> {
  const { tools, names } = gate.catalog();
  const [first] = [...tools.values()].flatMap((own) => [...own.values()]);
  const real = first === undefined ? undefined : names.tool.exposed(first.pin);
  for (const name of real === undefined ? [TOOL] : [TOOL, real]) {
    const said = await call(gate, 0, { name, arguments: {} }, asked);
    const answer = (typeof said === 'string' ? JSON.parse(said) : {}) as Answer;
    if (answer.error?.data?.[RECEIPT_META]?.decision !== 'deny') return false;
  }
  return true;
}

interface Answer {
  readonly error?: { readonly data?: { readonly [RECEIPT_META]?: { readonly decision?: string } } };
}
