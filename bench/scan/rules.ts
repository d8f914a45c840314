// SPDX-License-Identifier: Apache-2.0
/** A timing fuzz over all rules: each alone, on 1 MB of its own words and of what its looks run over, within the work that a scan allows. */
import { GLANCE, RULES, workFor } from '../../runtime/scan/scan.js';
import type { Rule } from '../../runtime/scan/rule.js';
import { repeated } from './texts.js';

/** What is put between two words of a rule. */
const BETWEEN = ['', ' ', '=', '="', ': ', 'AAAA', 'a1b2c3d4', '://', '\n', '((', '-----', '.'];
const SIZE = 1_000_000;

export interface Timed {
  readonly rule: string;
  readonly text: string;
  readonly ms: number;
}

/** The slowest text of each rule, slowest rule first. */
export function timeRules(milliseconds: (work: () => void) => number): readonly Timed[] {
  return RULES.map((rule) => slowest(rule, milliseconds)).sort((a, b) => b.ms - a.ms);
}

function slowest(rule: Rule, milliseconds: (work: () => void) => number): Timed {
  const timed = BETWEEN.map((between): Timed => {
    const unit = rule.anchors.slice(0, 4).join(between) + between;
    const text = repeated(unit, SIZE);
    return { rule: rule.id, text: unit.slice(0, 40), ms: milliseconds(() => look(rule, text)) };
  });
  return timed.reduce((a, b) => (b.ms > a.ms ? b : a));
}

/** As a scan does: at each of the first words, as long as there is work left. */
function look(rule: Rule, text: string): void {
  let work = workFor(text.length);
  for (const anchor of rule.anchors.slice(0, 4)) {
    for (let at = text.indexOf(anchor); at >= 0 && work > 0; at = text.indexOf(anchor, at + 1)) {
      work -= GLANCE;
      if (rule.starts?.(text, at, anchor) === false) continue;
      work -= rule.reach ?? 64;
      rule.check(text, at, anchor);
    }
  }
}
