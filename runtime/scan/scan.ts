// SPDX-License-Identifier: Apache-2.0
/** One text: its readings, one pass of the automaton over each, the rules where their words stand, and personal data. */
import { Automaton } from './automaton.js';
import { findPhrases } from './injection/book.js';
import { markRules } from './injection/marks.js';
import { FOREIGN } from './injection/phrases.js';
import { eachLayer, type Hints, type Layer, REVERSED_WORDS, ROT13_WORDS } from './layers.js';
import { findPersonal } from './personal/find.js';
import { riskRules } from './risk.js';
import type { Rule } from './rule.js';
import { assignmentRules } from './secrets/assignments.js';
import { commandRules } from './secrets/commands.js';
import { formRules } from './secrets/forms.js';
import { spokenRules } from './secrets/spoken.js';
import { tokenRules } from './secrets/tokens.js';
import type { Finding, Incomplete, TextScan } from './types.js';
import { fold, isAscii } from './fold.js';

export const RULES: readonly Rule[] = [
  ...tokenRules,
  ...formRules,
  ...assignmentRules,
  ...spokenRules,
  ...commandRules,
  ...markRules,
  ...riskRules,
];

/** Of one text; more are no better news. */
const MAX_FINDINGS = 10_000;
/** Longer texts are not looked at: what is not seen is unknown. */
const MAX_TEXT = 16 * 1024 * 1024;

/** What the first look at an anchor costs. */
export const GLANCE = 20;

/** Work for one text, in characters read by rules per character of it; beyond, the text is made to be slow. */
const WORK = 60;
const FREE_WORK = 4 * 1024 * 1024;
export const workFor = (length: number): number => Math.max(FREE_WORK, WORK * length);

type Meaning = {
  readonly rules: { readonly rule: Rule; readonly anchor: string }[];
  hint: keyof Hints | null;
};

const meanings = new Map<string, Meaning>();
const meaningOf = (word: string): Meaning => {
  const low = word.toLowerCase();
  const known = meanings.get(low) ?? { rules: [], hint: null };
  meanings.set(low, known);
  return known;
};
for (const rule of RULES) for (const anchor of rule.anchors) meaningOf(anchor).rules.push({ rule, anchor });
for (const word of ROT13_WORDS) meaningOf(word).hint = 'rot13';
for (const word of REVERSED_WORDS) meaningOf(word).hint = 'reversed';
const byWord: readonly Meaning[] = [...meanings.values()];
const automaton = new Automaton([...meanings.keys()]);

type Report = (finding: Omit<Finding, 'via' | 'start' | 'end'>, start: number, end: number) => void;

/** The scan of one text: its findings, and the work that is left. */
class Scan {
  readonly findings = new Map<string, Finding>();
  incomplete: Incomplete | null = null;
  #work: number;

  constructor(length: number) {
    this.#work = workFor(length);
  }

  /** False when nothing is left; the scan is then incomplete. */
  readonly spend = (work: number): boolean => {
    this.#work -= work;
    if (this.#work < 0) this.incomplete ??= 'work';
    return this.incomplete === null;
  };

  /** Keeps the surest finding of a rule at a place. */
  add(finding: Finding): void {
    const key = `${finding.rule} ${finding.start} ${finding.end}`;
    const before = this.findings.get(key);
    if (before !== undefined && before.confidence >= finding.confidence) return;
    if (this.findings.size >= MAX_FINDINGS && before === undefined) this.incomplete = 'findings';
    else this.findings.set(key, finding);
  }
}

/** Scans one text. Work is linear in its length. */
export function scanText(text: string): TextScan {
  if (text.length > MAX_TEXT) return { findings: [], incomplete: 'size' };
  const scan = new Scan(text.length);
  const bound = eachLayer(text, (layer) =>
    scanLayer(layer, scan, (what, from, to) => {
      const [start, end] = layer.place(from, to);
      scan.add({ start, ...what, end, via: layer.via });
    }),
  );
  const findings = [...scan.findings.values()].sort((a, b) => a.start - b.start || a.end - b.end);
  return { findings, incomplete: scan.incomplete ?? bound };
}

function scanLayer(layer: Layer, scan: Scan, report: Report): Hints {
  const { text } = layer.folded;
  const hints = { rot13: false, reversed: false };
  automaton.search(text, (word, start) => {
    const meaning = byWord[word];
    if (meaning === undefined) return;
    if (meaning.hint !== null) hints[meaning.hint] = true;
    for (const { rule, anchor } of meaning.rules) {
      if (!scan.spend(GLANCE)) return;
      if (rule.starts?.(text, start, anchor) === false) continue;
      if (!scan.spend(rule.reach ?? 64)) return;
      const found = rule.check(text, start, anchor);
      if (found === null) continue;
      const { detector, kind, id } = rule;
      report({ detector, kind, rule: id, confidence: found.confidence }, found.start, found.end);
    }
  });
  findPhrases(text, ({ rule, kind, weight: confidence }, start, end) => {
    report({ detector: 'injection', kind, rule, confidence }, start, end);
    // An order to send data away is both.
    if (kind !== 'exfiltration-request') return;
    report(
      { detector: 'exfiltration', kind, rule: rule.replace('injection/', 'exfiltration/'), confidence },
      start,
      end,
    );
  });
  findPersonal(text, scan.spend, ({ kind, confidence, start, end }) =>
    report({ detector: 'pii', kind, rule: `pii/${kind}`, confidence }, start, end),
  );
  hiddenCharacters(layer, report);
  if (!isAscii(layer.raw)) foreign(layer, report);
  return hints;
}

/** Characters that people do not see and models read. */
function hiddenCharacters({ folded }: Layer, report: Report): void {
  const say = (rule: string, confidence: number): void =>
    report(
      { detector: 'injection', kind: 'hidden-text', rule: `injection/${rule}`, confidence },
      0,
      folded.text.length,
    );
  if (folded.hidden.length >= 4) say('tag-characters', 0.9);
  if (folded.invisible >= 8 && folded.invisible * 3 > folded.text.length) say('invisible-characters', 0.6);
  if (folded.reordering > 0 && folded.text.length > 8) say('bidi-override', 0.5);
}

/** Case first: capitals of other scripts look like other Latin letters than small ones do. */
const lower = (text: string): string => fold(text.toLowerCase()).text;
const LOWER_FOREIGN = FOREIGN.map((f) => ({ ...f, parts: f.parts.map(lower) }));

function foreign(layer: Layer, report: Report): void {
  const text = lower(layer.raw);
  for (const [i, { kind, weight, parts }] of LOWER_FOREIGN.entries()) {
    const at = parts.map((part) => text.indexOf(part));
    if (at.some((place) => place < 0) || Math.max(...at) - Math.min(...at) > 120) continue;
    const rule = `injection/foreign-${i + 1}`;
    report({ detector: 'injection', kind, rule, confidence: weight }, 0, layer.folded.text.length);
  }
}

/** 0 to 1: the chance that at least one kind of finding is right, each kind counted once with its surest rule. */
export function injectionScore(findings: readonly Finding[]): number {
  const best = new Map<string, number>();
  for (const f of findings) {
    if (f.detector === 'injection') best.set(f.rule, Math.max(best.get(f.rule) ?? 0, f.confidence));
  }
  let none = 1;
  for (const confidence of best.values()) none *= 1 - confidence;
  return Math.round((1 - none) * 1000) / 1000;
}
