// SPDX-License-Identifier: Apache-2.0
/** Labelled samples and what a detector makes of them: precision, recall, false positives, per source and in five folds. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { injectionScore, scanText } from '../../runtime/scan/index.js';
import type { Detector, Finding } from '../../runtime/scan/types.js';

export interface Sample {
  readonly id: string;
  readonly text: string;
  readonly label: 'positive' | 'benign';
  readonly category: string;
  readonly applies_to: readonly string[];
  readonly source: string;
  readonly weak?: boolean;
}

/** The samples of a gzipped file of JSON lines, or null where it is not. */
export function readCorpus(path: string): readonly Sample[] | null {
  if (!existsSync(path)) return null;
  const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Sample);
}

/** Detectors under the names that the samples use. */
export const DETECTORS: readonly { readonly name: string; readonly detector: Detector }[] = [
  { name: 'secret', detector: 'secret' },
  { name: 'pii', detector: 'pii' },
  { name: 'injection', detector: 'injection' },
  { name: 'exfiltration', detector: 'exfiltration' },
  { name: 'code-safety', detector: 'code' },
];

export interface Counts {
  readonly hits: number;
  readonly positives: number;
  readonly false: number;
  readonly benign: number;
}

export interface Scanned {
  readonly sample: Sample;
  readonly findings: readonly Finding[];
}

export const scanAll = (samples: readonly Sample[]): readonly Scanned[] =>
  samples.map((sample) => ({ sample, findings: scanText(sample.text).findings }));

const isEvasion = (s: Sample): boolean => s.category.startsWith('evasion/');

/** Would a policy with the threshold 0.5 take the text for a find of `detector`? `without` leaves rules out. */
export function fires(
  findings: readonly Finding[],
  detector: Detector,
  without: ReadonlySet<string> = new Set(),
): boolean {
  const kept = findings.filter((f) => f.detector === detector && !without.has(f.rule));
  return detector === 'injection' ? injectionScore(kept) >= 0.5 : kept.some((f) => f.confidence >= 0.5);
}

/** Counts over firm labels; evasions apart. */
export function count(
  all: readonly Scanned[],
  { name, detector }: (typeof DETECTORS)[number],
  of: 'plain' | 'evasions' = 'plain',
  without?: ReadonlySet<string>,
): Counts {
  const mine = all.filter(({ sample }) => sample.applies_to.includes(name) && sample.weak !== true);
  const kept = mine.filter(({ sample }) => isEvasion(sample) === (of === 'evasions'));
  const fired = kept.filter(({ findings }) => fires(findings, detector, without));
  const positives = kept.filter(({ sample }) => sample.label === 'positive').length;
  const hits = fired.filter(({ sample }) => sample.label === 'positive').length;
  return { hits, positives, false: fired.length - hits, benign: kept.length - positives };
}

const originOf = (s: Sample): string => s.source.split(':')[0]?.split(' (')[0] ?? '';

export const sources = (all: readonly Scanned[]): readonly string[] =>
  [...new Set(all.map(({ sample }) => originOf(sample)))].sort();

export const ofSource = (all: readonly Scanned[], source: string): readonly Scanned[] =>
  all.filter(({ sample }) => originOf(sample) === source);

/**
 * Five folds by source: from the other four, rules that were wrong more often than right are left out; the fold that was not
 * looked at is counted. This guards the choice of rules, not their wording, which was written with the samples in view.
 */
export function crossValidated(all: readonly Scanned[], which: (typeof DETECTORS)[number]): Counts {
  const fold = new Map(sources(all).map((source, i) => [source, i % 5]));
  const parts = Array.from({ length: 5 }, (_, i) => {
    const held = all.filter(({ sample }) => fold.get(originOf(sample)) === i);
    const rest = all.filter(({ sample }) => fold.get(originOf(sample)) !== i);
    return count(held, which, 'plain', wrongRules(rest, which));
  });
  const sum = (of: keyof Counts): number => parts.reduce((n, part) => n + part[of], 0);
  return { hits: sum('hits'), positives: sum('positives'), false: sum('false'), benign: sum('benign') };
}

function wrongRules(
  all: readonly Scanned[],
  { name, detector }: (typeof DETECTORS)[number],
): ReadonlySet<string> {
  const votes = new Map<string, number>();
  for (const { sample, findings } of all) {
    if (!sample.applies_to.includes(name) || sample.weak === true) continue;
    for (const rule of new Set(findings.filter((f) => f.detector === detector).map((f) => f.rule))) {
      votes.set(rule, (votes.get(rule) ?? 0) + (sample.label === 'positive' ? 1 : -1));
    }
  }
  return new Set([...votes].filter(([, n]) => n < 0).map(([rule]) => rule));
}

export const precision = (c: Counts): number => (100 * c.hits) / Math.max(1, c.hits + c.false);
export const recall = (c: Counts): number => (100 * c.hits) / Math.max(1, c.positives);
