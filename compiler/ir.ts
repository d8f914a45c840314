// SPDX-License-Identifier: Apache-2.0
/**
 * The decision IR: what the checker hands to the emitter and to the reference interpreter.
 * Names are resolved, types are known, sets are expanded, globs are classified; nothing here can fail any more.
 * Plain JSON data: the IR can be printed, hashed and compared.
 */
import type { Span } from '../grammar/tree.js';
import type { Claims } from './analyze/claims.js';
import type { JsonValue } from './lock.js';

export type { Span };

export interface PolicyIr {
  readonly name: string;
  readonly version: string;
  readonly roles: readonly { readonly name: string; readonly value: string }[];
  readonly facts: readonly FactIr[];
  /** Every tool pinned in the lock, sorted by server then name. */
  readonly tools: readonly ToolIr[];
  /** `delegation strict`: a call for a user needs the agent's and the user's decision. */
  readonly delegation?: 'strict';
  /** Sorted by name; a limit is a rule among the units as well, and its value a fact. */
  readonly measures?: readonly MeasureIr[];
  /** Rules and blocks of all phases, sorted by name. The emitter must not depend on source order. */
  readonly units: readonly UnitIr[];
  /** By pinned tool (`server/name`), the arguments that receipts must not hold in clear; nothing of it is compiled. */
  readonly masked?: { readonly [tool: string]: readonly string[] };
  /** What it claims about itself; nothing of it is compiled. */
  readonly claims?: Claims;
}

export interface FactIr {
  readonly name: string;
  readonly type: TypeIr;
  readonly source: 'claim' | 'config' | 'http' | 'scan' | 'clock' | 'measure' | 'pin' | 'result';
  /**
   * Path below the source, e.g. `["limits", "max"]` for `config.limits.max`; of a scan the function, for `findings` the kind, and
   * what is scanned: `["findings", "card", "args", "body"]`. Of `pin` and `result`: a member of the pinned definition, `["text"]` of the answer.
   */
  readonly path: readonly string[];
  /** Older values are unknown, in milliseconds; absent where any age will do. */
  readonly fresh?: number;
  /** `on unknown review`: where only such facts are unknown, people may stand in for them. */
  readonly review?: ApprovalIr;
  /** Of a fact with `review`: values that together meet every combination of answers to what is asked of it. */
  readonly values?: readonly JsonValue[];
}

/** Windows on the wall clock of a zone, and the zone's offsets as far as they are compiled in. */
export interface ScheduleIr {
  readonly name: string;
  readonly zone: string;
  /** `days` as bits, 1 is Monday; minutes of the day. One that closes before it opens closes on the day after. */
  readonly windows: readonly { readonly days: number; readonly from: number; readonly to: number }[];
  /** Days, counted from 1970-01-01, on which no window opens. */
  readonly except: readonly number[];
  /** Seconds since 1970 from which each of `offsets` (seconds east of UTC) holds; before the first, and from `until` on, unknown. */
  readonly at: readonly number[];
  readonly offsets: readonly number[];
  readonly until: number;
}

export type KeyIr = 'principal' | 'user' | 'session' | 'server' | 'tool' | 'all';
export interface MeasureIr {
  readonly kind: 'limit' | 'counter' | 'score';
  readonly name: string;
  /** In milliseconds; null: per session. */
  readonly window: number | null;
  /** Aligned to the UTC epoch instead of sliding. */
  readonly fixed: boolean;
  readonly attempts: boolean;
  readonly keys: readonly KeyIr[];
  readonly decay: { readonly amount: number; readonly per: number } | null;
  readonly cap: number | null;
  /** What calls add; `amount` null is one. */
  readonly additions: readonly {
    readonly who: WhoIr;
    readonly what: WhatIr;
    readonly when: ExprIr | null;
    readonly amount: ExprIr | null;
  }[];
}

export interface ToolIr {
  readonly server: string;
  readonly name: string;
  /** `sha256:…` of the JCS form of the whole definition. */
  readonly hash: string;
  readonly hints: HintsIr;
}
export interface HintsIr {
  readonly readOnly: boolean;
  readonly destructive: boolean;
  readonly idempotent: boolean;
  readonly openWorld: boolean;
}

/** `json` is what a schema cannot type: only presence and equality are allowed on it. `union` members are never unions. */
export type TypeIr =
  | {
      readonly kind:
        | 'bool'
        | 'int'
        | 'decimal'
        | 'string'
        | 'path'
        | 'url'
        | 'instant'
        | 'duration'
        | 'json'
        | 'null'
        | 'object';
    }
  | { readonly kind: 'enum'; readonly members: readonly string[] }
  | { readonly kind: 'list'; readonly element: TypeIr }
  | { readonly kind: 'union'; readonly members: readonly TypeIr[] };

