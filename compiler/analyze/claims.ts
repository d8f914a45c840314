// SPDX-License-Identifier: Apache-2.0
/** What a policy claims about itself: `prove` and `assume`, with names resolved. */
import type { DecisionEffect } from '../../stdlib/abi.js';
import type { ExprIr, Span, WhatIr, WhoIr } from '../ir.js';

interface At {
  readonly file: string;
  readonly span: Span;
}

/** `… implies …` is `never … unless …`. */
export type ClaimIr =
  | (At & {
      readonly kind: 'never';
      readonly effects: readonly DecisionEffect[];
      readonly who: WhoIr | null;
      readonly what: WhatIr;
      /** Refuted where it is true or unknown; null: everywhere. */
      readonly when: ExprIr | null;
      /** Refuted where it is not true. */
      readonly unless: ExprIr | null;
    })
  | (At & { readonly kind: 'noRuleDead' })
  | (At & { readonly kind: 'notWider'; readonly than: string })
  | (At & { readonly kind: 'cost'; readonly steps: number });

export interface Claims {
  readonly claims: readonly ClaimIr[];
  /** Questions for which one of these is false are left out. */
  readonly assumptions: readonly ExprIr[];
}
/** While the statements are checked. */
export interface Claiming extends Claims {
  readonly claims: ClaimIr[];
  readonly assumptions: ExprIr[];
}

export const NO_CLAIMS: Claims = { claims: [], assumptions: [] };
