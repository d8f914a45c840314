// SPDX-License-Identifier: Apache-2.0
/** Coverage for people, with the places of what is not covered, and as lcov for other tools. */
import type { Span } from '../../grammar/tree.js';
import { position } from '../diagnostics/render.js';
import type { Coverage, LeafCoverage, PartCoverage } from './coverage.js';

interface Gap {
  readonly unit: string;
  readonly span: Span | null;
  readonly text: string;
  readonly what: string;
}

/** In per cent, rounded down to a tenth: what is not whole is never said to be. */
export const percentOf = ({ met, wanted }: Coverage): number =>
  wanted === 0 ? 100 : Math.floor((met / wanted) * 1000) / 10;

/** How much there is, and every place that a test is missing for. */
export function renderCoverage(coverage: Coverage, file: string, source: string): string {
  const { parts } = coverage;
  const rules = parts.filter((part) => part.part === 'rule');
  const cases = parts.filter((part) => part.part !== 'rule' && !part.part.startsWith('add'));
  const conditions = parts.flatMap((part) => part.conditions);
  const held = (of: readonly PartCoverage[]): string =>
    `${of.filter((part) => part.held > 0).length} of ${of.length}`;
  const decided = conditions.filter((one) => one.decidingTrue > 0 && one.decidingFalse > 0).length;
  const gaps = parts.flatMap(gapsOf);
  const summary = `coverage: ${held(rules)} rules, ${held(cases)} cases, ${decided} of ${conditions.length} conditions (masking MC/DC): ${percentOf(coverage)} %`;
  if (gaps.length === 0) return `${summary}\n`;
  return `${gaps.map((gap) => frame(gap, file, source)).join('\n')}\n${summary}\n`;
}

function gapsOf(part: PartCoverage): readonly Gap[] {
  const own = {
    unit: part.unit,
    span: part.span,
    text: part.part === 'rule' ? part.unit : `${part.part} of ${part.unit}`,
  };
  if (part.asked === 0) return [{ ...own, what: 'no question reaches it' }];
  const missing = part.conditions.flatMap((one): readonly Gap[] => {
    const what = missingOf(one);
    return what === null ? [] : [{ unit: part.unit, span: one.span, text: one.text, what }];
  });
  return part.held > 0 ? missing : [{ ...own, what: 'it never holds' }, ...missing];
}

function missingOf({
  true: yes,
  false: no,
  unknown,
  decidingTrue,
  decidingFalse,
}: LeafCoverage): string | null {
  const of = (seen: number, deciding: number, word: string): readonly string[] =>
    deciding > 0 ? [] : [seen > 0 ? `where it is ${word}, something else decides` : `it is never ${word}`];
  const all = [...of(yes, decidingTrue, 'true'), ...of(no, decidingFalse, 'false')];
  if (all.length === 0) return null;
  return yes + no === 0 && unknown > 0 ? 'it is never known' : all.join('; ');
}

function frame({ unit, span, text, what }: Gap, file: string, source: string): string {
  if (span === null) return `  --> ${unit}: \`${text}\`\n   = ${what}\n`;
  const { line, column } = position(source, span.start);
  const shown = (source.split('\n')[line - 1] ?? '').replaceAll('\t', ' ').trimEnd();
  const gutter = ' '.repeat(String(line).length);
  const length = Math.max(1, Math.min(span.end - span.start, shown.length - column + 1));
  return [
    `  --> ${file}:${line}:${column}  ${unit}`,
    ` ${gutter} |`,
    ` ${line} | ${shown}`,
    ` ${gutter} | ${' '.repeat(column - 1)}${'^'.repeat(length)}`,
    `   = ${what}`,
    '',
  ].join('\n');
}

/**
 * One record of lcov: rules and cases as functions and lines, conditions as branches (deciding while true, while false). What an
 * import or a template brought stands in no line of the file, and is left out.
 */
export function renderLcov(coverage: Coverage, file: string, source: string): string {
  const placed = coverage.parts.flatMap((part) => (part.span === null ? [] : [{ ...part, span: part.span }]));
  const lineOf = (span: Span): number => position(source, span.start).line;
  const lines = new Map<number, number>();
  for (const { span, held } of placed) {
    const line = lineOf(span);
    lines.set(line, Math.max(lines.get(line) ?? 0, held));
  }
  const nameOf = ({ unit, part }: PartCoverage): string => (part === 'rule' ? unit : `${unit} ${part}`);
  const branches = placed.flatMap((part, block) =>
    part.conditions.flatMap((one, i) => {
      const taken = (n: number): string => (part.asked === 0 ? '-' : String(n));
      const head = `BRDA:${lineOf(one.span ?? part.span)},${block}`;
      return [
        `${head},${2 * i},${taken(one.decidingTrue)}`,
        `${head},${2 * i + 1},${taken(one.decidingFalse)}`,
      ];
    }),
  );
  const isHit = (row: string): boolean => !/,(?:0|-)$/.test(row);
  const rows = [...lines].sort(([a], [b]) => a - b).map(([line, count]) => `DA:${line},${count}`);
  return [
    'TN:',
    `SF:${file}`,
    ...placed.map((part) => `FN:${lineOf(part.span)},${nameOf(part)}`),
    ...placed.map((part) => `FNDA:${part.held},${nameOf(part)}`),
    `FNF:${placed.length}`,
    `FNH:${placed.filter((part) => part.held > 0).length}`,
    ...branches,
    `BRF:${branches.length}`,
    `BRH:${branches.filter(isHit).length}`,
    ...rows,
    `LF:${rows.length}`,
    `LH:${rows.filter(isHit).length}`,
    'end_of_record',
    '',
  ].join('\n');
}
