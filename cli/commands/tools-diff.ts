// SPDX-License-Identifier: Apache-2.0
import { choice, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { type LockFile, readLockFile, type ToolChange } from '../lock-file.js';
import { allChanges, askServers, chosenServers, describeChange } from '../offers.js';
import { openConfig } from '../project.js';
import { type Io, shown } from '../terminal.js';
import type { JsonObject, JsonValue } from '../../runtime/verify/format/canonical.js';
import type { LockedServer } from '../lock-file.js';

export const command = defineCommand({
  usage: 'tools diff [SERVER...] [--config FILE] [--format human|json]',
  about: 'Compares what the servers offer now with what is pinned. Exit 6 when anything differs.',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
  },
  takes: ['SERVER...'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const config = openConfig(values.config, io);
    const names = chosenServers(config, rest);
    const lock = readLockFile(config.lock);
    const offers = await askServers(config, names, io);
    const changes = allChanges(lock, offers);
    if (format === 'json') {
      io.out(`${JSON.stringify({ version: 1, equal: changes.length === 0, changes }, null, 2)}\n`);
    } else for (const change of changes) printChange(change, lock, offers, io);
    if (changes.length === 0) io.err('nothing differs\n');
    return changes.length === 0 ? EXIT.ok : EXIT.differs;
  },
});

function printChange(
  change: ToolChange,
  lock: LockFile | null,
  offers: ReadonlyMap<string, LockedServer>,
  io: Io,
): void {
  io.out(`${shown(describeChange({ ...change, members: [] }))}\n`);
  const before = definitionOf(lock?.servers.get(change.server), change);
  const after = definitionOf(offers.get(change.server), change);
  for (const member of change.members) {
    io.out(
      `    ${shown(member)}\n      pinned: ${short(at(before, member))}\n      now:    ${short(at(after, member))}\n`,
    );
  }
  if (change.change === 'added') io.out(`    ${short(after?.['description'] ?? null)}\n`);
}

function definitionOf(server: LockedServer | undefined, { kind, tool }: ToolChange): JsonObject | null {
  if (kind === 'capabilities') return server?.capabilities ?? null;
  if (kind === 'instructions') return null;
  return server?.[kind === 'prompt' ? 'prompts' : 'tools'].get(tool)?.definition ?? null;
}

function at(value: JsonValue | null, pointer: string): JsonValue | undefined {
  let found: JsonValue | undefined = value ?? undefined;
  for (const step of pointer === '/' ? [] : pointer.slice(1).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    const object: JsonObject | null =
      typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as JsonObject) : null;
    found = object !== null && Object.hasOwn(object, key) ? object[key] : undefined;
  }
  return found;
}

/** Descriptions come from servers: escaped, and cut. */
function short(value: JsonValue | undefined): string {
  if (value === undefined) return '(absent)';
  const text = shown(JSON.stringify(value));
  return text.length <= 400 ? text : `${text.slice(0, 400)}… (${text.length} characters)`;
}
