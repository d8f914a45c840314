// SPDX-License-Identifier: Apache-2.0
// Pessimistic evaluation end to end (language, 3): a fault in any source (throws, hangs, another type) leads to a decision at least as
// strict as under every value that the source could have given, and the decision names what was unknown and what would have been
// decided without it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emit } from '../../compiler/emit.js';
import { manifestOf } from '../../compiler/manifest.js';
import { decide as reference } from '../../compiler/reference.js';
import type { PolicyIr } from '../../compiler/ir.js';
import type { FactServices } from '../../runtime/decide/fact-service.js';
import { typedAt } from '../../runtime/decide/fact-type.js';
import { type Limits, localLimits } from '../../runtime/decide/limits.js';
import { evaluator, SCAN_RULES } from '../../runtime/gateway/evaluate.js';
import type { Scanner } from '../../runtime/gateway/scanner.js';
import { digest } from '../../runtime/verify/format/hash.js';
import type { DecisionEffect, Facts, Json, JsonRecord, PolicyModule, Request } from '../../stdlib/abi.js';
import { markedPolicy } from '../arbitraries/sound-policy.js';
import { soundFacts, soundRequest } from '../arbitraries/sound-request.js';
import { loadOnce } from '../helpers/emitted.js';
import { loaded } from '../helpers/gateway.js';
import { checkText, lockText, policy, tool } from '../helpers/policy.js';
import { SHOP_LOCK } from '../helpers/shop.js';

/** Of each fault in each source. */
const RUNS = process.env['SEPAL_LONG'] === undefined ? 60 : 1_000;
const RANK: { readonly [effect in DecisionEffect]: number } = { allow: 0, review: 1, deny: 2 };
const LOCK = lockText({
  s: [tool('run', { id: { type: 'string' }, n: { type: 'number' }, p: { type: 'string' } })],
});

interface Source {
  readonly name: string;
  /** What is declared, the condition that reads it, and values that it could have had. */
  readonly declares: string;
  readonly conditions: readonly string[];
  readonly values: readonly Json[];
  /** The fact that is unknown, as decisions name it. */
  readonly unknown: string;
}
const SOURCES: readonly Source[] = [
  {
    name: 'claims',
    declares: 'fact c: enum eu, us, ap from claim.region',
    conditions: ['c == eu', 'c != eu', 'c in [eu, us]', 'not (c == ap)'],
    values: ['eu', 'us', 'ap'],
    unknown: 'c',
  },
  {
    name: 'config',
    declares: 'fact c: int from config.limits.most',
    conditions: ['c > 5', 'c <= 5', 'c + 1 == 7', 'c in [1, 2]'],
    values: [0, 1, 5, 6, 7],
    unknown: 'c',
  },
  {
    name: 'http',
    declares: 'fact c: bool from http.open',
    conditions: ['c', 'not c', 'c == true', 'c and args.n > 0 or not c and args.n < 0'],
    values: [true, false],
    unknown: 'c',
  },
  {
    name: 'scanner',
    declares: '',
    conditions: [
      'injection_score(args) > 0.5',
      'injection_score(args) <= 0.5',
      'not (injection_score(args) >= 0.85)',
    ],
    values: [0, 0.5, 0.6, 0.85, 1],
    unknown: 'injection_score(args)',
  },
  {
    name: 'limiter',
    declares: 'counter seen: per 1h on s/*',
    conditions: ['seen > 2', 'seen < 2', 'seen == 0'],
    values: [0, 1, 2, 3],
    unknown: 'seen',
  },
  {
    name: 'clock',
    declares: 'schedule day in "Europe/Paris" { mon..sun 09:00..17:00 }',
    conditions: ['now within day', 'now not within day'],
    values: ['2026-01-05T12:00:00.000Z', '2026-01-05T02:00:00.000Z'],
    unknown: 'now',
  },
];
const SHAPES: readonly ((condition: string) => string)[] = [
  (c) => `allow a: any -> s/run when { ${c} }`,
  (c) => `allow a: any -> s/run\ndeny d: any -> s/run when { ${c} }`,
  (c) => `allow a: any -> s/run\nescalate e: any -> s/run when { ${c} } by role:lead timeout 5m`,
  (c) => `review a: any -> s/run by role:lead timeout 5m\ndeny d: any -> s/run unless { ${c} }`,
  (c) =>
    `decide b on s/run { case ${c} => allow case args.n > 3 => review by role:lead timeout 5m otherwise => deny }`,
  (c) =>
    `decide b on s/run { case ${c} => deny because "no" otherwise => allow }\nescalate e: any -> s/run when { args.n > 3 } by role:lead timeout 5m`,
  (c) => `allow a: any -> s/run\nlimit l: 5 per 1h on s/run\ndeny d: any -> s/run when { ${c} and l > 3 }`,
];
const compiler = { version: '0', hash: digest('c'), tz: '', unicode: '' };

