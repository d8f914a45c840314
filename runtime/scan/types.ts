// SPDX-License-Identifier: Apache-2.0
/** What the scanner says. Findings name places and rules; they never hold the text that was found. */

/** The detectors; each kind of finding belongs to one. */
export type Detector = 'secret' | 'pii' | 'injection' | 'exfiltration' | 'code';

export interface Finding {
  readonly detector: Detector;
  /** `github-token`, `card`, `override` …: what policies count with `findings(x, "kind")`. */
  readonly kind: string;
  /** Id of the rule, stable between releases. */
  readonly rule: string;
  /** How sure, 0 to 1. */
  readonly confidence: number;
  /** UTF-16 offsets into the text that was given; of an encoded part, the whole of that part. */
  readonly start: number;
  readonly end: number;
  /** How the text was hidden, outermost first: `base64`, `url`, `tags` …; empty for text in clear. */
  readonly via: readonly string[];
}

/** Why a scan is not complete. What is behind the bound was not seen, so the result is unknown. */
export type Incomplete = 'size' | 'depth' | 'expansion' | 'findings' | 'work';

export interface TextScan {
  readonly findings: readonly Finding[];
  readonly incomplete: Incomplete | null;
}
