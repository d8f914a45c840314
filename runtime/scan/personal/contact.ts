// SPDX-License-Identifier: Apache-2.0
/** E-mail addresses, telephone numbers, addresses of machines and of houses. */
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { isIP } from 'node:net';
import { ALNUM, DIGIT, DOTTED, isIn, LETTER, runEnd, startsRun, UPPER_DIGIT } from '../characters.js';
import type { Personal } from './numbers.js';
import type { Group } from './group.js';

const LOCAL = (() => {
  const table = new Uint8Array(DOTTED);
  for (const c of "+%'!#$&*/=?^`{|}~") table[c.charCodeAt(0)] = 1;
  return table;
})();

/** Names that the registry keeps for documentation (RFC 2606, 6761) still count: what matters is the form. */
const FILES = new Set(['png', 'jpg', 'jpeg', 'gif', 'svg', 'webp', 'css', 'js', 'ts', 'json', 'md']);

/** `local@domain` around the sign at `at` (RFC 5321, 4.1.2, without quoted forms). */
export function emailAt(text: string, at: number): Personal | null {
  let start = at;
  while (start > 0 && at - start < 64 && isIn(LOCAL, text.charCodeAt(start - 1))) start--;
  while (start < at && !isIn(ALNUM, text.charCodeAt(start))) start++;
  let end = runEnd(text, at + 1, DOTTED, 253);
  while (end > at && !isIn(ALNUM, text.charCodeAt(end - 1))) end--;
  if (start === at || text[at - 1] === '.') return null;
  const domain = text.slice(at + 1, end);
  const labels = domain.split('.');
  const last = labels.at(-1)?.toLowerCase() ?? '';
  if (
    labels.length < 2 ||
    labels.some((l) => l === '' || l.startsWith('-') || l.endsWith('-') || l.includes('_'))
  )
    return null;
  if (last.length < 2 || !/^[a-z]+$/.test(last) || FILES.has(last)) return null;
  // `git@host:path` and `user:password@host` are addresses of machines.
  if (text[end] === ':' && /^[A-Za-z~]/.test(text.slice(end + 1, end + 2)) && text.slice(start, at) === 'git')
    return null;
  const before = text.slice(Math.max(0, start - 80), start);
  if (before.endsWith('://')) return null;
  if (before.endsWith(':') && before.lastIndexOf('://') > before.lastIndexOf(' ')) return null;
  if (NOBODY.has(text.slice(start, at).toLowerCase())) return null;
  return { kind: 'email', confidence: 0.9, start, end };
}

/** Mailboxes of roles and machines name no person. */
const NOBODY = new Set(['noreply', 'no-reply', 'donotreply', 'git', 'postmaster', 'mailer-daemon', 'root']);

/** Numbers of one text that the library is asked about; of the rest the form is enough, which takes more for numbers, not less. */
export const MAX_PARSES = 400;

const PHONE_WORDS = [
  'phone',
  'tel',
  'mobile',
  'cell',
  'call',
  'fax',
  'contact',
  'whatsapp',
  'sms',
  'handy',
  'text me',
  'number:',
  'reach',
  'telefon',
  'telefonnummer',
  'telefoon',
  'telefone',
  'telephone',
  'telefono',
  'mobil',
  'movil',
  'portable',
  'rufnummer',
];

/** A telephone number, if its form or the words before say so; whether it can exist is the library's to say. */
export function phoneIn(text: string, group: Group, mayParse: () => boolean): Personal | null {
  const { digits, shape } = group;
  if (digits.length < 7 || digits.length > 15 || group.separators.includes('/')) return null;
  if (shape === '4-2-2' && /^(?:19|20)\d\d[01]\d[0-3]/.test(digits)) return null;
  const plus = text[group.start - 1] === '+';
  const bracket = text[group.start - 1] === '(' && text.slice(group.start, group.end).includes(')');
  const told = (): boolean =>
    PHONE_WORDS.some((word) => saysWord(group.before(), word)) ||
    EASTERN.some(([word]) => group.before().includes(word));
  const us = shape === '3-3-4' || shape === '1-3-3-4';
  const start = plus || bracket ? group.start - 1 : group.start;
  if (start > 0 && isIn(ALNUM, text.charCodeAt(start - 1))) return null;
  const written = `${plus ? '+' : ''}${digits}`;
  const regions = plus
    ? [undefined]
    : us || bracket
      ? (['US'] as const)
      : told()
        ? regionsOf(group.before())
        : digits.startsWith('0') && NATIONAL.has(shape)
          ? (['GB', 'DE', 'FR'] as const)
          : [];
  if (!plus && !us && !bracket && regions.length === 0) return null;
  for (const region of regions) {
    if (!mayParse()) return { kind: 'phone', confidence: 0.6, start, end: group.end };
    const number = parsePhoneNumberFromString(written, region);
    if (number === undefined) continue;
    const fictional =
      digits.slice(-7, -4) === '555' && number.country === undefined ? number.isPossible() : false;
    if (number.isValid() || fictional || (us && isFictionalUs(digits)))
      return { kind: 'phone', confidence: plus || us || bracket ? 0.8 : 0.7, start, end: group.end };
  }
  return null;
}

