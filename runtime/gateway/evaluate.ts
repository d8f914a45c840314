// SPDX-License-Identifier: Apache-2.0
/** One evaluation: the facts that the compiled policy needs for this request, then the decision, then what it holds of the limits. */
import type { Facts, Json, JsonRecord, PolicyModule } from '../../stdlib/abi.js';
import type { LoadedPolicy } from '../decide/load.js';
import type { Limits } from '../decide/limits.js';
import type { Scannable } from '../scan/facts.js';
import type { Scanner, Scans } from './scanner.js';
import type { DecideOnce } from './gate.js';

/** The pinned definition of a tool, for conditions that scan it; null where there is none. */
export type DefinitionOf = (server: string, name: string) => unknown;

/** The fact that names the rule set behind the results of scans; policies have no such name. */
export const SCAN_RULES = 'scan rules';

export interface Sources {
  /** The policy that a module belongs to; after a reload there are several. */
  readonly policyOf: (module: PolicyModule) => LoadedPolicy;
  /** The values of `config.x` facts. */
  readonly config: JsonRecord;
  readonly limits: Limits;
  readonly definitionOf: DefinitionOf;
  readonly now: () => number;
  readonly scanner: Scanner;
}

/**
 * Results of the scanner are computed for each call, and the moment of the decision is a fact too; a fact of any other source is
 * unknown in this release.
 */
export function evaluator(sources: Sources): DecideOnce {
  const evaluators = new WeakMap<PolicyModule, DecideOnce>();
  return (module, ...rest) => {
    let own = evaluators.get(module);
    if (own === undefined) {
      own = evaluatorOf(sources, sources.policyOf(module));
      evaluators.set(module, own);
    }
    return own(module, ...rest);
  };
}

function evaluatorOf(
  { config, limits, definitionOf, now, scanner }: Sources,
  policy: LoadedPolicy,
): DecideOnce {
  const facts = new Map(policy.manifest.facts.map((fact) => [fact.name, fact]));
  const values = new Map<string, Json>();
  for (const { name, source, path } of facts.values()) {
    const value = source === 'config' ? at(config, path) : undefined;
    if (value !== undefined) values.set(name, value);
  }
  const valueOf = async (
    name: string,
    of: Scannable,
    scans: Scans,
    claims: JsonRecord,
  ): Promise<Json | undefined> => {
    const fact = facts.get(name);
    switch (fact?.source) {
      case 'clock':
        return new Date(now()).toISOString();
      case 'scan':
        return scanner.fact(fact.path, of, scans);
      case 'pin':
      case 'result':
        return scanner.text(fact.source, fact.path, of);
      case 'claim':
        return at(claims, fact.path);
      default:
        return values.get(name);
    }
  };
  return async (module, request, phase, result, by = {}) => {
    const { kind, server, name, args } = request.intent;
    const tool = kind === 'tool' ? definitionOf(server, name) : null;
    const of: Scannable = { args, tool, ...(phase === 'result' ? { result } : {}) };
    const read: { [name: string]: Json } = Object.create(null);
    // What several facts are about is scanned once.
    const scans: Scans = new Map();
    for (const needed of module.needs(request, phase)) {
      const value = await valueOf(needed, of, scans, by.claims ?? {});
      if (value !== undefined) read[needed] = value;
    }
    if (scans.size > 0) read[SCAN_RULES] = await scanner.rules();
    // Receipts of calls name the reads of all phases: an answer is decided with the same arguments.
    const reads = phase === 'call' ? module.reads(request) : module.reads(request, phase);
    const question = { reads: module.usage?.(request) ?? [], own: by.own ?? null, now: now() };
    const { value, reservation } = await limits.reserve(question, (used) => {
      const known: Facts = Object.assign(Object.create(null), read, used);
      const decision = module.decide(request, known, phase);
      const adds = phase === 'call' ? (module.counts?.(request, known) ?? []) : [];
      const denied = decision.effect === 'deny';
      return { adds: denied ? adds.filter((add) => add.attempt) : adds, value: { decision, facts: known } };
    });
    return { ...value, reads, reservation };
  };
}

/** The value at a path, by own property only; undefined when there is none. */
function at(value: Json, path: readonly string[]): Json | undefined {
  let found: Json | undefined = value;
  for (const key of path) {
    if (found === null || typeof found !== 'object' || Array.isArray(found) || !Object.hasOwn(found, key))
      return undefined;
    found = (found as JsonRecord)[key];
  }
  return found;
}
