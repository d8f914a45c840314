// SPDX-License-Identifier: Apache-2.0
/** What the running gateway does when its operator asks: parameters checked whole, answers without hashes or secrets of others. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Approvals } from '../approvals/types.js';
import { writeTokenFile } from '../decide/token-file.js';
import {
  createToken,
  revokeToken,
  rotateToken,
  type TokenEntry,
  TokenError,
  type TokenSpec,
} from '../decide/tokens.js';
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import { ControlError, type ControlHandler } from './protocol.js';

// Zod compiles schemas with `new Function` unless told not to; the gateway runs with code generation off.
z.config({ jitless: true });

export interface ControlTargets {
  readonly approvals: Pick<Approvals, 'list' | 'show' | 'decideBy'>;
  /** The tokens in force and their file (`identity.tokens`); `file` is null where none is configured. */
  readonly tokens: {
    readonly file: string | null;
    all(): readonly TokenEntry[];
    replace(tokens: readonly TokenEntry[]): void;
  };
  readonly status: () => JsonValue;
  /** Takes up a changed policy and changed pins; rejects with what is wrong with them. */
  readonly reload?: () => Promise<JsonValue>;
  /** The kill switch. */
  readonly switches?: {
    list(): readonly { readonly scope: string; readonly since: string; readonly reason: string }[];
    set(scope: string, on: boolean, reason: string): Promise<void>;
  };
  readonly shutdown?: () => void;
  /** What people did is under a signed checkpoint before they are answered; changes of keys are absent where the log knows none. */
  readonly log?: {
    readonly checkpoint?: () => Promise<unknown>;
    readonly rotate?: () => Promise<unknown>;
    readonly revoke?: (statement: JsonObject) => Promise<unknown>;
  };
}

/** An entry as it is shown: without its hash. */
export type TokenView = Omit<TokenEntry, 'hash'>;

const nothing = z.strictObject({});
const statement = z.strictObject({ statement: z.record(z.string(), z.json()) });
const id = z.strictObject({ id: z.string().min(1).max(1000) });
const strings = z.array(z.string().max(500)).max(1000);
const kill = z.strictObject({
  on: z.boolean(),
  principal: z.string().optional(),
  server: z.string().optional(),
  tool: z.string().optional(),
  reason: z.string().max(200).default(''),
});
const verdict = z.strictObject({
  id: z.string().min(1).max(1000),
  verdict: z.enum(['approve', 'deny']),
  approver: z.string().max(500),
  nonce: z.string().max(100),
  signature: z.string().max(200),
});
const tokenSpec = z.strictObject({
  principal: z.string(),
  actAs: strings.default([]),
  roles: strings.default([]),
  onBehalfOf: z.strictObject({ id: z.string(), roles: strings }).nullable().default(null),
  claims: z.record(z.string(), z.json()).default({}),
  ceiling: z.strictObject({ actions: strings }).nullable().default(null),
  expires: z.string().nullable().default(null),
});

/** The methods of the control socket. */
export function controlMethods(targets: ControlTargets): ReadonlyMap<string, ControlHandler> {
  const methods = new Map<string, ControlHandler>([...approvalMethods(targets), ...tokenMethods(targets)]);
  methods.set('status', (params) => {
    read(nothing, params);
    return targets.status();
  });
  const { reload, shutdown } = targets;
  if (reload !== undefined) {
    methods.set('reload', async (params) => {
      read(nothing, params);
      return covered(targets, await reload());
    });
  }
  const { rotate, revoke } = keyMethods(targets);
  if (rotate !== undefined) methods.set('log.rotate', rotate);
  if (revoke !== undefined) methods.set('log.revoke', revoke);
  for (const [name, handler] of killMethods(targets)) methods.set(name, handler);
  if (shutdown !== undefined) {
    methods.set('shutdown', (params) => {
      read(nothing, params);
      // The answer leaves first.
      setImmediate(shutdown);
      return { stopping: true };
    });
  }
  return methods;
}

/** A verification right after the answer finds the tail proven. A checkpoint that fails takes nothing back: the timer tries again. */
async function covered<Answer>({ log }: ControlTargets, answer: Answer): Promise<Answer> {
  await log?.checkpoint?.().catch(() => undefined);
  return answer;
}

function killMethods(targets: ControlTargets): readonly (readonly [string, ControlHandler])[] {
  const { switches } = targets;
  if (switches === undefined) return [];
  return [
    [
      'kill.list',
      (params) => {
        read(nothing, params);
        return json(switches.list());
      },
    ],
    [
      'kill.set',
      async (params) => {
        const { on, reason, ...given } = read(kill, params);
        const found = killScope(given);
        if ('why' in found) throw new ControlError('params', found.why, 'see `sepal kill --help`');
        await switches.set(found.scope, on, reason);
        return covered(targets, json(switches.list()));
      },
    ],
  ];
}

function approvalMethods(targets: ControlTargets): readonly (readonly [string, ControlHandler])[] {
  const { approvals } = targets;
  return [
    [
      'approvals.list',
      (params) => {
        read(nothing, params);
        return json(approvals.list());
      },
    ],
    [
      'approvals.show',
      async (params) => {
        const wanted = read(id, params).id;
        const shown = await approvals.show(fullId(approvals, wanted));
        if (shown !== null) return json(shown);
        const message = `no call ${JSON.stringify(wanted)} is waiting for approval`;
        throw new ControlError('unknown_pending', message, 'see what is waiting with `sepal approvals list`');
      },
    ],
    [
      'approvals.decide',
      async (params) => {
        const result = await approvals.decideBy(read(verdict, params));
        if (result.ok) return covered(targets, json({ state: result.state, pending: result.pending }));
        throw new ControlError(result.code, result.message, result.help);
      },
    ],
  ];
}

