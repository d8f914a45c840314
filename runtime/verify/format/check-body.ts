// SPDX-License-Identifier: Apache-2.0
/** The schema of a receipt body, version 1, by hand: every member known, every type checked, nothing more. */
import type { Body, EntryType } from './body.js';
import type { JsonValue } from './canonical.js';
import { parseHash } from './hash.js';

/** Null when the value fits, else what is wrong, starting with where. */
type Check = (value: JsonValue, at: string) => string | null;

const string: Check = (value, at) => (typeof value === 'string' ? null : `${at} is not a string`);
const boolean: Check = (value, at) => (typeof value === 'boolean' ? null : `${at} is not a boolean`);
const natural: Check = (value, at) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? null : `${at} is not a natural number`;
const integer: Check = (value, at) =>
  typeof value === 'number' && Number.isSafeInteger(value) ? null : `${at} is not an integer`;
const hash: Check = (value, at) =>
  typeof value === 'string' && parseHash(value) !== null ? null : `${at} is not a sha256 hash`;
const id: Check = (value, at) =>
  typeof value === 'string' && Buffer.from(value, 'base64').length === 16 && value.length === 24
    ? null
    : `${at} is not 16 bytes in base64`;
const time: Check = (value, at) => {
  if (typeof value !== 'string' || value.length !== 24) return `${at} is not a time`;
  const ms = Date.parse(value);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === value ? null : `${at} is not a time`;
};
const oneOf =
  (...values: readonly JsonValue[]): Check =>
  (value, at) =>
    values.includes(value) ? null : `${at} is none of ${values.map((v) => JSON.stringify(v)).join(', ')}`;
const listOf =
  (item: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return `${at} is not a list`;
    for (let i = 0; i < value.length; i++) {
      const wrong = item(value[i] as JsonValue, `${at}[${i}]`);
      if (wrong !== null) return wrong;
    }
    return null;
  };
const either =
  (a: Check, b: Check): Check =>
  (value, at) =>
    a(value, at) === null ? null : b(value, at);

