// SPDX-License-Identifier: Apache-2.0
/** Numbers of people and accounts: candidates by their form, told apart by check digits, and by the words before them where the form is common. */
import { ALNUM, DIGIT, isIn, LETTER, startsRun } from '../characters.js';
import type { Hit } from '../rule.js';
import * as check from './checks.js';
import type { Group } from './group.js';
import { nationalNumber, nationalWord } from './national.js';

export interface Personal extends Hit {
  readonly kind: string;
}

/** Parts of all words that `said` asks for, so that most numbers are asked about once; a test holds it to them. */
export const HINT =
  /card|visa|amex|credit|cc|ssn|social|itin|taxpay|phone|tel|nhs|patient|aadh|uid|pesel|cpf|nir|s[eé]cu|insee|person|sin|birth|dob|born|d\.o\.b|gebor|geburt|nee? le|naiss|naci|nasc|nat[ao] il|fodel|urodz|mrn|medical|health|passport|account|acct|routing|driv/;

const said = (group: Group, ...words: readonly string[]): boolean =>
  group.hinted(HINT) && words.some((word) => group.before().includes(word));

const uniform = (group: Group): boolean => new Set(group.separators).size <= 1;

type Test = (group: Group) => readonly [kind: string, confidence: number] | null;

const CARD_SHAPES = new Set([
  '16',
  '4-4-4-4',
  '15',
  '4-6-5',
  '14',
  '4-6-4',
  '13',
  '19',
  '4-4-4-4-3',
  '4-4-5',
  '3-3-3-3-1',
  '5-5-5-1',
]);

const TESTS: readonly Test[] = [
  (g) =>
    CARD_SHAPES.has(g.shape) && uniform(g) && !g.separators.includes('/') && check.isCard(g.digits)
      ? [
          'card',
          said(g, 'card', 'visa', 'mastercard', 'amex', 'credit', 'cc') || g.shape !== '13' ? 0.9 : 0.6,
        ]
      : null,
  (g) =>
    g.shape === '3-2-4' && uniform(g) && !g.separators.includes('/') && check.isSsn(g.digits)
      ? ['ssn', 0.9]
      : null,
  (g) =>
    g.digits.length === 9 && said(g, 'ssn', 'social security', 'social sec') && check.isSsn(g.digits)
      ? ['ssn', 0.85]
      : null,
  (g) => (g.shape === '3-2-4' && uniform(g) && check.isItin(g.digits) ? ['itin', 0.8] : null),
  (g) =>
    g.digits.length === 9 && said(g, 'itin', 'taxpayer') && check.isItin(g.digits) ? ['itin', 0.8] : null,
  (g) =>
    g.shape === '3-3-4' && uniform(g) && !said(g, 'phone', 'tel') && check.isNhs(g.digits)
      ? ['nhs', said(g, 'nhs', 'patient') ? 0.9 : 0.55]
      : null,
  (g) => (g.shape === '10' && said(g, 'nhs') && check.isNhs(g.digits) ? ['nhs', 0.9] : null),
  (g) => (g.shape === '4-4-4' && uniform(g) && check.isAadhaar(g.digits) ? ['aadhaar', 0.8] : null),
  (g) =>
    g.shape === '12' && check.isAadhaar(g.digits)
      ? ['aadhaar', said(g, 'aadhaar', 'uidai', 'uid') ? 0.9 : 0.4]
      : null,
  (g) => (g.shape === '11' && check.isPesel(g.digits) ? ['pesel', said(g, 'pesel') ? 0.95 : 0.55] : null),
  (g) => (g.shape === '3-3-3-2' && g.separators === '..-' && check.isCpf(g.digits) ? ['cpf', 0.95] : null),
  (g) => (g.shape === '11' && said(g, 'cpf') && check.isCpf(g.digits) ? ['cpf', 0.9] : null),
  (g) =>
    (g.shape === '15' || g.shape === '1-2-2-2-3-3-2') &&
    said(g, 'nir', 'sécu', 'secu', 'insee') &&
    check.isNir(g.digits)
      ? ['nir', 0.9]
      : null,
  (g) =>
    (g.shape === '6-4' || g.shape === '8-4') &&
    g.separators === '-' &&
    check.isPersonnummer(g.digits.slice(-10))
      ? ['personnummer', said(g, 'personnummer', 'person') ? 0.9 : 0.6]
      : null,
  (g) =>
    g.shape === '3-3-3' && said(g, 'sin', 'social insurance') && check.luhn(g.digits) ? ['sin', 0.9] : null,
  (g) =>
    BIRTH.has(g.shape) &&
    said(
      g,
      'birth',
      'dob',
      'born',
      'd.o.b',
      'geboren',
      'geburts',
      'ne le',
      'nee le',
      'naissance',
      'nacimiento',
      'nascimento',
      'nato il',
      'nata il',
      'nascita',
      'fodels',
      'urodz',
    ) &&
    isDate(g)
      ? ['birth-date', 0.85]
      : null,
  (g) =>
    g.digits.length >= 5 &&
    g.digits.length <= 12 &&
    said(g, 'mrn', 'medical record', 'patient id', 'patient number', 'health record')
      ? ['medical-record', 0.8]
      : null,
  (g) => (g.digits.length >= 6 && g.digits.length <= 10 && said(g, 'passport') ? ['passport', 0.75] : null),
  (g) =>
    g.digits.length >= 6 &&
    g.digits.length <= 17 &&
    said(g, 'account number', 'account no', 'acct', 'routing number', 'bank account')
      ? ['bank-account', 0.7]
      : null,
  (g) =>
    g.digits.length >= 6 &&
    g.digits.length <= 14 &&
    said(g, "driver's license", 'driver license', 'drivers license', 'driving licence')
      ? ['driving-licence', 0.75]
      : null,
];

