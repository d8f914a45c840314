// SPDX-License-Identifier: Apache-2.0
/**
 * Three views of the same calls: what the client was handed, what the gateway recorded, what the upstream was asked. Where they do not
 * agree, somebody left something out.
 */
import type { ActionKind } from '../../stdlib/abi.js';
import { canonicalIntent } from '../gateway/wire/intent.js';
import type { Body } from '../verify/format/body.js';
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import { parseHash } from '../verify/format/hash.js';
import { parseStrict } from '../verify/format/json.js';
import { isObject } from '../verify/openings.js';
import { ExportFailure } from './prove.js';
import type { Receipt } from './read.js';

const RECEIPT_META = 'dev.sepal/receipt';
const LIMITS = { size: 64 * 1024 * 1024, depth: 128, keys: 1_000_000 };

/** One message of a view: an answer that a client got, or a request that an upstream got. */
export interface Message {
  /** Line in its file. */
  readonly line: number;
  readonly receipt: { readonly seq: number; readonly hash: string; readonly decision: string } | null;
  /** Of a request: what was asked. */
  readonly request: { readonly method: string; readonly params: JsonObject } | null;
}

/** JSON-RPC messages, one a line; those that carry no call and no receipt are left out. */
export function parseMessages(text: string): readonly Message[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const parsed = parseStrict(line, LIMITS);
    if (!parsed.ok) throw new ExportFailure(`line ${i + 1} is not JSON: ${parsed.error.message}`);
    const message = asMessage(parsed.value, i + 1);
    return message === null ? [] : [message];
  });
}

function asMessage(value: JsonValue, line: number): Message | null {
  if (!isObject(value)) return null;
  const { method, params, result, error } = value;
  const holder = [params, result, isObject(error) ? error['data'] : undefined].find(isObject);
  const receipt = receiptOf(holder) ?? receiptOf({ _meta: { [RECEIPT_META]: value } });
  const call = method === 'tools/call' && isObject(params);
  const answer = isObject(result) && Array.isArray(result['content']);
  if (receipt === null && !call && !answer) return null;
  return { line, receipt, request: call ? { method, params } : null };
}

function receiptOf(holder: JsonObject | undefined): Message['receipt'] {
  const meta = holder?.['_meta'] ?? holder;
  const found = isObject(meta) ? meta[RECEIPT_META] : undefined;
  if (!isObject(found)) return null;
  const { seq, hash, decision } = found;
  return typeof seq === 'number' && typeof hash === 'string' && parseHash(hash) !== null
    ? { seq, hash, decision: typeof decision === 'string' ? decision : '' }
    : null;
}

/** `contradiction`: no honest set of views has it. `gap`: a view may simply be incomplete. */
export interface Difference {
  readonly kind: 'contradiction' | 'gap';
  readonly what: string;
  readonly seq: number | null;
  /** Line of the view that it was found in. */
  readonly line: number | null;
}

export interface Views {
  readonly client: readonly Message[] | null;
  readonly upstream: { readonly server: string; readonly messages: readonly Message[] } | null;
  /** Whose client it is; null for whoever it holds receipts of. */
  readonly principal: string | null;
}

export interface Reconciled {
  readonly differences: readonly Difference[];
  readonly decisions: number;
  readonly forwarded: number;
}

interface Call {
  readonly seq: number;
  readonly leaf: string;
  readonly body: Body;
  readonly forward: boolean;
  sent: boolean;
}

const NOT_FORWARDED: readonly string[] = ['not_sent', 'cancelled', 'unknown'];

export async function reconcile(log: AsyncIterable<Receipt>, views: Views): Promise<Reconciled> {
  const calls = await callsOf(log);
  const found: Difference[] = [];
  const say = (
    kind: Difference['kind'],
    what: string,
    seq: number | null,
    line: number | null = null,
  ): void => void found.push({ kind, what, seq, line });
  if (views.client !== null) compareClient(calls, views.client, views.principal, say);
  if (views.upstream !== null) compareUpstream(calls, views.upstream.server, views.upstream.messages, say);
  const forwarded = [...calls.values()].filter((call) => call.sent).length;
  return { differences: found, decisions: calls.size, forwarded };
}

type Say = (kind: Difference['kind'], what: string, seq: number | null, line?: number | null) => void;