/** Errors of the log that say what is wrong with a key or a statement; nothing of a private key is in them. */
const EXPLAINED: readonly string[] = ['LogFailure', 'KeyFailure'];

function keyMethods({ log }: ControlTargets): {
  readonly rotate?: ControlHandler;
  readonly revoke?: ControlHandler;
} {
  if (log?.rotate === undefined || log.revoke === undefined) return {};
  const told = async (work: () => Promise<unknown> | undefined): Promise<JsonValue> => {
    try {
      return json(await work());
    } catch (error) {
      if (error instanceof Error && EXPLAINED.includes(error.name))
        throw new ControlError('log', error.message, 'see docs/operators.md, "Keys of the log"');
      throw error;
    }
  };
  return {
    rotate: (params) => {
      read(nothing, params);
      return told(() => log.rotate?.());
    },
    revoke: (params) => told(() => log.revoke?.(read(statement, params).statement)),
  };
}

/** People may write `12` or `#12` for `<origin>#12`. */
function fullId(approvals: Pick<Approvals, 'list'>, wanted: string): string {
  const seq = wanted.startsWith('#') ? wanted.slice(1) : wanted;
  if (!/^\d{1,15}$/.test(seq)) return wanted;
  return approvals.list().find((pending) => pending.seq === Number(seq))?.id ?? wanted;
}

function tokenMethods({ tokens }: ControlTargets): readonly (readonly [string, ControlHandler])[] {
  /** On disk first: a token that is in force is also in the file, and a revoked one does not come back at restart. */
  const save = (list: readonly TokenEntry[]): void => {
    if (tokens.file === null) throw notConfigured();
    writeTokenFile(tokens.file, list);
    tokens.replace(list);
  };
  const list: ControlHandler = (params) => {
    read(nothing, params);
    return json(tokens.all().map(viewToken));
  };
  const create: ControlHandler = (params) => {
    const spec: TokenSpec = read(tokenSpec, params);
    const { token, entry } = createToken(spec, randomBytes);
    save([...tokens.all(), entry]);
    return json({ token, entry: viewToken(entry) });
  };
  const rotate: ControlHandler = (params) => {
    const wanted = read(id, params).id;
    const { token, tokens: rotated } = rotateToken(tokens.all(), wanted, randomBytes);
    save(rotated);
    return json({ token, id: wanted });
  };
  const revoke: ControlHandler = (params) => {
    const wanted = read(id, params).id;
    save(revokeToken(tokens.all(), wanted));
    return { revoked: wanted };
  };
  return [
    ['token.list', list],
    ['token.create', explained(create)],
    ['token.rotate', explained(rotate)],
    ['token.revoke', explained(revoke)],
  ];
}

function notConfigured(): ControlError {
  return new ControlError(
    'not_configured',
    'this gateway has no token file',
    'set `identity.tokens` in sepal.json and restart the gateway',
  );
}

/** An entry without its hash, which is nobody's business. */
export function viewToken(entry: TokenEntry): TokenView {
  const { id, principal, actAs, roles, onBehalfOf, ceiling, expires, claims } = entry;
  const shown = { id, principal, actAs, roles, onBehalfOf, ceiling, expires };
  return claims === undefined ? shown : { ...shown, claims };
}

/** A fault of the request is told to whoever asked. */
function explained(handler: ControlHandler): ControlHandler {
  return (params) => {
    try {
      return handler(params);
    } catch (error) {
      if (error instanceof TokenError) throw new ControlError('token', error.message, error.help);
      throw error;
    }
  };
}

function read<T>(schema: z.ZodType<T>, params: JsonObject): T {
  const result = schema.safeParse(plain(params));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const at = issue === undefined || issue.path.length === 0 ? 'params' : `params.${issue.path.join('.')}`;
  throw new ControlError(
    'params',
    `${at}: ${issue?.message ?? 'not valid'}`,
    'see docs/control for the parameters of each method',
  );
}

/** Null-prototype objects of the strict parser as plain ones, which zod asks for; their keys are harmless by then. */
function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member as JsonValue)]));
}

/** Plain data as a JSON value: what goes over the socket is text anyway. */
function json(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

/** `all`, or the scope that options name; what is wrong with them in words. */
function killScope(given: {
  readonly principal?: string | undefined;
  readonly server?: string | undefined;
  readonly tool?: string | undefined;
}): { readonly scope: string } | { readonly why: string } {
  const named = Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const [only] = named;
  if (only === undefined) return { scope: 'all' };
  if (named.length > 1) return { why: 'name one of principal, server and tool' };
  const [kind, name] = only;
  if (name === '' || name.length > 300 || /[\p{C}\p{Zl}\p{Zp}]/u.test(name))
    return { why: `this is no name of a ${kind}` };
  if (kind === 'tool' && !name.includes('/')) return { why: 'a tool is written SERVER/NAME' };
  if (kind === 'principal' && !/^(?:agent|user|service):./.test(name))
    return { why: 'a principal is written agent:NAME, user:NAME or service:NAME' };
  return { scope: `${kind} ${name}` };
}
