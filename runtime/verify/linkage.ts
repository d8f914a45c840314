// SPDX-License-Identifier: Apache-2.0
/**
 * The life of each call (docs/receipt-format.md, "Life of a call"): propose → decide → approve × n → decide → outcome. Only open
 * calls are kept, so that memory does not grow with the log.
 */
import { reviewFault, approvalFault, type Given } from './approvals.js';
import type { Body, Effect, PolicyRef } from './format/body.js';
import type { Trust } from './format/trust.js';
import type { Findings } from './report.js';

/** A call between its first entry and its last. */
interface Life {
  readonly seq: number;
  readonly boot: string;
  readonly propose: string | null;
  /** The decide entry in force. */
  readonly decide: Decided | null;
}

/** An answer that waits for a person; it outlives the outcome of its call. */
interface Held extends Decided {
  readonly call: string;
  /** Bytes of its entries. */
  size: number;
}

export interface Decided {
  readonly leaf: string;
  readonly body: Body;
  /** May the call be forwarded under this decision? */
  readonly forward: boolean;
  readonly given: Given[];
}

const MAX_OPEN = 50_000;
const MAX_HELD = 32 * 2 ** 20;
const SAME = ['name', 'version', 'source', 'module', 'compiler'] as const;
type Active = Pick<PolicyRef, (typeof SAME)[number]>;
const MAX_POLICIES = 100_000;
/** More than anybody asks for; without an end a log could make each of them cost as much as all before. */
const MAX_APPROVALS = 1_000;
/** Outcomes that say that nothing was forwarded. */
const NOTHING_FORWARDED: readonly string[] = ['not_sent', 'cancelled'];

export class Linkage {
  private readonly open = new Map<string, Life>();
  /** By leaf of the activation: what decisions repeat of it. */
  private readonly policies = new Map<string, Active>();
  /** By leaf of the decision that holds the answer. */
  private readonly answers = new Map<string, Held>();
  private readonly weights = new Map<string, number>();
  private held = 0;
  private readonly findings: Findings;
  private readonly approvers: Trust['approvers'];
  private stopped = false;
  private boot: string | null = null;
  /** Has the newest process written an entry of a call, other than closing what an earlier one left open? */
  private busy = false;
  private readonly counts = { calls: 0, approvals: 0, attested: 0, acks: 0, anchors: 0, snapshots: 0 };

  /** `approvers`: the keys of approvers that the trust file lists, if it lists any. */
  constructor(findings: Findings, approvers: Trust['approvers']) {
    this.findings = findings;
    this.approvers = approvers;
  }

  /** `size`: bytes of the entry, which what is kept of it may hold on to. */
  entry(body: Body, leaf: string, size: number): void {
    if (body.boot !== this.boot) {
      this.boot = owned(body.boot);
      this.busy = false;
    }
    if (body.policy !== undefined && body.type === 'policy') this.activated(body.policy, leaf, body.seq);
    if (body.type === 'ack') this.counts.acks++;
    if (body.type === 'anchor') this.counts.anchors++;
    if (body.type === 'snapshot') this.counts.snapshots++;
    if (this.stopped || body.call === undefined) return;
    const wrong = this.step(body, leaf, size);
    if (wrong !== null) this.findings.fail('linkage', body.seq, wrong);
    if (body.outcome?.status !== 'unknown') this.busy = true;
    this.weigh(body.call, size);
    if (this.open.size + this.answers.size > MAX_OPEN || this.held > MAX_HELD) {
      this.stopped = true;
      const why = `more than ${MAX_OPEN} calls, or ${MAX_HELD / 2 ** 20} MiB of their entries, are open at once`;
      this.findings.skip('linkage', why, body.seq);
      this.open.clear();
      this.weights.clear();
      this.answers.clear();
    }
  }

  /** What the entries of open calls come to. */
  private weigh(call: string, size: number): void {
    const before = this.weights.get(call) ?? 0;
    const after = this.open.has(call) ? before + size : 0;
    this.held += after - before;
    if (after > 0) this.weights.set(call, after);
    else if (before > 0) this.weights.delete(call);
  }

  private step(body: Body, leaf: string, size: number): string | null {
    const call = body.call ?? '';
    const life = this.open.get(call);
    switch (body.type) {
      case 'propose':
        if (life !== undefined) return 'a call is proposed twice';
        this.open.set(call, { seq: body.seq, boot: body.boot, propose: leaf, decide: null });
        return null;
      case 'decide':
        return this.policyFault(body) ?? this.decide(call, life, body, leaf, size);
      case 'approve':
        return this.approve(call, life, body, leaf, size);
      case 'outcome':
        return this.outcome(call, life, body);
      case 'ack':
        return null;
      default:
        return `an entry of type ${body.type} has a call`;
    }
  }

  private activated(policy: PolicyRef, leaf: string, seq: number): void {
    if (this.policies.size < MAX_POLICIES) this.policies.set(leaf, activeOf(policy));
    else this.findings.skip('linkage', `more than ${MAX_POLICIES} activated policies`, seq);
  }

  private policyFault({ policy }: Body): string | null {
    const active = this.policies.get(policy?.activation ?? '');
    if (policy === undefined || active === undefined)
      return 'the decision does not name the activation of its policy';
    return SAME.every((member) => policy[member] === active[member])
      ? null
      : 'the policy of the decision is not the one that its activation names';
  }

