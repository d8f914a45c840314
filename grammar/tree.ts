// SPDX-License-Identifier: Apache-2.0
/**
 * The syntax tree of a `.sep` file, edition 1 (docs/language.md, grammar in grammar/sepal.ebnf).
 * Pure syntax: names are not resolved, types are not checked, clauses stand as written.
 */

/** Half-open range of UTF-16 offsets into the source text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Node {
  readonly span: Span;
}

/** One word, as written; `quoted` when it was a string in the source. */
export interface Name extends Node {
  readonly text: string;
  readonly quoted: boolean;
}

/** `a.b.c`; `text` is the parts joined by dots. */
export interface Dotted extends Node {
  readonly parts: readonly Name[];
  readonly text: string;
}

export interface Str extends Node {
  readonly value: string;
}
/** `value` keeps the digits as written, so that nothing is lost to doubles. */
export interface Num extends Node {
  readonly text: string;
}
/** A duration such as `15m`; `ms` is its length in milliseconds. */
export interface Duration extends Node {
  readonly ms: number;
  readonly text: string;
}
/** A date `2026-12-25`. */
export interface DateLit extends Node {
  readonly text: string;
}

export interface Comment extends Node {
  /** Text after `//`, without the line break. */
  readonly text: string;
  /** True when code stands before it on the same line. */
  readonly trailing: boolean;
}

/** A whole file. The members of the header are null where recovery could not find them. */
export interface File extends Node {
  readonly edition: Num | null;
  readonly name: Dotted | null;
  readonly version: Name | null;
  readonly tighten: boolean;
  /** From `sep` to the end of the header; null where it was not read whole. */
  readonly header: Span | null;
  readonly statements: readonly Statement[];
  readonly comments: readonly Comment[];
}

export type Statement =
  | ImportStatement
  | ToolsStatement
  | RoleStatement
  | DelegationStatement
  | PrincipalsStatement
  | ActionsStatement
  | LetStatement
  | FactStatement
  | ScheduleStatement
  | MeasureStatement
  | ScoreStatement
  | RuleStatement
  | RedactStatement
  | DecideStatement
  | TemplateStatement
  | InstanceStatement
  | TestStatement
  | ExampleStatement
  | AssumeStatement
  | ProveStatement;

export interface ImportStatement extends Node {
  readonly kind: 'import';
  readonly policy: Dotted;
  readonly alias: Name | null;
}
export interface ToolsStatement extends Node {
  readonly kind: 'tools';
  readonly path: Str;
}
export interface RoleStatement extends Node {
  readonly kind: 'role';
  readonly roles: readonly { readonly name: Name; readonly value: Str | null }[];
}
export interface DelegationStatement extends Node {
  readonly kind: 'delegation';
}
export interface PrincipalsStatement extends Node {
  readonly kind: 'principals';
  readonly name: Name;
  readonly who: Who;
}
export interface ActionsStatement extends Node {
  readonly kind: 'actions';
  readonly name: Name;
  readonly what: What;
}
export interface LetStatement extends Node {
  readonly kind: 'let';
  readonly name: Name;
  readonly params: readonly Param[];
  readonly body: Expr;
}
export interface Param extends Node {
  readonly name: Name;
  readonly type: TypeRef;
}
export interface TypeRef extends Node {
  readonly name:
    | 'bool'
    | 'int'
    | 'decimal'
    | 'string'
    | 'path'
    | 'url'
    | 'instant'
    | 'duration'
    | 'principals'
    | 'enum'
    | 'list';
  /** Members of an enum. */
  readonly members: readonly Name[];
  /** Element type of a list. */
  readonly element: TypeRef | null;
}
export interface FactStatement extends Node {
  readonly kind: 'fact';
  readonly name: Name;
  readonly type: TypeRef;
  readonly source: 'claim' | 'config' | 'http';
  readonly path: readonly Name[];
  readonly fresh: Duration | null;
  readonly onUnknownReview: Approval | null;
}
export interface ScheduleStatement extends Node {
  readonly kind: 'schedule';
  readonly name: Name;
  readonly zone: Str;
  readonly windows: readonly {
    readonly days: readonly { readonly from: Name; readonly to: Name | null }[];
    /** `HH:MM` as written. */
    readonly from: Name;
    readonly to: Name;
    readonly span: Span;
  }[];
  readonly except: readonly DateLit[];
}
/** `limit` and `counter`; `amount` is null for a counter. `window` is null for `per session`. */
export interface MeasureStatement extends Node {
  readonly kind: 'limit' | 'counter';
  readonly name: Name;
  readonly amount: Num | null;
  readonly window: Duration | null;
  readonly clauses: readonly MeasureClause[];
}
export type MeasureClause =
  | { readonly kind: 'by'; readonly keys: readonly Name[]; readonly span: Span }
  | { readonly kind: 'on'; readonly what: What; readonly span: Span }
  | { readonly kind: 'for'; readonly who: Who; readonly span: Span }
  | { readonly kind: 'count'; readonly mode: 'admitted' | 'attempts'; readonly span: Span }
  | { readonly kind: 'sum'; readonly expr: Expr; readonly span: Span }
  | { readonly kind: 'window'; readonly mode: 'sliding' | 'fixed'; readonly span: Span }
  | { readonly kind: 'else'; readonly approval: Approval; readonly span: Span }
  | { readonly kind: 'because'; readonly text: Str; readonly span: Span }
  | { readonly kind: 'tell'; readonly span: Span };
