// SPDX-License-Identifier: Apache-2.0
/** What the tools verbs share: which servers, what they offer now, how it differs from the lock. */
import { didYouMean } from '../compiler/diagnostics/suggest.js';
import type { Config } from '../runtime/config.js';
import { reloadGateway } from '../runtime/control/calls.js';
import { ControlError } from '../runtime/control/protocol.js';
import { readPins } from '../runtime/gateway/pins.js';
import type { JsonValue } from '../runtime/verify/format/canonical.js';
import { controlSockets } from './approvals.js';
import { Failure, why } from './failure.js';
import { replaceFile } from './files.js';
import { version } from './install.js';
import {
  compareServer,
  type LockedServer,
  type LockFile,
  pinAll,
  printLock,
  type ToolChange,
} from './lock-file.js';
import type { Io } from './terminal.js';

/** The configured servers, or those named. */
export function chosenServers(config: Config, named: readonly string[]): readonly string[] {
  const known = [...config.servers.keys()];
  if (known.length === 0) throw new Failure('sepal.json has no `mcpServers`', 'add the servers to guard');
  for (const name of named) requireServer(name, known);
  return named.length === 0 ? known : known.filter((name) => named.includes(name));
}

function requireServer(name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  throw new Failure(
    `there is no server \`${name}\` in sepal.json`,
    didYouMean(name, known) ?? `it has ${known.join(', ')}`,
  );
}

/** Asks every server, all at the same time; fails with every trouble when any cannot be asked. */
export async function askServers(
  config: Config,
  names: readonly string[],
  io: Io,
): Promise<ReadonlyMap<string, LockedServer>> {
  const { pullOffer } = await import('./sdk/pull.js');
  const results = await Promise.allSettled(
    names.map(async (name): Promise<readonly [string, LockedServer]> => {
      const server = config.servers.get(name);
      if (server === undefined) throw new Failure(`there is no server \`${name}\``);
      const offer = await pullOffer(server, version());
      const [tools, prompts] = [pinAll(name, 'tool', offer.tools), pinAll(name, 'prompt', offer.prompts)];
      const more = prompts.size === 0 ? '' : `, ${prompts.size} prompts`;
      io.err(`${name}: ${tools.size} tools${more}, MCP ${offer.protocol}\n`);
      const { protocol, capabilities, instructions } = offer;
      const info = offer.info as JsonValue;
      return [name, { info, protocol, capabilities, instructions, tools, prompts }];
    }),
  );
  const failed = results.flatMap((result, i) =>
    result.status === 'rejected' ? [`\`${names[i] ?? ''}\`: ${why(result.reason)}`] : [],
  );
  if (failed.length > 0) {
    throw new Failure(
      `cannot ask ${failed.join('\nerror: cannot ask ')}`,
      'see `mcpServers` in sepal.json: can its command or url be reached from here? Nothing was written',
    );
  }
  return new Map(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
}

export function allChanges(
  lock: LockFile | null,
  offers: ReadonlyMap<string, LockedServer>,
): readonly ToolChange[] {
  return [...offers].flatMap(([name, offer]) => compareServer(name, lock?.servers.get(name), offer));
}

/** Writes the lock after reading it back: what the gateway would refuse is not written. */
export function writeLock(path: string, lock: LockFile): void {
  const text = printLock(lock);
  const back = readPins(Buffer.from(text), path);
  if (!back.ok)
    throw new Failure(`the definitions cannot be pinned: ${back.message}`, 'the server must be corrected');
  replaceFile(path, text);
}

export function describeChange(change: ToolChange): string {
  const sign = change.change === 'added' ? '+' : change.change === 'removed' ? '-' : '~';
  const members = change.members.length === 0 ? '' : `  (${change.members.join(', ')})`;
  const what = change.kind === undefined ? '' : `${change.kind} `;
  return `${sign} ${what}${change.server}${change.tool === '' ? '' : `/${change.tool}`}${members}`;
}

/** Tells every running gateway of this configuration to read its pins again. */
export async function putInForce(config: Config, io: Io): Promise<void> {
  for (const socket of controlSockets(config)) {
    try {
      await reloadGateway(socket);
      io.err('the running gateway has read the new pins\n');
    } catch (error) {
      if (error instanceof ControlError && error.code === 'not_running') continue;
      io.err(
        `the running gateway could not read the new pins: ${why(error)}; restart it to put them in force\n`,
      );
    }
  }
}