const BIRTH = new Set(['4-2-2', '2-2-4', '1-1-4', '1-2-4', '2-1-4', '2-2-2']);

function isDate(group: Group): boolean {
  const parts = group.shape.startsWith('4') ? [group.digits.slice(4, 6), group.digits.slice(6)] : [];
  return parts.length === 0 || (Number(parts[0]) <= 12 && Number(parts[1]) <= 31);
}

export function numberKinds(group: Group): Personal | null {
  for (const test of TESTS) {
    const found = test(group);
    if (found !== null) return { kind: found[0], confidence: found[1], start: group.start, end: group.end };
  }
  const national = nationalNumber(group);
  if (national === null) return null;
  const end = /[A-Za-z]/.test(group.after()) ? group.end + 1 : group.end;
  return { kind: 'national-id', confidence: national, start: group.start, end };
}

const IBAN_MOST = 42;

/** Identifiers with letters: the run of letters and digits that starts at `at`. */
export function wordKinds(text: string, at: number, end: number): Personal | null {
  const letter = isIn(LETTER, text.charCodeAt(at));
  if (end - at < 7 && !(letter && isIn(DIGIT, text.charCodeAt(at + 2)))) return null;
  const found = (kind: string, confidence: number): Personal => ({ kind, confidence, start: at, end });
  const iban = ibanAt(text, at);
  if (iban !== null) return { kind: 'iban', confidence: 0.95, start: at, end: iban };
  const length = end - at;
  // No other has so few, or so many.
  if (length < 6 || length > 18) return null;
  const word = text.slice(at, end);
  const upper = word.toUpperCase();
  const before = (): string => text.slice(Math.max(0, at - 40), at).toLowerCase();
  const national =
    word === upper ? nationalWord(upper, before, text.slice(end, end + 3).toLowerCase()) : null;
  if (national !== null) return found('national-id', national);
  const document = letter || length > 6 ? documentKind(upper, before) : null;
  if (document !== null) return found(document, 0.75);
  if (length < 9) return null;
  const shape = form(upper);
  switch (shape) {
    case '8L':
    case 'L7L':
    case 'L8':
      if (/^[0-9XYZ]/.test(upper) && shape !== 'L8' && check.isNif(upper)) return found('nif', 0.8);
      if (/^[STFGM]/.test(upper) && shape === 'L7L' && check.isNric(upper)) return found('nric', 0.85);
      return null;
    case 'LL6L':
      return check.isNino(upper) && word === upper ? found('nino', 0.8) : null;
    case 'LLLLLL2L2L3L':
      return check.isFiscalCode(upper) ? found('fiscal-code', 0.95) : null;
    case '17L':
      return check.isChineseId(upper) ? found('china-id', 0.9) : null;
    case '18':
      return check.isChineseId(upper) ? found('china-id', 0.7) : null;
    default:
      return isMbi(upper) ? found('mbi', 0.7) : null;
  }
}