/** Decisions on calls, by number; outcomes say which of them were sent. */
async function callsOf(log: AsyncIterable<Receipt>): Promise<ReadonlyMap<number, Call>> {
  const calls = new Map<number, Call>();
  const byLeaf = new Map<string, Call>();
  for await (const { seq, leaf, body } of log) {
    if (body.type === 'decide' && body.phase === 'call') {
      const forward = body.decision?.effect === 'allow' || (body.refs?.approve?.length ?? 0) > 0;
      const call = { seq, leaf, body, forward: forward && body.decision?.effect !== 'deny', sent: false };
      calls.set(seq, call);
      byLeaf.set(leaf, call);
    } else if (body.type === 'outcome') {
      const call = byLeaf.get(body.refs?.decide ?? '');
      if (call !== undefined) call.sent = !NOT_FORWARDED.includes(body.outcome?.status ?? '');
    }
  }
  return calls;
}

function compareClient(
  calls: ReadonlyMap<number, Call>,
  messages: readonly Message[],
  principal: string | null,
  say: Say,
): void {
  const held = new Set<number>();
  // Who else may have called is not the client's business.
  const own = new Set(principal === null ? [] : [principal]);
  for (const { line, receipt, request } of messages) {
    if (receipt === null) {
      if (request === null) say('gap', 'the client got an answer without a receipt', null, line);
      continue;
    }
    const call = calls.get(receipt.seq);
    held.add(receipt.seq);
    if (principal === null && call?.body.principal !== undefined) own.add(call.body.principal.id);
    if (call?.leaf !== receipt.hash) {
      say('contradiction', 'the client holds a receipt that is not in the log', receipt.seq, line);
    } else if (receipt.decision !== '' && receipt.decision !== call.body.decision?.effect && !call.forward) {
      say(
        'contradiction',
        `the client was told "${receipt.decision}", the log says "${call.body.decision?.effect ?? ''}"`,
        receipt.seq,
        line,
      );
    } else if (principal !== null && call.body.principal?.id !== principal) {
      say(
        'contradiction',
        `the client holds a receipt of a call of ${call.body.principal?.id ?? 'nobody'}`,
        receipt.seq,
        line,
      );
    }
  }
  for (const { seq, body } of calls.values()) {
    if (!held.has(seq) && own.has(body.principal?.id ?? ''))
      say('gap', 'the log has a decision that the client holds no receipt of', seq);
  }
}

function compareUpstream(
  calls: ReadonlyMap<number, Call>,
  server: string,
  messages: readonly Message[],
  say: Say,
): void {
  const asked = new Set<number>();
  for (const { line, receipt, request } of messages) {
    if (request === null) continue;
    if (receipt === null) {
      say(
        'contradiction',
        'the upstream got a call without a receipt: it did not come through this gateway',
        null,
        line,
      );
      continue;
    }
    const call = calls.get(receipt.seq);
    if (call?.leaf !== receipt.hash || call.body.intent?.server !== server) {
      say('contradiction', 'the upstream got a call whose receipt is not in the log', receipt.seq, line);
      continue;
    }
    if (asked.has(receipt.seq)) say('contradiction', 'the upstream got one call twice', receipt.seq, line);
    asked.add(receipt.seq);
    if (!call.forward)
      say(
        'contradiction',
        'the upstream got a call that the log says was not let through',
        receipt.seq,
        line,
      );
    if (digestOf(call.body, server, request) === call.body.intent.digest) continue;
    if (
      masksOf(call.body).some(
        (name) => isObject(request.params['arguments']) && Object.hasOwn(request.params['arguments'], name),
      )
    )
      say('gap', 'the policy masks arguments of this call: they cannot be compared', receipt.seq, line);
    else say('contradiction', 'the upstream got other arguments than were decided on', receipt.seq, line);
  }
  for (const { seq, body, sent } of calls.values()) {
    if (sent && body.intent?.server === server && !asked.has(seq))
      say('gap', 'the log says that a call was sent which the upstream does not have', seq);
  }
}

/** The arguments that the receipt does not hold. */
const masksOf = ({ decision }: Body): readonly string[] =>
  (decision?.masked ?? []).flatMap(({ kind }) => (kind.startsWith('/') ? [unescapePointer(kind)] : []));
const unescapePointer = (pointer: string): string =>
  pointer.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');

/** The digest of the intent as the upstream saw it. */
function digestOf(
  body: Body,
  server: string,
  { method, params }: { readonly method: string; readonly params: JsonObject },
): string {
  const { name, arguments: args } = params;
  const place = {
    kind: (body.intent?.kind ?? 'tool') as ActionKind,
    method,
    server,
    name: typeof name === 'string' ? name : '',
  };
  return canonicalIntent(place, isObject(args) ? args : {}, params).digest;
}
