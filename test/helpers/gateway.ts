// SPDX-License-Identifier: Apache-2.0
// A gateway on scratch folders for tests: a log in memory, a policy module written by hand, pins pulled from live servers.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadedPolicy } from '../../runtime/decide/load.js';
import { type Config, readConfig } from '../../runtime/config.js';
import { createGateway, type Gateway, type GatewayOptions } from '../../runtime/gateway/gateway.js';
import { definitionHash } from '../../runtime/gateway/pins.js';
import { company } from '../../runtime/gateway/upstream/company.js';
import { supervise } from '../../runtime/gateway/upstream/supervise.js';
import type { Appended, Draft, Openings, ReceiptLog, StoredEntry } from '../../runtime/log/types.js';
import { canonical, type JsonObject } from '../../runtime/verify/format/canonical.js';
import { checkBody } from '../../runtime/verify/format/check-body.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import { largeThread } from './large-thread.js';
import { ABI_VERSION, type Decision, type PolicyModule, type Request } from '../../stdlib/abi.js';

export interface MemoryLog extends ReceiptLog {
  readonly bodies: StoredEntry['body'][];
  /** The leaf of an entry. */
  leaf(seq: number): string;
  /** Makes every later append fail. */
  fail(error: Error): void;
  /** Lets no append become durable until the function that it returns is called. */
  hold(): () => void;
}

