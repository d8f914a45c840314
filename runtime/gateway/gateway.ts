// SPDX-License-Identifier: Apache-2.0
/** Puts the gateway together, refuses to start when something it needs is missing, and proves to itself that it denies. */
import { Ending } from '../ending.js';
import { Passing } from '../passing.js';
import type { Readable, Writable } from 'node:stream';
import { createRegistry } from '../approvals/registry.js';
import { createApprovals } from '../approvals/store.js';
import type { Approvals, Clock } from '../approvals/types.js';
import type { Config } from '../config.js';
import { type Authenticator, createAuthenticator } from '../decide/identity.js';
import type { JwtVerifier } from '../decide/jwt.js';
import type { LoadedPolicy } from '../decide/load.js';
import { Sessions } from '../decide/sessions.js';
import { ControlError } from '../control/protocol.js';
import { type ControlServer, serveControl } from '../control/server.js';
import { type Limits, localLimits } from '../decide/limits.js';
import { readTokenFile } from '../decide/token-file.js';
import { indexTokens, type TokenEntry } from '../decide/tokens.js';
import type { ReceiptLog } from '../log/types.js';
import type { JsonObject } from '../verify/format/canonical.js';
import { type Caller, callerOf, upstreamKey } from './caller.js';
import { type Connection, endConnection } from './connection.js';
import { createDecisionTokens } from './decision-token.js';
import { createRounds } from './modern/rounds.js';
import { createSeal } from './modern/sealed.js';
import { stateKeys } from './modern/state-keys.js';
import { revokedListeners } from './modern/listen.js';
import { evaluator } from './evaluate.js';
import { floods } from './floods.js';
import { idle } from './idle.js';
import { type HttpFront, serveHttp } from './front/http.js';
import { resourceMetadata } from './front/metadata.js';
import { serveStdio, type StdioFront } from './front/stdio.js';
import { throttle } from './front/throttle.js';
import { readCatalog } from './catalog.js';
import type { ActivePolicy, Gate } from './gate.js';
import { handle } from './methods.js';
import { factServices } from '../decide/fact-service.js';
import { httpClassifier } from './classifier.js';
import { largeMessages } from './large/service.js';
import { openThread } from './large/thread.js';
import { lazyScanner } from './scanner.js';
import { freshBytes } from '../log/random.js';
import { readLog } from './read-log.js';
import {
  createReloader,
  type PolicySource,
  type Reloaded,
  type Reloader,
  swappableLimits,
} from './reload.js';
import { type Observing, openObserving } from './observe/observing.js';
import { relay, setDrift } from './relay.js';
import { closeDraft } from './review.js';
import { StartRefused } from './start.js';
import { selfTest } from './self-test.js';
import { type Switched, Switches } from './switches.js';
import { company } from './upstream/company.js';
import { supervise, type Upstream, type UpstreamEvents } from './upstream/supervise.js';

export interface GatewayOptions {
  readonly config: Config;
  readonly policy: LoadedPolicy;
  /** Opened by the caller, who also closes it after the gateway. */
  readonly log: ReceiptLog;
  /** Key id (8 hex digits) of the epoch key that signs entries now; asked for again each time, since it changes. */
  readonly kid: string;
  /** The lock with the pinned tools; `sepal.lock` beside sepal.json by default. */
  readonly lock?: string;
  readonly version: string;
  /** Where children take HOME, PATH, SHELL and TERM from. */
  readonly env: { readonly [name: string]: string | undefined };
  readonly clock: Clock;
  /** One line for the operator; never a secret. */
  readonly say: (line: string) => void;
  /** Decide and write down, but forward all that the policy would deny or review. Recorded. */
  readonly dryRun?: boolean;
  /** Where a changed policy comes from; without it a reload reads the pins only. */
  readonly source?: PolicySource;
  /** Where limits, counters and scores are kept; by default in memory, as a fold over the log. */
  readonly limits?: Limits;
  /** Where the control socket is opened; null for a gateway without one. */
  readonly control: string | null;
  /** The bundle of large/worker.ts; by default the one that is shipped. */
  readonly thread?: () => URL;
  /** What `shutdown` over the control socket does. */
  readonly onShutdown?: () => void;
}

