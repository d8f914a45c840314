// SPDX-License-Identifier: Apache-2.0
/** Reads `sepal.json`: strict JSON, known keys only, paths from the file's folder, `${env:NAME}` where it may stand. */
import type { JsonObject } from './verify/format/canonical.js';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { JsonRecord } from '../stdlib/abi.js';
import {
  type ConfigFile,
  configSchema,
  parseAddress,
  parseDuration,
  parseRate,
  type ServerEntry,
} from './config-schema.js';
import { type OperateConfig, readOperate } from './config-operate.js';
import { jwtConfig, jwtErrors } from './config-jwt.js';
import { hasTls, TLS_HELP, type TlsConfig, tlsConfig } from './config-tls.js';
import { nearest } from './config-nearest.js';
import type { FactServiceConfig } from './decide/fact-service.js';
import type { JwtConfig } from './decide/jwt-claims.js';
import { lineColumn, locate } from './gateway/wire/spans.js';
import type { SecretSources } from './log/secrets.js';
import { COSIGNATURE } from './verify/format/cosignature.js';
import { parseStrict } from './verify/format/json.js';
import { parseVerifierKey, type VerifierKey } from './verify/format/note.js';

export interface StdioServer {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  readonly env: { readonly [name: string]: string };
  readonly cwd: string;
  readonly perPrincipal: boolean;
  readonly perSession: boolean;
  readonly maxProcesses: number;
  /** Calls that it may work on at a time, all clients together. */
  readonly maxInFlight: number;
  /** Of one processor's time, what it says unasked, and large messages, may cost while others are called. */
  readonly share: number;
  readonly idleMs: number;
  readonly timeoutMs: number;
}

export interface HttpServer {
  readonly kind: 'http';
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly perPrincipal: boolean;
  readonly perSession: boolean;
  readonly maxProcesses: number;
  /** Calls that it may work on at a time, all clients together. */
  readonly maxInFlight: number;
  /** Of one processor's time, what it says unasked, and large messages, may cost while others are called. */
  readonly share: number;
  readonly idleMs: number;
  readonly timeoutMs: number;
}

export type ServerConfig = StdioServer | HttpServer;

/** See `StdioServer.share`. */
export const DEFAULT_SHARE = 0.02;

export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

export interface ListenConfig {
  readonly http: { readonly host: string; readonly port: number } | null;
  readonly path: string;
  readonly publicUrl: string | null;
  readonly tls: TlsConfig | null;
  readonly trustProxy: boolean;
  readonly allowedOrigins: readonly string[];
  readonly limits: {
    readonly perCredential: Rate;
    readonly unauthenticated: Rate;
    /** Requests at a time, all clients together. */
    readonly inFlight: number;
  };
}

/** The checked configuration; every path is absolute, every duration in milliseconds. */
export interface Config extends OperateConfig {
  readonly file: string;
  readonly dir: string;
  readonly policy: string;
  readonly lock: string;
  readonly servers: ReadonlyMap<string, ServerConfig>;
  readonly listen: ListenConfig;
  readonly identity: {
    readonly stdio: {
      readonly principal: string;
      readonly roles: readonly string[];
      /** Values of `claim.x` facts. */
      readonly claims?: JsonObject;
    } | null;
    readonly tokens: string | null;
    readonly jwt: JwtConfig | null;
    readonly anonymous: string | null;
    readonly sessionIdleMs: number;
  };
  readonly approvers: readonly {
    readonly id: string;
    readonly roles: readonly string[];
    readonly key: string;
  }[];
  readonly receipts: {
    readonly origin: string;
    readonly dir: string;
    readonly keys: string;
    /** Keys that do not lie in `keys`. */
    readonly keyFrom: SecretSources;
    /** A new epoch key after so long or so many entries. */
    readonly epoch: { readonly hours: number; readonly entries: number };
    readonly checkpointSeconds: number;
    /** How much of the clear text `sepal log export` discloses. */
    readonly disclose: 'full' | 'reads' | 'none';
    /** Who cosigns checkpoints; keys of type 0x04. */
    readonly witnesses: readonly { readonly url: string; readonly key: VerifierKey }[];
  };
  readonly approvals: { readonly holdSeconds: number };
  /** Values of `config.x` facts. */
  readonly config: JsonRecord;
  readonly scan: { readonly classifier: ClassifierConfig | null };
  /** Services that answer `http.x` facts, by `x`. */
  readonly facts: ReadonlyMap<string, FactServiceConfig>;
  readonly names: ConfigFile['names'];
  /** Verifier keys of those whose bundles are loaded; empty: any policy is. */
  readonly trustedPublishers: readonly string[];
  /** Where the control socket stands. */
  readonly control: string;
}

