// SPDX-License-Identifier: Apache-2.0
/** One evaluation: the facts that the compiled policy needs for this request, then the decision, then what it holds of the limits. */
import type { Facts, Json, JsonRecord, PolicyModule, Request } from '../../stdlib/abi.js';
import type { FactServices } from '../decide/fact-service.js';
import { typedAt } from '../decide/fact-type.js';
import type { LoadedPolicy } from '../decide/load.js';
import { type Limits, LimitsFull, NO_RESERVATION } from '../decide/limits.js';
import { changeWords, laterFacts, nearestChanges } from '../decide/nearest.js';
import type { Scannable } from '../scan/facts.js';
import type { Scanner, Scans } from './scanner.js';
import type { JsonObject } from '../verify/format/canonical.js';
import type { DecideOnce } from './gate.js';
import { type ArgumentCheck, argumentCheck } from './validate.js';

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
  /** Who answers `http.x` facts. */
  readonly services: FactServices;
  /** Tells the operator. */
  readonly say: (message: string) => void;
}

/** A fact that cannot be had, for whatever reason, or is not of its type, is left out: to the policy it is unknown. */
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
  { config, limits, definitionOf, now, scanner, services, say }: Sources,
  policy: LoadedPolicy,
): DecideOnce {
  const facts = new Map(policy.manifest.facts.map((fact) => [fact.name, fact]));
  const values = new Map<string, Json>();
  const clocks = [...facts.values()].flatMap(({ name, source }) => (source === 'clock' ? [name] : []));
  for (const { name, source, path, type } of facts.values()) {
    const value = source === 'config' ? typedAt(config, path, type) : undefined;
    if (value !== undefined) values.set(name, value);
  }
  const valueOf = async (
    name: string,
    request: Request,
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
        return typedAt(claims, fact.path, fact.type);
      case 'http':
        return await services.value(fact, request);
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
    const needs = module.needs(request, phase);
    const values = await Promise.all(
      needs.map((needed) => valueOf(needed, request, of, scans, by.claims ?? {}).catch(() => undefined)),
    );
    for (const [i, needed] of needs.entries()) {
      const value = values[i];
      if (value !== undefined) read[needed] = value;
    }
    if (scans.size > 0) read[SCAN_RULES] = await scanner.rules();
    // Receipts of calls name the reads of all phases: an answer is decided with the same arguments.
    const reads = phase === 'call' ? module.reads(request) : module.reads(request, phase);
    const question = { reads: module.usage?.(request) ?? [], own: by.own ?? null, now: now() };
    const decided = (used: Facts) => {
      const known: Facts = Object.assign(Object.create(null), read, used);
      const decision = module.decide(request, known, phase);
      const adds = phase === 'call' ? (module.counts?.(request, known) ?? []) : [];
      const denied = decision.effect === 'deny';
      return { adds: denied ? adds.filter((add) => add.attempt) : adds, value: { decision, facts: known } };
    };
    const reserved = await limits.reserve(question, decided).catch((error: unknown) => {
      if (error instanceof LimitsFull) throw error;
      // Where the limits cannot be asked, what they stand at is unknown; what has to be counted cannot be let through.
      // A policy that cannot be evaluated throws here again, and is not taken for limits that cannot be asked.
      const { adds, value } = decided({});
      const why = error instanceof Error ? error.message : String(error);
      say(
        `the limits cannot be asked (${why}): what they stand at is unknown, and no call that counts is let through`,
      );
      if (value.decision.effect !== 'deny' && adds.length > 0) throw error;
      return { value, reservation: NO_RESERVATION };
    });
    const { decision, facts: known } = reserved.value;
    const { nearest } = policy.manifest;
    if (phase !== 'call' || decision.tell !== true || nearest === undefined)
      return { reads, ...reserved.value, reservation: reserved.reservation };
    const later = laterFacts(known, limits.later?.(question.reads, question.now) ?? [], clocks, question.now);
    const fits = (changed: JsonRecord): string | null => checkOf(tool)?.(changed as JsonObject) ?? null;
    const denied = { module, request, facts: known, nearest, fits, now: question.now, later };
    const told = nearestChanges(denied).map(changeWords);
    return { reads, ...reserved.value, reservation: reserved.reservation, told };
  };
}

const checks = new WeakMap<object, ArgumentCheck>();

function checkOf(definition: unknown): ArgumentCheck | null {
  if (typeof definition !== 'object' || definition === null) return null;
  const check = checks.get(definition) ?? argumentCheck(definition as JsonObject);
  checks.set(definition, check);
  return check;
}