export interface Gateway {
  readonly config: Config;
  readonly approvals: Approvals;
  readonly tokens: {
    all(): readonly TokenEntry[];
    /** Puts a changed list in force; a revoked token ends at once. */
    replace(tokens: readonly TokenEntry[]): void;
  };
  /** Takes up a changed policy and changed pins; rejects with `StartRefused`, the old still in force, when they cannot be used. */
  reload(): Promise<Reloaded>;
  /** The kill switch: what is switched off is denied until it is on again, also after a restart. */
  readonly switches: {
    list(): readonly Switched[];
    /** `scope` is `all`, `principal P`, `server S` or `tool S/T`. Resolves once it is written down. */
    set(scope: string, on: boolean, reason: string): Promise<void>;
  };
  /** Where metrics, health and readiness are served; null without `metrics`. */
  watching(): { readonly host: string; readonly port: number } | null;
  /** Listens on `listen.http`. */
  serveHttp(): Promise<HttpFront>;
  /** Serves one client on a pair of streams, as `identity.stdio`. */
  serveStdio(io: { readonly input: Readable; readonly output: Writable }): StdioFront;
  /** Ends fronts, upstreams and timers; what runs is answered as unknown. The log stays open. */
  close(): Promise<void>;
}

const DENIALS = { count: 60, windowMs: 60_000 };
const FLUSH_MS = 15_000;

