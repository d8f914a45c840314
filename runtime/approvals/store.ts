// SPDX-License-Identifier: Apache-2.0
/**
 * The parked calls of a running gateway. State changes happen synchronously in memory, where one thread decides every race, and in an order
 * that a crash cannot turn against us: a refusal counts before it is durable, an approval only after.
 *
 * ```
 * open ──approve × n──▶ open (ready) ──redeem──▶ redeemed      the gateway appends decide(allow), then forwards
 *   │                        ├──────withdraw───▶ withdrawn     the gateway appends decide(deny)
 *   ├──deny by a person──────┴─────────────────▶ denied        decide(deny) appended here
 *   └──time, or openings lost──────────────────▶ expired       decide(deny) appended here
 * ```
 */
import { type Ended, isAnyOver, onFirst } from '../ending.js';
import type { ApprovalNeed } from '../../stdlib/abi.js';
import type { Draft, Openings, ReceiptLog, StoredEntry } from '../log/types.js';
import type { ApprovalBody } from '../verify/format/body.js';
import { digest } from '../verify/format/hash.js';
import { freshBytes } from '../log/random.js';
import {
  EARLY_MS,
  type End,
  endedReview,
  endOf,
  keyText,
  proofHolds,
  type Question,
  readGiven,
  readQuestion,
  REMEMBERED,
  reviewKey,
} from './fold.js';
import type { ReviewState } from './open-reviews.js';
import type { Registry } from './registry.js';
import { missingFor } from './requirements.js';
import type {
  Approvals,
  Attested,
  Clock,
  CloseDraft,
  Closing,
  Given,
  Links,
  Missing,
  Opened,
  Pending,
  Redecision,
  Redeemed,
  ReviewKey,
  Shown,
  Verdict,
  VerdictResult,
  WaitResult,
} from './types.js';
import { attestFault, checkVerdict, type Judged, refuseVerdict } from './verdict.js';

export interface ApprovalOptions {
  readonly log: Pick<ReceiptLog, 'origin' | 'append' | 'openings'>;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly close: CloseDraft;
  /** A closing entry could not be written: the log has failed, and the call stays closed. */
  readonly onFault: (error: Error) => void;
  /** Parked calls in all, and of one principal. */
  readonly capacity?: { readonly all: number; readonly perPrincipal: number };
}

/** One parked call; a second decision may ask for something else than the first, so its needs change. */
interface Parked extends Judged {
  needs: readonly ApprovalNeed[];
  given: readonly Given[];
  readonly heard: Set<string>;
  readonly nonces: Set<string>;
  state: 'open' | End;
  /** Monotonic time at which it ends, whatever the wall clock says. */
  deadline: number;
  readonly waiters: Set<() => void>;
}

const CAPACITY = { all: 10_000, perPrincipal: 100 };
const TICK_MS = 1000;

/** The store of parked calls over a log. Feed it the log's entries, then `start` it. */
export function createApprovals(options: ApprovalOptions): Approvals {
  return new ApprovalStore(options);
}

class ApprovalStore implements Approvals {
  private readonly options: ApprovalOptions;
  private readonly parked = new Map<string, Parked>();
  private readonly byKey = new Map<string, Parked>();
  private readonly byLeaf = new Map<string, Parked>();
  private readonly opening = new Map<string, Promise<Parked>>();
  private readonly ended = new Map<string, End>();
  /** Approve entries of calls that are still open, while the log is read. */
  private readonly recorded = new Map<Parked, { readonly approval: ApprovalBody; readonly given: Given }[]>();
  private newest = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(options: ApprovalOptions) {
    this.options = options;
  }

  observe({ body, leaf }: StoredEntry): void {
    this.newest = Math.max(this.newest, Date.parse(body.time));
    const question = readQuestion(body, { log: body.log, seq: body.seq, leaf, time: body.time });
    if (question !== null) {
      this.recorded.set(this.park(question, Number.POSITIVE_INFINITY), []);
      return;
    }
    const review = endedReview(body) ?? (body.type === 'approve' ? (body.refs?.decide ?? null) : null);
    const parked = review === null ? undefined : this.byLeaf.get(review);
    if (parked === undefined) return;
    if (body.approval !== undefined) {
      this.recorded
        .get(parked)
        ?.push({ approval: body.approval, given: readGiven(body.approval, leaf, body.time) });
    } else {
      this.recorded.delete(parked);
      this.end(parked, endOf(body, parked.question));
    }
  }

  load({ newest, entries, ended }: ReviewState): void {
    for (const entry of entries) this.observe(entry);
    for (const [id, end] of ended) this.remember(id, end);
    this.newest = Math.max(this.newest, newest);
  }

