// SPDX-License-Identifier: Apache-2.0
// What a guessed question shows to decide something, the whole survey finds to decide something; and all else is found as without guesses.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { actionClasses } from '../../compiler/analyze/actions.js';
import { shownAlive } from '../../compiler/analyze/alive.js';
import { type ClaimIr, NO_CLAIMS } from '../../compiler/analyze/claims.js';
import { type Survey, survey } from '../../compiler/analyze/survey.js';
import { soundPolicy } from '../arbitraries/sound-policy.js';
import { sideOf } from '../helpers/analysis.js';
import { SHOP_LOCK } from '../helpers/shop.js';

const RUNS = process.env['SEPAL_LONG'] === undefined ? 25 : 3_000;
/** For a claim every class of actions is surveyed, guesses or not. */
const ALL: ClaimIr = { kind: 'noRuleDead', file: 'policy.sep', span: { start: 0, end: 0 } };
const said = ({ dead }: Survey) =>
  dead.found().map(({ unit, part, why, by }) => [unit.name, part, why, by.map(({ name }) => name).sort()]);

it('rules are found dead with guesses as without', { timeout: 600_000 }, () => {
  const tally = { shown: 0, units: 0, dead: 0 };
  fc.assert(
    fc.property(soundPolicy, (text) => {
      const { subject } = sideOf(text, SHOP_LOCK);
      const whole = said(survey(subject, { ...NO_CLAIMS, claims: [ALL] }, null));
      expect(said(survey(subject, NO_CLAIMS, null))).toEqual(whole);
      tally.shown += shownAlive(subject, actionClasses([subject], [])).size;
      tally.units += subject.ir.units.length;
      tally.dead += whole.length;
    }),
    { numRuns: RUNS },
  );
  // It must be about something: most rules are shown by a guess, some are dead.
  expect(tally.shown).toBeGreaterThan(tally.units / 4);
  expect(tally.dead).toBeGreaterThan(0);
});