/** Rejects with `StartRefused` (what, and what to do) when the gateway must not start. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, clock, say } = options;
  const { version, env } = options;
  const observing = await openObserving({ config, log: options.log, version, env, wall: clock.wall, say });
  const { log } = observing;
  const broken = log.failure();
  if (broken !== null)
    throw new StartRefused(
      `the receipt log cannot be written: ${broken.message}`,
      'free space or repair the disk, then start again',
    );
  const lock = options.lock ?? config.lock;
  let catalog = readCatalog(config, lock, say, 0);
  const sessions = new Sessions({
    idleMs: config.identity.sessionIdleMs,
    wall: clock.wall,
    monotonic: clock.monotonic,
    held: (session) => approvals.holds(session),
  });
  const approvals: Approvals = createApprovals({
    log,
    registry: createRegistry(config.approvers),
    clock,
    close: closeDraft(
      () => gate.policy(),
      (call) => limits.end(call, clock.wall()),
    ),
    onFault: (error) => say(`a parked call could not be closed: ${error.message}`),
  });
  const switches = new Switches();
  const keys = stateKeys(config.receipts.keys, clock.wall);
  const measures = options.policy.module.measures ?? [];
  const live = (): ReadonlySet<string> => sessions.live();
  const counting = localLimits(measures, { live });
  const swappable = swappableLimits(counting, measures, live);
  const limits = options.limits ?? swappable;
  await readLog(log, { limits: counting, sessions, approvals, switches }, measures, say);
  const dryRun = options.dryRun === true;
  if (dryRun || switches.watched()) await switches.watch(log, dryRun);
  if (dryRun)
    say('WARNING: dry run: the policy decides nothing; every call that it would deny or review is forwarded');
  for (const { scope, since } of switches.list()) say(`the kill switch is on (${scope}) since ${since}`);
  const book = tokenBook(config);
  const metadata = resourceMetadata(config);
  const jwt = await openJwt(config, clock, say);
  const authenticator = createAuthenticator({
    config: config.identity,
    tokens: book.index,
    sessions,
    wall: clock.wall,
    jwt,
    metadata: metadata?.url ?? null,
  });
  const policies = new WeakMap([[options.policy.module, options.policy]]);
  missingServices(options.policy, config, say);
  let active = await activate(log, options.policy);
  const fronts: (HttpFront | StdioFront)[] = [];
  const listening = new Set<Connection>();
  const stopping = new Ending();
  const connections = (): readonly Connection[] => [
    ...fronts.flatMap((front) => connectionsOf(front)),
    ...listening,
  ];
  const { classifier } = config.scan;
  const large = largeMessages(log.openingsFolder ?? null, openThread(options.thread));
  const scanner = lazyScanner(classifier === null ? null : httpClassifier(classifier), large.packed);
  const gate: Gate = {
    config,
    log,
    maskKey: log.maskKey?.() ?? freshBytes(32),
    approvals,
    catalog: () => catalog,
    live: new Map(),
    upstreams: openUpstreams(
      options,
      relay(() => gate, connections),
    ),
    say,
    get kid() {
      return options.kid;
    },
    version: options.version,
    policy: () => active,
    decide: evaluator({
      policyOf: (module) => policies.get(module) ?? options.policy,
      config: config.config,
      limits,
      definitionOf: (server, name) => catalog.pins.tool.get(server)?.get(name)?.definition ?? null,
      now: clock.wall,
      scanner,
      services: factServices(config.facts, clock.wall),
      say,
    }),
    scanner,
    large,
    switches,
    dryRun,
    admits: ({ identity }) => authenticator.holds(identity),
    drift: new Map(),
    active: new Passing(),
    connections,
    listening,
    stopping,
    idle: idle(),
    settling: new Set(),
    rounds: createRounds(clock.monotonic, clock.wall, createSeal(keys, log.origin)),
    decisions: createDecisionTokens(clock.monotonic, clock.wall),
    floods: floods(log, clock.wall),
    denials: throttle(DENIALS, clock.monotonic),
    now: clock.wall,
  };
  await approvals.start();
  await selfTest(gate);
  const reloader = createReloader({
    gate,
    source: options.source ?? null,
    pins: () => readCatalog(config, lock, say, catalog.version + 1),
    activate: async (policy) => {
      policies.set(policy.module, policy);
      missingServices(policy, config, say);
      return activate(log, policy);
    },
    swap: (next) => {
      catalog = next.catalog;
      active = next.active ?? active;
      for (const place of gate.live.keys()) setDrift(gate, place);
    },
    limits: swappable,
  });
  const tokens: TokenBook = {
    all: () => book.all(),
    replace: (list) => {
      book.replace(list);
      endRevoked(fronts, authenticator);
      for (const connection of revokedListeners(gate)) endConnection(connection);
    },
  };
  const control = await openControlSocket({ gate, options, fronts, tokens, reloader });
  await observing.start(gate, reloader.counts, () => withoutKeys(config, jwt));
  return assemble(gate, { options, fronts, authenticator, tokens, reloader, control, stopping, observing });
}

/** The library for signed tokens is loaded only where they are taken. Keys that cannot be had yet are asked for again by the first token. */
async function openJwt(
  { identity: { jwt } }: Config,
  clock: Clock,
  say: (line: string) => void,
): Promise<JwtVerifier | null> {
  if (jwt === null) return null;
  const [{ jwtVerifier }, { keySource }] = await Promise.all([
    import('../decide/jwt.js'),
    import('../decide/jwks.js'),
  ]);
  const keys = keySource({ url: jwt.jwksUri, issuer: jwt.issuer, now: clock.monotonic, say });
  void keys.refresh();
  return jwtVerifier(jwt, keys, clock.wall);
}

/** Where nobody gets in but by signed tokens, a gateway without the issuer's keys is not ready. */
function withoutKeys({ identity }: Config, jwt: JwtVerifier | null): string | null {
  const others = identity.tokens !== null || identity.anonymous !== null || identity.stdio !== null;
  return jwt === null || others || jwt.keys.state().keys > 0
    ? null
    : 'the keys of the token issuer are not known';
}