/** `redact` stands only in rules of the result phase. */
export type EffectIr = 'allow' | 'review' | 'deny' | 'escalate' | 'redact';
export type UnitIr = RuleIr | BlockIr;

export interface RuleIr {
  readonly kind: 'rule';
  readonly name: string;
  readonly effect: EffectIr;
  readonly phase: 'call' | 'list' | 'result';
  readonly who: WhoIr;
  readonly what: WhatIr;
  /** `when` and `not unless` joined; null when the rule has no condition. */
  readonly when: ExprIr | null;
  /** Present on review and escalate only. */
  readonly approval: ApprovalIr | null;
  readonly because: string | null;
  /** Of `redact`: what is masked (stdlib/masks.ts), sorted; absent on others. */
  readonly masks?: readonly string[];
  readonly tell: boolean;
  /** The last day on which the rule is only written down and decides nothing; absent on rules in force. */
  readonly shadow?: string;
  readonly span: Span;
}
/** First case that holds decides; without `otherwise` (partial) nothing is yielded when none holds. */
export interface BlockIr {
  readonly kind: 'block';
  readonly name: string;
  readonly who: WhoIr;
  readonly what: WhatIr;
  readonly cases: readonly { readonly when: ExprIr; readonly outcome: OutcomeIr; readonly span: Span }[];
  readonly otherwise: OutcomeIr | null;
  readonly span: Span;
}
export interface OutcomeIr {
  readonly effect: EffectIr;
  readonly approval: ApprovalIr | null;
  readonly because: string | null;
}
/** `roles` are role values (as credentials carry them); empty with `self`. `timeout` in milliseconds. */
export interface ApprovalIr {
  readonly self: boolean;
  readonly roles: readonly string[];
  readonly quorum: number;
  readonly timeout: number;
}

/** A set of principals: in `include` and not in `except`. */
export interface WhoIr {
  readonly include: readonly WhoTermIr[];
  readonly except: readonly WhoTermIr[];
}
export type WhoTermIr =
  | { readonly kind: 'any' }
  /** Matches the whole id, e.g. `agent:copy-*`: literal prefix `agent:` plus the glob. */
  | { readonly kind: 'principal'; readonly glob: GlobIr }
  | { readonly kind: 'role'; readonly value: string }
  | { readonly kind: 'set'; readonly who: WhoIr };

/** A set of actions. */
export interface WhatIr {
  readonly include: readonly WhatTermIr[];
  readonly except: readonly WhatTermIr[];
}
export type ActKindIr = 'tool' | 'resource' | 'prompt' | 'completion' | 'sampling' | 'elicitation' | 'roots';
export type WhatTermIr =
  /** A bare `*`: every kind and direction. `toolsOnly` when the rule reads `tool` or `args`. */
  | { readonly kind: 'every'; readonly toolsOnly: boolean }
  | { readonly kind: 'act'; readonly act: ActKindIr; readonly server: GlobIr; readonly name: GlobIr | null }
  | { readonly kind: 'set'; readonly what: WhatIr };

/**
 * Anchored, case-sensitive. `parts` are literal pieces; between two pieces stands a wildcard of `gaps[i]`:
 * `any` = any run of characters, `segment` = any run without `/`. parts.length === gaps.length + 1.
 * In names and principals every `*` is `any`; in resource URIs `*` is `segment` and `**` is `any`.
 */
export interface GlobIr {
  readonly text: string;
  readonly parts: readonly string[];
  readonly gaps: readonly ('any' | 'segment')[];
}

/**
 * Expressions. Every boolean has three values (true, false, unknown; strong Kleene); every other expression is a value or
 * unknown. `and`/`or`/`not` never short-circuit in meaning. Unknown arises only at leaves (a missing, null, ill-typed or
 * refused value) and in operators that refuse (`under`, arithmetic overflow).
 */
