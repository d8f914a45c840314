// SPDX-License-Identifier: Apache-2.0
// The bad server of the bench of upstreams, over stdio or (with PORT) over HTTP. `start` begins what its argument says, for as long as the
// process lives or until `stop`; it never waits for anybody but the pipe that it writes to.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const text = { type: 'object', properties: { text: { type: 'string' } } };
const tools = ['echo', 'slow', 'mute', 'big', 'burn', 'start', 'stop'].map((name) => ({
  name,
  inputSchema: text,
}));
const BIG = 'x'.repeat(10_000_000);
const note = (method, params) => `${JSON.stringify({ jsonrpc: '2.0', method, params })}`;
const FLOODS = {
  progress: () =>
    note('notifications/progress', { progressToken: token, progress: ++steps, message: 'on my way' }),
  log: () => note('notifications/message', { level: 'error', data: `line ${++steps}` }),
  changes: () => note('notifications/tools/list_changed'),
  questions: () => JSON.stringify({ jsonrpc: '2.0', id: `q${++steps}`, method: 'roots/list', params: {} }),
  pings: () => JSON.stringify({ jsonrpc: '2.0', id: `p${++steps}`, method: 'ping' }),
  noise: () => `no message ${++steps}`,
  answers: () => JSON.stringify({ jsonrpc: '2.0', id: 1e9 + ++steps, result: {} }),
};
const MEGABYTE = 'y'.repeat(1_000_000);
let steps = 0;
let token = null;
let running = null;
/** Where notifications go: stdout, or the stream of the call that began them. */
let line = (one, done) => process.stdout.write(`${one}\n`, done);
let raw = (bytes, done) => process.stdout.write(bytes, done);

function flood(kind) {
  const own = { over: false };
  running = own;
  const go = () => {
    if (own.over) return;
    if (kind === 'endless') return raw(MEGABYTE, go);
    if (kind === 'crumbs' || kind === 'breaks') return raw('x', go);
    if (kind === 'stderr') return process.stderr.write(MEGABYTE, go);
    if (kind === 'long') return line(note('notifications/message', { level: 'error', data: MEGABYTE }), go);
    // Many at a time, as one who does not mean well would.
    const many = Array.from({ length: 200 }, FLOODS[kind]).join(process.env.PORT ? '\n\ndata: ' : '\n');
    return line(many, go);
  };
  go();
}

/** Interim responses, and never an answer. */
function hint(socket) {
  while (socket.write('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'.repeat(200)));
  socket.once('drain', () => hint(socket));
}

const done = (id, said) => ({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: said }] } });

/** Calls `answer` with the message to send, at once, later or never. */
function take({ id, method, params }, answer) {
  if (id === undefined || method === undefined) return;
  if (method === 'initialize') {
    const { protocolVersion } = params;
    const capabilities = { tools: { listChanged: true }, logging: {} };
    answer({
      jsonrpc: '2.0',
      id,
      result: { protocolVersion, capabilities, serverInfo: { name: 'bad', version: '1' } },
    });
  } else if (method === 'tools/list') answer({ jsonrpc: '2.0', id, result: { tools } });
  else if (method !== 'tools/call') answer({ jsonrpc: '2.0', id, result: {} });
  else {
    token = params._meta?.progressToken ?? null;
    const said = params.arguments?.text ?? '';
    if (params.name === 'echo') answer(done(id, said));
    else if (params.name === 'slow') setTimeout(() => answer(done(id, said)), 5000);
    else if (params.name === 'big') answer(done(id, BIG));
    else if (params.name === 'burn') {
      for (const end = performance.now() + 200; performance.now() < end; );
      answer(done(id, said));
    } else if (params.name === 'start') flood(said);
    else if (params.name === 'stop') {
      if (running !== null) running.over = true;
      answer(done(id, ''));
    }
  }
}

if (process.env.PORT === undefined) {
  createInterface({ input: process.stdin }).on('line', (one) =>
    take(JSON.parse(one), (message) => line(JSON.stringify(message))),
  );
} else {
  createServer((req, res) => {
    if (req.method !== 'POST') return res.writeHead(405).end();
    const parts = [];
    req.on('data', (part) => parts.push(part));
    return req.on('end', () => {
      const message = JSON.parse(Buffer.concat(parts));
      const floods = message.params?.name === 'start';
      if (message.id === undefined) return res.writeHead(202).end();
      if (floods && message.params.arguments.text === 'hints') return hint(req.socket);
      if (floods) {
        const breaks = message.params.arguments.text === 'breaks';
        res.writeHead(200, {
          'content-type': 'text/event-stream',
          ...(breaks ? { connection: 'close' } : {}),
        });
        if (breaks) setTimeout(() => req.socket.resetAndDestroy(), 1500);
        line = (one, next) => res.write(`data: ${one}\n\n`, next);
        raw = (bytes, next) => res.write(bytes, next);
        return take(message, () => undefined);
      }
      return take(message, (answer) => {
        const body = JSON.stringify(answer);
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
        res.end(body);
      });
    });
  }).listen(Number(process.env.PORT), '127.0.0.1', Number(process.env.BACKLOG ?? 511));
}
