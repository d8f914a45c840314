// SPDX-License-Identifier: Apache-2.0
// Worlds so small that every question can be asked: the prover and the enumeration must agree, on every statement and on every part.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaimIr } from '../../compiler/analyze/claims.js';
import { prove } from '../../compiler/analyze/prove.js';
import type { DecisionEffect, Facts, Json, JsonRecord, Request } from '../../stdlib/abi.js';
import { evaluate } from '../../compiler/reference-eval.js';
import { sideOf } from '../helpers/analysis.js';
import { lockText, tool } from '../helpers/policy.js';

/** Every argument and fact has a handful of values. */
const LOCK = lockText({
  a: [
    tool('go', {
      mode: { enum: ['x', 'y', 'z'] },
      'level?': { enum: [1, 2, 3] },
      'dry?': { type: 'boolean' },
    }),
    tool('stop', { mode: { enum: ['x', 'y', 'z'] } }),
  ],
});
const HEADER = `sep 1
policy small.world 1.0.0
tools "sepal.lock"
role lead
fact open: bool from config.open
fact region: enum eu, us from config.region
`;

const condition = (args: boolean): fc.Arbitrary<string> => {
  const leaf = fc.constantFrom(
    'principal has role lead',
    'open',
    'region == eu',
    'region != us',
    'principal in agent:a',
    ...(args
      ? [
          'args.mode == x',
          'args.mode in [y, z]',
          'has(args.level) and args.level > 1',
          'has(args.dry) and args.dry',
        ]
      : []),
  );
  return fc.oneof(
    leaf,
    fc.tuple(leaf, fc.constantFrom('and', 'or'), leaf).map(([a, op, b]) => `(${a}) ${op} (${b})`),
    leaf.map((a) => `not (${a})`),
  );
};
const rule = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc
      .tuple(
        fc.constantFrom('allow', 'deny'),
        fc.constantFrom('any', 'agent:a', 'role:lead', 'agent:*'),
        condition(true),
        fc.boolean(),
      )
      .map(
        ([effect, who, when, bare]) => `${effect} ${name}: ${who} -> a/go${bare ? '' : ` when { ${when} }`}`,
      ),
    fc
      .tuple(fc.constantFrom('review', 'escalate'), condition(true))
      .map(([effect, when]) => `${effect} ${name}: any -> a/go when { ${when} } by role:lead timeout 5m`),
    fc
      .tuple(condition(true), condition(true))
      .map(([a, b]) => `decide ${name} on a/go partial { case ${a} => deny case ${b} => allow }`),
    condition(false).map((when) => `allow ${name}: any -> a/* when { ${when} }`),
  );
const policy = fc
  .tuple(rule('r1'), rule('r2'), rule('r3'), rule('r4'))
  .map((rules) => `${HEADER}${rules.join('\n')}\n`);
const statement = fc
  .tuple(
    fc.constantFrom('allow', 'review', 'deny', 'allow or review'),
    fc.constantFrom('when', 'unless'),
    condition(true),
  )
  .map(([effects, word, c]) => `prove never ${effects} on a/go ${word} ${c}\n`);

const optional = <T>(...values: readonly T[]): readonly (T | undefined)[] => [undefined, ...values];
/** Every question about `a/go`. */
const WORLD: readonly (readonly [Request, Facts])[] = ['agent:a', 'agent:b', 'user:a'].flatMap((principal) =>
  [[], ['lead']].flatMap((roles) =>
    ['x', 'y', 'z'].flatMap((mode) =>
      optional(1, 2, 3).flatMap((level) =>
        optional(true, false).flatMap((dry) =>
          optional(true, false).flatMap((open) =>
            optional('eu', 'us', 'other').map((region) => {
              const args: { [name: string]: Json } = { mode };
              if (level !== undefined) args['level'] = level;
              if (dry !== undefined) args['dry'] = dry;
              const intent = { kind: 'tool', server: 'a', name: 'go', args: args as JsonRecord } as const;
              const request: Request = { principal, roles, user: null, userRoles: [], session: 's', intent };
              return [request, { open, region }] as const;
            }),
          ),
        ),
      ),
    ),
  ),
);

describe('in a small world', () => {
  it(`a statement is proved exactly where none of ${WORLD.length} questions contradicts it`, {
    timeout: 300_000,
  }, () => {
    const tally = { proved: 0, refuted: 0, undecided: 0 };
    fc.assert(
      fc.property(policy, fc.array(statement, { minLength: 4, maxLength: 4 }), (text, statements) => {
        const { subject, engine, steps } = sideOf(`${text}${statements.join('')}`, LOCK);
        const { ir } = subject;
        const { proofs } = prove(subject, { engine, steps, open: () => 'no other' });
        const effects = WORLD.map(([request, facts]) => engine.decide(request, facts));
        for (const { claim, status } of proofs) {
          tally[status]++;
          if (claim.kind !== 'never') continue;
          const against = WORLD.some((question, i) => contradicts(claim, question, effects[i] ?? 'deny', ir));
          if (status !== (against ? 'refuted' : 'proved'))
            expect({ text, claim, status, against }).toBeUndefined();
        }
      }),
      { numRuns: 400, seed: 9 },
    );
    process.stdout.write(`small worlds: ${JSON.stringify(tally)}\n`);
    expect(tally.undecided).toBe(0);
    expect(Math.min(tally.proved, tally.refuted)).toBeGreaterThan(200);
  });
});

function contradicts(
  claim: Extract<ClaimIr, { kind: 'never' }>,
  [request, facts]: readonly [Request, Facts],
  effect: DecisionEffect,
  policy: Parameters<typeof evaluate>[1]['policy'],
): boolean {
  const world = { policy, request, facts };
  return (
    claim.effects.includes(effect) &&
    (claim.when === null || evaluate(claim.when, world) !== false) &&
    (claim.unless === null || evaluate(claim.unless, world) !== true)
  );
}
