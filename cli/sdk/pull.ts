// SPDX-License-Identifier: Apache-2.0
/** Where the command itself speaks MCP: asks a server what it offers. All SDK imports of the cli stand in this folder. */
import { existsSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/cfworker-provider.js';
import type { ServerConfig } from '../../runtime/config.js';
import { MODERN } from '../../runtime/gateway/modern/envelope.js';
import { company } from '../../runtime/gateway/upstream/company.js';
import { supervise } from '../../runtime/gateway/upstream/supervise.js';
import type { JsonObject } from '../../runtime/verify/format/canonical.js';

export interface Offer {
  /** `serverInfo` as sent. */
  readonly info: unknown;
  readonly protocol: string;
  readonly capabilities: JsonObject;
  readonly instructions: string | null;
  /** Every definition, whole, as the server sent it. */
  readonly tools: readonly unknown[];
  readonly prompts: readonly unknown[];
}

const MAX_PAGES = 1000;
const TIMEOUT_MS = 60_000;

/** Starts or connects to the server, lists its tools and prompts and leaves. Rejects with what went wrong, its last words included. */
export async function pullOffer(server: ServerConfig, version: string): Promise<Offer> {
  const said: string[] = [];
  const transport = connectorOf(server, said);
  let protocol = '';
  const inner = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (agreed) => {
    protocol = agreed;
    inner?.(agreed);
  };
  const client = new Client(
    { name: 'sepal', version },
    { capabilities: {}, jsonSchemaValidator: new CfWorkerJsonSchemaValidator() },
  );
  try {
    await client.connect(transport, { timeout: TIMEOUT_MS });
    // A client of ours declares nothing and is answered as the gateway will be.
    const capabilities = JSON.parse(JSON.stringify(client.getServerCapabilities() ?? {})) as JsonObject;
    const list = (kind: 'tools' | 'prompts'): Promise<readonly unknown[]> =>
      Object.hasOwn(capabilities, kind) ? listAll(client, kind) : Promise.resolve([]);
    const [tools, prompts] = [await list('tools'), await list('prompts')];
    const [info, instructions] = [client.getServerVersion() ?? {}, client.getInstructions() ?? null];
    return { info, protocol, capabilities, instructions, tools, prompts };
  } catch (error) {
    const modern = refused(error) ? await pullModern(server, version).catch(() => null) : null;
    if (modern !== null) return modern;
    const words = said.join('').trim().split('\n').slice(-3).join(' | ').slice(-500);
    const message = plainly(error, server);
    throw new Error(words === '' ? message : `${message}; it said: ${words}`, { cause: error });
  } finally {
    await client.close();
  }
}

const CLOSED = -32000;
const LATE = -32001;

/** A server that answers a handshake with an error, or with that revision, may speak 2026-07-28 alone, which SDK 1.x does not. */
function refused(error: unknown): boolean {
  if (error instanceof Error && error.message.endsWith(`not supported: ${MODERN}`)) return true;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' && code !== CLOSED && code !== LATE;
}

async function pullModern(server: ServerConfig, version: string): Promise<Offer> {
  const nothing = (): void => undefined;
  const upstream = supervise('server', server, {
    company: company(),
    version,
    env: process.env,
    now: () => performance.now(),
    events: {
      asked: (_server, _key, { answer }) => answer.error(-32601, 'not here'),
      logged: nothing,
      listed: nothing,
      resourcesChanged: nothing,
      resourceUpdated: nothing,
      started: nothing,
      ended: nothing,
      listened: () => false,
      noise: nothing,
      trouble: nothing,
    },
  });
  try {
    const hop = await upstream.hop('pull', {}, 'modern');
    const { info, protocol, capabilities, instructions } = hop;
    const [tools, prompts] = [await hop.tools(), await hop.prompts()];
    return { info, protocol, capabilities, instructions, tools, prompts };
  } finally {
    await upstream.close();
  }
}

/** What the SDK and Node say, in the words of whoever wrote the configuration. */
function plainly(error: unknown, server: ServerConfig): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (server.kind === 'stdio' && code === 'ENOENT') {
    return existsSync(server.cwd)
      ? `the command \`${server.command}\` was not found`
      : `its folder ${server.cwd} does not exist`;
  }
  if (server.kind === 'stdio' && code === 'EACCES')
    return `the command \`${server.command}\` is not executable`;
  if (server.kind === 'http' && error.message === 'fetch failed') {
    const cause = error.cause instanceof Error ? error.cause.message : 'no connection';
    return `no connection to ${server.url}: ${cause === '' ? 'it was refused' : cause}`;
  }
  if (error.message.includes('Connection closed')) return 'it ended before it answered';
  return error.message;
}

function connectorOf(server: ServerConfig, said: string[]): Transport {
  if (server.kind === 'http') {
    return new StreamableHTTPClientTransport(new URL(server.url), {
      requestInit: { headers: { ...server.headers }, redirect: 'error' },
    });
  }
  const transport = new StdioClientTransport({
    command: server.command,
    args: [...server.args],
    env: { ...getDefaultEnvironment(), ...server.env },
    cwd: server.cwd,
    stderr: 'pipe',
  });
  transport.stderr?.on('data', (chunk: Buffer) => {
    said.push(chunk.toString('utf8'));
    if (said.length > 100) said.shift();
  });
  return transport;
}

/** The loose result schema keeps members that the SDK does not know, so that the whole definition is pinned. */
async function listAll(client: Client, kind: 'tools' | 'prompts'): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const params = cursor === undefined ? {} : { cursor };
    const page = await client.request({ method: `${kind}/list`, params }, ResultSchema, {
      timeout: TIMEOUT_MS,
    });
    const listed = page[kind];
    if (!Array.isArray(listed)) throw new Error(`the answer to ${kind}/list has no list of ${kind}`);
    found.push(...(listed as readonly unknown[]));
    const next = page['nextCursor'];
    cursor = typeof next === 'string' ? next : undefined;
    if (cursor !== undefined && (seen.has(cursor) || seen.size >= MAX_PAGES)) {
      throw new Error(`the pages of ${kind}/list do not end`);
    }
    if (cursor !== undefined) seen.add(cursor);
  } while (cursor !== undefined);
  return found;
}