/** Keeps entries in memory, or no more than the last where `keep` is false, and checks each body against the frozen schema. */
export function memoryLog(origin = 'test/log', keep = true): MemoryLog {
  const stored: StoredEntry[] = [];
  const kept = new Map<number, Openings>();
  const bodies: StoredEntry['body'][] = [];
  let size = 0;
  let failure: Error | null = null;
  let held: Promise<void> = Promise.resolve();
  const add = (draft: Draft, openings?: Openings): Appended => {
    const seq = size++;
    const prev = stored.at(-1)?.leaf;
    const time = new Date().toISOString();
    const body = {
      v: 1,
      log: origin,
      seq,
      time,
      boot: Buffer.alloc(16).toString('base64'),
      ...(prev === undefined ? {} : { prev }),
      ...draft,
    };
    const parsed = parseStrict(canonical(body));
    const checked = parsed.ok ? checkBody(parsed.value) : 'unreadable';
    if (typeof checked === 'string') throw new Error(`${checked}: ${canonical(body)}`);
    const leaf = digest(canonical(body));
    if (!keep) stored.length = 0;
    stored.push({ body: checked, leaf });
    if (keep) bodies.push(checked);
    if (keep && openings !== undefined) kept.set(seq, openings);
    return { seq, leaf, time, id: `${origin}#${seq}`, kid: 'deadbeef' };
  };
  add({ type: 'genesis', key: { purpose: 'root+log', key: 'k', fingerprint: digest('k') } });
  return {
    origin,
    bodies,
    leaf: (seq) => stored[seq]?.leaf ?? '',
    append: async (draft, openings) => {
      await new Promise((resolve) => setImmediate(resolve));
      await held;
      if (failure !== null) throw failure;
      return add(draft, openings);
    },
    entries: async function* (from = 0) {
      yield* stored.slice(from);
    },
    openings: async (seq) => kept.get(seq) ?? null,
    head: () => ({ size, root: '' }),
    checkpoint: async () => '',
    failure: () => failure,
    close: async () => undefined,
    fail: (error) => {
      failure = error;
    },
    hold: () => {
      let release: () => void = () => undefined;
      held = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
  };
}

export type Rule = (request: Request) => Partial<Decision> & { readonly effect: Decision['effect'] };

/** A policy module around one function. */
export function policyOf(rule: Rule, hidden: (name: string) => boolean = () => false): PolicyModule {
  const decide = (request: Request): Decision => ({
    rules: [],
    default: false,
    reason: null,
    unknowns: [],
    approvals: [],
    timeout: null,
    shadow: [],
    steps: 1,
    ...rule(request),
  });
  return {
    name: 'test',
    version: '1.0.0',
    phases: ['call'],
    needs: () => [],
    reads: (request) =>
      Object.keys(request.intent.args)
        .sort()
        .map((key) => `/${key}`),
    decide,
    visible: (_subject, action) => !hidden(action.name),
    explain: (request) => ({ decision: decide(request), matched: [], near: [] }),
  };
}

export const scratch = (): string => mkdtempSync(join(tmpdir(), 'sepal-gateway-'));

export function configOf(dir: string, extra: object): Config {
  const file = {
    policy: 'p.sep',
    mcpServers: {},
    receipts: { origin: 'test/log' },
    listen: { http: '127.0.0.1:0' },
    ...extra,
  };
  const result = readConfig(JSON.stringify(file), join(dir, 'sepal.json'), {});
  if (!result.ok) throw new Error(result.errors.map((e) => `${e.path}: ${e.message}`).join('\n'));
  return result.config;
}

const pinned = (definitions: readonly JsonObject[]): JsonObject =>
  Object.fromEntries(
    definitions.map((one) => [`${one['name'] as string}`, { hash: definitionHash(one), definition: one }]),
  );

/** Starts each configured server once and pins what it lists. */
export async function pin(
  config: Config,
  only: (server: string, tool: string) => boolean = () => true,
): Promise<void> {
  const servers: { [name: string]: JsonObject } = {};
  for (const [server, own] of config.servers) {
    const nothing = () => undefined;
    const events = {
      asked: nothing,
      logged: nothing,
      listed: nothing,
      resourcesChanged: nothing,
      resourceUpdated: nothing,
      started: nothing,
      ended: nothing,
      listened: () => false,
      noise: nothing,
      trouble: nothing,
    };
    const upstream = supervise(server, own, {
      version: '0',
      env: process.env,
      now: Date.now,
      events,
      company: company(),
    });
    const hop = await upstream.hop('pin');
    const tools = (await hop.tools()).filter((tool) => only(server, `${tool['name'] as string}`));
    servers[server] = {
      info: hop.info,
      protocol: hop.protocol,
      capabilities: hop.capabilities,
      ...(hop.instructions === null ? {} : { instructions: hop.instructions }),
      tools: pinned(tools),
      prompts: pinned(await hop.prompts()),
    };
    await upstream.close();
  }
  writeFileSync(config.lock, canonical({ version: 1, modules: {}, servers }));
}

/** Pins one definition anew, as the operator who accepts a change would. */
export function repin(
  config: Config,
  kind: 'tools' | 'prompts',
  server: string,
  name: string,
  change: JsonObject,
): void {
  const lock = JSON.parse(readFileSync(config.lock, 'utf8')) as {
    readonly servers: {
      readonly [server: string]: { [kind: string]: { [name: string]: { definition: JsonObject } } };
    };
  };
  const own = lock.servers[server]?.[kind];
  const definition = { ...own?.[name]?.definition, ...change };
  if (own === undefined || own[name] === undefined) throw new Error(`${server}/${name} is not pinned`);
  Object.assign(own, pinned([definition]));
  writeFileSync(config.lock, canonical(lock as unknown as JsonObject));
}

const hash = digest('test');

/** What a manifest would say of a module written by hand. */
export const loaded = (
  module: PolicyModule,
  facts: LoadedPolicy['manifest']['facts'] = [],
): LoadedPolicy => ({
  module,
  manifest: {
    version: 1,
    abi: ABI_VERSION,
    policy: { name: module.name, version: module.version },
    source: hash,
    module: hash,
    compiler: { version: '0', hash },
    steps: 1,
    tz: process.versions['tz'] ?? '',
    unicode: process.versions['unicode'] ?? '',
    tools: {},
    facts,
    signature: null,
  },
});

export async function startGateway(
  config: Config,
  module: PolicyModule,
  extra: Partial<GatewayOptions> = {},
): Promise<{ readonly gateway: Gateway; readonly log: MemoryLog; readonly said: string[] }> {
  const log = memoryLog();
  const said: string[] = [];
  const gateway = await createGateway({
    thread: largeThread,
    config,
    policy: loaded(module),
    log,
    kid: 'deadbeef',
    version: '0.0.0-test',
    env: process.env,
    clock: { wall: Date.now, monotonic: () => performance.now() },
    say: (line) => said.push(line),
    control: null,
    ...extra,
  });
  return { gateway, log, said };
}