export interface ScoreStatement extends Node {
  readonly kind: 'score';
  readonly name: Name;
  readonly window: Duration | null;
  readonly keys: readonly Name[];
  readonly adds: readonly {
    readonly amount: Num;
    readonly what: What;
    readonly when: Expr | null;
    /** From `when` to its closing brace. */
    readonly whenSpan: Span | null;
    readonly span: Span;
  }[];
  readonly decay: { readonly amount: Num; readonly per: Duration } | null;
  readonly cap: Num | null;
}
export type Effect = 'allow' | 'review' | 'deny' | 'escalate';
export type Phase = 'call' | 'list' | 'result';
export interface RuleStatement extends Node {
  readonly kind: 'rule';
  readonly effect: Effect;
  readonly name: Name;
  readonly who: Who;
  readonly what: What;
  /** Null when not written (the call phase). */
  readonly phase: { readonly value: Phase; readonly span: Span } | null;
  readonly clauses: readonly Clause[];
}
/** `on result mask secrets`: what the scanner finds in an answer; `on call mask args.pin`: arguments that receipts must not hold. */
export interface RedactStatement extends Node {
  readonly kind: 'redact';
  readonly name: Name;
  readonly who: Who;
  readonly what: What;
  readonly phase: 'call' | 'result';
  /** Of the call: names of arguments. */
  readonly masks: readonly Name[];
  readonly clauses: readonly Clause[];
}
export type Clause =
  | { readonly kind: 'when'; readonly expr: Expr; readonly span: Span }
  | { readonly kind: 'unless'; readonly expr: Expr; readonly span: Span }
  | { readonly kind: 'approval'; readonly approval: Approval; readonly span: Span }
  | { readonly kind: 'because'; readonly text: Str; readonly span: Span }
  | { readonly kind: 'tell'; readonly span: Span }
  | { readonly kind: 'shadow'; readonly until: DateLit; readonly span: Span };
/** `by role:x, role:y quorum n timeout 15m` or `by self timeout 15m` (`self`: no roles, quorum null). */
export interface Approval extends Node {
  readonly self: boolean;
  readonly roles: readonly Name[];
  readonly quorum: Num | null;
  readonly timeout: Duration;
}
export interface DecideStatement extends Node {
  readonly kind: 'decide';
  readonly name: Name;
  readonly who: Who | null;
  readonly what: What;
  readonly partial: boolean;
  readonly cases: readonly { readonly when: Expr; readonly outcome: Outcome; readonly span: Span }[];
  readonly otherwise: Outcome | null;
}
/** The right side of `=>` in a block. Grants without approval have `approval: null`. */
export interface Outcome extends Node {
  readonly effect: Effect;
  readonly approval: Approval | null;
  readonly because: Str | null;
}
export interface TemplateStatement extends Node {
  readonly kind: 'template';
  readonly name: Name;
  readonly params: readonly Param[];
  readonly body: readonly Statement[];
}
export interface InstanceStatement extends Node {
  readonly kind: 'instance';
  readonly name: Name;
  readonly template: Dotted;
  readonly args: readonly TemplateArg[];
}
export type TemplateArg =
  | { readonly kind: 'expr'; readonly expr: Expr; readonly span: Span }
  | { readonly kind: 'who'; readonly term: WhoTerm; readonly span: Span };
