// SPDX-License-Identifier: Apache-2.0
// The floor under the scanner's figures, on labelled samples that are not part of the repository.
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { count, DETECTORS, precision, readCorpus, recall, scanAll } from '../../bench/scan/corpus.js';

const samples = readCorpus(resolve(import.meta.dirname, '../../../shared/corpus/scan-dev.jsonl.gz'));

describe.skipIf(samples === null)('the scanner on the corpus (skipped without ../shared/corpus)', () => {
  const all = scanAll(samples ?? []);
  const FLOORS = [
    ['secret', 95, 80],
    ['pii', 95, 90],
    ['injection', 95, 60],
    ['exfiltration', 90, 50],
    ['code-safety', 90, 70],
  ] as const;

  it.each(FLOORS)('%s: precision at least %d %%, recall at least %d %%', (name, least, found) => {
    const which = DETECTORS.find((d) => d.name === name);
    if (which === undefined) throw new Error(name);
    const counts = count(all, which);
    expect(counts.positives).toBeGreaterThan(5);
    expect(precision(counts)).toBeGreaterThanOrEqual(least);
    expect(recall(counts)).toBeGreaterThanOrEqual(found);
  });

  it('finds at least 70 % of the evasions', () => {
    const counts = DETECTORS.map((which) => count(all, which, 'evasions'));
    const hits = counts.reduce((n, c) => n + c.hits, 0);
    expect(hits / counts.reduce((n, c) => n + c.positives, 0)).toBeGreaterThanOrEqual(0.7);
  });

  it('takes at most 0.5 % of benign arguments for anything', () => {
    const args = all.filter(({ sample }) => sample.category.startsWith('benign/arg-'));
    const wrong = args.filter((a) => DETECTORS.some((d) => count([a], d).false > 0));
    expect(args.length).toBeGreaterThan(50);
    expect(wrong.length / args.length).toBeLessThanOrEqual(0.005);
  });
});
