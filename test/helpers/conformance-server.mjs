// SPDX-License-Identifier: Apache-2.0
// A server of both eras on SDK 2.x with the tools, prompts and resources that the conformance runner calls by name, and a few of ours. Over HTTP
// on the port given (0 for any; the port is printed), or over stdio without one. `modern` as the second word refuses the legacy era.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import {
  createMcpHandler,
  createRequestStateCodec,
  isLegacyRequest,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const [port, eras = 'both'] = process.argv.slice(2);
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';
const codec = createRequestStateCodec({ key: randomUUID() + randomUUID() });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const form = (properties, required = Object.keys(properties)) => ({ type: 'object', properties, required });
const elicit = (message, requestedSchema) => ({
  method: 'elicitation/create',
  params: { mode: 'form', message, requestedSchema },
});
const sample = (question, maxTokens = 100) => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: question } }], maxTokens },
});
const ROOTS = { method: 'roots/list', params: {} };
const want = (inputRequests, requestState) => ({
  resultType: 'input_required',
  ...(inputRequests === undefined ? {} : { inputRequests }),
  ...(requestState === undefined ? {} : { requestState }),
});
const NAME = elicit('What is your name?', form({ name: { type: 'string' } }));
const inputs = (ctx) => ctx.mcpReq.inputResponses ?? {};
const content = (answer) =>
  answer !== null && typeof answer === 'object' && answer.action === 'accept' ? (answer.content ?? {}) : null;
/** On the stream of the call, as only `send` does. */
const asking = async (ctx, params) => {
  const { action, content: given } = await ctx.mcpReq.send({ method: 'elicitation/create', params });
  return text(`Elicitation completed: action=${action}, content=${JSON.stringify(given ?? {})}`);
};
const titled = (titles) => titles.map((title, i) => ({ const: `value${i + 1}`, title }));
const names = (word) => [1, 2, 3].map((i) => `${word}${i}`);

/** Listed while it is on: switching it is a change of the list that clients see. */
const optional = { test_dynamic_tool: true, test_dynamic_prompt: true };
const changed = { tools: () => undefined, prompts: () => undefined, resource: () => undefined };

