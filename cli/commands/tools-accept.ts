// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import {
  type LockedServer,
  type LockedTool,
  type LockFile,
  readLockFile,
  type ToolChange,
} from '../lock-file.js';
import { allChanges, askServers, chosenServers, describeChange, putInForce, writeLock } from '../offers.js';
import { openConfig } from '../project.js';
import { shortPath } from '../sources.js';
import { shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'tools accept SERVER[/TOOL]... | --all [--config FILE]',
  about:
    'Pins what the servers offer now, after you have looked at `sepal tools diff`. Names single tools, whole servers, or all.',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    all: { type: 'boolean', help: 'accept every difference of every server' },
  },
  takes: ['SERVER[/TOOL]...'],
  run: async ({ values, rest }, io) => {
    if (values.all === rest.length > 0) {
      throw new Failure(
        'name what to accept, or say `--all`',
        'for example `sepal tools accept fs/read_text_file`',
      );
    }
    const config = openConfig(values.config, io);
    const names = chosenServers(config, [...new Set(rest.map((each) => each.split('/')[0] ?? ''))]);
    const lock = readLockFile(config.lock);
    const offers = await askServers(config, names, io);
    const changes = allChanges(lock, offers);
    const accepted = values.all ? changes : rest.flatMap((word) => named(word, changes));
    if (accepted.length === 0) {
      io.err('nothing differs: the lock is as it was\n');
      return EXIT.ok;
    }
    writeLock(config.lock, apply(lock, offers, accepted));
    for (const change of accepted) io.out(`${shown(describeChange(change))}\n`);
    io.err(`wrote ${shortPath(config.lock, io)}\n`);
    await putInForce(config, io);
    return EXIT.ok;
  },
});

function named(word: string, changes: readonly ToolChange[]): readonly ToolChange[] {
  const slash = word.indexOf('/');
  if (slash < 0) return changes.filter((change) => change.server === word);
  const [server, tool] = [word.slice(0, slash), word.slice(slash + 1)];
  const found = changes.filter((change) => change.server === server && change.tool === tool);
  if (found.length > 0) return found;
  throw new Failure(`\`${word}\` does not differ from what is pinned`, '`sepal tools diff` lists what does');
}

function apply(
  lock: LockFile | null,
  offers: ReadonlyMap<string, LockedServer>,
  accepted: readonly ToolChange[],
): LockFile {
  const servers = new Map(lock?.servers ?? []);
  for (const change of accepted) {
    const offer = offers.get(change.server);
    if (offer === undefined) continue;
    const { info, protocol } = offer;
    const own = servers.get(change.server) ?? { ...offer, tools: new Map(), prompts: new Map() };
    servers.set(change.server, { ...taken(own, offer, change), info, protocol });
  }
  return { modules: lock?.modules ?? {}, servers };
}

function taken(own: LockedServer, offer: LockedServer, { kind, tool }: ToolChange): LockedServer {
  if (kind === 'capabilities') return { ...own, capabilities: offer.capabilities };
  if (kind === 'instructions') return { ...own, instructions: offer.instructions };
  const member = kind === 'prompt' ? 'prompts' : 'tools';
  const all = new Map<string, LockedTool>(own[member]);
  const now = offer[member].get(tool);
  if (now === undefined) all.delete(tool);
  else all.set(tool, now);
  return { ...own, [member]: all };
}
