// SPDX-License-Identifier: Apache-2.0
/**
 * What the dialects have in common: rules in the order of the file, of which the first that matches decides, and deny where none
 * does. Patterns of tools and principals: `*` is any run of characters.
 */

export interface FirstMatch {
  /** Policy name and version, where the file gives them. */
  readonly name: string | null;
  readonly version: string | null;
  readonly rules: readonly Rule[];
}

export interface Rule {
  /** What to call it, from its id or its tool: not yet unique. */
  readonly title: string;
  readonly at: number;
  readonly comment: readonly string[];
  /** Patterns over the names of tools. */
  readonly tools: readonly string[];
  /** Patterns over whole principal ids, `agent:copy-*`; null for any. */
  readonly who: readonly string[] | null;
  readonly when: Condition;
  /**
   * `next`: where `when` does not hold the rule does not match, and the next is asked. `deny`: the rule has been found by its tool,
   * and its requirements are not met.
   */
  readonly unmet: 'next' | 'deny';
  readonly effect: 'allow' | 'review' | 'deny';
  readonly because: string | null;
  /** Of reviews; null where the file does not say. */
  readonly approval: {
    readonly roles: readonly string[];
    readonly quorum: number;
    readonly timeout: string | null;
  };
  readonly limit: Limit | null;
}

export interface Limit {
  readonly count: number;
  /** `1h`, or per session. */
  readonly per: string;
  readonly by: 'session' | 'principal' | 'tool' | 'all';
  readonly at: number;
}

export const ALWAYS: Condition = { kind: 'all', of: [] };

export type Condition =
  | { readonly kind: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  /** The caller has one of these roles. */
  | { readonly kind: 'roles'; readonly roles: readonly string[] }
  /** The caller's whole id is matched by one of these patterns. */
  | { readonly kind: 'principal'; readonly patterns: readonly string[] }
  | { readonly kind: 'tool'; readonly test: TextTest }
  | { readonly kind: 'present'; readonly arg: readonly string[] }
  | {
      readonly kind: 'arg';
      readonly arg: readonly string[];
      readonly test: TextTest | NumberTest | BoolTest;
    };

export type TextTest =
  | { readonly op: 'in'; readonly values: readonly string[] }
  | { readonly op: 'contains' | 'startsWith' | 'endsWith'; readonly value: string }
  /** `source` as written, `pattern` as `matches` reads it: over the whole text. */
  | { readonly op: 'matches'; readonly source: string; readonly pattern: string }
  | PathTest;
/**
 * Below a folder, by segments. `prefix` is how the file wrote it, `rest` a pattern that the whole text must match besides.
 */
export interface PathTest {
  readonly op: 'under';
  readonly folder: string;
  readonly prefix: string;
  readonly rest: string | null;
}
/** `text` is a decimal. */
export interface NumberTest {
  readonly op: '==' | '<' | '<=' | '>' | '>=';
  readonly text: string;
}
export interface BoolTest {
  readonly op: 'is';
  readonly value: boolean;
}

/** What changed on the way, and what to know: said by the command, and written above the policy. */
export interface Note {
  readonly at: number;
  readonly text: string;
}
