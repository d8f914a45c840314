// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Side } from '../../../compiler/analyze/differ.js';
import { emit } from '../../../compiler/emit.js';
import { mutate, type Mutation } from '../../../compiler/testing/index.js';
import { fitsOf } from '../../helpers/analysis.js';
import { loadOnce, moduleOnce } from '../../helpers/emitted.js';
import { checkText, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

async function mutation(text: string): Promise<Mutation> {
  const source = policy(text);
  const { output } = checkText(source, SHOP_LOCK);
  if (output === null) throw new Error('the policy does not compile');
  const fits = fitsOf(SHOP_LOCK);
  const load = (ir: typeof output.ir) => {
    const module = loadOnce(emit(ir).js);
    const decide: Side['engine']['decide'] = (request, facts) => module.decide(request, facts, 'call').effect;
    return { module, side: { subject: { ir, tools: output.lock.tools }, engine: { ir, fits, decide } } };
  };
  const { module, side } = load(output.ir);
  const subject = {
    path: 'input.sep',
    source,
    file: output.file,
    ir: output.ir,
    module,
    misfit: fits,
    scan: () => undefined,
  };
  return mutate(subject, side, (js) => Promise.resolve(moduleOnce(js)));
}

const RULES = `allow drafts: agent:writer -> fs/write_file when { args.path under "/data/drafts" }
deny locked: any -> fs/write_file when { args.path under "/data/drafts/locked" }
`;

describe('mutation testing', () => {
  it('counts what tests notice, and shows what a missing test would ask', async () => {
    const found = await mutation(`${RULES}test "drafts" {
  as agent:writer
  fs/write_file { path: "/data/drafts/a", content: "x" } => allow
}`);
    expect(found.killed).toBeGreaterThan(3);
    expect(found.survivors.map(({ unit, change }) => `${unit}: ${change}`)).toEqual(
      expect.arrayContaining(['drafts: for any', 'locked: without it']),
    );
    for (const { witness, from, to } of found.survivors) {
      expect(witness).not.toBeNull();
      expect(from).not.toBe(to);
    }
    expect(found.score).toBeCloseTo(found.killed / (found.killed + found.survived));
  });

  it('reaches 100 % where the tests are complete; what changes nothing is not counted', async () => {
    const found =
      await mutation(`${RULES}deny twice: any -> fs/write_file when { args.path under "/data/drafts/locked/x" }
test "all" {
  as agent:writer
  fs/write_file { path: "/data/drafts/a", content: "x" } => allow by drafts
  fs/write_file { path: "/data/other", content: "x" } => deny by default
  fs/write_file { path: "/data/drafts/locked/a", content: "x" } => deny by locked
  fs/delete_file { path: "/data/drafts/a" } => deny by default
  as agent:other
  fs/write_file { path: "/data/drafts/a", content: "x" } => deny by default
}`);
    expect(found.survivors.filter(({ unit }) => unit !== 'twice')).toEqual([]);
    expect(found.equivalent).toBeGreaterThan(0);
  });
});
