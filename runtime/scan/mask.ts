// SPDX-License-Identifier: Apache-2.0
/** Masks what was found in a value, span by span. What cannot be masked without harm to the rest is said, so that it is withheld. */
import { MASK_DETECTORS } from '../../stdlib/masks.js';
import type { Located, ValueScan } from './walk.js';

export type Masked =
  | {
      readonly ok: true;
      readonly value: unknown;
      readonly counts: readonly { readonly kind: string; readonly count: number }[];
    }
  | { readonly ok: false; readonly why: string };

/** Findings below it are hints, not reasons (as in conditions). */
const LEAST = 0.5;
const MAX_ROUNDS = 3;

/** Is the finding what one of the words of `redact … mask` means? */
function named(finding: Located, masks: readonly string[]): boolean {
  if (finding.confidence < LEAST) return false;
  return masks.some(
    (mask) => MASK_DETECTORS.get(mask) === finding.detector || mask.replaceAll('_', '-') === finding.kind,
  );
}

/**
 * `value` with the findings of `masks` written over as `[redacted:KIND]`. Scanned once more until nothing of them is left: a mask
 * may bring to light what stood behind.
 */
export async function maskResult(
  value: unknown,
  masks: readonly string[],
  scan: (value: unknown) => Promise<ValueScan | null>,
): Promise<Masked> {
  const counts = new Map<string, number>();
  let current = value;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const seen = await scan(current);
    if (seen === null || seen.incomplete !== null)
      return { ok: false, why: 'the answer could not be scanned in full' };
    const found = seen.findings.filter((finding) => named(finding, masks));
    if (found.length === 0) {
      const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
      return { ok: true, value: current, counts: sorted.map(([kind, count]) => ({ kind, count })) };
    }
    if (found.some((finding) => finding.inKey || finding.end <= finding.start))
      return { ok: false, why: 'what was found is spread over several places or stands in a name' };
    for (const [kind, count] of countsOf(found)) counts.set(kind, (counts.get(kind) ?? 0) + count);
    current = masked(current, byPointer(found), '');
  }
  return { ok: false, why: 'what was found could not be masked' };
}

type Spans = ReadonlyMap<string, readonly Located[]>;

function byPointer(found: readonly Located[]): Spans {
  const spans = new Map<string, Located[]>();
  for (const finding of found) {
    const list = spans.get(finding.pointer);
    if (list === undefined) spans.set(finding.pointer, [finding]);
    else list.push(finding);
  }
  return spans;
}

/** Places, not rules: what two rules see in one place is one. */
function countsOf(found: readonly Located[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [, spans] of byPointer(found)) {
    for (const { kind } of merged(spans)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

/** Overlapping spans as one, named by the surest finding. */
function merged(spans: readonly Located[]): readonly Span[] {
  const sorted = [...spans].sort((a, b) => a.start - b.start || b.end - a.end);
  const out: (Span & { readonly confidence: number })[] = [];
  for (const { start, end, kind, confidence } of sorted) {
    const last = out.at(-1);
    if (last === undefined || start >= last.end) out.push({ start, end, kind, confidence });
    else {
      const surer = confidence > last.confidence ? { kind, confidence } : last;
      out[out.length - 1] = { ...surer, start: last.start, end: Math.max(last.end, end) };
    }
  }
  return out;
}

function masked(value: unknown, spans: Spans, pointer: string): unknown {
  if (typeof value === 'string' || typeof value === 'number') {
    const here = spans.get(pointer);
    return here === undefined ? value : over(String(value), merged(here));
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item, i) => masked(item, spans, `${pointer}/${i}`));
  const out: { [key: string]: unknown } = Object.create(null);
  for (const [key, child] of Object.entries(value)) {
    out[key] = masked(child, spans, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
  return out;
}

function over(text: string, spans: readonly Span[]): string {
  let out = '';
  let at = 0;
  for (const { start, end, kind } of spans) {
    out += `${text.slice(at, start)}[redacted:${kind}]`;
    at = end;
  }
  return out + text.slice(at);
}
