// SPDX-License-Identifier: Apache-2.0
/** A rule starts from words (anchors) and looks at a bounded stretch of text around one. */
import type { Detector } from './types.js';

export interface Hit {
  readonly start: number;
  readonly end: number;
  readonly confidence: number;
}

export interface Rule {
  readonly id: string;
  readonly detector: Detector;
  readonly kind: string;
  /** ASCII words, compared without regard to case; `check` decides about the case. */
  readonly anchors: readonly string[];
  /** Characters that one look may read, for the bound on all work. Default 64. */
  readonly reach?: number;
  /** A cheap look that rules most anchors out; `reach` counts only for the rest. */
  readonly starts?: (text: string, at: number, anchor: string) => boolean;
  /** Looks at the anchor at `at`. Work is bounded by a constant, or by the length of what it consumes. */
  readonly check: (text: string, at: number, anchor: string) => Hit | null;
}
