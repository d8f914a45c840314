// SPDX-License-Identifier: Apache-2.0
/**
 * The ABI between a compiled policy and its host (docs/interface: "Compiled bundle and its ABI").
 * A compiled module imports nothing: it exports `abi` and `link(std)`, and `link` returns a `PolicyModule`.
 */

export const ABI_VERSION = 1;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Compiled policies read arguments only by own property; build them with null prototypes or plain JSON.parse. */
export type JsonRecord = { readonly [key: string]: Json };

export type ActionKind = 'tool' | 'resource' | 'prompt' | 'completion' | 'sampling' | 'elicitation' | 'roots';

/** One action as the upstream will see it: `name` is the upstream's own name or canonical URI ('' for the last three kinds). */
export interface Intent {
  readonly kind: ActionKind;
  readonly server: string;
  readonly name: string;
  readonly args: JsonRecord;
}

export interface Subject {
  /** `agent:x`, `user:x` or `service:x`. */
  readonly principal: string;
  readonly roles: readonly string[];
  readonly user: string | null;
  readonly userRoles: readonly string[];
  readonly session: string;
}

export interface Request extends Subject {
  readonly intent: Intent;
}

/** Values of facts by name, as recorded in the receipt. A missing key or `undefined` is unknown. */
export type Facts = { readonly [name: string]: Json | undefined };

export type Phase = 'call' | 'list' | 'result';
export type DecisionEffect = 'allow' | 'review' | 'deny';
export type RuleEffect = 'allow' | 'review' | 'deny' | 'escalate' | 'redact';

/** One asker of a review. `roles` are alternatives; `self`: the user confirms; `timeout` in milliseconds. */
export interface ApprovalNeed {
  readonly rule: string;
  readonly self: boolean;
  readonly roles: readonly string[];
  readonly quorum: number;
  readonly timeout: number;
}

/** A value that could not be had, why, and the decision that would have been taken if the unknowns were not there. */
export interface Unknown {
  /** As written in the policy: `args.path`, a fact's name … */
  readonly name: string;
  readonly why: string;
  /** What would have been decided had every condition that this unknown left open been false. */
  readonly otherwise: DecisionEffect;
}

export interface Decision {
  readonly effect: DecisionEffect;
  /** The deciding rule, or all that asked for review; empty for a default deny (language.md 2). */
  readonly rules: readonly string[];
  readonly default: boolean;
  readonly reason: string | null;
  readonly unknowns: readonly Unknown[];
  readonly approvals: readonly ApprovalNeed[];
  /** The shortest timeout of `approvals`, in milliseconds; null unless review. */
  readonly timeout: number | null;
  readonly shadow: readonly Match[];
  /** The denial may name the nearest change that would be permitted: a rule says `tell`. */
  readonly tell?: true;
  /** What has to be masked in an answer before it goes on (stdlib/masks.ts), sorted; absent where nothing. */
  readonly masks?: readonly string[];
  /** The static step bound of the policy for this action. */
  readonly steps: number;
}

export interface Match {
  readonly name: string;
  readonly effect: RuleEffect;
  readonly unknown?: true;
}

/** A rule in scope (who and what match) that yielded nothing, and its condition as written in words. */
export interface NearMiss {
  readonly name: string;
  readonly effect: RuleEffect;
  readonly condition: string;
}

export interface Explanation {
  readonly decision: Decision;
  /** Every rule that yields an effect or may, sorted by name. */
  readonly matched: readonly Match[];
  /** Made when it is read: name it where an explanation is copied, since `{ ...explanation }` may be without it. */
  readonly near: readonly NearMiss[];
}

export type KeyPart = 'principal' | 'user' | 'session' | 'server' | 'tool' | 'all';

/** A limit, counter or score, as the host keeps it. */
export interface MeasureSpec {
  readonly name: string;
  readonly kind: 'limit' | 'counter' | 'score';
  /** In milliseconds; null: per session. */
  readonly window: number | null;
  /** Windows are aligned to the UTC epoch instead of sliding. */
  readonly fixed: boolean;
  /** Counts each call that is asked for, not only admitted ones. */
  readonly attempts: boolean;
  readonly keys: readonly KeyPart[];
  /** Of a score: this much off at each whole period (ms). */
  readonly decay: readonly [amount: number, per: number] | null;
  readonly cap: number | null;
}
/** The fact that holds the measure's value for this request; `key` null is unknown. */
export interface MeasureRead {
  readonly fact: string;
  readonly name: string;
  readonly key: readonly string[] | null;
}
/** What a call adds: an integer, a canonical decimal as text, or null for an amount that is unknown. */
export interface MeasureAdd {
  readonly name: string;
  readonly key: readonly string[];
  readonly add: number | string | null;
  readonly attempt: boolean;
}

export interface PolicyModule {
  readonly name: string;
  readonly version: string;
  /** Phases that some rule speaks of. */
  readonly phases: readonly Phase[];
  /** Names of the facts that a decision of this request may read, in the given phase or in any. */
  needs(request: Request, phase?: Phase): readonly string[];
  /** JSON pointers (`/path`) of the arguments that a decision of this request may read, in the given phase or in any; sorted. */
  reads(request: Request, phase?: Phase): readonly string[];
  /** Synchronous, pure, total: never throws on any request made of JSON. */
  decide(request: Request, facts: Facts, phase: Phase): Decision;
  /** May any arguments and facts lead to allow or review? The optimistic reading of the same rules. */
  visible(
    subject: Subject,
    action: { readonly kind: ActionKind; readonly server: string; readonly name: string },
  ): boolean;
  explain(request: Request, facts: Facts, phase: Phase): Explanation;
  /** The three are there only where the policy has limits, counters or scores. */
  readonly measures?: readonly MeasureSpec[];
  /** The measures that a decision of this request may read. */
  readonly usage?: (request: Request) => readonly MeasureRead[];
  /** What the request adds to the measures, given the facts that were decided on. */
  readonly counts?: (request: Request, facts: Facts) => readonly MeasureAdd[];
}

/** What a compiled module exports. `std` is stdlib/std.ts. */
export interface CompiledModule {
  readonly abi: number;
  link(std: unknown): PolicyModule;
}