/** Open streams and running calls of a credential that no longer holds end with it. */
function endRevoked(fronts: readonly (HttpFront | StdioFront)[], authenticator: Authenticator): void {
  for (const front of fronts) {
    if (!('sessions' in front)) continue;
    for (const session of front.sessions.all())
      if (!authenticator.holds(session.connection.caller.identity)) front.sessions.end(session);
  }
}

function openUpstreams(options: GatewayOptions, events: UpstreamEvents): ReadonlyMap<string, Upstream> {
  const { version, env, clock } = options;
  const own = { version, env, now: clock.monotonic, events, company: company() };
  return new Map(
    [...options.config.servers].map(([server, config]) => [server, supervise(server, config, own)]),
  );
}

async function openControlSocket(
  parts: Pick<Parts, 'options' | 'fronts' | 'tokens' | 'reloader'> & { readonly gate: Gate },
): Promise<ControlServer | null> {
  const { gate, options, fronts, tokens, reloader } = parts;
  if (options.control === null) return null;
  const targets = {
    switches: {
      list: () => gate.switches.list(),
      set: (scope: string, on: boolean, reason: string) => gate.switches.set(gate.log, scope, on, reason),
    },
    approvals: gate.approvals,
    tokens: { file: options.config.identity.tokens, ...tokens },
    status: () => status(gate, fronts),
    reload: () => told(reloader),
    log: gate.log,
    ...(options.onShutdown === undefined ? {} : { shutdown: options.onShutdown }),
  };
  return serveControl(options.control, targets, (error) => options.say(`control socket: ${error.message}`));
}

/** What is wrong with a policy or a lock is the operator's to know. */
async function told(reloader: Reloader): Promise<JsonObject> {
  try {
    return { ...(await reloader.reload()) };
  } catch (error) {
    if (error instanceof StartRefused) throw new ControlError('reload', error.message, error.help);
    throw error;
  }
}

interface Parts {
  readonly options: GatewayOptions;
  readonly fronts: (HttpFront | StdioFront)[];
  readonly authenticator: Authenticator;
  readonly tokens: TokenBook;
  readonly reloader: Reloader;
  readonly control: ControlServer | null;
  readonly stopping: Ending;
  readonly observing: Observing;
}