function compiled(text: string) {
  const { output, diagnostics } = checkText(policy(text), LOCK);
  if (output === null) throw new Error(`${JSON.stringify(diagnostics)}\n${text}`);
  const emitted = emit(output.ir);
  const module = loadOnce(emitted.js);
  const { facts } = manifestOf({
    ir: output.ir,
    emitted,
    source: '',
    modules: new Map(),
    today: '',
    compiler,
    hash: digest,
  });
  return { ir: output.ir, module, policy: loaded(module, facts) };
}

type Fault = 'throws' | 'hangs' | 'another type' | 'missing';
const FAULTS: readonly Fault[] = ['throws', 'hangs', 'another type', 'missing'];
const WRONG: readonly Json[] = [null, {}, [], 'mars', -1.5, [1], { most: {} }];

/** What a source gives with the fault; a source that hangs ends as its own time limit would end it. */
async function faulty(fault: Fault, wrong: Json): Promise<Json | undefined> {
  if (fault === 'throws') throw new Error('the source failed');
  if (fault === 'hangs') await new Promise((resolve) => setImmediate(resolve));
  return fault === 'another type' ? wrong : undefined;
}

interface World {
  readonly source: Source;
  readonly fault: Fault;
  readonly wrong: Json;
}

function sourcesOf({ source, fault, wrong }: World, text: ReturnType<typeof compiled>) {
  const is = (name: string): boolean => source.name === name;
  const services: FactServices = {
    value: async (fact) => {
      const found = await faulty(fault, wrong);
      return found === undefined ? undefined : typedAt(found, [], fact.type);
    },
  };
  const scanner: Scanner = {
    // Our own: what it gives is a number, or it fails.
    fact: async () => {
      await faulty(fault, wrong);
      return undefined;
    },
    text: async () => undefined,
    rules: async () => 'sha256:0',
    mask: async () => {
      throw new Error('no mask');
    },
    close: async () => undefined,
  };
  const own = localLimits(text.module.measures ?? []);
  const limits: Limits = is('limiter')
    ? { reserve: async () => Promise.reject(new Error('the store is down')), end: () => undefined }
    : own;
  const config: JsonRecord = fault === 'another type' && is('config') ? { limits: wrong } : {};
  // The clock stands where no offsets are compiled in, or at no moment at all.
  const now = () =>
    !is('clock')
      ? Date.parse('2026-01-05T12:00:00Z')
      : fault === 'another type'
        ? 8.64e15
        : Date.parse('2050-01-05T12:00:00Z');
  return evaluator({
    policyOf: () => text.policy,
    config,
    limits,
    definitionOf: () => null,
    now,
    scanner,
    services,
    say: () => undefined,
  });
}

const requestOf = (n: number): Request => ({
  principal: 'agent:x',
  roles: [],
  user: null,
  userRoles: [],
  session: 's',
  intent: { kind: 'tool', server: 's', name: 'run', args: { id: 'a', n, p: '/a' } },
});

/** Decided by the reference under every value of the source, and without it. */
function ways(ir: PolicyIr, request: Request, known: Facts, source: Source): readonly DecisionEffect[] {
  const { [source.unknown]: _, ...others } = known;
  return source.values.map(
    (value) => reference(ir, request, { ...others, [source.unknown]: value }, 'call').effect,
  );
}