const tools = {
  test_simple_text: () => text('This is a simple text response for testing.'),
  test_image_content: () => ({ content: [{ type: 'image', data: PNG, mimeType: 'image/png' }] }),
  test_audio_content: () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }),
  test_embedded_resource: () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  }),
  test_multiple_content_types: () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PNG, mimeType: 'image/png' },
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: '{"test":"data","value":123}',
        },
      },
    ],
  }),
  test_tool_with_logging: async (_, ctx) => {
    for (const [i, line] of ['started', 'processing', 'completed'].entries()) {
      if (i > 0) await pause(50);
      await ctx.mcpReq.log('info', `Tool execution ${line}`);
    }
    return text('Logged three times');
  },
  test_logging_tool: async (_, ctx) => {
    await ctx.mcpReq.log('info', 'logged');
    return text('Logged');
  },
  test_error_handling: () => ({
    isError: true,
    content: [{ type: 'text', text: 'This tool intentionally returns an error for testing' }],
  }),
  test_tool_with_progress: async (_, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progress > 0) await pause(50);
      if (progressToken !== undefined)
        await ctx.mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
    }
    return text('Made progress');
  },
  test_sampling: async ({ prompt }, ctx) => {
    const { content: answer } = await ctx.mcpReq.send(sample(prompt));
    return text(`LLM response: ${answer.text}`);
  },
  test_elicitation: async ({ message }, ctx) => {
    const fields = form({ username: { type: 'string' }, email: { type: 'string' } });
    const { action, content: given } = await ctx.mcpReq.send(elicit(message, fields));
    return text(`User response: action=${action}, content=${JSON.stringify(given ?? {})}`);
  },
  test_elicitation_sep1034_defaults: (_, ctx) =>
    asking(ctx, {
      message: 'Please look at the defaults',
      requestedSchema: form(
        {
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        },
        [],
      ),
    }),
  test_elicitation_sep1330_enums: (_, ctx) =>
    asking(ctx, {
      message: 'Please choose',
      requestedSchema: form(
        {
          untitledSingle: { type: 'string', enum: names('option') },
          titledSingle: { type: 'string', oneOf: titled(['First Option', 'Second Option', 'Third Option']) },
          legacyEnum: {
            type: 'string',
            enum: names('opt'),
            enumNames: ['Option One', 'Option Two', 'Option Three'],
          },
          untitledMulti: { type: 'array', items: { type: 'string', enum: names('option') } },
          titledMulti: {
            type: 'array',
            items: { anyOf: titled(['First Choice', 'Second Choice', 'Third Choice']) },
          },
        },
        [],
      ),
    }),
  json_schema_2020_12_tool: (args) => text(JSON.stringify(args)),
  test_custom_header_tool: (args) => text(JSON.stringify(args)),
  test_dynamic_tool: () => text('still here'),
  test_trigger_tool_change: () => {
    optional.test_dynamic_tool = !optional.test_dynamic_tool;
    changed.tools();
    return text('The list of tools has changed');
  },
  test_trigger_prompt_change: () => {
    optional.test_dynamic_prompt = !optional.test_dynamic_prompt;
    changed.prompts();
    return text('The list of prompts has changed');
  },
  test_trigger_resource_update: () => {
    changed.resource('test://watched-resource');
    return text('The resource has changed');
  },
  test_missing_capability: () => want({ sampled: sample('Is anybody there?') }),
  test_streaming_elicitation: async (_, ctx) => {
    const answer = content(inputs(ctx).user_name);
    return answer === null ? want({ user_name: NAME }) : text(`Hello, ${answer.name}!`);
  },
  test_input_required_result_elicitation: (_, ctx) => {
    const answer = content(inputs(ctx).user_name);
    return typeof answer?.name === 'string' ? text(`Hello, ${answer.name}!`) : want({ user_name: NAME });
  },
  test_input_required_result_sampling: (_, ctx) => {
    const answer = inputs(ctx).capital_question;
    return answer === undefined
      ? want({ capital_question: sample('What is the capital of France?') })
      : text(JSON.stringify(answer));
  },
  test_input_required_result_list_roots: (_, ctx) => {
    const answer = inputs(ctx).client_roots;
    return answer === undefined ? want({ client_roots: ROOTS }) : text(JSON.stringify(answer.roots));
  },
  test_input_required_result_request_state: async (_, ctx) => {
    const state = ctx.mcpReq.requestState();
    const confirm = elicit('Please confirm', form({ ok: { type: 'boolean' } }));
    return state === undefined || inputs(ctx).confirm === undefined
      ? want({ confirm }, await codec.mint({ step: 'confirm' }))
      : text(`state-ok ${state.step}`);
  },
  test_input_required_result_tampered_state: async (_, ctx) => {
    const state = ctx.mcpReq.requestState();
    const confirm = elicit('Please confirm', form({ ok: { type: 'boolean' } }));
    return state === undefined ? want({ confirm }, await codec.mint({ step: 'tampered' })) : text('accepted');
  },
  test_input_required_result_multiple_inputs: async (_, ctx) => {
    const { user_name, greeting, client_roots } = inputs(ctx);
    return [user_name, greeting, client_roots].includes(undefined)
      ? want(
          { user_name: NAME, greeting: sample('Generate a greeting', 50), client_roots: ROOTS },
          await codec.mint({ step: 'all' }),
        )
      : text(`Greeted ${content(user_name)?.name}`);
  },
  test_input_required_result_multi_round: async (_, ctx) => {
    const state = ctx.mcpReq.requestState();
    const first = elicit('Step 1: What is your name?', form({ name: { type: 'string' } }));
    const second = elicit('Step 2: What is your favorite color?', form({ color: { type: 'string' } }));
    if (state === undefined) return want({ step1: first }, await codec.mint({ step: 1 }));
    if (state.step === 1) {
      const { name } = content(inputs(ctx).step1) ?? {};
      return want({ step2: second }, await codec.mint({ step: 2, name }));
    }
    return text(`${state.name} likes ${content(inputs(ctx).step2)?.color}`);
  },
  test_input_required_result_capabilities: (_, ctx) => {
    const can = ctx.mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};
    const asks = {
      ...(can.sampling === undefined ? {} : { sampled: sample('Say something') }),
      ...(can.elicitation === undefined ? {} : { user_name: NAME }),
    };
    return Object.keys(inputs(ctx)).length > 0 || Object.keys(asks).length === 0 ? text('done') : want(asks);
  },
};