export interface TestStatement extends Node {
  readonly kind: 'test';
  readonly title: Str;
  readonly steps: readonly TestStep[];
}
export interface ExampleStatement extends Node {
  readonly kind: 'example';
  readonly rule: Dotted;
  readonly steps: readonly TestStep[];
}
export interface AssumeStatement extends Node {
  readonly kind: 'assume';
  readonly expr: Expr;
}
export interface ProveStatement extends Node {
  readonly kind: 'prove';
  readonly claim: Claim;
}
export type Claim =
  | {
      readonly kind: 'never';
      readonly effects: readonly { readonly value: Effect; readonly span: Span }[];
      readonly who: Who | null;
      readonly what: What | null;
      readonly when: Expr | null;
      readonly unless: Expr | null;
    }
  | {
      readonly kind: 'implies';
      readonly effects: readonly { readonly value: Effect; readonly span: Span }[];
      readonly who: Who | null;
      readonly what: What;
      readonly expr: Expr;
    }
  | { readonly kind: 'noRuleDead' }
  | { readonly kind: 'notWider'; readonly than: Str }
  | { readonly kind: 'cost'; readonly steps: Num };

/** A `given` sets who asks until the next `given`; the first step may be a question without one. */
export type TestStep = Given | Question;
export interface Given extends Node {
  readonly kind: 'given';
  readonly as: PrincipalPattern;
  readonly with: readonly WithItem[];
  readonly for: { readonly user: PrincipalPattern; readonly with: readonly WithItem[] } | null;
  readonly session: Str | null;
  readonly at: Str | null;
}
export type WithItem =
  | { readonly kind: 'roles'; readonly roles: readonly Name[]; readonly span: Span }
  | { readonly kind: 'result'; readonly text: Str; readonly span: Span }
  /** `region eu`, `injection_score(args) 0.9`; `argument` is null without brackets, `value` null = `unavailable`. */
  | {
      readonly kind: 'value';
      readonly target: Dotted;
      readonly argument: Expr | null;
      readonly value: Expr | null;
      readonly span: Span;
    };
export interface Question extends Node {
  readonly kind: 'question';
  readonly action: Act;
  readonly args: JsonObject | null;
  readonly onList: boolean;
  readonly expect: Expect;
}
export interface Expect extends Node {
  readonly effects: readonly { readonly value: Effect; readonly span: Span }[];
  /** `by NAME`; `default` stands as the one-part name `default`. */
  readonly by: Dotted | null;
  readonly because: Str | null;
  readonly masked: readonly Name[];
  readonly repeat: Num | null;
  readonly afterApproval: { readonly at: Str | null; readonly expect: Expect } | null;
}

/** JSON with unquoted keys allowed; duplicate keys are a syntax error. */
export type JsonValue = JsonObject | JsonArray | JsonScalar;
export interface JsonObject extends Node {
  readonly kind: 'object';
  readonly members: readonly { readonly key: Name; readonly value: JsonValue }[];
}
export interface JsonArray extends Node {
  readonly kind: 'array';
  readonly items: readonly JsonValue[];
}
export interface JsonScalar extends Node {
  readonly kind: 'scalar';
  /** Numbers keep their text in `text`; `value` is the JSON value. */
  readonly value: string | number | boolean | null;
  readonly text: string;
}

export interface Who extends Node {
  readonly include: readonly WhoTerm[];
  readonly except: readonly WhoTerm[];
}
export type WhoTerm =
  | { readonly kind: 'any'; readonly span: Span }
  | PrincipalPattern
  | { readonly kind: 'role'; readonly role: Name; readonly span: Span }
  | { readonly kind: 'name'; readonly name: Dotted; readonly span: Span };
/** `agent:copy-*`: `type` and glob. `quoted` patterns (strings) contain no wildcard. */
export interface PrincipalPattern extends Node {
  readonly kind: 'principal';
  readonly type: 'agent' | 'user' | 'service';
  readonly glob: Glob;
}
/** A PART: a run of characters with `*`/`**` wildcards, or a string. In a string `*` and `**` are wildcards too. */
export interface Glob extends Node {
  readonly text: string;
  readonly quoted: boolean;
}
export interface What extends Node {
  readonly include: readonly WhatTerm[];
  readonly except: readonly WhatTerm[];
}
export type WhatTerm =
  | Act
  | { readonly kind: 'every'; readonly span: Span }
  | { readonly kind: 'name'; readonly name: Dotted; readonly span: Span };
