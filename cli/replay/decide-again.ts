// SPDX-License-Identifier: Apache-2.0
/**
 * Decides again what a log says was decided, in both engines and from what was disclosed only: match, mismatch, or not checkable
 * and why. A gateway that signed something else than its policy says is found here, whatever keys it had.
 */
import type { PolicyIr } from '../../compiler/ir.js';
import { decide as decideByReference } from '../../compiler/reference.js';
import type { Body, DecisionBody } from '../../runtime/verify/format/body.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import type { Disclosure } from '../../runtime/verify/format/opening.js';
import type { Replay } from '../../runtime/verify/verify.js';
import type { Decision, Facts, PolicyModule, Request } from '../../stdlib/abi.js';
import { Recount } from './recount.js';
import { factsOf, hidden, maskMisfit, requestOf, shownBy } from './request.js';

/** A policy, compiled here and now from its source. */
export interface KnownPolicy {
  /** `sha256:…` of source, module and compiler, as in receipts. */
  readonly source: string;
  readonly moduleHash: string;
  readonly compiler: string;
  /** Null where no code may run: then the reference interpreter decides alone. */
  readonly module: PolicyModule | null;
  readonly ir: PolicyIr;
}

type Answer =
  | { readonly kind: 'match' | 'host' }
  | { readonly kind: 'mismatch' | 'hidden'; readonly why: string };

/** A browser does not say which data it has. */
const here: { readonly [name: string]: string | undefined } =
  typeof process === 'undefined' ? {} : process.versions;

export class DecideAgain implements Replay {
  private readonly known: ReadonlyMap<string, KnownPolicy>;
  private readonly bindings = { same: 0, missing: 0 };
  private readonly wrong: {
    readonly name: 'policy binding' | 'replay';
    readonly seq: number;
    readonly why: string;
  }[] = [];
  private readonly notCheckable = new Map<string, number>();
  /** Policies whose module could not be made again: their mismatches prove nothing. */
  private readonly doubtful = new Map<string, string>();
  /** By policy that has limits, counters or scores. Each counts the whole log, as the gateway does at its start. */
  private readonly recounts: ReadonlyMap<string, Recount>;
  private matches = 0;
  private hosts = 0;

  constructor(policies: readonly KnownPolicy[]) {
    this.known = new Map(policies.map((policy) => [policy.source, policy]));
    this.recounts = new Map(
      policies.flatMap(({ source, module }) =>
        module?.measures === undefined ? [] : [[source, new Recount(module.measures)]],
      ),
    );
  }

  /** Says of a decision, in a word or a sentence, what came of it; null of other entries. */
  entry(body: Body, leaf: string, disclosure: Disclosure | null): string | null {
    const said = this.decided(body, disclosure);
    for (const recount of this.recounts.values()) recount.observe({ body, leaf });
    return said;
  }

  private decided(body: Body, disclosure: Disclosure | null): string | null {
    if (body.type === 'policy') this.bind(body);
    if (body.type !== 'decide') return null;
    const answer = this.again(body, disclosure);
    switch (answer.kind) {
      case 'match':
        this.matches++;
        return 'match';
      case 'host':
        this.hosts++;
        return 'denied before the policy was asked';
      case 'mismatch':
        if (this.wrong.length < 1000) this.wrong.push({ name: 'replay', seq: body.seq, why: answer.why });
        return `mismatch: ${answer.why}`;
      case 'hidden':
        this.notCheckable.set(answer.why, (this.notCheckable.get(answer.why) ?? 0) + 1);
        return `not checkable: ${answer.why}`;
      default:
        throw new Error(`unexpected ${String(answer satisfies never)}`);
    }
  }

  private bind({ seq, policy }: Body): void {
    const own = policy === undefined ? undefined : this.known.get(policy.source);
    if (policy === undefined || own === undefined) {
      this.bindings.missing++;
      return;
    }
    if (own.moduleHash === policy.module) this.bindings.same++;
    else if (own.compiler === policy.compiler) {
      const why = `the source compiles to another module than ${policy.name} ${policy.version} names (is sepal.lock beside the policy that of then?)`;
      this.wrong.push({ name: 'policy binding', seq, why });
    } else this.doubtful.set(policy.source, 'the policy was compiled by another compiler');
    const other = (['unicode', 'tz'] as const).find((name) => {
      const then = policy.versions?.[name];
      return then !== undefined && here[name] !== undefined && then !== here[name];
    });
    if (other !== undefined)
      this.doubtful.set(policy.source, `the ${other} data of then are not those of here`);
  }