  async start(): Promise<void> {
    const now = {
      wall: Math.max(this.options.clock.wall(), this.newest),
      monotonic: this.options.clock.monotonic(),
    };
    for (const [parked, recorded] of this.recorded) {
      parked.deadline = now.monotonic + lifetime(parked.question, now.wall);
      await this.resume(parked, recorded, now.monotonic);
    }
    this.recorded.clear();
    this.timer = setInterval(() => void this.tick(), TICK_MS);
    this.timer.unref();
  }

  /** Takes up one call after a restart: proofs are checked again, and what ended in between is closed. */
  private async resume(
    parked: Parked,
    recorded: readonly { readonly approval: ApprovalBody; readonly given: Given }[],
    now: number,
  ): Promise<void> {
    const { question } = parked;
    const valid = recorded.filter(({ approval }) => proofHolds(approval, question, this.options.registry));
    for (const { approval } of recorded) {
      parked.nonces.add(approval.nonce);
      parked.heard.add(approval.approver.id);
    }
    const approving = valid.filter(
      ({ approval, given }) => approval.verdict === 'approve' && given.time < question.expires,
    );
    parked.given = approving.map(({ given }) => given);
    // A refusal needs no proof to be safe: it only closes.
    if (recorded.some(({ approval }) => approval.verdict === 'deny')) {
      const leaves = recorded
        .filter(({ approval }) => approval.verdict === 'deny')
        .map(({ given }) => given.leaf);
      await this.close(parked, 'denied', leaves);
    } else if (now >= parked.deadline) await this.close(parked, 'expired');
    else if ((await this.clearText(question)) === null) await this.close(parked, 'openings_lost');
  }

  async open(draft: Draft, openings: Openings): Promise<Opened> {
    if (draft.principal === undefined || draft.intent === undefined) {
      throw new TypeError('a review needs a principal and an intent');
    }
    const key = reviewKey(draft.principal, draft.intent, draft.phase);
    const text = keyText(key);
    const there = this.current(this.byKey.get(text));
    if (there !== null) return { kind: 'pending', pending: this.view(there), joined: true };
    // Nothing may be awaited between these look-ups and `opening.set`, or two identical calls would both be parked.
    const begun = this.opening.get(text);
    if (begun !== undefined) return { kind: 'pending', pending: this.view(await begun), joined: true };
    const full = this.full(key.principal);
    if (full !== null) return { kind: 'full', message: full };
    const parking = this.append(draft, openings);
    this.opening.set(text, parking);
    try {
      return { kind: 'pending', pending: this.view(await parking), joined: false };
    } finally {
      this.opening.delete(text);
    }
  }

  private full(principal: string): string | null {
    const { all, perPrincipal } = this.options.capacity ?? CAPACITY;
    if (this.parked.size + this.opening.size >= all) return `${all} calls are waiting for approval already`;
    let own = 0;
    for (const { question } of this.parked.values()) if (question.key.principal === principal) own++;
    return own < perPrincipal
      ? null
      : `${perPrincipal} calls of this principal are waiting for approval already`;
  }

  private async append(draft: Draft, openings: Openings): Promise<Parked> {
    const { clock, log } = this.options;
    const asked = { wall: clock.wall(), monotonic: clock.monotonic() };
    if (readQuestion(draft, { log: log.origin, seq: 0, leaf: '', time: '' }) === null) {
      throw new TypeError('the draft is not a first decision with effect review');
    }
    const { seq, leaf, time } = await log.append(draft, openings);
    const question = readQuestion(draft, { log: log.origin, seq, leaf, time });
    if (question === null) throw new TypeError('the draft changed while it was written');
    return this.park(question, asked.monotonic + lifetime(question, asked.wall));
  }

  private park(question: Question, deadline: number): Parked {
    const parked: Parked = {
      question,
      needs: question.needs,
      given: [],
      heard: new Set(),
      nonces: new Set(),
      state: 'open',
      deadline,
      waiters: new Set(),
    };
    this.parked.set(question.id, parked);
    this.byKey.set(keyText(question.key), parked);
    this.byLeaf.set(question.leaf, parked);
    return parked;
  }

  find(key: ReviewKey): Pending | null {
    const parked = this.current(this.byKey.get(keyText(key)));
    return parked === null ? null : this.view(parked);
  }

  get(id: string): Pending | null {
    const parked = this.current(this.parked.get(id));
    return parked === null ? null : this.view(parked);
  }