export type ActKind = 'tool' | 'resource' | 'prompt' | 'completion' | 'sampling' | 'elicitation' | 'roots';
/** `fs/read_*`, `resource fs/"file:///**"`, `sampling from web` (`name` is null for the last three kinds). */
export interface Act extends Node {
  readonly kind: 'act';
  readonly act: ActKind;
  /** True when the kind word was written. */
  readonly explicit: boolean;
  readonly server: Glob;
  readonly name: Glob | null;
}

export type CompareOp = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type TestOp =
  | 'in'
  | 'not in'
  | 'under'
  | 'not under'
  | 'within'
  | 'not within'
  | 'starts with'
  | 'ends with'
  | 'contains'
  | 'like'
  | 'matches';
export type Expr =
  | { readonly kind: 'null'; readonly span: Span }
  | { readonly kind: 'bool'; readonly value: boolean; readonly span: Span }
  /** `decimal` when written with a point; digits as written, never signed (see `negate`). */
  | { readonly kind: 'number'; readonly text: string; readonly decimal: boolean; readonly span: Span }
  | { readonly kind: 'string'; readonly value: string; readonly span: Span }
  /** `r"…"`: `value` is the pattern after `\"` became `"`. */
  | { readonly kind: 'regex'; readonly value: string; readonly span: Span }
  | { readonly kind: 'duration'; readonly ms: number; readonly text: string; readonly span: Span }
  | { readonly kind: 'list'; readonly items: readonly Expr[]; readonly span: Span }
  /** `args`, `now`, `principal`, `self`, a fact, a measure, an enum member, a parameter … */
  | { readonly kind: 'name'; readonly name: Name; readonly span: Span }
  /** `args.path`, `args."max-results"`, `url(x).scheme`. */
  | { readonly kind: 'member'; readonly object: Expr; readonly property: Name; readonly span: Span }
  /** `has(x)`, `url(x)`, `size(x)`, `domain("…")`, a let with parameters … `callee` may be dotted (`alias.fn`). */
  | { readonly kind: 'call'; readonly callee: Dotted; readonly args: readonly Expr[]; readonly span: Span }
  /** `all(list, x => e)` and `any(list, x => e)`. */
  | {
      readonly kind: 'quantifier';
      readonly mode: 'all' | 'any';
      readonly list: Expr;
      readonly param: Name;
      readonly body: Expr;
      readonly span: Span;
    }
  /** `agent:x-*` as an operand of `in`. */
  | { readonly kind: 'principal'; readonly pattern: PrincipalPattern; readonly span: Span }
  | { readonly kind: 'not'; readonly operand: Expr; readonly span: Span }
  | { readonly kind: 'negate'; readonly operand: Expr; readonly span: Span }
  | { readonly kind: 'and'; readonly left: Expr; readonly right: Expr; readonly span: Span }
  | { readonly kind: 'or'; readonly left: Expr; readonly right: Expr; readonly span: Span }
  | {
      readonly kind: 'arith';
      readonly op: '+' | '-' | '*';
      readonly left: Expr;
      readonly right: Expr;
      readonly span: Span;
    }
  | {
      readonly kind: 'compare';
      readonly op: CompareOp;
      readonly left: Expr;
      readonly right: Expr;
      readonly opSpan: Span;
      readonly span: Span;
    }
  | {
      readonly kind: 'test';
      readonly op: TestOp;
      readonly left: Expr;
      readonly right: Expr;
      readonly opSpan: Span;
      readonly span: Span;
    }
  /** `principal has role x`; `subject` is `principal` or `user` (anything else is for the checker to refuse). */
  | { readonly kind: 'hasRole'; readonly subject: Expr; readonly role: Name; readonly span: Span };

/** A syntax fault: an expectation in the author's words. `code` is a key of the compiler's message table (SEP1xxx). */
export interface Fault extends Node {
  readonly code: string;
  /** Values for the message's placeholders. */
  readonly args: Readonly<Record<string, string>>;
}