type Members = { readonly [name: string]: Check };
const object =
  (required: Members, optional: Members = {}): Check =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${at} is not an object`;
    const members = value as { readonly [key: string]: JsonValue };
    for (const key of Object.keys(required)) if (!Object.hasOwn(members, key)) return `${at}.${key} is missing`;
    for (const key of Object.keys(members)) {
      const check = Object.hasOwn(required, key)
        ? required[key]
        : Object.hasOwn(optional, key)
          ? optional[key]
          : undefined;
      if (check === undefined) return `${at} has an unknown member "${key}"`;
      const wrong = check(members[key] as JsonValue, `${at}.${key}`);
      if (wrong !== null) return wrong;
    }
    return null;
  };

const effect = oneOf('allow', 'review', 'deny');
const refs = object(
  {},
  { propose: hash, decide: hash, approve: listOf(hash), parent: object({ log: string, leaf: hash }) },
);
const principal = object(
  {
    id: string,
    roles: listOf(string),
    auth: object({ method: string }, { credential: string }),
    session: hash,
  },
  { on_behalf_of: object({ id: string, roles: listOf(string) }) },
);
const intent = object(
  {
    kind: string,
    method: string,
    server: string,
    name: string,
    args_root: hash,
    args_count: natural,
    digest: hash,
  },
  { definition: hash, trace: string },
);
const policy = object(
  { name: string, version: string, source: hash, module: hash, compiler: hash },
  {
    activation: hash,
    versions: object({ node: string, icu: string, unicode: string, tz: string, ada: string }),
  },
);
const decision = object(
  { effect, rules: listOf(string), default: boolean, steps: natural },
  {
    shadow: listOf(object({ name: string, effect: string }, { unknown: oneOf(true) })),
    reason: string,
    approvals: listOf(
      object({ rule: string, quorum: natural, timeout: natural }, { roles: listOf(string), self: oneOf(true) }),
    ),
    expires: time,
    masked: listOf(object({ kind: string, count: natural })),
  },
);
const approval = object({
  verdict: oneOf('approve', 'deny'),
  approver: object({ id: string, roles: listOf(string) }),
  nonce: id,
  expires: time,
  proof: either(object({ key: string, signature: string }), object({ session: string, method: string })),
});
const outcome = object(
  { status: oneOf('ok', 'tool_error', 'upstream_error', 'timeout', 'cancelled', 'not_sent', 'unknown') },
  { result_root: hash, bytes: natural, ms: natural },
);
const key = object(
  { purpose: oneOf('root+log', 'log', 'epoch'), key: string, fingerprint: hash },
  { root: string, certificate: string },
);
const event = object(
  {
    kind: oneOf(
      'refused_input',
      'failed_authentication',
      'pins_changed',
      'kill_switch',
      'dry_run',
      'erase',
      'denied_method',
    ),
  },
  { source: string, detail: string, count: natural, minute: string },
);

const COMMON: Members = { v: oneOf(1), type: string, log: string, seq: natural, time, boot: id };
const CALL: Members = { call: id, principal, intent, policy, phase: oneOf('call', 'result', 'list') };

/** Members of each type beside the common ones: required, then optional. */
const TYPES: { readonly [type in EntryType]: readonly [Members, Members] } = {
  genesis: [{ key }, {}],
  key: [{ key }, {}],
  revoke: [{ revoke: object({ key: string, from: natural }, { reason: string }) }, {}],
  policy: [{ policy }, {}],
  propose: [{ call: id, principal, intent }, { refs }],
  decide: [
    { ...CALL, decision },
    {
      refs,
      facts: listOf(string),
      facts_root: hash,
      reads: listOf(string),
      unknowns: listOf(object({ name: string, why: string, otherwise: effect })),
      counts: listOf(object({ name: string, key: listOf(string), add: either(integer, string) })),
    },
  ],
  approve: [{ call: id, refs, approval }, { principal }],
  outcome: [{ call: id, refs, outcome }, {}],
  ack: [{ call: id, refs }, {}],
  anchor: [{ anchor: object({ checkpoint: string }) }, {}],
  seal: [{ seal: object({ key: string, size: natural }) }, {}],
  snapshot: [{ snapshot: object({ hash, size: natural }) }, {}],
  recovery: [{ recovery: object({ cut: natural, unknown: natural }) }, {}],
  event: [{ event }, {}],
};

const CHECKS = new Map<string, Check>(
  Object.entries(TYPES).map(([type, [required, optional]]) => [
    type,
    object({ ...COMMON, ...required }, { prev: hash, clock: oneOf('held'), ext: () => null, ...optional }),
  ]),
);

/** The body, or what is wrong with it. */
export function checkBody(value: JsonValue, extensions: readonly string[] = []): Body | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'the body is not an object';
  const body = value as { readonly [key: string]: JsonValue };
  const type = body['type'];
  const check = typeof type === 'string' ? CHECKS.get(type) : undefined;
  if (check === undefined) return `the type ${JSON.stringify(type)} is not known`;
  const wrong = check(value, 'body') ?? checkExtensions(body['ext'], extensions);
  if (wrong !== null) return wrong;
  if ((type === 'genesis') === Object.hasOwn(body, 'prev')) {
    return type === 'genesis' ? 'genesis has a predecessor' : 'body.prev is missing';
  }
  return value as unknown as Body;
}

function checkExtensions(ext: JsonValue | undefined, listed: readonly string[]): string | null {
  if (ext === undefined) return null;
  if (typeof ext !== 'object' || ext === null || Array.isArray(ext)) return 'body.ext is not an object';
  const unknown = Object.keys(ext).find((name) => !listed.includes(name));
  return unknown === undefined ? null : `the trust file does not list the extension "${unknown}"`;
}
