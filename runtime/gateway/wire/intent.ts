// SPDX-License-Identifier: Apache-2.0
/**
 * The canonical intent `{kind, meta?, method, name, params, server}`: what is decided, digested and forwarded. `params` is without
 * `_meta`; of the client's `_meta` the allow-listed members travel beside the intent, ours are dropped, the rest is part of it (`meta`).
 */
import type { ActionKind } from '../../../stdlib/abi.js';
import { canonical, type JsonObject, type JsonValue } from '../../verify/format/canonical.js';
import { digest } from '../../verify/format/hash.js';
import { isObject } from './message.js';

export type ProgressToken = string | number;

/** What is asked for, and where. */
export interface Action {
  readonly kind: ActionKind;
  readonly method: string;
  readonly server: string;
  /** The upstream's own name or URI. */
  readonly name: string;
}

export interface CanonicalIntent extends Action {
  readonly args: JsonObject;
  /** JCS text of `params` without `_meta`. */
  readonly params: string;
  /** JCS text of the other members of the client's `_meta`; null when there are none. */
  readonly meta: string | null;
  /** JCS text of the whole intent. */
  readonly text: string;
  /** `sha256:…` of `text`. */
  readonly digest: string;
  /** Where the policy masks arguments: what receipts commit to, as in `text`, in place of `args`. */
  readonly kept?: JsonObject;
  /** Pointers of the masked arguments. */
  readonly masked?: readonly string[];
  /** Of a large one: what is done elsewhere with its texts (large/service.ts). */
  readonly large?: LargeWork;
}

export interface LargeWork {
  /** The commitment to its arguments, for one receipt, and where its text is kept. */
  commit(): Promise<{
    readonly salt: string;
    readonly root: string;
    readonly count: number;
    readonly apart: { readonly file: string; readonly key: string } | null;
  }>;
  /** The bytes of the message for the upstream. */
  forward(id: number, beside: Envelope, more: readonly string[]): Promise<Uint8Array>;
}

/** What travels beside the intent and is rebuilt for each hop. */
export interface Envelope {
  readonly progressToken: ProgressToken | null;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  /** The client's decision token (SEP), as sent. */
  readonly decision: JsonValue | undefined;
  /** JSON text of the receipt of the decision, for the upstream to keep. */
  readonly receipt?: string;
}

const DECISION_META = 'dev.sepal/decision';
const OWN_PREFIX = 'dev.sepal/';
/** Rebuilt for each hop; the last four are the envelope of 2026-07-28. */
const BESIDE = new Set([
  'progressToken',
  'traceparent',
  'tracestate',
  'io.modelcontextprotocol/protocolVersion',
  'io.modelcontextprotocol/clientInfo',
  'io.modelcontextprotocol/clientCapabilities',
  'io.modelcontextprotocol/logLevel',
]);
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** `params` as sent, with the upstream's own name put in place of the exposed one where the method has a `name`. */
export function canonicalIntent(place: Action, args: JsonObject, params: JsonObject): CanonicalIntent {
  const { _meta, ...own } = params;
  const paramsText = canonical(
    place.kind === 'tool' || place.kind === 'prompt' ? { ...own, name: place.name } : own,
  );
  const meta = otherMeta(_meta);
  const text =
    `{"kind":${JSON.stringify(place.kind)},${meta === null ? '' : `"meta":${meta},`}"method":${JSON.stringify(place.method)},` +
    `"name":${JSON.stringify(place.name)},"params":${paramsText},"server":${JSON.stringify(place.server)}}`;
  const { kind, method, server, name } = place;
  return { kind, method, server, name, args, params: paramsText, meta, text, digest: digest(text) };
}

/** A large intent whose digest is known. Its texts are made here only for the few who read them. */
export class LargeIntent implements CanonicalIntent {
  readonly kind: Action['kind'];
  readonly method: string;
  readonly server: string;
  readonly name: string;
  readonly args: JsonObject;
  readonly digest: string;
  readonly large: LargeWork;
  private readonly sent: JsonObject;
  private own: CanonicalIntent | null = null;

  constructor(action: Action, args: JsonObject, params: JsonObject, digest: string, large: LargeWork) {
    this.kind = action.kind;
    this.method = action.method;
    this.server = action.server;
    this.name = action.name;
    this.args = args;
    this.digest = digest;
    this.large = large;
    this.sent = params;
  }

  get params(): string {
    return this.whole().params;
  }

  get meta(): string | null {
    return this.whole().meta;
  }

  get text(): string {
    return this.whole().text;
  }

  private whole(): CanonicalIntent {
    const { kind, method, server, name, args, sent } = this;
    return (this.own ??= canonicalIntent({ kind, method, server, name }, args, sent));
  }
}

function otherMeta(meta: JsonValue | undefined): string | null {
  if (!isObject(meta)) return null;
  const rest = Object.entries(meta).filter(
    ([key]) => !BESIDE.has(key) && !key.toLowerCase().startsWith(OWN_PREFIX),
  );
  return rest.length === 0 ? null : canonical(Object.fromEntries(rest));
}

/** Reads the allow-listed members of `_meta`; what has not their form is left out. */
export function envelope(params: JsonObject): Envelope {
  const meta = params['_meta'];
  const read = (key: string): JsonValue | undefined => (isObject(meta) ? meta[key] : undefined);
  const [token, parent, state] = [read('progressToken'), read('traceparent'), read('tracestate')];
  return {
    progressToken: typeof token === 'string' || Number.isSafeInteger(token) ? (token as ProgressToken) : null,
    traceparent: typeof parent === 'string' && TRACEPARENT.test(parent) ? parent : null,
    tracestate:
      typeof state === 'string' && state.length <= 512 && /^[\x20-\x7e]*$/.test(state) ? state : null,
    decision: read(DECISION_META),
  };
}

/** The message for the upstream, made where the intent is. */
export function messageOf(
  intent: CanonicalIntent,
  id: number,
  beside: Envelope,
  more: readonly string[] = [],
): string | Promise<Uint8Array> {
  return intent.large?.forward(id, beside, more) ?? forwardText(intent, id, beside, more);
}

/** The message for the upstream: exactly the intent's parameters, and a `_meta` rebuilt for this hop; `more` are members of it. */
export function forwardText(
  intent: CanonicalIntent,
  id: number,
  beside: Envelope,
  more: readonly string[] = [],
): string {
  const own: string[] = [...more];
  if (beside.progressToken !== null) own.push(`"progressToken":${id}`);
  if (beside.traceparent !== null) own.push(`"traceparent":${JSON.stringify(beside.traceparent)}`);
  if (beside.traceparent !== null && beside.tracestate !== null)
    own.push(`"tracestate":${JSON.stringify(beside.tracestate)}`);
  if (intent.meta !== null) own.push(intent.meta.slice(1, -1));
  if (beside.receipt !== undefined) own.push(`"dev.sepal/receipt":${beside.receipt}`);
  const meta = own.length === 0 ? '' : `"_meta":{${own.join(',')}}${intent.params === '{}' ? '' : ','}`;
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(intent.method)},"params":{${meta}${intent.params.slice(1)}}`;
}
