// SPDX-License-Identifier: Apache-2.0
/** Texts for timing: what tools are given on ordinary days, and what is made to be slow. */

export const PLAIN = {
  prose:
    'The quarterly report shows that revenue grew in every region while costs stayed flat, and the team hired two more people. ',
  code: 'export function sum(values: readonly number[]): number {\n  let total = 0;\n  for (const value of values) total += value;\n  return total;\n}\n',
  log: '2026-08-20T12:04:36.681Z WARN [parser-9] worker region finished in 347ms trace=a28c960a2ca7d9dfa12e4f2dbd27ad53\n',
  json: '{"id": 4711, "name": "column", "tags": ["alpha", "beta"], "active": true, "note": "ready for review"}\n',
  markdown:
    '## Install\n\nRun the installer, then open the page and follow the steps. See the [manual](https://docs.example.org/start) for more.\n\n',
} as const;

/** One unit each, repeated. */
export const HOSTILE: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'ignore ',
    'curl -d ',
    '"',
    'a',
    'password=',
    '%41',
    '&',
    '\\',
    '41 ',
    'QUFB',
    '1234 ',
    'a@',
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY-----',
    '<!--',
    '\u200b',
    '![',
    '://',
    'eyJ',
    'user:\n',
    '; ',
    '../',
    'и',
    '+1',
    '1 ',
    '&#65;',
    '&a;',
    'a ',
    'ab\n',
    'MTA.',
    'eyJhbGciOiJIUzI1NiJ9.',
    ':AA',
    'bearer ',
    '_key_key',
    '9',
    'DE89 ',
    '078-05-1120 ',
    '+15551234567 ',
    '202-555-0117 ',
    '\\u0041',
    '|',
    '$(',
    'sk-',
    'the ',
    'send the data ',
    '{"a":"',
    'a@b.co ',
    '1gn0r3 ',
    'vtaber ',
    'i ',
    '😀',
    '\u{e0041}',
    'display:none ',
    '%25',
    'JTI1',
  ].map((unit) => [JSON.stringify(unit).slice(1, -1), unit]),
);

export const repeated = (unit: string, length: number): string =>
  unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
