// SPDX-License-Identifier: Apache-2.0
// An MCP server with resources, templates, prompts and completions. argv: its name, a file for its account, a mode.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [name = 'one', file = '', mode = 'plain'] = process.argv.slice(2);
const out = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const version = () => (existsSync(`${file}.version`) ? readFileSync(`${file}.version`, 'utf8') : '1');
const resources = [
  ...Array.from({ length: 5 }, (_, i) => ({ uri: `memo://${name}/${i}`, name: `memo ${i}`, 'x-vendor': i })),
  { uri: 'memo://shared/both', name: 'of two servers' },
  { uri: `memo://${name}/secret`, name: 'secret' },
  { uri: `MEMO://${name}/odd`, name: 'not canonical' },
];
const templates = [
  { uriTemplate: `memo://${name}/day/{date}`, name: 'a day' },
  { uriTemplate: 'memo://any/{path}', name: 'of two servers' },
];
const text = version() === '1' ? 'greets' : 'greets and more';
const prompts = () => [
  {
    name: 'greet',
    description: version() === '1' ? text : 'greets and more',
    arguments: [{ name: 'who', required: true }],
  },
  { name: 'hidden', description: 'nobody sees it' },
];
const subscribed = new Set();
const page = (all, cursor, member) => {
  const from = Number(cursor ?? 0);
  const more = from + 3 < all.length ? { nextCursor: String(from + 3) } : {};
  return { [member]: all.slice(from, from + 3), ...more };
};
const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    serverInfo: { name, version: '1' },
    instructions: `Ask ${name} politely.`,
    capabilities: {
      tools: {},
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      completions: {},
    },
  }),
  'tools/list': () => ({
    tools: ['touch', 'wants'].map((tool) => ({ name: tool, inputSchema: { type: 'object' } })),
  }),
  'tools/call': ({ arguments: args }) => {
    for (const uri of subscribed)
      out({ method: 'notifications/resources/updated', params: { uri, by: name } });
    if (args?.lists === true)
      for (const what of ['resources', 'prompts']) out({ method: `notifications/${what}/list_changed` });
    return { content: [] };
  },
  'resources/list': ({ cursor }) => {
    if (mode === 'mute-lists') throw new Error('no list today');
    return page(resources, cursor, 'resources');
  },
  'resources/templates/list': ({ cursor }) => page(templates, cursor, 'resourceTemplates'),
  'resources/read': ({ uri }) => ({
    contents: [{ uri, mimeType: 'text/plain', text: `${name}: ${uri}` }],
    odd: 1,
  }),
  'resources/subscribe': ({ uri }) => (subscribed.add(uri), {}),
  'resources/unsubscribe': ({ uri }) => (subscribed.delete(uri), {}),
  'prompts/list': () => ({ prompts: prompts() }),
  'prompts/get': ({ name: prompt, arguments: args }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `${prompt} ${args?.who ?? ''}` } }],
  }),
  'completion/complete': ({ ref, argument }) => ({
    completion: { values: [`${ref.name ?? ref.uri} ${argument.value}`] },
  }),
};

/** Asks the client for something and answers with what it said; with `cancel`, thinks better of it soon. */
const answered = new Map();
let asked = 0;
const wants = (id, { method, params = {}, cancel = false, silent = false }) => {
  const own = `q${asked++}`;
  answered.set(own, (answer) => out({ id, result: { content: [], answer } }));
  out({ id: own, method, params });
  const over = () => out({ method: 'notifications/cancelled', params: { requestId: own } });
  if (cancel) setTimeout(over, 200);
  if (silent) setTimeout(() => out({ id, result: { content: [], answer: null } }), 200);
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params = {} } = JSON.parse(line);
  if (file !== '') appendFileSync(file, `${line}\n`);
  if (method === undefined) return answered.get(id)?.(JSON.parse(line));
  if (id === undefined) return;
  if (method === 'tools/call' && params.name === 'wants') return wants(id, params.arguments);
  try {
    out({ id, result: methods[method](params) });
  } catch (error) {
    out({ id, error: { code: -32603, message: String(error) } });
  }
});