describe.each(SOURCES)('a fault of $name', (source) => {
  const texts = new Map<string, ReturnType<typeof compiled>>();
  const textOf = (shape: number, condition: number): ReturnType<typeof compiled> => {
    const c = source.conditions[condition % source.conditions.length] ?? '';
    const text = `role lead\n${source.declares}\n${SHAPES[shape]?.(c) ?? ''}\n`;
    const found = texts.get(text) ?? compiled(text);
    texts.set(text, found);
    return found;
  };

  it.each(FAULTS)(`%s: never opens, and is named (${RUNS} times)`, async (fault) => {
    let strict = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: SHAPES.length - 1 }),
        fc.nat({ max: 3 }),
        fc.constantFrom(...WRONG),
        fc.constantFrom(-1, 0, 4),
        async (shape, condition, wrong, n) => {
          const text = textOf(shape, condition);
          const decideOnce = sourcesOf({ source, fault, wrong }, text);
          const claims = source.name === 'claims' && fault === 'another type' ? { region: wrong } : {};
          const request = requestOf(n);
          const judged = await decideOnce(text.module, request, 'call', undefined, { claims }).catch(
            (error: unknown) => error as Error,
          );
          // What has to be counted and cannot be is denied by the gateway (judge.ts), with the reason.
          if (judged instanceof Error) {
            expect(source.name).toBe('limiter');
            return;
          }
          const { decision, facts } = judged;
          expect(Object.keys(facts).filter((name) => name !== SCAN_RULES)).not.toContain(
            source.name === 'clock' ? '' : source.unknown,
          );
          const possible = ways(text.ir, request, facts, source);
          for (const effect of possible)
            expect(RANK[decision.effect], `${effect} was possible`).toBeGreaterThanOrEqual(RANK[effect]);
          const open = new Set(possible).size > 1;
          if (!open) return;
          strict++;
          expect(decision.unknowns.map(({ name }) => name)).toContain(source.unknown);
          for (const { otherwise } of decision.unknowns)
            expect(RANK[otherwise]).toBeLessThanOrEqual(RANK.deny);
        },
      ),
      { numRuns: RUNS },
    );
    expect(strict).toBeGreaterThan(source.name === 'limiter' ? 0 : RUNS / 10);
  });
});

describe('people in place of a fact', () => {
  it('change nothing but a deny, and only where the fact cannot be had', { timeout: 3_600_000 }, () => {
    const seen = { same: 0, asked: 0 };
    const regions = ['eu', 'us', 'a p'];
    const plain = (text: string): string => text.replace(/ on unknown review by role:lead timeout 20m/, '');
    const moduleOf = (text: string): PolicyModule => {
      const { output } = checkText(text, SHOP_LOCK);
      if (output === null) throw new Error(text);
      return loadOnce(emit(output.ir).js);
    };
    fc.assert(
      fc.property(
        markedPolicy,
        fc.array(fc.tuple(soundRequest, soundFacts), { minLength: 30, maxLength: 30 }),
        (text, all) => {
          const [marked, strict] = [moduleOf(text), moduleOf(plain(text))];
          for (const [request, facts] of all) {
            const [a, b] = [marked.decide(request, facts, 'call'), strict.decide(request, facts, 'call')];
            if (a.effect === b.effect && a.rules.join() === b.rules.join()) {
              seen.same++;
              continue;
            }
            seen.asked++;
            expect([b.effect, a.effect]).toEqual(['deny', 'review']);
            expect(facts['region']).not.toBeTypeOf('string');
            expect(a.unknowns.map(({ name }) => name)).toEqual(['region']);
            expect(a.rules).toContain('region');
            expect(a.approvals).toContainEqual({
              rule: 'region',
              self: false,
              roles: ['lead'],
              quorum: 1,
              timeout: 1_200_000,
            });
            // Some value of the fact leads to another decision than deny.
            const others = regions.map(
              (region) => strict.decide(request, { ...facts, region }, 'call').effect,
            );
            expect(others.some((effect) => effect !== 'deny')).toBe(true);
          }
        },
      ),
      { numRuns: RUNS * 4 },
    );
    expect(Math.min(seen.same, seen.asked)).toBeGreaterThan(5);
  });
});

describe('overflow', () => {
  it(`is unknown, never a number that fits (${RUNS} times)`, () => {
    const { ir, module } = compiled(
      'allow a: any -> s/run\ndeny d: any -> s/run unless { args.n * args.n * args.n * args.n > 0 }\n',
    );
    fc.assert(
      fc.property(fc.constantFrom(1e300, -1e300, 5e-324, 1e154, 2, -3, 0), (n) => {
        const decision = module.decide(requestOf(n), {}, 'call');
        expect(decision.effect).toBe(reference(ir, requestOf(n), {}, 'call').effect);
        const large = Math.abs(n) > 1e150 || (n !== 0 && Math.abs(n) < 1e-150);
        if (large) expect(decision.unknowns.map(({ name }) => name)).toEqual(['args.n']);
        expect(decision.effect).toBe(!large && n ** 4 > 0 ? 'allow' : 'deny');
      }),
      { numRuns: RUNS },
    );
  });
});