/** A classifier that is asked over HTTP (docs/scanning.md). */
export interface ClassifierConfig {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly timeoutMs: number;
}

export interface ConfigError {
  /** `listen.http`, or '' for the whole file. */
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
  readonly help: string;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

type Env = { readonly [name: string]: string | undefined };
type Path = readonly (string | number)[];

const READ_TROUBLES: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a folder'],
  ['EACCES', 'permission denied'],
]);

/**
 * Loads and checks the file at `path`; never throws. Without an `env` no variable is looked up: for commands that start no server.
 */
export function loadConfig(path: string, env: Env | null): ConfigResult {
  const file = resolve(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const why = READ_TROUBLES.get((error as NodeJS.ErrnoException).code ?? '') ?? String(error);
    const help = 'name the file with --config, or write one with `sepal init`';
    return { ok: false, errors: [{ path: '', message: `cannot read ${file}: ${why}`, help }] };
  }
  return readConfig(bytes, file, env);
}

/** As `loadConfig`, from bytes; `file` gives the folder that paths start from. */
export function readConfig(bytes: string | Uint8Array, file: string, env: Env | null): ConfigResult {
  const source = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');
  const parsed = parseStrict(bytes);
  if (!parsed.ok) {
    const help = 'sepal.json is strict JSON: no comments, no trailing commas, no key twice';
    return {
      ok: false,
      errors: [{ path: '', ...lineColumn(source, parsed.error.offset), message: parsed.error.message, help }],
    };
  }
  const checked = configSchema.safeParse(plain(parsed.value));
  const place = (path: Path, message: string, help: string): ConfigError => ({
    path: path.join('.'),
    ...lineColumn(source, locate(source, path)),
    message,
    help,
  });
  if (!checked.success)
    return { ok: false, errors: checked.error.issues.flatMap((issue) => explain(issue, place)) };
  const errors = [
    ...unsupported(checked.data, place),
    ...misplaced(checked.data, place),
    ...badWitnesses(checked.data, place),
    ...badPublishers(checked.data, place),
    ...jwtErrors(checked.data.identity.jwt, place),
  ];
  const servers = new Map<string, ServerConfig>();
  for (const [name, entry] of Object.entries(checked.data.mcpServers)) {
    const result = readServer(name, entry, dirname(file), env, place);
    if (result.server === null) errors.push(...result.errors);
    else servers.set(name, result.server);
  }
  errors.push(...crossChecks(checked.data, place));
  const { scan } = checked.data;
  const service = (at: Path, entry: HttpService) => readService(at, entry, env, place, errors);
  const classifier = scan.classifier && service(['scan', 'classifier'], scan.classifier);
  const facts = new Map(
    Object.entries(checked.data.facts).map(([name, entry]) => [name, service(['facts', name], entry)]),
  );
  const fill = (value: string, at: Path): string =>
    substitute(value, env, (message, help) => void errors.push(place(at, message, help)));
  const operate = readOperate(checked.data, { place, fill, service, errors });
  return errors.length > 0
    ? { ok: false, errors }
    : {
        ok: true,
        config: { ...operate, ...assemble(checked.data, servers, file), scan: { classifier }, facts },
      };
}

/** Null-prototype objects of the strict parser as plain ones, which zod asks for. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

type Place = (path: Path, message: string, help: string) => ConfigError;

function explain(issue: z.core.$ZodIssue, place: Place): readonly ConfigError[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path);
    return issue.keys.map((key) => {
      const near = nearest(key, known);
      const help = near === null ? `known keys here: ${known.join(', ')}` : `did you mean \`${near}\`?`;
      return place([...path, key], `unknown key \`${key}\``, help);
    });
  }
  const where = path.join('.');
  return [place(path, `${where === '' ? 'the file' : `\`${where}\``} ${trouble(issue)}`, SHAPE)];
}

const SHAPE = 'docs/operators.md lists every key with its type and its default';

const TYPES: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['boolean', 'true or false'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['record', 'an object'],
  ['null', 'null'],
]);

/** What is wrong with one value, in the words of whoever writes the file. */
function trouble(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const received = issue.message.split('received ')[1] ?? '';
      if (received === 'undefined') return 'is missing';
      const other = TYPES.get(received);
      return `must be ${TYPES.get(issue.expected) ?? issue.expected}${other === undefined ? '' : `, not ${other}`}`;
    }
    case 'invalid_value':
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters long' : ''}`;
    default:
      return issue.message.replace(/^Invalid (input|string): /, '');
  }
}