function assemble(
  gate: Gate,
  { options, fronts, authenticator, tokens, reloader, control, stopping, observing }: Parts,
): Gateway {
  const { config, clock, say } = options;
  const flush = setInterval(() => void gate.floods.sweep(), FLUSH_MS);
  flush.unref();
  const answer = observing.handler((connection, message, side) => handle(gate, connection, message, side));
  return {
    config,
    approvals: gate.approvals,
    tokens,
    reload: () => reloader.reload(),
    switches: {
      list: () => gate.switches.list(),
      set: (scope, on, reason) => gate.switches.set(gate.log, scope, on, reason),
    },
    serveHttp: async () => {
      if (config.identity.anonymous !== null)
        say(`warning: callers without a credential are \`${config.identity.anonymous}\``);
      const front = await serveHttp({
        listen: config.listen,
        sessionIdleMs: config.identity.sessionIdleMs,
        ended: ({ caller }) => {
          for (const upstream of gate.upstreams.values()) upstream.leave(upstreamKey(caller));
        },
        authenticator,
        handle: answer,
        floods: gate.floods,
        large: gate.large,
        healthy: () => gate.log.failure() === null,
        metadata: resourceMetadata(config),
        dropped: () => observing.dropped(),
        say,
        now: clock.monotonic,
        wall: clock.wall,
      });
      fronts.push(front);
      return front;
    },
    serveStdio: (io) => {
      const front = serveStdio(io, () => stdioCaller(authenticator), answer, gate.large);
      fronts.push(front);
      return front;
    },
    watching: () => observing.address(),
    close: async () => {
      clearInterval(flush);
      stopping.end();
      await control?.close();
      gate.rounds.closeAll();
      gate.approvals.stop();
      for (const front of fronts) if ('close' in front) await front.close();
      await Promise.all([...gate.upstreams.values()].map((upstream) => upstream.close()));
      await Promise.all([gate.scanner.close(), gate.large.close()]);
      for (let i = 0; i < 40 && gate.active.size > 0; i++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      await Promise.allSettled(gate.settling);
      if (gate.dryRun) await gate.switches.watch(gate.log, false).catch(() => undefined);
      await gate.floods.flush();
      await observing.close();
    },
  };
}

/** What `status` over the control socket says. */
function status(gate: Gate, fronts: readonly (HttpFront | StdioFront)[]): JsonObject {
  const { size, root } = gate.log.head();
  const { name, version, source } = gate.policy().ref;
  const http = fronts.find((front) => 'address' in front);
  return {
    version: gate.version,
    pid: process.pid,
    policy: { name, version, source },
    log: { origin: gate.log.origin, size, root, failure: gate.log.failure()?.message ?? null },
    listening: http === undefined ? null : `${http.address.host}:${http.address.port}`,
    pending: gate.approvals.list().length,
    dryRun: gate.dryRun,
    switchedOff: gate.switches.list().map(({ scope }) => scope),
    servers: Object.fromEntries(
      [...gate.upstreams.keys()].map((server) => [server, serverStatus(gate, server)]),
    ),
  };
}

function serverStatus(gate: Gate, server: string): JsonObject {
  const drifts = [...gate.drift.values()].filter((drift) => drift.server === server);
  return {
    tools: gate.catalog().tools.get(server)?.size ?? 0,
    notAsPinned: [...new Set(drifts.flatMap(({ changed, missing }) => [...changed, ...missing]))],
  };
}

function stdioCaller(authenticator: Authenticator): Caller {
  const result = authenticator.stdio();
  if (result.ok) return callerOf(result.identity);
  throw new StartRefused(
    result.refusal.message,
    'set `identity.stdio` in sepal.json, for example { "principal": "agent:local" }',
  );
}

const connectionsOf = (front: HttpFront | StdioFront): readonly Connection[] =>
  'sessions' in front ? [...front.sessions.all()].map((session) => session.connection) : [front.connection];

interface TokenBook {
  all(): readonly TokenEntry[];
  replace(tokens: readonly TokenEntry[]): void;
}

function tokenBook(config: Config): TokenBook & { readonly index: () => ReadonlyMap<string, TokenEntry> } {
  let list = config.identity.tokens === null ? [] : readTokenFile(config.identity.tokens);
  let index = indexTokens(list);
  return {
    index: () => index,
    all: () => list,
    replace: (tokens) => {
      list = tokens;
      index = indexTokens(tokens);
    },
  };
}

/** The `policy` entry: from here on, decisions are made by this module. */
/** A fact that no service answers is unknown in every decision: its operator should know. */
function missingServices({ manifest }: LoadedPolicy, { facts }: Config, say: (line: string) => void): void {
  for (const { name, source, path } of manifest.facts) {
    const [service = ''] = path;
    if (source === 'http' && !facts.has(service))
      say(`warning: the fact \`${name}\` is unknown: \`facts\` in sepal.json has no service \`${service}\``);
  }
}

async function activate(log: ReceiptLog, { module, manifest }: LoadedPolicy): Promise<ActivePolicy> {
  const { node, icu = '', unicode = '', tz = '', ada = '' } = process.versions;
  const ref = {
    name: manifest.policy.name,
    version: manifest.policy.version,
    source: manifest.source,
    module: manifest.module,
    compiler: manifest.compiler.hash,
  };
  const versions = { node, icu, unicode, tz, ada };
  const entry = await log.append({ type: 'policy', policy: { ...ref, versions } });
  const { tools, narrowing, masked } = manifest;
  return {
    module,
    ref: { ...ref, activation: entry.leaf },
    tools: new Map(Object.entries(tools)),
    ...(narrowing === undefined ? {} : { narrowing }),
    ...(masked === undefined ? {} : { masked }),
  };
}
