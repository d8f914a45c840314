// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { readLockFile } from '../lock-file.js';
import { allChanges, askServers, chosenServers, describeChange, putInForce, writeLock } from '../offers.js';
import { openConfig } from '../project.js';
import { shortPath } from '../sources.js';
import { shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'tools pull [SERVER...] [--config FILE] [--replace]',
  about:
    'Asks the servers of sepal.json what they offer and pins it in sepal.lock. A server that is pinned already is left as\nit is: changes are looked at with `sepal tools diff` and taken over with `sepal tools accept` (exit 6 says that there are some).',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    replace: { type: 'boolean', help: 'write the lock anew, whatever stands in it' },
  },
  takes: ['SERVER...'],
  run: async ({ values, rest }, io) => {
    const config = openConfig(values.config, io);
    const names = chosenServers(config, rest);
    const before = values.replace ? null : readLockFile(config.lock);
    const offers = await askServers(config, names, io);
    const fresh = [...offers].filter(([name]) => before?.servers.has(name) !== true);
    const known = new Map([...offers].filter(([name]) => before?.servers.has(name) === true));
    const changes = allChanges(before, known);
    if (fresh.length > 0) {
      const servers = new Map([...(before?.servers ?? []), ...fresh]);
      writeLock(config.lock, { modules: before?.modules ?? {}, servers });
      for (const [name, server] of fresh) {
        io.out(`pinned ${name}: ${[...server.tools.keys()].map(shown).join(', ')}\n`);
      }
      io.err(`wrote ${shortPath(config.lock, io)}\n`);
      await putInForce(config, io);
    }
    for (const change of changes) io.out(`${shown(describeChange(change))}\n`);
    if (changes.length === 0) return EXIT.ok;
    io.err(
      'these differ from what is pinned, and stay hidden: look at them with `sepal tools diff`, then `sepal tools accept`\n',
    );
    return EXIT.differs;
  },
});
