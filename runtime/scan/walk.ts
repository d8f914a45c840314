// SPDX-License-Identifier: Apache-2.0
/**
 * JSON values: every key and every string is scanned, and the strings of one container once more together, since an order can be
 * spread over them. Places are JSON Pointers (RFC 6901).
 */
import { scanText } from './scan.js';
import type { Finding, Incomplete } from './types.js';

export interface Located extends Finding {
  /** Of the string, or of the container whose strings make sense only together. */
  readonly pointer: string;
  /** The finding is in the name of the member. */
  readonly inKey: boolean;
}

export interface ValueScan {
  readonly findings: readonly Located[];
  readonly incomplete: Incomplete | null;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const MAX_DEPTH = 64;
const MAX_STRINGS = 100_000;
/** Of one value; more are no better news. */
const MAX_FINDINGS = 50_000;
/** No order is spread over more than this on each side of a border between strings. */
const EDGE = 600;
/** Where the middle of a long string was left out: no sentence goes on over it. */
const APART = '.\n\n.\n\n';

/** Scans a JSON value. Keys count: a model reads them too. */
export function scanValue(value: unknown): ValueScan {
  const walk = new Walk();
  walk.visit(value as Json, '', 0);
  return { findings: walk.findings, incomplete: walk.incomplete };
}

const placeOf = ({ pointer, rule, start }: Located): string => `${rule} ${start} ${pointer}`;

/** The first border behind `start`; the borders are sorted. */
function firstAfter(ends: readonly number[], start: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] ?? 0) > start) high = middle;
    else low = middle + 1;
  }
  return ends[low] ?? Number.POSITIVE_INFINITY;
}

class Walk {
  readonly findings: Located[] = [];
  incomplete: Incomplete | null = null;
  readonly #known = new Set<string>();
  #strings = 0;

  /** Returns the strings right below, for the container to join. */
  visit(value: Json, pointer: string, depth: number): void {
    if (depth > MAX_DEPTH) {
      this.incomplete ??= 'depth';
      return;
    }
    if (typeof value === 'string') this.#text(value, pointer, false);
    else if (typeof value === 'number') this.#text(String(value), pointer, false);
    else if (typeof value === 'object' && value !== null) this.#container(value, pointer, depth);
  }

  #container(value: object, pointer: string, depth: number): void {
    const strings: string[] = [];
    for (const [key, child] of Object.entries(value) as [string, Json][]) {
      const below = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (!Array.isArray(value)) {
        this.#text(key, below, true);
        this.#named(key, child, below);
      }
      if (typeof child === 'string') strings.push(child);
      this.visit(child, below, depth + 1);
    }
    if (strings.length > 1) this.#joined(strings, pointer);
  }

  #text(text: string, pointer: string, inKey: boolean): void {
    if (++this.#strings > MAX_STRINGS) {
      this.incomplete ??= 'size';
      return;
    }
    const scan = scanText(text);
    this.incomplete ??= scan.incomplete;
    for (const finding of scan.findings) this.#keep({ pointer, ...finding, inKey });
  }

  /** A member is read with its name, as `name: value`: a name that says password makes a secret of what follows. */
  #named(key: string, value: Json, pointer: string): void {
    if (typeof value !== 'string' && typeof value !== 'number') return;
    const prefix = `${key}: `;
    const text = String(value);
    if (key.length > 64 || text.length > 512) return;
    const scan = scanText(prefix + text);
    this.incomplete ??= scan.incomplete;
    for (const finding of scan.findings) {
      const start = finding.start - prefix.length;
      if (start >= 0 && finding.via.length === 0)
        this.#once({ pointer, ...finding, start, end: finding.end - prefix.length, inKey: false });
    }
  }

  #keep(finding: Located): void {
    if (this.findings.length >= MAX_FINDINGS) this.incomplete ??= 'findings';
    else this.findings.push(finding);
    this.#known.add(placeOf(finding));
  }

  #once(finding: Located): void {
    if (!this.#known.has(placeOf(finding))) this.#keep(finding);
  }

  /** Only what needs more than one of the strings is new, so of long ones the ends are enough. */
  #joined(strings: readonly string[], pointer: string): void {
    const ends: number[] = [];
    let text = '';
    for (const one of strings) {
      text += `${one.length <= 2 * EDGE ? one : `${one.slice(0, EDGE)}${APART}${one.slice(-EDGE)}`} `;
      ends.push(text.length);
    }
    const scan = scanText(text);
    this.incomplete ??= scan.incomplete;
    for (const finding of scan.findings) {
      if (finding.detector !== 'injection' || finding.via.length > 0) continue;
      if (finding.end > firstAfter(ends, finding.start))
        this.#keep({ pointer, ...finding, start: 0, end: 0, inKey: false });
    }
  }
}
