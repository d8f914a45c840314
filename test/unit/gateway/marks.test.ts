// SPDX-License-Identifier: Apache-2.0
// Which schemas may say that a header repeats an argument, and what becomes of a tool that says it wrongly.
import { describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { readCatalog } from '../../../runtime/gateway/catalog.js';
import { markFault } from '../../../runtime/gateway/modern/marks.js';
import { definitionHash } from '../../../runtime/gateway/pins.js';
import { canonical, type JsonObject } from '../../../runtime/verify/format/canonical.js';
import { configOf, scratch } from '../../helpers/gateway.js';

const tool = (properties: object, more: object = {}): JsonObject =>
  JSON.parse(
    JSON.stringify({ name: 't', inputSchema: { type: 'object', properties, ...more } }),
  ) as JsonObject;
const marked = (name: unknown, type: unknown = 'string') => ({ type, 'x-mcp-header': name });

describe('x-mcp-header', () => {
  it.each([
    [{ a: marked('Region'), b: marked('N', 'integer'), c: marked('On', 'boolean') }],
    [{ deep: { type: 'object', properties: { a: marked('Inner') } } }],
    [{ 'x-mcp-header': { type: 'string' } }],
    [{ a: { type: 'string', default: { 'x-mcp-header': 'not a schema' } } }],
  ])('is well marked: %j', (properties) => {
    expect(markFault(tool(properties))).toBeNull();
  });

  it.each([
    [{ a: marked('') }, 'a name that it cannot have'],
    [{ a: marked(7) }, 'a name that it cannot have'],
    [{ a: marked('a b') }, 'a name that it cannot have'],
    [{ a: marked('A\r\nX: y') }, 'a name that it cannot have'],
    [{ a: marked('A', 'number') }, 'no text, integer or boolean'],
    [{ a: marked('A', 'object') }, 'no text, integer or boolean'],
    [{ a: { 'x-mcp-header': 'A' } }, 'no text, integer or boolean'],
    [{ a: marked('Same'), b: marked('same') }, 'two arguments one header'],
    [{ a: { type: 'array', items: marked('A') } }, 'not an argument by itself'],
    [{ a: { anyOf: [marked('A')] } }, 'not an argument by itself'],
    [{ a: { type: 'object', patternProperties: { '^x': marked('A') } } }, 'not an argument by itself'],
  ])('is marked wrongly: %j', (properties, why) => {
    expect(markFault(tool(properties))).toContain(why);
  });

  it('counts at the root and in definitions as well', () => {
    expect(markFault(tool({}, { 'x-mcp-header': 'Root' }))).toContain('not an argument by itself');
    expect(markFault(tool({}, { $defs: { a: marked('A') } }))).toContain('not an argument by itself');
  });

  it('hides a tool of a server over HTTP that marks it wrongly, and says so', () => {
    const dir = scratch();
    const config = configOf(dir, {
      mcpServers: { web: { url: 'http://127.0.0.1:1/mcp' }, own: { command: 'x' } },
    });
    const wrong = { ...tool({ a: marked('a b') }), name: 'wrong' };
    const right = { ...tool({ a: marked('A') }), name: 'right' };
    const tools = Object.fromEntries(
      [wrong, right].map((one) => [one.name, { hash: definitionHash(one), definition: one }]),
    );
    const pinned = { info: {}, protocol: '2026-07-28', capabilities: {}, tools, prompts: {} };
    const lock = { version: 1, modules: {}, servers: { web: pinned, own: pinned } };
    writeFileSync(config.lock, canonical(lock as unknown as JsonObject));
    const said: string[] = [];
    const catalog = readCatalog(config, config.lock, (line) => said.push(line), 0);
    expect([...(catalog.tools.get('web')?.keys() ?? [])]).toEqual(['right']);
    expect([...(catalog.tools.get('own')?.keys() ?? [])].sort()).toEqual(['right', 'wrong']);
    expect(catalog.names.tool.find('web__wrong')).toBeUndefined();
    expect(said.join()).toContain('`web/wrong` is not offered: its schema gives a header a name');
  });
});
