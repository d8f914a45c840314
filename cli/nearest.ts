// SPDX-License-Identifier: Apache-2.0
/** The nearest permitted changes to a denied call, as its author may know them: from every rule, whether it says `tell` or not. */
import { readFileSync } from 'node:fs';
import { type Nearest, nearestOf } from '../compiler/analyze/nearest.js';
import type { PolicyIr } from '../compiler/ir.js';
import type { Counting } from '../compiler/testing/counting.js';
import type { BundleManifest } from '../runtime/decide/load.js';
import { type Change, laterFacts, nearestChanges } from '../runtime/decide/nearest.js';
import { digest } from '../runtime/verify/format/hash.js';
import type { Decision, Facts, PolicyModule } from '../stdlib/abi.js';
import type { Misfit } from './compiled.js';
import { exists } from './files.js';
import type { Asked } from './questions.js';
import { rulesFile } from './rules-file.js';

/** Of a built bundle: from its `NAME.rules.json` where that is there and fits, else from what the manifest tells callers. */
export function nearestOfBundle(path: string, manifest: BundleManifest): Nearest | null {
  const file = rulesFile(path);
  const text = exists(file) ? readFileSync(file, 'utf8') : null;
  if (text === null || digest(text) !== manifest.rules) return manifest.nearest ?? null;
  return nearestOf((JSON.parse(text) as { readonly ir: PolicyIr }).ir, true);
}

interface Subject {
  readonly module: PolicyModule;
  readonly manifest: BundleManifest;
  readonly misfit: Misfit;
  readonly nearest: Nearest | null;
}

/** Empty where nothing near is permitted; a question of another phase has no such changes. */
export function changesFor(
  { module, manifest, misfit, nearest }: Subject,
  { request, facts: given, at, phase }: Asked,
  facts: Facts,
  decision: Decision,
  counting: Counting,
): readonly Change[] {
  if (decision.effect !== 'deny' || phase !== 'call' || nearest === null) return [];
  const { kind, server, name } = request.intent;
  const now = Date.parse(at);
  const clocks = manifest.facts.flatMap((fact) => (fact.source === 'clock' ? [fact.name] : []));
  // What the question says of a measure holds later, too.
  const turns = counting.later(request, at).map((turn) => ({
    at: turn.at,
    values: Object.fromEntries(
      Object.entries(turn.values).filter(([fact]) => !Object.hasOwn(given, fact.replace(/ for user$/, ''))),
    ),
  }));
  return nearestChanges({
    module,
    request,
    facts,
    nearest,
    fits: (args) => (kind === 'tool' ? misfit(server, name, args) : null),
    now,
    later: laterFacts(facts, turns, clocks, now),
  });
}
