// SPDX-License-Identifier: Apache-2.0
/** JSONL (every member) and CSV (what a person sorts and filters by), one receipt a line. */
import { canonical } from '../verify/format/canonical.js';
import type { Receipt } from './read.js';

/** `{"body":…,"leaf":"sha256:…"}`. */
export function jsonLine({ body, leaf }: Receipt): string {
  return `${canonical({ body, leaf })}\n`;
}

const COLUMNS: readonly (readonly [string, (receipt: Receipt) => string | number | undefined])[] = [
  ['seq', ({ seq }) => seq],
  ['time', ({ body }) => body.time],
  ['type', ({ body }) => body.type],
  ['call', ({ body }) => body.call],
  ['principal', ({ body }) => body.principal?.id],
  ['user', ({ body }) => body.principal?.on_behalf_of?.id],
  ['server', ({ body }) => body.intent?.server],
  ['name', ({ body }) => body.intent?.name],
  ['phase', ({ body }) => body.phase],
  ['effect', ({ body }) => body.decision?.effect],
  ['rules', ({ body }) => body.decision?.rules.join(' ')],
  ['reason', ({ body }) => body.decision?.reason],
  ['verdict', ({ body }) => body.approval?.verdict],
  ['approver', ({ body }) => body.approval?.approver.id],
  ['status', ({ body }) => body.outcome?.status],
  ['ms', ({ body }) => body.outcome?.ms],
  ['event', ({ body }) => body.event?.kind],
  [
    'policy',
    ({ body }) => (body.policy === undefined ? undefined : `${body.policy.name} ${body.policy.version}`),
  ],
  ['leaf', ({ leaf }) => leaf],
];

export const CSV_HEADER = `${COLUMNS.map(([name]) => name).join(',')}\r\n`;

export function csvLine(receipt: Receipt): string {
  return `${COLUMNS.map(([, of]) => cell(of(receipt))).join(',')}\r\n`;
}

/** RFC 4180; text that a spreadsheet would run as a formula starts with an apostrophe. */
function cell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