/** The keys that the schema knows at `path`, walking through defaults, nullables and records. */
function keysAt(path: Path): readonly string[] {
  let schema: unknown = configSchema;
  for (const step of path) {
    const def = unwrap(schema);
    if (def.shape !== undefined) schema = def.shape[String(step)];
    else schema = def.valueType ?? def.element;
  }
  return Object.keys(unwrap(schema).shape ?? {}).filter((key) => !key.startsWith('$'));
}

interface Def {
  readonly innerType?: unknown;
  readonly shape?: { readonly [key: string]: unknown };
  readonly valueType?: unknown;
  readonly element?: unknown;
}

function unwrap(schema: unknown): Def {
  let def = (schema as { readonly def?: Def } | undefined)?.def ?? {};
  while (def.innerType !== undefined) def = (def.innerType as { readonly def: Def }).def;
  return def;
}

/** Keys that the interface promises and this release does not implement: refused, never ignored. */
function unsupported(file: ConfigFile, place: Place): readonly ConfigError[] {
  const later: readonly (readonly [Path, boolean, string])[] = [
    [
      ['console'],
      file.console !== null,
      'remove it or write null; use `sepal approvals` and `sepal log show`',
    ],
    [['store'], file.store !== 'embedded', 'keep "embedded"'],
    [['unpinned'], file.unpinned !== 'deny', 'keep "deny"; accept tools with `sepal tools accept`'],
  ];
  const sse = Object.entries(file.mcpServers)
    .filter(([, entry]) => entry.type === 'sse')
    .map(([name]) =>
      place(['mcpServers', name, 'type'], '`sse` is not supported', 'use the Streamable HTTP endpoint'),
    );
  const found = later
    .filter(([, set]) => set)
    .map(([path, , help]) => place(path, `\`${path.join('.')}\` is not supported yet`, help));
  return [...found, ...sse];
}

/** A publisher is known by the verifier key that `sepal keygen publisher` prints. */
function badPublishers(file: ConfigFile, place: Place): readonly ConfigError[] {
  return file.trustedPublishers.flatMap((key, i) =>
    parseVerifierKey(key) === null
      ? [
          place(
            ['trustedPublishers', i],
            `\`trustedPublishers.${i}\` is not the verifier key of a publisher`,
            'write it as `sepal keygen publisher` printed it: name+id+base64',
          ),
        ]
      : [],
  );
}

/** A witness is known by a verifier key of type 0x04, as `sepal witness` prints it. */
function badWitnesses(file: ConfigFile, place: Place): readonly ConfigError[] {
  return file.receipts.witnesses.flatMap(({ key }, i) =>
    parseVerifierKey(key, COSIGNATURE) === null
      ? [
          place(
            ['receipts', 'witnesses', i, 'key'],
            `\`receipts.witnesses.${i}.key\` is not the verifier key of a witness`,
            'write it as the witness prints it: name+id+base64, of type 0x04',
          ),
        ]
      : [],
  );
}

const FILLED_LATER = ['metrics.bearer', 'tracing.headers', 'approvals.webhook'];
const SUBSTITUTED = ['args', 'env', 'headers', 'url'];

/** `${…}` outside `args`, `env`, `headers` and `url` of a server would stand there as it is: refused. */
function misplaced(file: ConfigFile, place: Place): readonly ConfigError[] {
  const found: ConfigError[] = [];
  const walk = (value: unknown, path: Path): void => {
    if (path[0] === 'mcpServers' && SUBSTITUTED.includes(String(path[2]))) return;
    if (path[0] === 'identity' && path[1] === 'jwt') return;
    if (FILLED_LATER.includes(path.slice(0, 2).join('.'))) return;
    if ((path[0] === 'facts' || path[0] === 'scan') && path[2] === 'headers') return;
    if (typeof value === 'string' && value.includes('${')) {
      const help = '`${env:NAME}` may stand in `args`, `env`, `headers` and `url` of a server only';
      found.push(place(path, 'a substitution is not allowed here', help));
    } else if (Array.isArray(value)) value.forEach((item, i) => walk(item, [...path, i]));
    else if (value !== null && typeof value === 'object') {
      for (const [key, member] of Object.entries(value)) walk(member, [...path, key]);
    }
  };
  walk(file, []);
  return found;
}

