// SPDX-License-Identifier: Apache-2.0
/** The shape of `sepal.json` (docs/operators.md). Every object is strict; what a release does not implement stands in config.ts. */
import { z } from 'zod';
import { tlsSchema } from './config-tls.js';

// Zod compiles schemas with `new Function` unless told not to; the gateway runs with code generation off.
z.config({ jitless: true });

const name = z.string().min(1).max(200);
const text = z.string().max(10_000);
const principal = z
  .string()
  .max(200)
  .refine((value) => isPrincipal(value), 'must be a principal: `agent:x`, `user:x` or `service:x`');
const role = z.string().min(1).max(200);
const address = z
  .string()
  .refine((value) => parseAddress(value) !== null, 'must be `host:port`, for example `127.0.0.1:4002`');
const duration = z
  .string()
  .refine((value) => parseDuration(value) !== null, 'must be a duration such as `30m`, `45s` or `12h`');
const rate = z.string().refine((value) => parseRate(value) !== null, 'must be a rate such as `600/1m`');
const url = z
  .string()
  .refine((value) => isHttpUrl(value), 'must be an http or https URL without user name and fragment');
const positive = z.int().min(1);

const server = z
  .strictObject({
    type: z.enum(['stdio', 'http', 'streamable-http', 'sse']).optional(),
    command: z.string().min(1).optional(),
    args: z.array(text).optional(),
    env: z.record(z.string().min(1), text).optional(),
    cwd: z.string().min(1).optional(),
    perPrincipal: z.boolean().optional(),
    perSession: z.boolean().optional(),
    maxProcesses: positive.max(10_000).optional(),
    maxInFlight: positive.max(100_000).optional(),
    share: z.number().min(0.1).max(100).optional(),
    idle: duration.optional(),
    url: z.string().min(1).optional(),
    headers: z.record(z.string().min(1), text).optional(),
    timeout: duration.optional(),
  })
  .refine(({ perPrincipal, perSession }) => perSession !== true || perPrincipal !== false, {
    path: ['perSession'],
    message: 'needs processes of each principal (`perPrincipal`)',
  });

const approver = z.strictObject({
  id: principal,
  roles: z.array(role).default([]),
  key: z.string().min(1),
});

const jwt = z.strictObject({
  issuer: z.string().min(1).max(500),
  audience: z.union([z.string().min(1).max(500), z.array(z.string().min(1).max(500)).min(1).max(20)]),
  jwksUri: url.nullable().default(null),
  algorithms: z.array(z.string()).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']),
  clockSkew: duration.default('30s'),
  principal: z.string().min(1).max(500),
  onBehalfOf: z.string().min(1).max(500).nullable().default(null),
  rolesClaim: name.nullable().default(null),
  userRolesClaim: name.nullable().default(null),
  scopeClaim: name.default('scope'),
  scopes: z
    .strictObject({
      baseline: z.array(z.string()).default([]),
      actions: z.record(z.string(), z.array(z.string()).min(1)).default({}),
    })
    .prefault({}),
});

const endpoint = z.strictObject({
  url,
  headers: z.record(z.string().min(1), text).default({}),
  timeout: duration.default('5s'),
});
const webhook = endpoint.extend({ secret: text });

/** The zod schema of the file; `z.toJSONSchema` prints it for editors. */
/** Where a key of the log comes from that does not lie in `receipts.keys`. */
const secretSource = z.union([
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({
    command: z.array(z.string()).min(1),
    timeoutSeconds: positive.max(300).default(10),
  }),
]);