  private again(body: Body, disclosure: Disclosure | null): Answer {
    const policy = this.known.get(body.policy?.source ?? '');
    if (policy === undefined) return { kind: 'hidden', why: 'the source of its policy is not given' };
    const phase = body.phase ?? 'call';
    const { decision } = body;
    if (decision === undefined) return { kind: 'hidden', why: 'there is no decision' };
    // What the gateway refuses before it asks the policy; it can only ever deny by that.
    if (decision.effect === 'deny' && decision.default && decision.reason !== undefined) {
      return { kind: 'host' };
    }
    const shown = shownBy(body, disclosure);
    const request = requestOf(body, shown.args);
    if (request === null) return { kind: 'hidden', why: 'there is no request' };
    const misfit = maskMisfit(policy.ir, body, shown);
    if (misfit !== null) return { kind: 'mismatch', why: misfit };
    const reads = policy.module?.reads(request, phase === 'call' ? undefined : phase) ?? body.reads ?? [];
    const unseen = hidden(shown, reads, body.facts ?? []);
    if (unseen !== null) return { kind: 'hidden', why: unseen };
    const facts = factsOf(shown);
    const why =
      (canonical(body.reads ?? []) === canonical(reads)
        ? null
        : 'the receipt names other reads than the policy has') ??
      (policy.module === null
        ? null
        : difference(body, policy.module.decide(request, facts, phase), 'the compiled policy', true)) ??
      difference(
        body,
        decideByReference(policy.ir, request, facts, phase),
        'the reference interpreter',
        false,
      );
    // Lists and answers count nothing.
    const miscounted = why ?? (phase === 'call' ? this.miscounted(policy, body, request, facts) : null);
    if (miscounted === null) return { kind: 'match' };
    const doubt = this.doubtful.get(policy.source);
    return doubt === undefined ? { kind: 'mismatch', why: miscounted } : { kind: 'hidden', why: doubt };
  }

  /** What the decision used of limits, and what it added to them. */
  private miscounted(
    { source, module }: KnownPolicy,
    body: Body,
    request: Request,
    facts: Facts,
  ): string | null {
    const adds = module?.counts?.(request, facts) ?? [];
    const counted = body.decision?.effect === 'deny' ? adds.filter(({ attempt }) => attempt) : adds;
    const counts = counted.map(({ name, key, add }) => ({ name, key, add: add ?? -1 }));
    if (module !== null && canonical(counts) !== canonical(body.counts ?? []))
      return 'the receipt counts something else than the policy does';
    return this.recounts.get(source)?.fault(body, module?.usage?.(request) ?? [], facts) ?? null;
  }

  finish(findings: Parameters<Replay['finish']>[0]): void {
    for (const { name, seq, why } of this.wrong) findings.fail(name, seq, why);
    const { same, missing } = this.bindings;
    if (missing > 0)
      findings.skip('policy binding', `the source of ${missing} activated policies is not given`);
    for (const why of new Set(this.doubtful.values())) findings.skip('policy binding', why);
    if (same === 0 && missing === 0) findings.skip('policy binding', 'no policy is activated');
    findings.note('policy binding', `${same} activated policies compile to the modules named`);
    const open = [...this.notCheckable].map(([why, count]) => `${count} not checkable (${why})`);
    const alone = [...this.known.values()].some(({ module }) => module === null);
    const done = `${this.matches} decisions match in ${alone ? 'the reference interpreter' : 'both engines'}`;
    const host = this.hosts === 0 ? [] : [`${this.hosts} denied before the policy was asked`];
    if (open.length > 0) findings.skip('replay', [done, ...host, ...open].join('; '));
    else findings.note('replay', [done, ...host].join('; '));
  }
}

type Told = Pick<DecisionBody, 'effect' | 'rules' | 'default' | 'reason' | 'approvals'> &
  Partial<DecisionBody>;

/** Where the decision made again is not the one recorded; the reference knows nothing of steps and shadows. */
function difference(body: Body, decision: Decision, engine: string, whole: boolean): string | null {
  const recorded = body.decision as DecisionBody;
  // What approvals let through, the policy left to people; whether they were enough is for linkage to say.
  const redeemed = recorded.effect === 'allow' && (body.refs?.approve ?? []).length > 0;
  const effect = redeemed && recorded.approvals !== undefined ? 'review' : recorded.effect;
  const then = told({ ...recorded, effect }, body.unknowns ?? [], whole);
  const now = told(inReceipt(decision), decision.unknowns, whole);
  const part = Object.keys(then).find((name) => canonical(then[name]) !== canonical(now[name]));
  if (part === undefined) return null;
  const says = (value: unknown): string => canonical(value).slice(0, 100);
  return `the receipt says ${part} ${says(then[part])}, ${engine} ${says(now[part])}`;
}

/** As the gateway writes a decision into a receipt. */
function inReceipt({ effect, rules, reason, approvals, shadow, steps, default: byDefault }: Decision): Told {
  const asked = approvals.map(({ rule, self, roles, quorum, timeout }) =>
    self ? { rule, self: true as const, quorum, timeout } : { rule, roles: [...roles], quorum, timeout },
  );
  return {
    effect,
    rules,
    default: byDefault,
    shadow,
    steps,
    approvals: asked,
    ...(reason === null ? {} : { reason }),
  };
}

function told(
  decision: Told,
  unknowns: readonly unknown[],
  whole: boolean,
): { readonly [part: string]: unknown } {
  const { rules, reason, approvals, shadow, steps } = decision;
  // A dry run forwarded it; the policy said this.
  const effect = decision.dry_run ?? decision.effect;
  return {
    effect,
    rules: [...rules],
    default: decision.default,
    reason: reason ?? null,
    approvals: approvals ?? [],
    unknowns,
    ...(whole ? { shadow: shadow ?? [], steps: steps ?? 0 } : {}),
  };
}