const string = { type: 'string' };
const schemas = {
  test_sampling: form({ prompt: string }),
  test_elicitation: form({ message: string }),
  test_custom_header_tool: form({ region: { ...string, 'x-mcp-header': 'Region' } }),
  json_schema_2020_12_tool: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: {
      address: { $anchor: 'addressDef', type: 'object', properties: { street: string, city: string } },
    },
    properties: {
      name: string,
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: string,
      email: string,
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  },
};
const user = (own) => ({ role: 'user', content: own });
const prompts = {
  test_simple_prompt: () => [user({ type: 'text', text: 'This is a simple prompt for testing.' })],
  test_prompt_with_arguments: ({ arg1, arg2 }) => [
    user({ type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }),
  ],
  test_prompt_with_embedded_resource: ({ resourceUri }) => [
    user({
      type: 'resource',
      resource: {
        uri: resourceUri,
        mimeType: 'text/plain',
        text: 'Embedded resource content for testing.',
      },
    }),
    user({ type: 'text', text: 'Please process the embedded resource above.' }),
  ],
  test_prompt_with_image: () => [
    user({ type: 'image', data: PNG, mimeType: 'image/png' }),
    user({ type: 'text', text: 'Please analyze the image above.' }),
  ],
  test_input_required_result_prompt: (_, ctx) => {
    const answer = content(inputs(ctx).user_context);
    return answer === null
      ? want({ user_context: elicit('What context should the prompt use?', form({ context: string })) })
      : [user({ type: 'text', text: `With ${answer.context}` })];
  },
  test_dynamic_prompt: () => [user({ type: 'text', text: 'still here' })],
};
const promptArguments = {
  test_prompt_with_arguments: ['arg1', 'arg2'],
  test_prompt_with_embedded_resource: ['resourceUri'],
};
const resources = {
  'test://static-text': {
    mimeType: 'text/plain',
    text: 'This is the content of the static text resource.',
  },
  'test://static-binary': { mimeType: 'image/png', blob: PNG },
  'test://example-resource': { mimeType: 'text/plain', text: 'An example.' },
  'test://watched-resource': { mimeType: 'text/plain', text: 'Watch this.' },
};

class Failure extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

function serverOf({ era }) {
  const mcp = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        completions: {},
        logging: {},
      },
      requestState: { verify: (...args) => codec.verify(...args) },
    },
  );
  const { server } = mcp;
  // Where the SDK looks for arguments that headers repeat.
  mcp.toolInputSchemaJson = (name) => schemas[name];
  const shown = (table) => Object.keys(table).filter((name) => optional[name] !== false);
  server.setRequestHandler('tools/list', () => ({
    tools: shown(tools).map((name) => ({
      name,
      description: `Tool ${name} of the fixture`,
      inputSchema: schemas[name] ?? { type: 'object', properties: {} },
    })),
  }));
  server.setRequestHandler('tools/call', async ({ params }, ctx) => {
    if (!Object.hasOwn(tools, params.name)) throw new Failure(-32602, `Unknown tool: ${params.name}`);
    return tools[params.name](params.arguments ?? {}, ctx);
  });
  server.setRequestHandler('prompts/list', () => ({
    prompts: shown(prompts).map((name) => ({
      name,
      description: `Prompt ${name} of the fixture`,
      arguments: (promptArguments[name] ?? []).map((own) => ({ name: own, required: true })),
    })),
  }));
  server.setRequestHandler('prompts/get', async ({ params }, ctx) => {
    if (!Object.hasOwn(prompts, params.name)) throw new Failure(-32602, `Unknown prompt: ${params.name}`);
    const messages = prompts[params.name](params.arguments ?? {}, ctx);
    return Array.isArray(messages) ? { messages } : messages;
  });
  server.setRequestHandler('resources/list', () => ({
    resources: Object.entries(resources).map(([uri, { mimeType }]) => ({
      uri,
      name: uri.slice(7),
      mimeType,
    })),
  }));
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: [
      { uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' },
    ],
  }));
  server.setRequestHandler('resources/read', ({ params: { uri } }) => {
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
    if (id !== undefined) {
      const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
      return { contents: [{ uri, mimeType: 'application/json', text: data }] };
    }
    if (!Object.hasOwn(resources, uri))
      throw new Failure(era === 'modern' ? -32602 : -32002, `Resource not found: ${uri}`, { uri });
    return { contents: [{ uri, ...resources[uri] }] };
  });
  server.setRequestHandler('completion/complete', ({ params: { argument } }) => ({
    completion: {
      values: ['paris', 'park', 'party'].filter((value) => value.startsWith(argument.value)),
      total: 3,
      hasMore: false,
    },
  }));
  if (era === 'legacy') {
    server.setRequestHandler('logging/setLevel', () => ({}));
    server.setRequestHandler('resources/subscribe', () => ({}));
    server.setRequestHandler('resources/unsubscribe', () => ({}));
  }
  return mcp;
}

