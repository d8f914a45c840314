// SPDX-License-Identifier: Apache-2.0
/**
 * SEP (docs/gateway): `authorization/propose` runs the path of a call up to the decision; nothing is forwarded and nothing redeemed.
 * `authorization/decide` waits for people; `authorization/receipt` gives a receipt back to whom it is about.
 */
import { canonical, type JsonObject, type JsonValue } from '../verify/format/canonical.js';
import type { Approvals, Pending } from '../approvals/types.js';
import { receiptPrincipal } from '../decide/identity.js';
import type { Connection } from './connection.js';
import { DECISION_MS, leaveOf } from './decision-token.js';
import { type Asked, fixed, type Gate } from './gate.js';
import { type Intake, readToolCall } from './intake.js';
import { unlessHidden } from './listed.js';
import { draftOf, type Judged, judge, record, type Settled } from './judge.js';
import { committed, intentBody, newCallId, outcomeDraft, receiptMeta } from './record.js';
import { malformed, tooMany } from './refuse.js';
import { holdOpened, reviewKey, reviewReceipt } from './review.js';
import { INVALID_PARAMS, isObject, type RequestId } from './wire/message.js';
import { errorOf, notificationOf, RECEIPT_META, type ReceiptMeta, resultOf } from './wire/reply.js';

/** Under this name both sides say in their capabilities that they speak it. */
export const EXTENSION = 'dev.sepal/authorization';
const RECEIPT_METHOD = 'authorization/receipt';

/** What the gateway says of it. */
export const authorizationOffer = (kid: string): JsonObject => ({
  version: '1',
  methods: ['authorization/propose', 'authorization/decide', RECEIPT_METHOD],
  receiptKey: kid,
  required: false,
});

/** A method under its plain name: it may be asked for with the prefix of its vendor as well. */
export const plainMethod = (method: string): string =>
  method.startsWith(`${EXTENSION}/`) ? method.slice('dev.sepal/'.length) : method;

/** The result is the decision. `params` are those of the `tools/call` that is meant. */
export async function propose(live: Gate, id: RequestId, params: JsonObject, asked: Asked): Promise<string> {
  const gate = fixed(live);
  const intake = await unlessHidden(gate, asked.caller, readToolCall(gate, asked.caller, params));
  if ('malformed' in intake) return malformed(gate, id, asked, intake.malformed);
  const call = newCallId();
  const proposed = await writeProposal(gate, intake, asked, call);
  const judged = await judge(gate, intake, asked);
  const answer = (receipt: ReceiptMeta, more: { readonly [key: string]: unknown } = {}): string =>
    resultOf(id, {
      type: 'authorization/decide',
      decision: receipt.decision,
      reason: judged.decision.reason,
      ...more,
      _meta: { [RECEIPT_META]: receipt },
    });
  if (judged.decision.effect !== 'review') {
    await judged.reservation.release(gate.now());
    const entry = await record(gate, intake, asked, judged, { call, links: null, propose: proposed });
    const allowed = judged.decision.effect === 'allow';
    if (allowed) {
      const { draft } = await outcomeDraft(call, entry.leaf, { status: 'not_sent', ms: 0 }, null);
      await gate.log.append(draft);
    }
    const receipt = receiptMeta(entry, judged.decision.effect);
    if (intake.hidden)
      return errorOf(id, INVALID_PARAMS, `Unknown tool: ${intake.exposed}`, { [RECEIPT_META]: receipt });
    const leave = leaveOf(asked.caller, intake.intent, intake.definition, judged.policy);
    return answer(receipt, allowed ? gate.decisions.issue(leave, DECISION_MS) : {});
  }
  const parked = await parkProposal(gate, intake, asked, judged, { call, links: null, propose: proposed });
  if (parked.kind === 'full') return tooMany(id, parked.message);
  const { pending } = parked;
  remember(gate, pending);
  return answer(reviewReceipt(pending, gate.kid), { approvalId: pending.id, expires: pending.expires });
}

async function writeProposal(gate: Gate, intake: Intake, asked: Asked, call: string): Promise<string> {
  const { salt, args, clear } = await committed(intake.intent);
  const intent = intentBody(intake.intent, intake.definition, intake.beside.traceparent, args);
  const entry = await gate.log.append(
    { type: 'propose', call, principal: receiptPrincipal(asked.caller.identity), intent },
    { salt: salt.toString('base64'), ...clear },
  );
  return entry.leaf;
}

async function parkProposal(
  gate: Gate,
  intake: Intake,
  asked: Asked,
  judged: Judged,
  place: Parameters<typeof record>[4],
) {
  const { draft, openings } = await draftOf(gate, intake, asked, judged, place);
  const opened = await gate.approvals.open(draft, openings);
  await holdOpened(gate, judged, place.call, opened);
  return opened;
}