interface ServerResult {
  readonly server: ServerConfig | null;
  readonly errors: readonly ConfigError[];
}

function readServer(
  name: string,
  entry: ServerEntry,
  dir: string,
  env: Env | null,
  place: Place,
): ServerResult {
  const errors: ConfigError[] = [];
  const at = (...rest: string[]): Path => ['mcpServers', name, ...rest];
  if (!/^[A-Za-z0-9_.@-]+$/.test(name)) {
    errors.push(
      place(at(), `\`${name}\` cannot name a server`, 'use letters, digits, `_`, `-`, `.` and `@`'),
    );
  }
  if ((entry.command === undefined) === (entry.url === undefined)) {
    errors.push(place(at(), 'a server has either a `command` or a `url`', 'keep one of the two'));
  }
  const foreign = entry.url === undefined ? (['headers'] as const) : (['args', 'env', 'cwd'] as const);
  for (const key of foreign) {
    if (entry[key] !== undefined) {
      const other = entry.url === undefined ? '`url`' : '`command`';
      errors.push(place(at(key), `\`${key}\` needs ${other}`, 'remove it'));
    }
  }
  const fill = (value: string, path: Path): string =>
    substitute(value, env, (m, h) => errors.push(place(path, m, h)));
  const record = (values: { readonly [key: string]: string } | undefined, key: string) =>
    Object.fromEntries(Object.entries(values ?? {}).map(([k, v]) => [k, fill(v, at(key, k))]));
  const args = (entry.args ?? []).map((value, i) => fill(value, [...at('args'), i]));
  const [variables, headers] = [record(entry.env, 'env'), record(entry.headers, 'headers')];
  const url = entry.url === undefined ? undefined : fill(entry.url, at('url'));
  if (
    url !== undefined &&
    errors.length === 0 &&
    !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')
  ) {
    errors.push(
      place(at('url'), '`url` must be an http or https URL', 'for example https://tools.example.com/mcp'),
    );
  }
  if (errors.length > 0) return { server: null, errors };
  const shared = {
    perPrincipal: entry.perPrincipal ?? true,
    perSession: entry.perSession ?? false,
    maxProcesses: entry.maxProcesses ?? (entry.url === undefined ? 20 : 1000),
    idleMs: parseDuration(entry.idle ?? '10m') ?? 600_000,
    timeoutMs: parseDuration(entry.timeout ?? '2m') ?? 120_000,
    maxInFlight: entry.maxInFlight ?? Number.POSITIVE_INFINITY,
    share: entry.share === undefined ? DEFAULT_SHARE : entry.share / 100,
  };
  if (url !== undefined) return { server: { kind: 'http', url, headers, ...shared }, errors };
  const cwd = resolve(dir, entry.cwd ?? '.');
  return {
    server: { kind: 'stdio', command: entry.command ?? '', args, env: variables, cwd, ...shared },
    errors,
  };
}

/** One server of several takes at most half of what the gateway takes at a time: one that is slow leaves room for the others. */
function withRoom(
  servers: ReadonlyMap<string, ServerConfig>,
  inFlight: number,
): ReadonlyMap<string, ServerConfig> {
  const most = servers.size < 2 ? inFlight : Math.max(1, Math.floor(inFlight / 2));
  return new Map(
    [...servers].map(([name, server]) => [
      name,
      Number.isFinite(server.maxInFlight) ? server : { ...server, maxInFlight: most },
    ]),
  );
}

