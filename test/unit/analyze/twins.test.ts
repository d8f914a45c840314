// SPDX-License-Identifier: Apache-2.0
// Every statement of the examples is proved, and each has a broken twin: the policy with one small change (or opened altogether) in
// which it is refuted, with a question that shows it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prove, type Proof } from '../../../compiler/analyze/prove.js';
import type { Side } from '../../../compiler/analyze/differ.js';
import { emit } from '../../../compiler/emit.js';
import type { PolicyIr, UnitIr } from '../../../compiler/ir.js';
import { mutants } from '../../../compiler/testing/mutants.js';
import { fitsOf } from '../../helpers/analysis.js';
import { DESIGN_LOCKS } from '../../helpers/design-locks.js';
import { loadOnce } from '../../helpers/emitted.js';
import { checkText, lockText, pinModules } from '../../helpers/policy.js';

const examples = resolve(import.meta.dirname, '../../../examples');
const design = resolve(import.meta.dirname, '../../../../shared/design/examples');

const EVERYONE = { include: [{ kind: 'any' as const }], except: [] };
const EVERYTHING = { include: [{ kind: 'every' as const, toolsOnly: false }], except: [] };

/** Everything is allowed, or asked for, and nothing denied. */
function* opened(ir: PolicyIr): Generator<PolicyIr> {
  const approval = { self: false, roles: ['lead'], quorum: 1, timeout: 1_000 };
  for (const effect of ['allow', 'review', 'deny'] as const) {
    const all: UnitIr = {
      kind: 'rule',
      name: 'zz_opened',
      effect,
      phase: 'call',
      who: EVERYONE,
      what: EVERYTHING,
      when: null,
      approval: effect === 'review' ? approval : null,
      because: null,
      tell: false,
      span: { start: 0, end: 0 },
    };
    yield { ...ir, units: effect === 'deny' ? [...ir.units, all] : [all] };
  }
}

function proofsOf(ir: PolicyIr, side: Side): readonly Proof[] {
  const { js, steps } = emit(ir);
  const module = loadOnce(js);
  const decide: Side['engine']['decide'] = (request, facts) => module.decide(request, facts, 'call').effect;
  const engine = { ...side.engine, ir, decide };
  return prove({ ...side.subject, ir }, { engine, steps, open: () => 'there is no other' }).proofs;
}

/** How many statements there are; every one proved, and refuted in a twin. */
function twins(source: string, lock: string, modules: { readonly [name: string]: string }): number {
  const { output, diagnostics } = checkText(source, lock, modules);
  if (output === null) throw new Error(JSON.stringify(diagnostics.map((d) => d.message)));
  const { ir } = output;
  const side: Side = {
    subject: { ir, tools: output.lock.tools },
    engine: { ir, fits: fitsOf(lock), decide: () => 'deny' },
  };
  const proofs = proofsOf(ir, side);
  const said = ({ claim }: Proof): string => source.slice(claim.span.start, claim.span.end);
  expect(proofs.map((proof) => `${proof.status}: ${said(proof)}`)).toEqual(
    proofs.map((proof) => `proved: ${said(proof)}`),
  );
  // What nothing is in the scope of is proved for want of cases: a guard for tools to come.
  const open = new Set([...proofs.keys()].filter((i) => proofs[i]?.vacuous === false));
  for (const twin of twinsOf(ir)) {
    if (open.size === 0) break;
    for (const [i, { status, witness, claim }] of proofsOf(twin, side).entries())
      if (status === 'refuted' && (witness !== null || claim.kind === 'noRuleDead')) open.delete(i);
  }
  expect([...open].map((i) => said(proofs[i] as Proof))).toEqual([]);
  return proofs.length;
}

function* twinsOf(ir: PolicyIr): Generator<PolicyIr> {
  yield* opened(ir);
  for (const mutant of mutants(ir)) yield mutant.ir;
}

describe('the examples', () => {
  const files = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.sep') && /^prove /m.test(readFileSync(join(examples, file), 'utf8')),
  );
  it.each(files)('%s: every statement is proved, and refuted in a broken twin', (file) => {
    const path = join(examples, file);
    const source = readFileSync(path, 'utf8');
    const lock = readFileSync(
      join(dirname(path), /^tools "([^"]+)"/m.exec(source)?.[1] ?? 'sepal.lock'),
      'utf8',
    );
    expect(twins(source, lock, {})).toBeGreaterThan(0);
  });
});

describe.skipIf(!existsSync(design))(
  'the policies of the design (skipped where ../shared is not there)',
  () => {
    const read = (name: string): string => readFileSync(join(design, `${name}.sep`), 'utf8');
    it.each(Object.keys(DESIGN_LOCKS))(
      '%s.sep: every statement is proved, and refuted in a broken twin',
      (name) => {
        const modules = { 'acme.baseline': read('baseline') };
        const lock = pinModules(lockText(DESIGN_LOCKS[name] ?? {}), modules);
        expect(twins(read(name), lock, modules)).toBeGreaterThan(0);
      },
    );
  },
);