  private decide(
    call: string,
    life: Life | undefined,
    body: Body,
    leaf: string,
    size: number,
  ): string | null {
    if (body.phase === 'list') return life === undefined ? null : 'a list decision within the life of a call';
    if (body.phase === 'result') return this.decideResult(call, life, body, leaf, size);
    const before = life?.decide ?? null;
    const proposed = body.refs?.propose;
    if (proposed !== (life?.propose ?? undefined) && (before === null || proposed !== undefined)) {
      return 'refs.propose is not the proposal of this call';
    }
    if (body.refs?.decide !== before?.leaf) {
      return before === null
        ? 'refs.decide names no open decision of this call'
        : 'the call has a decision already, which refs.decide does not name';
    }
    if (before === null && body.refs?.approve !== undefined) return 'approvals without a review';
    const effect: Effect = body.decision?.effect ?? 'deny';
    const wrong = before === null ? null : reviewFault(before, body);
    if (effect === 'deny' || wrong !== null) this.open.delete(call);
    else this.open.set(call, this.opened(life, body, leaf, effect, before));
    this.counts.calls += before === null ? 1 : 0;
    return wrong;
  }

  private opened(
    life: Life | undefined,
    body: Body,
    leaf: string,
    effect: Effect,
    before: Decided | null,
  ): Life {
    // A second review goes on only with approvals that meet it (reviewFault has counted them).
    const forward = effect === 'allow' || (before !== null && (body.refs?.approve?.length ?? 0) > 0);
    return {
      seq: body.seq,
      boot: body.boot,
      propose: life?.propose ?? null,
      decide: { leaf, body, forward, given: [] },
    };
  }

  /** The first decision on an answer, which may hold it for a person, or the second on one that is held. */
  private decideResult(
    call: string,
    life: Life | undefined,
    body: Body,
    leaf: string,
    size: number,
  ): string | null {
    const named = body.refs?.decide;
    const held = named === undefined ? undefined : this.answers.get(named);
    if (held !== undefined && named !== undefined) {
      this.answers.delete(named);
      this.held -= held.size;
      return held.call === call
        ? reviewFault(held, body)
        : 'the answer that refs.decide names is of another call';
    }
    const before = life?.decide ?? null;
    if (before === null || !before.forward)
      return 'a decision on the result of a call that was not to be forwarded';
    if (body.refs?.approve !== undefined) return 'approvals without a review';
    if (named !== undefined && named !== before.leaf) return 'refs.decide is not the decision of this call';
    if (body.decision?.effect === 'review' && body.decision.expires !== undefined) {
      this.answers.set(leaf, { call, leaf, body: owned(body), forward: false, given: [], size });
      this.held += size;
    }
    return null;
  }

  private approve(
    call: string,
    life: Life | undefined,
    body: Body,
    leaf: string,
    size: number,
  ): string | null {
    const held = this.answers.get(body.refs?.decide ?? '');
    const review = held?.call === call ? held : (life?.decide ?? null);
    if (review === null || review.forward || body.refs?.decide !== review.leaf) {
      return 'the approval names no open review of this call';
    }
    if (review.given.length >= MAX_APPROVALS) return `more than ${MAX_APPROVALS} approvals of one review`;
    const wrong = approvalFault(review, body, this.approvers);
    if (wrong !== null) return wrong;
    const { approval } = body;
    if (approval === undefined) return null;
    if ('key' in approval.proof) this.counts.approvals++;
    else this.counts.attested++;
    review.given.push({ leaf, approval });
    if (held !== undefined && review === held) {
      held.size += size;
      this.held += size;
    }
    return null;
  }

  private outcome(call: string, life: Life | undefined, body: Body): string | null {
    const before = life?.decide ?? null;
    if (before === null || body.refs?.decide !== before.leaf)
      return 'the outcome names no open decision of its call';
    this.open.delete(call);
    if (before.forward || NOTHING_FORWARDED.includes(body.outcome?.status ?? '')) return null;
    return 'an outcome after a decision that does not let the call through';
  }

  finish(): void {
    const { findings, counts } = this;
    findings.note('linkage', `${counts.calls} calls`);
    if (counts.approvals > 0)
      findings.note(
        'linkage',
        `${counts.approvals} ${counts.approvals === 1 ? 'approval' : 'approvals'} signed by the approver's own key (${this.approvers === null ? 'as the log names it; the trust file lists no approvers' : 'from the trust file'})`,
      );
    if (counts.attested > 0)
      findings.note('linkage', `${counts.attested} approvals attested by the gateway only`);
    if (counts.acks > 0)
      findings.skip('acknowledgements', `${counts.acks} entries are not followed in this release`);
    if (counts.anchors > 0)
      findings.skip('anchors', `${counts.anchors} entries are not followed in this release`);
    if (counts.snapshots > 0)
      findings.skip('snapshots', `${counts.snapshots} state files are not compared in this release`);
    this.completeness();
  }

  /** Every forwarded call has an outcome, or an explicit `unknown` that the next start wrote. */
  private completeness(): void {
    if (this.stopped) return this.findings.skip('completeness', 'linkage was not followed to the end');
    let flight = 0;
    let waiting = 0;
    for (const life of this.open.values()) {
      if (life.decide?.forward !== true) waiting++;
      else if (life.boot !== this.boot && this.busy) {
        this.findings.fail('completeness', life.seq, 'an allowed call of an earlier process has no outcome');
      } else flight++;
    }
    if (flight > 0) this.findings.skip('completeness', `${flight} allowed calls have no outcome yet`);
    this.findings.note('completeness', `every allowed call has an outcome; ${waiting} reviews open`);
  }
}

/** Strings cut from an entry keep the whole entry alive; what outlives it by far is copied. Entries are plain JSON. */
function owned<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const activeOf = ({ name, version, source, module, compiler }: PolicyRef): Active =>
  owned({ name, version, source, module, compiler });
