// SPDX-License-Identifier: Apache-2.0
/** `metrics`, `tracing` and `approvals.webhook` of `sepal.json`: where the gateway tells others how it is. */
import { type ConfigFile, parseAddress } from './config-schema.js';
import { type ConfigError, isLoopback } from './config.js';

export interface MetricsConfig {
  readonly http: { readonly host: string; readonly port: number };
  /** What a scraper has to bring; null on loopback only. */
  readonly bearer: string | null;
}

/** An endpoint of the operator's, asked by POST. */
export interface Endpoint {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly timeoutMs: number;
}

export interface WebhookConfig extends Endpoint {
  readonly secret: string;
}

export interface OperateConfig {
  readonly metrics: MetricsConfig | null;
  readonly tracing: Endpoint | null;
  readonly webhook: WebhookConfig | null;
}

type Path = readonly (string | number)[];
export interface Reading {
  readonly place: (path: Path, message: string, help: string) => ConfigError;
  /** Fills in `${env:NAME}`; says at the path what is wrong. */
  readonly fill: (value: string, path: Path) => string;
  readonly service: (path: Path, entry: Service) => Endpoint;
  readonly errors: ConfigError[];
}
type Service = {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly timeout: string;
};

const MIN_SECRET = 16;

/** Pushes what is wrong to `errors`. */
export function readOperate(
  { metrics, tracing, approvals }: ConfigFile,
  { place, fill, service, errors }: Reading,
): OperateConfig {
  const { webhook } = approvals;
  const hook =
    webhook === null
      ? null
      : {
          ...service(['approvals', 'webhook'], webhook),
          secret: fill(webhook.secret, ['approvals', 'webhook', 'secret']),
        };
  if (hook !== null && errors.length === 0 && hook.secret !== '' && hook.secret.length < MIN_SECRET)
    errors.push(
      place(
        ['approvals', 'webhook', 'secret'],
        `the secret is shorter than ${MIN_SECRET} characters`,
        'make one with `openssl rand -hex 32`',
      ),
    );
  return {
    metrics: metrics === null ? null : readMetrics(metrics, { place, fill, errors }),
    tracing: tracing === null ? null : service(['tracing'], tracing),
    webhook: hook,
  };
}

function readMetrics(
  metrics: NonNullable<ConfigFile['metrics']>,
  { place, fill, errors }: Pick<Reading, 'place' | 'fill' | 'errors'>,
): MetricsConfig {
  const http = parseAddress(metrics.http) ?? { host: '127.0.0.1', port: 0 };
  const bearer = metrics.bearer === null ? null : fill(metrics.bearer, ['metrics', 'bearer']);
  if (bearer === null && !isLoopback(http.host))
    errors.push(
      place(
        ['metrics', 'http'],
        `\`${http.host}\` is not a loopback address and there is no \`metrics.bearer\``,
        'listen on 127.0.0.1, or set a bearer',
      ),
    );
  return { http, bearer };
}