  list(): readonly Pending[] {
    const open = [...this.parked.values()].filter((parked) => this.current(parked) !== null);
    return open.map((parked) => this.view(parked)).sort((a, b) => a.seq - b.seq);
  }

  async show(id: string): Promise<Shown | null> {
    const parked = this.current(this.parked.get(id));
    if (parked === null) return null;
    const clear = await this.clearText(parked.question);
    if (clear !== null) return { pending: this.view(parked), ...clear };
    await this.close(parked, 'openings_lost');
    return null;
  }

  wait(id: string, ms: number, ends: readonly Ended[] = []): Promise<WaitResult> {
    const parked = this.parked.get(id);
    const first = this.answer(id);
    if (parked === undefined || first !== 'pending' || ms <= 0 || isAnyOver(ends)) {
      return Promise.resolve(first);
    }
    return new Promise((resolve) => {
      const settle = (result: WaitResult): void => {
        clearTimeout(timer);
        parked.waiters.delete(look);
        leave();
        resolve(result);
      };
      const look = (): void => {
        const result = this.answer(id);
        if (result !== 'pending') settle(result);
      };
      const stop = (): void => settle(this.answer(id));
      const leave = onFirst(ends, stop);
      const timer = setTimeout(stop, Math.min(ms, 2 ** 31 - 1));
      parked.waiters.add(look);
    });
  }

  private answer(id: string): WaitResult {
    const parked = this.current(this.parked.get(id));
    if (parked !== null) return this.ready(parked) ? 'approved' : 'pending';
    const end = this.ended.get(id);
    switch (end) {
      case 'redeemed':
      case 'denied':
      case 'expired':
        return end;
      case 'withdrawn':
        return 'denied';
      case undefined:
        return 'expired';
    }
  }

  private ready(parked: Parked): boolean {
    return parked.needs.length > 0 && this.missing(parked).length === 0;
  }

  redeem(id: string, decision: Redecision): Redeemed {
    const parked = this.current(this.parked.get(id));
    if (parked === null) {
      const end = this.ended.get(id) ?? 'unknown';
      return { kind: 'gone', why: end === 'withdrawn' ? 'denied' : end };
    }
    if (decision.effect === 'review') {
      parked.needs = decision.approvals;
      if (!this.ready(parked)) return { kind: 'unmet', pending: this.view(parked) };
    }
    const pending = this.view(parked);
    this.end(parked, 'redeemed');
    return { kind: 'redeemed', links: linksOf(parked), pending };
  }

  withdraw(id: string): Links | null {
    const parked = this.current(this.parked.get(id));
    if (parked === null) return null;
    this.end(parked, 'withdrawn');
    return linksOf(parked);
  }

  async decideBy(verdict: Verdict): Promise<VerdictResult> {
    const parked = this.current(this.parked.get(verdict.id));
    if (parked === null) return refuseVerdict(this.ended.get(verdict.id) ?? 'unknown_pending', verdict);
    const checked = checkVerdict(verdict, parked, this.options.registry);
    if (!checked.ok) return checked;
    parked.nonces.add(verdict.nonce);
    return verdict.verdict === 'deny'
      ? this.refuse(parked, checked.approval)
      : this.approve(parked, checked.approval);
  }

  async attest(id: string, { verdict, approver, session, method }: Attested): Promise<VerdictResult> {
    const parked = this.current(this.parked.get(id));
    if (parked === null) return refuseVerdict(this.ended.get(id) ?? 'unknown_pending', { id });
    const { key, expires } = parked.question;
    const fault = attestFault(parked, { approver, session, verdict });
    if (fault !== null) return fault;
    const nonce = freshBytes(16).toString('base64');
    parked.nonces.add(nonce);
    const approval: ApprovalBody = {
      verdict,
      approver: { id: approver, roles: [] },
      nonce,
      expires,
      proof: { session: key.session, method },
    };
    return verdict === 'deny' ? this.refuse(parked, approval) : this.approve(parked, approval);
  }

  /** Closed in memory before anything is written: from here on no redemption can win. */
  private async refuse(parked: Parked, approval: ApprovalBody): Promise<VerdictResult> {
    const pending = this.view(parked);
    this.end(parked, 'denied');
    const { leaf } = await this.record(parked, approval);
    await this.writeClosing(parked, pending, 'denied', [leaf]);
    return { ok: true, pending, state: 'denied' };
  }