/** As a word, or at the end of one that is made of several: `Mobiltelefon`, `cellphone`. */
function saysWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const end = text.charCodeAt(at + word.length);
    if ((word.length > 5 || at === 0 || !isIn(ALNUM, text.charCodeAt(at - 1))) && !isIn(LETTER, end))
      return true;
  }
  return false;
}

type Region =
  | 'US'
  | 'GB'
  | 'DE'
  | 'CH'
  | 'AT'
  | 'FR'
  | 'BE'
  | 'NL'
  | 'IT'
  | 'ES'
  | 'MX'
  | 'BR'
  | 'PT'
  | 'JP'
  | 'CN'
  | 'KR';

/** Where a number without its country may be from, by the word that says what it is. */
const REGIONS: readonly (readonly [word: string, regions: readonly Region[]])[] = [
  ['telefoon', ['NL', 'BE']],
  ['telefono', ['IT', 'ES', 'MX']],
  ['telefone', ['BR', 'PT']],
  ['telephone', ['FR', 'GB', 'US']],
  ['telefon', ['DE', 'CH', 'AT']],
  ['mobil', ['DE', 'CH', 'AT']],
  ['movil', ['ES', 'MX']],
  ['portable', ['FR']],
  ['tel', ['US', 'GB', 'DE', 'FR', 'IT', 'CH']],
];

const EASTERN: readonly (readonly [word: string, regions: readonly Region[]])[] = [
  ['電話', ['JP']],
  ['携帯', ['JP']],
  ['电话', ['CN']],
  ['手机', ['CN']],
  ['전화', ['KR']],
];

function regionsOf(before: string): readonly Region[] {
  const named = [...EASTERN, ...REGIONS].find(([word]) => before.includes(word))?.[1];
  return named ?? ['US', 'GB', 'DE'];
}

/** 555-01xx numbers are kept for fiction; they have the form of a person's number all the same. */
const isFictionalUs = (digits: string): boolean => /^1?[2-9]\d\d555\d{4}$/.test(digits);

const NATIONAL = new Set(['5-6', '5-3-3', '4-3-4', '3-4-4', '2-2-2-2-2', '4-7', '4-3-3', '3-3-3']);

/** Addresses of machines say little about a person: told, but not counted as personal data by themselves. */
export function ipIn(text: string, at: number): Personal | null {
  const end = runEnd(text, at, IP, 45);
  const trimmed = text.slice(at, end).replace(/[.:]$/, '');
  return isIP(trimmed) === 0 ? null : { kind: 'ip', confidence: 0.3, start: at, end: at + trimmed.length };
}

const IP = (() => {
  const table = new Uint8Array(128);
  for (const c of '0123456789abcdefABCDEF.:') table[c.charCodeAt(0)] = 1;
  return table;
})();

const STREETS = new Set([
  'street',
  'st',
  'avenue',
  'ave',
  'road',
  'rd',
  'boulevard',
  'blvd',
  'lane',
  'ln',
  'drive',
  'dr',
  'court',
  'ct',
  'way',
  'place',
  'pl',
  'terrace',
  'parkway',
]);

/** `12 Long Street, Town, ST 12345`: a number, names, a word for a street, and more after a comma. */
export function streetAt(text: string, at: number, numberEnd: number): Personal | null {
  if (numberEnd - at > 5 || text[numberEnd] !== ' ' || !startsRun(text, at, ALNUM)) return null;
  let word = numberEnd + 1;
  for (let i = 0; i < 5 && word < numberEnd + 61; i++) {
    const first = text.charCodeAt(word);
    if (!isIn(UPPER_DIGIT, first)) return null;
    let stop = word;
    while (stop < text.length && stop - word < 40 && text.charCodeAt(stop) !== 32) stop++;
    const comma = text.charCodeAt(stop - 1) === 44;
    if (i > 0 && !isIn(DIGIT, first) && STREETS.has(bareWord(text, word, stop))) {
      const rest = text.slice(stop + 1, stop + 41);
      const goesOn = comma || /^(?:Apt|Suite|Unit|#)/.test(rest);
      return goesOn && /[A-Z]/.test(rest)
        ? { kind: 'address', confidence: 0.65, start: at, end: stop }
        : null;
    }
    if (comma) return null;
    word = stop + 1;
  }
  return null;
}

const STREET_BEFORE =
  /(?:stra(?:ss|ß)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|laan|straat) \d{1,4} ?[a-z]?,? $|\d{1,4},? (?:bis )?(?:rue|avenue|boulevard|place|chemin|allee|impasse|quai|via|viale|piazza|calle|plaza|rua|avenida) [^,\n]{3,40}, $/i;

/** `Lange Straße 12, 10115 Ort`: the town behind the number of the post, the street before it. */
export function townAt(text: string, at: number, end: number): Personal | null {
  const before = text.slice(Math.max(0, at - 64), at);
  if (end - at < 4 || end - at > 5 || text[end] !== ' ' || !isIn(UPPER_DIGIT, text.charCodeAt(end + 1)))
    return null;
  if (!before.endsWith(', ') && !/\d[a-z]? $/.test(before)) return null;
  const street = STREET_BEFORE.exec(before);
  return street === null
    ? null
    : { kind: 'address', confidence: 0.65, start: at - before.length + street.index, end };
}

const bareWord = (text: string, start: number, end: number): string =>
  end - start > 12
    ? ''
    : text
        .slice(start, end)
        .replace(/[.,]+$/, '')
        .toLowerCase();
