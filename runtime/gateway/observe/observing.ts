// SPDX-License-Identifier: Apache-2.0
/** What watches the gateway from outside: metrics, traces, the webhook. Each is loaded only where the configuration asks for it. */
import type { Config } from '../../config.js';
import type { Endpoint } from '../../config-operate.js';
import type { ReceiptLog } from '../../log/types.js';
import type { Handle } from '../connection.js';
import type { Gate } from '../gate.js';
import type { Reloader } from '../reload.js';
import type { WatchListener } from './listener.js';
import type { Look, Metrics } from './metrics.js';
import type { Webhook } from './webhook.js';

export interface Observing {
  /** The log, counted. */
  readonly log: ReceiptLog;
  handler(handle: Handle): Handle;
  dropped(): void;
  /** Where the listener stands, once it is open; null without one. */
  address(): WatchListener['address'] | null;
  /** Opens the listener and begins to tell of reviews. */
  start(gate: Gate, reloads: Reloader['counts'], admission: () => string | null): Promise<void>;
  close(): Promise<void>;
}

export interface ObservingOptions {
  readonly config: Config;
  readonly log: ReceiptLog;
  readonly version: string;
  readonly env: { readonly [name: string]: string | undefined };
  readonly wall: () => number;
  readonly say: (line: string) => void;
}

const LOOK_MS = 500;

export async function openObserving({
  config,
  log,
  version,
  env,
  wall,
  say,
}: ObservingOptions): Promise<Observing> {
  const metrics = config.metrics === null ? null : (await import('./metrics.js')).createMetrics();
  const endpoint = config.tracing ?? fromEnvironment(env);
  const tracing =
    endpoint === null
      ? null
      : (await import('./tracing.js')).openTracing(endpoint, { version, log: config.receipts.origin });
  const hook: Webhook | null =
    config.webhook === null
      ? null
      : (await import('./webhook.js')).webhook({ config: config.webhook, wall, say });
  let listener: WatchListener | null = null;
  let looking: NodeJS.Timeout | null = null;
  return {
    log: metrics?.watched(log) ?? log,
    handler: (handle) => {
      const timed = metrics?.timed(handle) ?? handle;
      return tracing?.traced(timed) ?? timed;
    },
    dropped: () => metrics?.dropped(),
    address: () => listener?.address ?? null,
    async start(gate, reloads, admission) {
      if (config.metrics !== null && metrics !== null)
        listener = await openListener(config.metrics, metrics, gate, reloads, admission);
      if (hook === null) return;
      looking = setInterval(() => hook.look(gate.approvals.list()), LOOK_MS);
      looking.unref();
    },
    async close() {
      if (looking !== null) clearInterval(looking);
      hook?.close();
      await listener?.close();
      await tracing?.close();
    },
  };
}

async function openListener(
  config: NonNullable<Config['metrics']>,
  metrics: Metrics,
  gate: Gate,
  reloads: Reloader['counts'],
  admission: () => string | null,
): Promise<WatchListener> {
  const { serveWatch } = await import('./listener.js');
  const broken = (): string | null =>
    gate.log.failure() === null ? null : 'the receipt log cannot be written; every call is denied';
  return serveWatch(config, {
    contentType: metrics.contentType,
    metrics: () => metrics.text(look(gate, reloads)),
    unhealthy: broken,
    unready: () =>
      [
        broken(),
        gate.stopping.over ? 'the gateway is stopping' : null,
        gate.switches.list().some(({ scope }) => scope === 'all') ? 'the kill switch is on' : null,
        admission(),
      ].filter((why) => why !== null),
  });
}

function look(gate: Gate, reloads: Reloader['counts']): Look {
  const { name, version, source } = gate.policy().ref;
  return {
    policy: { name, version, source },
    pending: gate.approvals.list().length,
    entries: gate.log.head().size,
    failed: gate.log.failure() !== null,
    clients: [...gate.connections()].length,
    switchedOff: gate.switches.list().length,
    dryRun: gate.dryRun,
    reloads,
    servers: new Map(
      [...gate.upstreams].map(([server, upstream]) => {
        const drifts = [...gate.drift.values()].filter((drift) => drift.server === server);
        const changed = new Set(drifts.flatMap((drift) => [...drift.changed, ...drift.missing]));
        return [server, { running: upstream.live(), quarantined: changed.size }];
      }),
    ),
  };
}

/** The variables that every OpenTelemetry program reads. */
function fromEnvironment(env: ObservingOptions['env']): Endpoint | null {
  const traces = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const url = traces ?? (base === undefined ? undefined : `${base.replace(/\/+$/, '')}/v1/traces`);
  return url === undefined || url === '' ? null : { url, headers: {}, timeoutMs: 10_000 };
}
