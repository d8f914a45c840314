// SPDX-License-Identifier: Apache-2.0
/** The pins of the lock as the gateway uses them: checks of arguments compiled, names given out. */
import type { Config } from '../config.js';
import type { Catalog, PinnedTool } from './gate.js';
import { markFault } from './modern/marks.js';
import { type Names, nameTools } from './names.js';
import { loadPins, type Pins } from './pins.js';
import { StartRefused } from './start.js';
import { argumentCheck } from './validate.js';

/** Throws `StartRefused` when the lock cannot be used. */
export function readCatalog(
  config: Config,
  lock: string,
  say: (line: string) => void,
  version: number,
): Catalog {
  const loaded = loadPins(lock);
  if (!loaded.ok) throw new StartRefused(loaded.message, loaded.help);
  const pins = withoutWrongMarks(config, loaded.pins, say);
  const tools = new Map<string, Map<string, PinnedTool>>();
  for (const server of config.servers.keys()) {
    const own = pins.get(server);
    if (own === undefined)
      say(`warning: no tools of \`${server}\` are pinned, so none can be called; run \`sepal tools pull\``);
    tools.set(
      server,
      new Map([...(own ?? [])].map(([name, pin]) => [name, { pin, check: argumentCheck(pin.definition) }])),
    );
  }
  const { prompts, capabilities, instructions } = loaded;
  const names = { tool: namesOf(config, pins), prompt: namesOf(config, prompts) };
  return { pins: { tool: pins, prompt: prompts }, names, tools, capabilities, instructions, version };
}

/** What a server over HTTP must not be asked for is not there. */
function withoutWrongMarks(config: Config, pins: Pins, say: (line: string) => void): Pins {
  return new Map(
    [...pins].map(([server, own]) => {
      if (config.servers.get(server)?.kind !== 'http') return [server, own];
      const kept = [...own].filter(([name, { definition }]) => {
        const fault = markFault(definition);
        if (fault !== null)
          say(
            `warning: the tool \`${server}/${name}\` is not offered: its schema ${fault} (\`x-mcp-header\`)`,
          );
        return fault === null;
      });
      return [server, new Map(kept)];
    }),
  );
}

function namesOf(config: Config, pins: Pins): Names {
  const places = [...config.servers.keys()].flatMap((server) => [...(pins.get(server)?.values() ?? [])]);
  const named = nameTools(places, config.servers.size, config.names);
  if (!named.ok) throw new StartRefused(named.message, named.help);
  return named.names;
}