  private async approve(parked: Parked, approval: ApprovalBody): Promise<VerdictResult> {
    parked.heard.add(approval.approver.id);
    if ((await this.clearText(parked.question)) === null) {
      await this.close(parked, 'openings_lost');
      return refuseVerdict('expired', { id: parked.question.id });
    }
    if (this.current(parked) === null) return this.late(parked);
    const { leaf, time } = await this.record(parked, approval);
    if (this.current(parked) === null) return this.late(parked);
    parked.given = [...parked.given, readGiven(approval, leaf, time)];
    for (const look of parked.waiters) look();
    return { ok: true, pending: this.view(parked), state: this.ready(parked) ? 'approved' : 'pending' };
  }

  private late(parked: Parked): VerdictResult {
    return refuseVerdict(parked.state === 'open' ? 'expired' : parked.state, { id: parked.question.id });
  }

  private record(
    parked: Parked,
    approval: ApprovalBody,
  ): Promise<{ readonly leaf: string; readonly time: string }> {
    const { call, leaf, principal } = parked.question;
    return this.options.log.append({ type: 'approve', call, refs: { decide: leaf }, principal, approval });
  }

  holds(session: string): boolean {
    for (const parked of this.parked.values()) {
      if (parked.question.key.session === session && !this.due(parked)) return true;
    }
    return false;
  }

  async tick(): Promise<void> {
    const due = [...this.parked.values()].filter((parked) => this.due(parked));
    await Promise.all(due.map((parked) => this.close(parked, 'expired')));
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private due(parked: Parked): boolean {
    const { wall, monotonic } = this.options.clock;
    return monotonic() >= parked.deadline || wall() >= Date.parse(parked.question.expires) - EARLY_MS;
  }

  /** The parked call if it is still open at this moment; whoever finds it expired closes it. */
  private current(parked: Parked | undefined): Parked | null {
    if (parked === undefined || parked.state !== 'open') return null;
    if (!this.due(parked)) return parked;
    void this.close(parked, 'expired');
    return null;
  }

  /** Ends a parked call for a reason of ours and writes its decide(deny); a failed write is reported, the call stays closed. */
  private async close(parked: Parked, why: Closing, leaves: readonly string[] = []): Promise<void> {
    if (parked.state !== 'open') return;
    const pending = this.view(parked);
    this.end(parked, why === 'denied' ? 'denied' : 'expired');
    try {
      await this.writeClosing(parked, pending, why, leaves);
    } catch (error) {
      this.options.onFault(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private async writeClosing(
    parked: Parked,
    pending: Pending,
    why: Closing,
    leaves: readonly string[],
  ): Promise<void> {
    await this.options.log.append(await this.options.close(pending, why, linksOf(parked, leaves)));
  }

  private end(parked: Parked, state: End): void {
    const { id, key, leaf } = parked.question;
    parked.state = state;
    this.parked.delete(id);
    this.byLeaf.delete(leaf);
    const text = keyText(key);
    if (this.byKey.get(text) === parked) this.byKey.delete(text);
    this.remember(id, state);
    for (const look of parked.waiters) look();
  }

  /** How a call ended, for whoever still asks; a map keeps its order, so the oldest goes first. */
  private remember(id: string, state: End): void {
    this.ended.set(id, state);
    if (this.ended.size <= REMEMBERED) return;
    const oldest = this.ended.keys().next();
    if (oldest.done !== true) this.ended.delete(oldest.value);
  }

  private missing(parked: Parked): readonly Missing[] {
    return missingFor(parked.needs, parked.given, parked.question.key, this.options.registry);
  }

  private view(parked: Parked): Pending {
    return { ...parked.question, needs: parked.needs, given: parked.given, missing: this.missing(parked) };
  }

  /** The exact intent, and the answer where one is held, if what is kept beside the log is still what the receipt names. */
  private async clearText({
    seq,
    key,
    intent,
  }: Question): Promise<{ readonly intent: string; readonly answer?: string } | null> {
    const kept = await this.options.log.openings(seq);
    if (kept?.intent === undefined || digest(kept.intent) !== intent.digest) return null;
    if (key.phase === undefined) return { intent: kept.intent };
    return kept.held === undefined ? null : { intent: kept.intent, answer: kept.held };
  }
}

/** How long a review may still live: to its expiry, and never longer than the shortest timeout that was asked for. */
function lifetime(question: Question, wall: number): number {
  return Math.min(
    Date.parse(question.expires) - EARLY_MS - wall,
    ...question.needs.map(({ timeout }) => timeout),
  );
}

function linksOf(parked: Parked, more: readonly string[] = []): Links {
  const approve = [...parked.given.map(({ leaf }) => leaf), ...more];
  return { call: parked.question.call, refs: { decide: parked.question.leaf, approve } };
}