const DOCUMENT = /^(?=.*\d.*\d.*\d)[A-Z0-9]{6,12}$/;
const PASSPORTS = ['passport', 'reisepass', 'passnummer', 'passeport', 'pasaporte', 'passaporto', 'paspoort'];
const LICENCES = [
  "driver's licen",
  'driver licen',
  'drivers licen',
  'driving licen',
  'hrerschein',
  'permis de conduire',
  'dl number',
];

/** Numbers of papers have no check digit that all share; the words before them tell. */
function documentKind(word: string, before: () => string): string | null {
  if (!DOCUMENT.test(word)) return null;
  const said = (words: readonly string[]): boolean => words.some((w) => before().includes(w));
  if (said(PASSPORTS)) return 'passport';
  return said(LICENCES) ? 'driving-licence' : null;
}

/** `AB123456C` is `LL6L`: letters one by one, digits counted. */
function form(word: string): string {
  if (word.length > 18) return '';
  let out = '';
  let digits = 0;
  for (const c of word) {
    if (c >= '0' && c <= '9') digits++;
    else {
      if (digits > 0) out += String(digits);
      digits = 0;
      out += 'L';
    }
  }
  return digits > 0 ? out + String(digits) : out;
}

/** Medicare beneficiary identifier of the US: eleven places, each with its class. */
function isMbi(word: string): boolean {
  const letter = /^[AC-HJKMNP-RT-Y]$/;
  const classes = '1LM9LM9LL99';
  if (word.length !== 11) return false;
  return [...classes].every((wanted, i) => {
    const c = word[i] ?? '';
    const isDigit = c >= '0' && c <= '9';
    if (wanted === '1') return c >= '1' && c <= '9';
    if (wanted === '9') return isDigit;
    return wanted === 'L' ? letter.test(c) : isDigit || letter.test(c);
  });
}

/** An IBAN, in one piece or in groups of four. */
function ibanAt(text: string, at: number): number | null {
  if (!isIn(LETTER, text.charCodeAt(at)) || !isIn(DIGIT, text.charCodeAt(at + 2))) return null;
  const country = text.slice(at, at + 2).toUpperCase();
  const length = check.ibanLength(country);
  if (length === null || !isIn(DIGIT, text.charCodeAt(at + 3))) return null;
  let taken = '';
  let i = at;
  for (const limit = Math.min(text.length, at + IBAN_MOST); i < limit && taken.length < length; i++) {
    const c = text[i] ?? '';
    if (isIn(ALNUM, c.charCodeAt(0))) taken += c;
    else if ((c !== ' ' && c !== '-') || taken.length % 4 !== 0) return null;
  }
  if (taken.length !== length || isIn(ALNUM, text.charCodeAt(i))) return null;
  return check.isIban(taken.toUpperCase()) ? i : null;
}

export const isRunStart = (text: string, at: number): boolean =>
  startsRun(text, at, ALNUM) && text[at - 1] !== '_';