export type ExprIr =
  | { readonly op: 'const'; readonly type: TypeIr; readonly value: ConstIr }
  /** `args.a.b`: own members only; absent, null or not of `type` is unknown (`nullable`: null is a value, for `== null`). */
  | {
      readonly op: 'arg';
      readonly path: readonly string[];
      readonly type: TypeIr;
      readonly nullable: boolean;
    }
  /** True when present, even if null. */
  | { readonly op: 'has'; readonly path: readonly string[] }
  /** `principal.id`, `user.id` (unknown without a user), `session.id`, `tool.server`, `tool.name`. */
  | {
      readonly op: 'subject';
      readonly field: 'principal.id' | 'user.id' | 'session.id' | 'tool.server' | 'tool.name';
    }
  | { readonly op: 'fact'; readonly name: string; readonly type: TypeIr }
  | { readonly op: 'hint'; readonly hint: 'readOnly' | 'destructive' | 'idempotent' | 'openWorld' }
  | { readonly op: 'hasRole'; readonly subject: 'principal' | 'user'; readonly value: string }
  | { readonly op: 'inWho'; readonly subject: 'principal' | 'user'; readonly who: WhoIr }
  | { readonly op: 'not'; readonly operand: ExprIr }
  | { readonly op: 'and' | 'or'; readonly operands: readonly ExprIr[] }
  /** Same type on both sides. Numbers: exact decimals; strings: by code point; bool, enum, json, list: == and != only. */
  | {
      readonly op: 'compare';
      readonly cmp: '==' | '!=' | '<' | '<=' | '>' | '>=';
      readonly on: 'number' | 'string' | 'bool' | 'json';
      readonly left: ExprIr;
      readonly right: ExprIr;
    }
  /** Kleene "or" over equality with each item. */
  | {
      readonly op: 'inList';
      readonly on: 'number' | 'string' | 'bool' | 'json';
      readonly left: ExprIr;
      readonly items: readonly ExprIr[];
    }
  /** Membership in a list value: `"x" in args.tags`. */
  | {
      readonly op: 'inValue';
      readonly on: 'number' | 'string' | 'bool' | 'json';
      readonly left: ExprIr;
      readonly list: ExprIr;
    }
  | { readonly op: 'startsWith' | 'endsWith' | 'contains'; readonly left: ExprIr; readonly right: ExprIr }
  | { readonly op: 'like'; readonly left: ExprIr; readonly glob: GlobIr }
  /** The host is the domain (as stdlib/url.ts writes hosts) or below it; false for addresses, unknown for what is no host. */
  | { readonly op: 'inDomain'; readonly left: ExprIr; readonly domain: string }
  /** The address is in the range; unknown for what is no address. */
  | { readonly op: 'inCidr'; readonly left: ExprIr; readonly range: CidrIr }
  /** The instant, read on the wall clock of the schedule's zone, is inside one of its windows. */
  | { readonly op: 'within'; readonly instant: ExprIr; readonly schedule: ScheduleIr }
  /** A regular pattern over the whole text; `pattern` is its source. */
  | { readonly op: 'matches'; readonly left: ExprIr; readonly pattern: string; readonly dfa: DfaIr }
  /** Unknown where either side is a path that `under` refuses (language.md 1.2). */
  | { readonly op: 'under'; readonly left: ExprIr; readonly right: ExprIr }
  | {
      readonly op: 'quantifier';
      readonly mode: 'all' | 'any';
      readonly list: ExprIr;
      readonly param: number;
      readonly body: ExprIr;
    }
  /** The parameter of an enclosing quantifier, by number; each quantifier has its own. */
  | { readonly op: 'param'; readonly param: number; readonly type: TypeIr }
  /** An own member of an element of a list, read as an argument is. */
  | {
      readonly op: 'member';
      readonly object: ExprIr;
      readonly path: readonly string[];
      readonly type: TypeIr;
      readonly nullable: boolean;
    }
  | { readonly op: 'hasMember'; readonly object: ExprIr; readonly path: readonly string[] }
  | { readonly op: 'arith'; readonly fn: '+' | '-' | '*'; readonly left: ExprIr; readonly right: ExprIr }
  | { readonly op: 'negate'; readonly operand: ExprIr }
  /** The number, unknown where it is below zero or has more than 40 digits. */
  | { readonly op: 'amount'; readonly operand: ExprIr }
  | { readonly op: 'lower' | 'size'; readonly operand: ExprIr }
  /** A text that is an instant or a duration, as a number of milliseconds. */
  | { readonly op: 'moment' | 'span'; readonly operand: ExprIr }
  /** Texts; a port is a number. Unknown where the URL is refused or has no such part (stdlib/url.ts). */
  | { readonly op: 'url'; readonly part: 'scheme' | 'host' | 'port' | 'path'; readonly operand: ExprIr }
  /** The address in its one spelling (stdlib/ip.ts). */
  | { readonly op: 'ip'; readonly operand: ExprIr };

/** Four bytes or sixteen, those behind the first `bits` bits zero. */
export interface CidrIr {
  readonly text: string;
  readonly bytes: readonly number[];
  readonly bits: number;
}

/**
 * A deterministic automaton. `starts` are the first code points of runs, ascending from 0, `classes` the class of each run; `next`
 * has `width` entries (one a class) for each state. State 0 has no way out.
 */
export interface DfaIr {
  readonly starts: readonly number[];
  readonly classes: readonly number[];
  readonly width: number;
  readonly first: number;
  readonly next: readonly number[];
  readonly accepts: readonly number[];
}

/** Numbers are canonical decimal text (`"-1.5"`), so that no digit is lost; enum members are strings. */
export type ConstIr =
  | { readonly kind: 'null' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'list'; readonly items: readonly ConstIr[] };