/** Proposals that wait, or waited until lately: who proposed it may ask for the answer after it was given. */
const proposals = new WeakMap<Approvals, Map<string, Pending>>();
const MAX_PROPOSALS = 10_000;

function remember({ approvals }: Gate, pending: Pending): void {
  const known = proposals.get(approvals) ?? new Map<string, Pending>();
  const [oldest] = known.keys();
  if (known.size >= MAX_PROPOSALS && oldest !== undefined) known.delete(oldest);
  proposals.set(approvals, known.set(pending.id, pending));
}

const proposalOf = ({ approvals }: Gate, id: string): Pending | null =>
  approvals.get(id) ?? proposals.get(approvals)?.get(id) ?? null;

const MAX_WAIT_MS = 50_000;
const WAIT_MS = 30_000;

/** `authorization/decide {approvalId, waitMs?}`: waits a while for the people; the same caller only. An approved call gets its token. */
export async function awaitDecision(
  live: Gate,
  id: RequestId,
  { approvalId, waitMs = WAIT_MS }: JsonObject,
  asked: Asked,
): Promise<string> {
  const gate = fixed(live);
  const pending = typeof approvalId === 'string' ? proposalOf(gate, approvalId) : null;
  if (pending === null || !sameRequester(pending.key, asked))
    return errorOf(id, INVALID_PARAMS, 'no such approval is pending');
  const ms = typeof waitMs === 'number' ? Math.min(Math.max(0, waitMs), MAX_WAIT_MS) : WAIT_MS;
  const state = await gate.approvals.wait(pending.id, ms, [asked.cancel, asked.side.gone]);
  const policy = live.policy();
  const { digest, definition } = pending.key;
  const leave = leaveOf(asked.caller, { digest }, definition, policy);
  return resultOf(id, {
    type: 'authorization/decide',
    ...DECIDED[state],
    approvalId: pending.id,
    state,
    ...(state === 'approved' ? live.decisions.issue(leave, DECISION_MS) : { expires: pending.expires }),
    _meta: { [RECEIPT_META]: reviewReceipt(pending, gate.kid) },
  });
}

/** What the people's answer comes to. An approved call is still evaluated when it is made. */
const DECIDED = {
  approved: { decision: 'allow', reason: null },
  denied: { decision: 'deny', reason: 'an approver denied the call' },
  expired: { decision: 'deny', reason: 'the approval was not given in time' },
  redeemed: { decision: 'deny', reason: 'the approval has been used' },
  pending: { decision: 'review', reason: null },
} as const;

function sameRequester(key: ReturnType<typeof reviewKey>, { caller }: Asked): boolean {
  return key.principal === caller.subject.principal && key.user === caller.subject.user;
}

/** `authorization/receipt {receiptId}`: the entry of the log, to the principal (and user) that it is about; for anyone else there is none. */
export async function receiptById(
  gate: Gate,
  id: RequestId,
  { receiptId }: JsonObject,
  { caller }: Asked,
): Promise<string> {
  const none = (): string => errorOf(id, INVALID_PARAMS, 'there is no such receipt');
  if (typeof receiptId !== 'string' || !receiptId.startsWith(`${gate.log.origin}#`)) return none();
  const place = receiptId.slice(gate.log.origin.length + 1);
  const seq = /^\d{1,15}$/.test(place) ? Number(place) : Number.NaN;
  if (!(seq < gate.log.head().size)) return none();
  for await (const { body, leaf } of gate.log.entries(seq)) {
    const about = 'principal' in body ? body.principal : undefined;
    const own = about !== undefined && canonicalOf(about) === canonicalOf(receiptPrincipal(caller.identity));
    if (body.seq !== seq || !own) return none();
    const signed = (await gate.log.signed?.(seq))?.toString('base64');
    const receipt = { id: receiptId, hash: leaf, seq, ...(signed === undefined ? {} : { signed }) };
    return resultOf(id, { type: RECEIPT_METHOD, receipt, entry: body });
  }
  return none();
}

const canonicalOf = (value: object): string => canonical(value as JsonValue);

/** Does the client want each receipt before its answer? It says so in its capabilities. */
function wantsReceipts({ capabilities }: Connection): boolean {
  const { extensions, experimental } = capabilities;
  return [extensions, experimental].some((slot) => {
    const own = isObject(slot) ? slot[EXTENSION] : undefined;
    return isObject(own) && own['receipts'] === true;
  });
}

/** The receipt of a decision, on the stream of the call, before anything comes of it. */
export function announce(gate: Gate, { connection, side }: Asked, settled: Settled): void {
  if (!wantsReceipts(connection)) return;
  const receipt =
    settled.kind === 'parked'
      ? reviewReceipt(settled.pending, gate.kid)
      : receiptMeta(settled.entry, settled.kind);
  side.notify(notificationOf(RECEIPT_METHOD, receipt));
}
