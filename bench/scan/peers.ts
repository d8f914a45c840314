// SPDX-License-Identifier: Apache-2.0
/** Other scanners on the same samples, run here: secretlint and redact-pii, where `bench/peers` has them installed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findUp } from '../paths.js';
import type { Counts, Sample } from './corpus.js';

export interface Peer {
  readonly name: string;
  /** The detector whose samples it is asked about. */
  readonly of: string;
  readonly fires: (text: string) => Promise<boolean>;
}

interface Secretlint {
  readonly lintSource: (asked: object) => Promise<{ readonly messages: readonly unknown[] }>;
}

/** Those that are installed, and the names of the others. */
export async function peers(): Promise<{
  readonly found: readonly Peer[];
  readonly missing: readonly string[];
}> {
  const require = createRequire(join(findUp('package.json'), 'bench/peers/package.json'));
  const load = async (name: string): Promise<unknown> => {
    try {
      return await import(pathToFileURL(require.resolve(name)).href);
    } catch {
      return null;
    }
  };
  const preset = '@secretlint/secretlint-rule-preset-recommend';
  const [core, rules, redact] = await Promise.all([
    load('@secretlint/core'),
    load(preset),
    load('redact-pii'),
  ]);
  const found: Peer[] = [];
  if (core !== null && rules !== null) {
    const { lintSource } = core as Secretlint;
    const { creator } = rules as { readonly creator: unknown };
    const options = { config: { rules: [{ id: preset, rule: creator }] }, noPhysicFilePath: true };
    found.push({
      name: 'secretlint 11, preset-recommend',
      of: 'secret',
      fires: async (content) => {
        const source = { filePath: 'sample.txt', content, ext: '.txt', contentType: 'text' };
        return (await lintSource({ source, options })).messages.length > 0;
      },
    });
  }
  if (redact !== null) {
    const { SyncRedactor } = redact as { readonly SyncRedactor: new () => { redact(text: string): string } };
    const redactor = new SyncRedactor();
    found.push({ name: 'redact-pii 3.4', of: 'pii', fires: async (text) => redactor.redact(text) !== text });
  }
  const missing = ['secretlint', 'redact-pii'].filter(
    (name) => !found.some((peer) => peer.name.startsWith(name)),
  );
  return { found, missing };
}

/** Over firm labels of its detector; evasions apart. */
export async function countPeer(
  { of, fires }: Peer,
  samples: readonly Sample[],
): Promise<{ readonly plain: Counts; readonly evasions: Counts }> {
  const mine = samples.filter((s) => s.applies_to.includes(of) && s.weak !== true);
  const fired = new Set<string>();
  for (const { id, text } of mine) if (await fires(text)) fired.add(id);
  const over = (evasions: boolean): Counts => {
    const kept = mine.filter(({ category }) => category.startsWith('evasion/') === evasions);
    const positives = kept.filter(({ label }) => label === 'positive');
    const hits = positives.filter(({ id }) => fired.has(id)).length;
    const benign = kept.filter(({ label }) => label === 'benign');
    return {
      hits,
      positives: positives.length,
      false: benign.filter(({ id }) => fired.has(id)).length,
      benign: benign.length,
    };
  };
  return { plain: over(false), evasions: over(true) };
}