/** Tells everybody who has a connection of their own, or listens. */
const told = new Set();
const tell = (notification) => {
  for (const server of told) server.notification(notification).catch(() => undefined);
};
function announce(notify) {
  changed.tools = () => {
    notify?.toolsChanged();
    tell({ method: 'notifications/tools/list_changed' });
  };
  changed.prompts = () => {
    notify?.promptsChanged();
    tell({ method: 'notifications/prompts/list_changed' });
  };
  changed.resource = (uri) => {
    notify?.resourceUpdated(uri);
    tell({ method: 'notifications/resources/updated', params: { uri } });
  };
}

if (port === undefined || port === 'stdio') {
  announce(null);
  serveStdio(
    (ctx) => {
      const mcp = serverOf(ctx);
      told.add(mcp.server);
      return mcp;
    },
    { legacy: eras === 'modern' ? 'reject' : 'serve' },
  );
} else {
  const modern = createMcpHandler(serverOf, { legacy: 'reject' });
  announce(modern.notify);
  const sessions = new Map();
  const legacy = async (request) => {
    const known = sessions.get(request.headers.get('mcp-session-id') ?? '');
    if (known !== undefined) return known.handleRequest(request);
    if (request.headers.has('mcp-session-id'))
      return Response.json(
        { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } },
        { status: 404 },
      );
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const mcp = serverOf({ era: 'legacy' });
    told.add(mcp.server);
    transport.onclose = () => told.delete(mcp.server);
    await mcp.connect(transport);
    return transport.handleRequest(request);
  };
  const local = (name) => ['127.0.0.1', 'localhost', '[::1]'].includes(name);
  const serve = async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const host = new URL(`http://${request.headers.host}`).hostname;
    const { origin } = request.headers;
    if (
      !local(host) ||
      (origin !== undefined && !(URL.canParse(origin) && local(new URL(origin).hostname)))
    ) {
      response.writeHead(403).end();
      return;
    }
    const leave = new AbortController();
    response.once('close', () => leave.abort());
    const asked = new Request(`http://127.0.0.1${request.url}`, {
      method: request.method,
      headers: request.headers,
      signal: leave.signal,
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    const old = eras !== 'modern' && (await isLegacyRequest(asked.clone()));
    const answer = await (old ? legacy(asked) : modern.fetch(asked));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.flushHeaders();
    if (answer.body !== null)
      for await (const chunk of answer.body) {
        if (response.destroyed) break;
        response.write(chunk);
      }
    response.end();
  };
  const http = createServer((request, response) => void serve(request, response));
  http.on('clientError', (_, socket) => socket.destroy());
  process.on('unhandledRejection', () => undefined);
  http.listen(Number(port), '127.0.0.1', () => process.stdout.write(`${http.address().port}\n`));
}
