// SPDX-License-Identifier: Apache-2.0
// A legacy server over stdio that does what real ones rarely do, one tool for each, and writes down what it was asked.
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [file] = process.argv.slice(2);
const out = (value) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...value })}\n`);
const answer = (id, text) => out({ id, result: { content: [{ type: 'text', text }] } });
const note = (method, params) => out({ method, params });
const update = () => note('notifications/resources/updated', { uri: 'note://a' });

const calls = {
  late: (id, { _meta }) => {
    const token = _meta?.progressToken;
    note('notifications/progress', { progressToken: token, progress: 1 });
    answer(id, 'answered');
    for (const progress of [2, 3]) note('notifications/progress', { progressToken: token, progress });
    note('notifications/progress', { progressToken: 'nobody', progress: 1 });
  },
  forever: (_, { _meta }) => {
    let progress = 0;
    const tick = () => {
      note('notifications/progress', { progressToken: _meta?.progressToken, progress: ++progress });
      setTimeout(tick, 100);
    };
    tick();
  },
  log: (id) => {
    for (const level of ['debug', 'error']) note('notifications/message', { level, data: level });
    answer(id, 'logged');
  },
  update: (id) => {
    update();
    answer(id, 'updated');
  },
  crash: () => process.exit(7),
};
const tool = (name) => ({ name, description: name, inputSchema: { type: 'object' } });
const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: {
      tools: {},
      logging: {},
      resources: { subscribe: true },
      tasks: { list: {}, requests: { tools: { call: {} } } },
    },
    serverInfo: { name: 'duties', version: '1' },
  }),
  'tools/list': () => ({
    tools: [...Object.keys(calls).map(tool), { ...tool('task'), execution: { taskSupport: 'optional' } }],
  }),
  'resources/list': () => ({ resources: [{ uri: 'note://a', name: 'a' }] }),
  'resources/templates/list': () => ({ resourceTemplates: [] }),
  'resources/subscribe': () => ({}),
  'resources/unsubscribe': () => ({}),
  'logging/setLevel': () => ({}),
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params = {} } = JSON.parse(line);
  if (method !== 'server/discover') appendFileSync(file, `${line}\n`);
  if (id === undefined) return;
  if (method === 'tools/call') calls[params.name]?.(id, params);
  else if (Object.hasOwn(answers, method)) out({ id, result: answers[method](params) });
  else out({ id, error: { code: -32601, message: 'no such method' } });
});