/** Replaces each `${env:NAME}`; anything else between `${` and `}` and an unset variable are errors. The value is never printed. */
function substitute(value: string, env: Env | null, fail: (message: string, help: string) => void): string {
  let out = '';
  let from = 0;
  for (let open = value.indexOf('${'); open >= 0; open = value.indexOf('${', from)) {
    const close = value.indexOf('}', open);
    const inner = value.slice(open + 2, close < 0 ? value.length : close);
    const name = inner.startsWith('env:') ? inner.slice(4) : '';
    if (close < 0 || name === '') {
      fail(
        'only `${env:NAME}` can be substituted',
        'close the brace and write `env:` before the name of the variable',
      );
      return value;
    }
    const found = env === null ? '' : Object.hasOwn(env, name) ? env[name] : undefined;
    if (found === undefined)
      fail(`the environment variable \`${name}\` is not set`, `set ${name} before the gateway starts`);
    out += value.slice(from, open) + (found ?? '');
    from = close + 1;
  }
  return out + value.slice(from);
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export const isLoopback = (host: string): boolean => LOOPBACK.has(host);

function crossChecks(file: ConfigFile, place: Place): readonly ConfigError[] {
  const errors: ConfigError[] = [];
  const host = file.listen.http === null ? null : (parseAddress(file.listen.http)?.host ?? null);
  if (host !== null && !isLoopback(host) && !hasTls(file.listen)) {
    errors.push(
      place(['listen', 'http'], `\`${host}\` is not a loopback address and there is no TLS`, TLS_HELP),
    );
  }
  if (host !== null && !isLoopback(host) && file.identity.anonymous !== null) {
    const help = 'remove `identity.anonymous` or listen on 127.0.0.1';
    errors.push(
      place(['identity', 'anonymous'], 'an anonymous principal is for loopback listeners only', help),
    );
  }
  const seen = new Set<string>();
  file.approvers.forEach((approver, i) => {
    if (seen.has(approver.id))
      errors.push(place(['approvers', i], `\`${approver.id}\` is registered twice`, 'keep one entry'));
    seen.add(approver.id);
  });
  return errors;
}

/** A service of the operator's own that is asked over HTTP. */
type HttpService = ConfigFile['facts'][string];

/** With `${env:NAME}` in its headers. */
function readService(
  at: Path,
  { url, headers, timeout }: HttpService,
  env: Env | null,
  place: Place,
  errors: ConfigError[],
): ClassifierConfig & FactServiceConfig {
  const own = Object.entries(headers).map(([name, value]) => {
    const fail = (message: string, help: string): void =>
      void errors.push(place([...at, 'headers', name], message, help));
    return [name, substitute(value, env, fail)] as const;
  });
  return { url, headers: Object.fromEntries(own), timeoutMs: parseDuration(timeout) ?? 1000 };
}

function assemble(
  file: ConfigFile,
  servers: ReadonlyMap<string, ServerConfig>,
  path: string,
): Omit<Config, 'scan' | 'facts' | keyof OperateConfig> {
  const dir = dirname(path);
  const { listen, identity, receipts } = file;
  return {
    file: path,
    dir,
    policy: resolve(dir, file.policy),
    lock: resolve(dir, 'sepal.lock'),
    servers: withRoom(servers, listen.limits.inFlight),
    listen: {
      http: listen.http === null ? null : parseAddress(listen.http),
      path: listen.path,
      publicUrl: listen.publicUrl,
      tls: tlsConfig(dir, listen.tls),
      trustProxy: listen.trustProxy,
      allowedOrigins: listen.allowedOrigins,
      limits: {
        perCredential: parseRate(listen.limits.perCredential) ?? { count: 600, windowMs: 60_000 },
        unauthenticated: parseRate(listen.limits.unauthenticated) ?? { count: 60, windowMs: 60_000 },
        inFlight: listen.limits.inFlight,
      },
    },
    identity: {
      stdio: identity.stdio,
      tokens: identity.tokens === null ? null : resolve(dir, identity.tokens),
      jwt: jwtConfig(identity.jwt),
      anonymous: identity.anonymous,
      sessionIdleMs: parseDuration(identity.sessionIdle) ?? 1_800_000,
    },
    approvers: file.approvers,
    receipts: {
      origin: receipts.origin,
      dir: resolve(dir, receipts.dir),
      keys: resolve(dir, receipts.keys),
      keyFrom: receipts.keyFrom as SecretSources,
      epoch: receipts.epoch,
      checkpointSeconds: receipts.checkpointSeconds,
      disclose: receipts.disclose,
      witnesses: receipts.witnesses.flatMap(({ url, key }) => {
        const parsed = parseVerifierKey(key, COSIGNATURE);
        return parsed === null ? [] : [{ url, key: parsed }];
      }),
    },
    approvals: { holdSeconds: file.approvals.holdSeconds },
    config: file.config as JsonRecord,
    names: file.names,
    trustedPublishers: file.trustedPublishers,
    control: resolve(dir, '.sepal/control.sock'),
  };
}