export const configSchema = z.strictObject({
  $schema: z.string().optional(),
  policy: z.string().min(1),
  mcpServers: z.record(z.string().min(1).max(64), server),
  listen: z
    .strictObject({
      http: address.nullable().default('127.0.0.1:4002'),
      path: z.string().startsWith('/').default('/mcp'),
      publicUrl: url.nullable().default(null),
      tls: tlsSchema.nullable().default(null),
      trustProxy: z.boolean().default(false),
      allowedOrigins: z.array(z.string()).default([]),
      limits: z
        .strictObject({
          perCredential: rate.default('600/1m'),
          unauthenticated: rate.default('60/1m'),
          inFlight: z.int().min(1).max(100_000).default(2048),
        })
        .prefault({}),
    })
    .prefault({}),
  console: z.unknown().default(null),
  identity: z
    .strictObject({
      stdio: z
        .strictObject({
          principal,
          roles: z.array(role).default([]),
          claims: z.record(z.string(), z.json()).default({}),
        })
        .nullable()
        .default(null),
      tokens: z.string().min(1).nullable().default(null),
      jwt: jwt.nullable().default(null),
      anonymous: principal.nullable().default(null),
      sessionIdle: duration.default('30m'),
    })
    .prefault({}),
  approvers: z.array(approver).default([]),
  receipts: z.strictObject({
    origin: name,
    dir: z.string().min(1).default('.sepal/log'),
    keys: z.string().min(1).default('.sepal/keys'),
    disclose: z.enum(['full', 'reads', 'none']).default('reads'),
    keyFrom: z.strictObject({ log: secretSource.optional(), seal: secretSource.optional() }).prefault({}),
    epoch: z
      .strictObject({ hours: positive.max(8760).default(24), entries: positive.default(1_000_000) })
      .prefault({}),
    checkpointSeconds: positive.max(3600).default(1),
    witnesses: z.array(z.strictObject({ url: z.url(), key: z.string().min(1) })).default([]),
  }),
  approvals: z
    .strictObject({
      holdSeconds: z.int().min(0).max(3600).default(45),
      webhook: webhook.nullable().default(null),
    })
    .prefault({}),
  config: z.record(z.string(), z.json()).default({}),
  facts: z
    .record(
      z.string().min(1).max(200),
      z.strictObject({
        url,
        headers: z.record(z.string().min(1), text).default({}),
        timeout: duration.default('1s'),
      }),
    )
    .default({}),
  scan: z
    .strictObject({
      classifier: z
        .strictObject({
          url,
          headers: z.record(z.string().min(1), text).default({}),
          timeout: duration.default('1s'),
        })
        .nullable()
        .default(null),
    })
    .prefault({}),
  metrics: z
    .strictObject({ http: address, bearer: text.nullable().default(null) })
    .nullable()
    .default(null),
  tracing: endpoint.nullable().default(null),
  names: z.enum(['prefix-when-several', 'always', 'never']).default('prefix-when-several'),
  store: z.string().default('embedded'),
  unpinned: z.string().default('deny'),
  trustedPublishers: z.array(z.string()).default([]),
});

export type ConfigFile = z.output<typeof configSchema>;
export type ServerEntry = z.output<typeof server>;

const KINDS = ['agent:', 'user:', 'service:'];

export function isPrincipal(value: string): boolean {
  const kind = KINDS.find((k) => value.startsWith(k));
  return (
    kind !== undefined &&
    value.length > kind.length &&
    !value.includes('*') &&
    value === value.normalize('NFC')
  );
}

/** `host:port`, `[::1]:port`; null when it is neither. */
export function parseAddress(value: string): { readonly host: string; readonly port: number } | null {
  const colon = value.lastIndexOf(':');
  const host = value.slice(0, colon).replace(/^\[([0-9a-fA-F:.]+)\]$/, '$1');
  const digits = value.slice(colon + 1);
  if (colon < 1 || host === '' || !/^\d{1,5}$/.test(digits) || Number(digits) > 65_535) return null;
  return { host, port: Number(digits) };
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds of `30m`, `200ms` …; null when it is not a duration. */
export function parseDuration(value: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(value);
  const unit = UNITS.get(match?.[2] ?? '');
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

/** `600/1m`: a count and the window that it refills in. */
export function parseRate(value: string): { readonly count: number; readonly windowMs: number } | null {
  const slash = value.indexOf('/');
  const count = value.slice(0, slash);
  const windowMs = parseDuration(value.slice(slash + 1));
  if (slash < 1 || !/^\d{1,9}$/.test(count) || Number(count) < 1 || windowMs === null || windowMs < 1)
    return null;
  return { count: Number(count), windowMs };
}

function isHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const parsed = new URL(value);
  const web = parsed.protocol === 'http:' || parsed.protocol === 'https:';
  return web && parsed.username === '' && parsed.password === '' && parsed.hash === '';
}
