// SPDX-License-Identifier: Apache-2.0
/** The schema of a receipt body, version 1, by hand: every member known, every type checked, nothing more. */
import type { Body, EntryType } from './body.js';
import type { JsonObject, JsonValue } from './canonical.js';

/** Null when the value fits, else what is wrong with it: a path from here and a sentence, e.g. `.id is not a string`. */
type Check = (value: JsonValue) => string | null;

const string: Check = (value) => (typeof value === 'string' ? null : ' is not a string');
const boolean: Check = (value) => (typeof value === 'boolean' ? null : ' is not a boolean');
const integer: Check = (value) => (Number.isSafeInteger(value) ? null : ' is not an integer');
const natural: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? null : ' is not a natural number';

// Anchored classes of fixed length: linear on any text.
const HASH = /^sha256:[0-9a-f]{64}$/;
const ID = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const DECIMAL = /^-?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{0,40}[1-9])?$/;

const hash: Check = (value) =>
  typeof value === 'string' && HASH.test(value) ? null : ' is not a sha256 hash';
const id: Check = (value) =>
  typeof value === 'string' && ID.test(value) ? null : ' is not 16 bytes in base64';
const decimal: Check = (value) =>
  typeof value === 'string' && DECIMAL.test(value) && value !== '-0' ? null : ' is not a canonical decimal';
const time: Check = (value) => {
  if (typeof value !== 'string' || value.length !== 24) return ' is not a time';
  const ms = Date.parse(value);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === value
    ? null
    : ' is not a time (RFC 3339, UTC, milliseconds)';
};
const oneOf =
  (...values: readonly JsonValue[]): Check =>
  (value) =>
    values.includes(value) ? null : ` is none of ${values.map((v) => JSON.stringify(v)).join(', ')}`;
const listOf =
  (item: Check): Check =>
  (value) => {
    if (!Array.isArray(value)) return ' is not a list';
    for (let i = 0; i < value.length; i++) {
      const wrong = item(value[i] as JsonValue);
      if (wrong !== null) return `[${i}]${wrong}`;
    }
    return null;
  };
const either =
  (a: Check, b: Check): Check =>
  (value) =>
    a(value) === null ? null : b(value);

type Members = { readonly [name: string]: Check };

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(required: Members, optional: Members = {}): Check {
  const names = Object.keys(required);
  const checks = new Map(Object.entries({ ...required, ...optional }));
  return (value) => {
    if (!isObject(value)) return ' is not an object';
    for (const name of names) if (!Object.hasOwn(value, name)) return `.${name} is missing`;
    for (const name of Object.keys(value)) {
      const check = checks.get(name);
      if (check === undefined) return ` has an unknown member ${JSON.stringify(name.slice(0, 60))}`;
      const wrong = check(value[name] as JsonValue);
      if (wrong !== null) return `.${name}${wrong}`;
    }
    return null;
  };
}

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
      object(
        { rule: string, quorum: natural, timeout: natural },
        { roles: listOf(string), self: oneOf(true) },
      ),
    ),
    expires: time,
    dry_run: effect,
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
      'reload_refused',
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
  revoke: [{ revoke: object({ key: string, from: natural }, { reason: string, certificate: string }) }, {}],
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
      counts: listOf(object({ name: string, key: listOf(string), add: either(integer, decimal) })),
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

/** The body, or what is wrong with it. `extensions` are the members of `ext` that the trust file lists. */
export function checkBody(value: JsonValue, extensions: readonly string[] = []): Body | string {
  if (!isObject(value)) return 'body is not an object';
  const type = value['type'];
  const check = typeof type === 'string' ? CHECKS.get(type) : undefined;
  if (check === undefined) return 'body.type is not a known type';
  const wrong = check(value) ?? checkExtensions(value['ext'], extensions);
  if (wrong !== null) return `body${wrong}`;
  if ((type === 'genesis') === Object.hasOwn(value, 'prev')) {
    return type === 'genesis' ? 'body.prev stands in genesis' : 'body.prev is missing';
  }
  return value as unknown as Body;
}

function checkExtensions(ext: JsonValue | undefined, listed: readonly string[]): string | null {
  if (ext === undefined) return null;
  if (!isObject(ext)) return '.ext is not an object';
  for (const name of Object.keys(ext)) {
    if (!listed.includes(name))
      return `.ext has ${JSON.stringify(name.slice(0, 60))}, which the trust file does not list`;
  }
  const wrong = plainData(ext);
  return wrong === null ? null : `.ext${wrong}`;
}

/** Inside `ext` too: safe integers only, ASCII keys that do not look like array indexes. */
function plainData(value: JsonValue): string | null {
  if (typeof value === 'number') return integer(value);
  if (typeof value !== 'object' || value === null) return null;
  if (Array.isArray(value)) return listOf(plainData)(value);
  for (const [name, member] of Object.entries(value as JsonObject)) {
    if (!KEY.test(name)) return ` has a key that is not allowed: ${JSON.stringify(name.slice(0, 60))}`;
    const wrong = plainData(member);
    if (wrong !== null) return `.${name}${wrong}`;
  }
  return null;
}

const KEY = /^(?![0-9]+$)[\u0020-\u007e]+$/;
