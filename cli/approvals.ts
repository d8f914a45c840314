// SPDX-License-Identifier: Apache-2.0
/** What the approvals verbs share: which running gateways there are, which call is meant, and how it is shown. */
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Missing, Pending, Shown } from '../runtime/approvals/types.js';
import type { Config } from '../runtime/config.js';
import { listPending, sendVerdict, showPending } from '../runtime/control/calls.js';
import { gatewayMayRun } from '../runtime/control/client.js';
import { ControlError } from '../runtime/control/protocol.js';
import { readApproverKey, signVerdict } from '../runtime/approvals/keys.js';
import { digest } from '../runtime/verify/format/hash.js';
import { Failure } from './failure.js';
import { exists } from './files.js';
import { columns, type Io, shown } from './terminal.js';

export interface Waiting {
  /** The control socket of the gateway that holds the call. */
  readonly socket: string;
  readonly pending: Pending;
}

/** Of `sepal gateway` and of every `sepal wrap` of the same configuration. */
export function controlSockets(config: Config): readonly string[] {
  const folder = dirname(config.control);
  const wraps = exists(folder) ? readdirSync(folder).filter((name) => /^wrap-.*\.sock$/.test(name)) : [];
  return [config.control, ...wraps.sort().map((name) => join(folder, name))].filter(gatewayMayRun);
}

/** Where the wrap with this instance name opens its socket. */
export function wrapSocket(config: Config, instance: string): string {
  return join(dirname(config.control), `wrap-${instance}.sock`);
}

/** Every parked call of every running gateway; fails when none runs. */
export async function listWaiting(config: Config): Promise<readonly Waiting[]> {
  const found: Waiting[] = [];
  let running = 0;
  for (const socket of controlSockets(config)) {
    try {
      const list = await listPending(socket);
      running++;
      found.push(...list.map((pending) => ({ socket, pending })));
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'not_running') throw error;
    }
  }
  if (running > 0) return found;
  throw new Failure(
    `no gateway is running for ${config.file}`,
    'start it with `sepal gateway` or `sepal wrap`, or name its configuration with --config',
  );
}

/** By the receipt's id, `#12` or `12`. */
export async function findWaiting(config: Config, wanted: string): Promise<Waiting> {
  const all = await listWaiting(config);
  const seq = wanted.startsWith('#') ? wanted.slice(1) : wanted;
  const found = all.filter(({ pending }) => pending.id === wanted || String(pending.seq) === seq);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (found.length > 1) {
    const ids = found.map(({ pending }) => pending.id).join(', ');
    throw new Failure(`\`${wanted}\` names several calls: ${ids}`, 'write the whole id');
  }
  const ids = all.map(({ pending }) => pending.id);
  throw new Failure(
    `no call \`${wanted}\` is waiting`,
    ids.length === 0 ? 'nothing is waiting now' : `waiting now: ${ids.join(', ')}`,
  );
}

/** The whole call; refuses one whose arguments are not what would be signed. */
export async function showWaiting({ socket, pending }: Waiting): Promise<Shown> {
  const whole = await showPending(socket, pending.id);
  if (digest(whole.intent) !== whole.pending.intent.digest) {
    throw new Failure(
      `the arguments kept for ${pending.id} are not those that would be approved`,
      'deny the call; the files beside the log were changed',
    );
  }
  return whole;
}

export function pendingLine({ pending }: Waiting, now: number): readonly string[] {
  return [
    pending.id,
    shown(who(pending)),
    shown(`${pending.intent.server}/${pending.intent.name}`),
    shown(pending.rules.join(',')),
    `needs ${needs(pending.missing)}`,
    timeLeft(pending, now),
  ];
}

export const pendingTable = (waiting: readonly Waiting[], now: number): string =>
  columns(waiting.map((each) => pendingLine(each, now)));

export function who(pending: Pending): string {
  const user = pending.principal.on_behalf_of;
  return user === undefined ? pending.principal.id : `${pending.principal.id} for ${user.id}`;
}

export function needs(missing: readonly Missing[]): string {
  if (missing.length === 0) return 'nobody more';
  return missing
    .map((each) =>
      each.self ? 'the user' : `${each.people} of ${each.roles.map((role) => `role:${role}`).join(' or ')}`,
    )
    .join(' and ');
}

function timeLeft(pending: Pending, now: number): string {
  const seconds = Math.max(0, Math.round((Date.parse(pending.expires) - now) / 1000));
  return seconds < 120 ? `${seconds} s left` : `${Math.floor(seconds / 60)} min left`;
}

/** Signs and sends one verdict; resolves with the line to print. */
export async function giveVerdict(
  config: Config,
  wanted: string,
  verdict: 'approve' | 'deny',
  signer: { readonly as: string | undefined; readonly key: string | undefined },
  io: Io,
): Promise<string> {
  const approver = approverId(config, signer.as);
  const key = readApproverKey(keyFile(config, signer.key, io));
  const waiting = await findWaiting(config, wanted);
  const whole = await showWaiting(waiting);
  const { pending } = whole;
  io.err(
    `${who(pending)} calls ${shown(`${pending.intent.server}/${pending.intent.name}`)} (${pending.intent.digest})\n`,
  );
  const result = await sendVerdict(waiting.socket, signVerdict(key, approver, whole, verdict));
  const state =
    result.state === 'pending' ? `recorded; still needs ${needs(result.pending.missing)}` : result.state;
  return `${pending.id}: ${state}`;
}

function approverId(config: Config, given: string | undefined): string {
  if (given !== undefined) return given;
  const [only] = config.approvers;
  if (only !== undefined && config.approvers.length === 1) return only.id;
  throw new Failure(
    config.approvers.length === 0 ? 'sepal.json registers no approvers' : 'say who you are with `--as`',
    config.approvers.length === 0
      ? 'make a key with `sepal keygen approver` and add it to `approvers`'
      : `one of ${config.approvers.map((approver) => approver.id).join(', ')}`,
  );
}

export const APPROVER_KEY = 'approver.key';

function keyFile(config: Config, given: string | undefined, io: Io): string {
  if (given !== undefined) return resolve(io.cwd, given);
  const path = join(dirname(config.control), APPROVER_KEY);
  if (exists(path)) return path;
  throw new Failure(
    'no approver key is named',
    'name your key file with `--key`; `sepal keygen approver` makes one',
  );
}
