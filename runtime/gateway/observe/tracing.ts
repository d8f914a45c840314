// SPDX-License-Identifier: Apache-2.0
/**
 * OpenTelemetry traces over OTLP/HTTP: one span for each action of a client. It continues the trace that the client names in `_meta` or begins
 * one, and takes the client's place as parent of what the server does. The receipt names the same trace.
 */
import { randomBytes } from 'node:crypto';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Endpoint } from '../../config-operate.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import type { Handle } from '../connection.js';
import { isObject, type RpcRequest } from '../wire/message.js';
import { type Outgoing, RECEIPT_META } from '../wire/reply.js';

export interface Tracing {
  /** The same handler, in spans. */
  traced(handle: Handle): Handle;
  close(): Promise<void>;
}

const ACTIONS = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'resources/subscribe',
  'completion/complete',
  'authorization/propose',
]);
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const MAX_READ = 64 * 1024;
const MAX_NAME = 100;

export function openTracing(
  endpoint: Endpoint,
  about: { readonly version: string; readonly log: string },
): Tracing {
  const exporter = new OTLPTraceExporter({
    url: endpoint.url,
    headers: { ...endpoint.headers },
    timeoutMillis: endpoint.timeoutMs,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'sepal',
      'service.version': about.version,
      'sepal.log': about.log,
    }),
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: 2_048, scheduledDelayMillis: 1_000 })],
  });
  const tracer = provider.getTracer('sepal', about.version);
  return {
    traced: (handle) => async (connection, message, side) => {
      if (message.kind !== 'request' || !ACTIONS.has(message.method))
        return handle(connection, message, side);
      const meta = isObject(message.params['_meta']) ? message.params['_meta'] : {};
      const parent = TRACEPARENT.exec(typeof meta['traceparent'] === 'string' ? meta['traceparent'] : '');
      const context =
        parent === null
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, {
              traceId: parent[1] ?? '',
              spanId: parent[2] ?? '',
              traceFlags: Number.parseInt(parent[3] ?? '0', 16) & 1,
              isRemote: true,
            });
      const name = nameOf(message);
      const span = tracer.startSpan(
        name === '' ? message.method : `${message.method} ${name}`,
        {
          kind: SpanKind.SERVER,
          attributes: {
            'rpc.system': 'mcp',
            'rpc.method': message.method,
            'sepal.name': name,
            'sepal.principal': connection.caller.subject.principal,
          },
        },
        context,
      );
      const { traceId, spanId, traceFlags } = span.spanContext();
      // A span that is not sampled is still the parent: the trace must not break here.
      const own = `00-${traceId}-${spanId === '0000000000000000' ? randomBytes(8).toString('hex') : spanId}-0${traceFlags & 1}`;
      const params: JsonObject = { ...message.params, _meta: { ...meta, traceparent: own } };
      try {
        const text = await handle(connection, { ...message, params }, side);
        span.setAttributes(answerOf(text));
        return text;
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    },
    close: () => provider.shutdown().catch(() => undefined),
  };
}

function nameOf({ params }: RpcRequest): string {
  const name = params['name'] ?? params['uri'];
  // What follows in a URI may be anybody's secret.
  return typeof name === 'string' ? (name.split(/[?#]/)[0] ?? '').slice(0, MAX_NAME) : '';
}

/** Decision and receipt, as the client is told of them; no part of the answer itself. */
function answerOf(text: Outgoing | null): { readonly [name: string]: string } {
  if (typeof text !== 'string' || text.length > MAX_READ || !text.includes(RECEIPT_META)) return {};
  const { result, error } = JSON.parse(text) as {
    readonly result?: { readonly _meta?: Told };
    readonly error?: { readonly data?: Told };
  };
  const receipt = (result?._meta ?? error?.data)?.[RECEIPT_META];
  if (receipt === undefined) return {};
  return { 'sepal.receipt': receipt.id, 'sepal.decision': receipt.decision };
}
type Told = { readonly [RECEIPT_META]?: { readonly id: string; readonly decision: string } };
