// SPDX-License-Identifier: Apache-2.0
/**
 * Prometheus metrics. Decisions, outcomes and events are counted where they are written down, so that what is counted is what the log says.
 * Labels come from the policy and the configuration, never from callers, and each has a bound.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Draft, ReceiptLog } from '../../log/types.js';
import type { Handle } from '../connection.js';

/** What is looked up when somebody asks. */
export interface Look {
  readonly policy: { readonly name: string; readonly version: string; readonly source: string };
  readonly pending: number;
  readonly entries: number;
  readonly failed: boolean;
  readonly clients: number;
  readonly switchedOff: number;
  readonly dryRun: boolean;
  readonly reloads: { readonly activated: number; readonly refused: number };
  readonly servers: ReadonlyMap<string, { readonly running: number; readonly quarantined: number }>;
}

export interface Metrics {
  /** The same log, counted. */
  watched(log: ReceiptLog): ReceiptLog;
  /** The same handler, timed. */
  timed(handle: Handle): Handle;
  /** A message for a client was dropped: it reads too slowly, or takes no stream. */
  dropped(): void;
  text(look: Look): Promise<string>;
  readonly contentType: string;
}

const MAX_RULES = 500;
const OTHER = 'other';
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const METHODS = new Set([
  'initialize',
  'ping',
  'tools/call',
  'tools/list',
  'prompts/get',
  'prompts/list',
  'resources/read',
  'resources/list',
  'completion/complete',
  'server/discover',
  'subscriptions/listen',
  'authorization/propose',
  'authorization/decide',
]);

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const decisions = new Counter({
    name: 'sepal_decisions_total',
    help: 'Decisions, by phase, effect and the first rule that made them (default: none did).',
    labelNames: ['phase', 'effect', 'rule'],
    registers,
  });
  const outcomes = new Counter({
    name: 'sepal_outcomes_total',
    help: 'What became of forwarded calls.',
    labelNames: ['status'],
    registers,
  });
  const events = new Counter({
    name: 'sepal_events_total',
    help: 'Events of the log, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const writes = new Histogram({
    name: 'sepal_log_append_seconds',
    help: 'Until an entry is durable.',
    buckets: SECONDS,
    registers,
  });
  const upstream = new Histogram({
    name: 'sepal_upstream_seconds',
    help: 'Until a server has answered.',
    buckets: SECONDS,
    registers,
  });
  const requests = new Histogram({
    name: 'sepal_request_seconds',
    help: 'From a request to its answer.',
    labelNames: ['method'],
    buckets: SECONDS,
    registers,
  });
  const running = new Gauge({
    name: 'sepal_requests_running',
    help: 'Requests that wait for their answer.',
    registers,
  });
  const drops = new Counter({
    name: 'sepal_dropped_notifications_total',
    help: 'Messages for clients that could not be sent.',
    registers,
  });
  const rules = new Set<string>();
  const gauges = lookedUp(registers);

  const count = (draft: Draft): void => {
    const { type, decision, phase, outcome, event } = draft;
    if (type === 'decide' && decision !== undefined) {
      const first = decision.rules[0] ?? 'default';
      if (rules.size < MAX_RULES) rules.add(first);
      const effect = decision.dry_run ?? decision.effect;
      decisions.inc({ phase: phase ?? 'call', effect, rule: rules.has(first) ? first : OTHER });
    } else if (type === 'outcome' && outcome !== undefined) {
      outcomes.inc({ status: outcome.status });
      if (outcome.ms !== undefined) upstream.observe(outcome.ms / 1000);
    } else if (type === 'event' && event !== undefined) events.inc({ kind: event.kind }, event.count ?? 1);
  };
  return {
    contentType: registry.contentType,
    dropped: () => drops.inc(),
    watched: (log) =>
      following(log, async (draft, openings) => {
        const end = writes.startTimer();
        const entry = await log.append(draft, openings);
        end();
        count(draft);
        return entry;
      }),
    timed: (handle) => async (connection, message, side) => {
      if (message.kind !== 'request') return handle(connection, message, side);
      const end = requests.startTimer({ method: METHODS.has(message.method) ? message.method : OTHER });
      running.inc();
      try {
        return await handle(connection, message, side);
      } finally {
        running.dec();
        end();
      }
    },
    text: async (look) => {
      gauges(look);
      return registry.metrics();
    },
  };
}

/** The log with another `append`; everything else is its own. */
function following(log: ReceiptLog, append: ReceiptLog['append']): ReceiptLog {
  return new Proxy(log, {
    get(target, name) {
      if (name === 'append') return append;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function lookedUp(registers: Registry[]): (look: Look) => void {
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const policy = gauge('sepal_policy_info', 'The policy in force.', ['name', 'version', 'source']);
  const reloads = gauge('sepal_policy_reloads', 'Policies put in force after the first, and those refused.', [
    'result',
  ]);
  const pending = gauge('sepal_approvals_pending', 'Calls that wait for people.');
  const entries = gauge('sepal_log_entries', 'Entries of the log: its position.');
  const failed = gauge('sepal_log_failed', '1: the log takes no entries and every call is denied.');
  const clients = gauge('sepal_clients', 'Sessions of clients.');
  const off = gauge('sepal_kill_switches', 'Kill switches that are on.');
  const dry = gauge('sepal_dry_run', '1: the policy decides nothing.');
  const processes = gauge('sepal_upstream_running', 'Processes of, or sessions with, a server.', ['server']);
  const quarantined = gauge('sepal_upstream_quarantined', 'Definitions of a server that are not as pinned.', [
    'server',
  ]);
  return (look) => {
    policy.reset();
    policy.set({ ...look.policy }, 1);
    reloads.set({ result: 'activated' }, look.reloads.activated);
    reloads.set({ result: 'refused' }, look.reloads.refused);
    pending.set(look.pending);
    entries.set(look.entries);
    failed.set(Number(look.failed));
    clients.set(look.clients);
    off.set(look.switchedOff);
    dry.set(Number(look.dryRun));
    for (const [server, state] of look.servers) {
      processes.set({ server }, state.running);
      quarantined.set({ server }, state.quarantined);
    }
  };
}
