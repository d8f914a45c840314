// SPDX-License-Identifier: Apache-2.0
// A client that speaks JSON-RPC by hand, over a gateway's stdio front or over HTTP, and the stub upstream set up behind it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import type { PolicyModule } from '../../stdlib/abi.js';
import { configOf, type MemoryLog, pin, policyOf, scratch, startGateway } from './gateway.js';

export const stub = join(import.meta.dirname, 'upstream.mjs');
export const allowAll = policyOf(() => ({ effect: 'allow', rules: ['all'] }));

export interface Reply {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { [key: string]: unknown };
  readonly result?: { [key: string]: unknown } & {
    readonly isError?: boolean;
    readonly content?: readonly { readonly text: string }[];
  };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** A raw client on a pair of streams. */
export class Raw {
  readonly lines: string[] = [];
  readonly output = new PassThrough();
  private readonly input = new PassThrough();
  private readonly waiting = new Map<unknown, (line: string) => void>();
  private next = 1;
  constructor(gateway: Gateway) {
    let rest = '';
    this.output.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) {
        this.lines.push(line);
        const id = (JSON.parse(line) as Reply).id;
        this.waiting.get(id)?.(line);
      }
    });
    gateway.serveStdio({ input: this.input, output: this.output });
  }
  send(message: unknown): void {
    this.input.write(typeof message === 'string' ? `${message}\n` : `${JSON.stringify(message)}\n`);
  }
  async raw(method: string, params: unknown, id: unknown = this.next++): Promise<string> {
    const line = new Promise<string>((resolve) => this.waiting.set(id, resolve));
    this.send({ jsonrpc: '2.0', id, method, params });
    return line;
  }
  async ask(method: string, params: unknown, id?: unknown): Promise<Reply> {
    return JSON.parse(await this.raw(method, params, id)) as Reply;
  }
  call(name: string, args: object = {}, meta?: object): Promise<Reply> {
    return this.ask('tools/call', { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) });
  }
  notifications(method: string): readonly Reply[] {
    return this.lines.map((line) => JSON.parse(line) as Reply).filter((message) => message.method === method);
  }
  end(): void {
    this.input.end();
  }
}

/** The stub in `mode`, pinned as it is in `pinMode`, behind a gateway with a raw client that has shaken hands. */
export async function behindStub(
  mode: string,
  server: object = {},
  pinMode = mode,
  module: PolicyModule = allowAll,
) {
  const dir = scratch();
  const notes = join(dir, 'notes');
  const entry = (m: string) => ({ s: { command: process.execPath, args: [stub, m, notes], ...server } });
  await pin(configOf(dir, { mcpServers: entry(pinMode) }));
  const config = configOf(dir, {
    mcpServers: entry(mode),
    identity: { stdio: { principal: 'agent:raw' } },
    approvals: { holdSeconds: 0 },
  });
  const { gateway, log, said } = await startGateway(config, module);
  const client = new Raw(gateway);
  await client.ask('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  });
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const read = () => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : []);
  return { client, log, said, notes, read, gateway, config };
}

/** Waits until it is so; goes on after ten seconds, so that the expectation behind it says what is missing. */
export async function until(so: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !so(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Statuses of the outcome entries, once each call that was let through has one and a little later. */
export async function outcomes(log: MemoryLog) {
  const count = (effect: string): number =>
    log.bodies.filter((body) => body.decision?.effect === effect).length;
  const closed = (): number => log.bodies.filter((body) => body.type === 'outcome').length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let i = 0; i < 200 && closed() < count('allow'); i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return log.bodies.flatMap((body) => (body.outcome === undefined ? [] : [body.outcome.status]));
}
