// SPDX-License-Identifier: Apache-2.0
/** Numbers that states give to people, by country: a form, a check digit, and where the form is common the words before it. */
import type { Group } from './group.js';
import { luhn } from './checks.js';

const digit = (d: string, at: number): number => d.charCodeAt(at) - 48;
const weigh = (d: string, weights: string): number =>
  [...weights].reduce((sum, w, i) => sum + (w === 'X' ? 10 : Number(w)) * digit(d, i), 0);

/** Day and month of a number that starts with a date. */
const dated = (day: string, month: string): boolean =>
  Number(day) >= 1 && Number(day) <= 31 && Number(month) >= 1 && Number(month) <= 12;

/** Modulo 11, 10 (ISO 7064), as tax numbers of Germany have it. */
function mod1110(d: string): boolean {
  let product = 10;
  for (let i = 0; i < d.length - 1; i++) {
    const sum = (digit(d, i) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10 === digit(d, d.length - 1);
}

function isNorwegian(d: string): boolean {
  const first = weigh(d, '3761894521');
  const second = weigh(d, '54327654321');
  return dated(String(Number(d.slice(0, 2)) % 40), d.slice(2, 4)) && first % 11 === 0 && second % 11 === 0;
}

function isTurkish(d: string): boolean {
  const odd = [0, 2, 4, 6, 8].reduce((sum, i) => sum + digit(d, i), 0);
  const even = [1, 3, 5, 7].reduce((sum, i) => sum + digit(d, i), 0);
  const all = d
    .slice(0, 10)
    .split('')
    .reduce((sum, c) => sum + Number(c), 0);
  return d[0] !== '0' && (((odd * 7 - even) % 10) + 10) % 10 === digit(d, 9) && all % 10 === digit(d, 10);
}

const isEan = (d: string): boolean => (10 - (weigh(d, '131313131313') % 10)) % 10 === digit(d, 12);

/** National register of Belgium: 97 less the remainder, with a 2 before it for births since 2000. */
const isBelgian = (d: string): boolean =>
  [Number(d.slice(0, 9)), Number(`2${d.slice(0, 9)}`)].some((n) => 97 - (n % 97) === Number(d.slice(9)));

/** Personal identity code of Finland: the letter is the remainder by 31. */
const isFinnish = (d: string, letter: string): boolean =>
  '0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(d) % 31] === letter.toUpperCase() &&
  dated(d.slice(0, 2), d.slice(2, 4));

const isChilean = (d: string, check: string): boolean => {
  const sum = [...d].reverse().reduce((s, c, i) => s + Number(c) * (2 + (i % 6)), 0);
  return '0K987654321'[sum % 11] === check.toUpperCase();
};

interface Form {
  readonly shapes: readonly string[];
  /** One of them must stand before; none where the form says enough. */
  readonly words?: readonly string[];
  readonly is: (digits: string, group: Group) => boolean;
  readonly confidence: number;
}

const FORMS: readonly Form[] = [
  {
    shapes: ['9', '4-2-3', '3-3-3'],
    words: ['bsn', 'burgerservice', 'sofinummer'],
    is: (d) => (weigh(d, '98765432') - digit(d, 8)) % 11 === 0,
    confidence: 0.9,
  },
  { shapes: ['6-4'], words: ['cpr'], is: (d) => dated(d.slice(0, 2), d.slice(2, 4)), confidence: 0.85 },
  {
    shapes: ['11', '6-5'],
    words: ['dselsn', 'personnummer', 'd-nummer', 'fnr'],
    is: isNorwegian,
    confidence: 0.9,
  },
  { shapes: ['6-3'], is: (d, g) => isFinnish(d, g.after()), confidence: 0.9 },
  {
    shapes: ['6-7'],
    is: (d) =>
      dated(d.slice(4, 6), d.slice(2, 4)) &&
      /[1-8]/.test(d[6] ?? '') &&
      (11 - (weigh(d, '234567892345') % 11)) % 10 === digit(d, 12),
    confidence: 0.9,
  },
  {
    shapes: ['4-4-4', '12'],
    words: ['マイナンハ', 'マイナンバ', '個人番号', 'my number', 'mynumber'],
    is: (d) => {
      const r = weigh(d, '65432765432') % 11;
      return (r <= 1 ? 0 : 11 - r) === digit(d, 11);
    },
    confidence: 0.9,
  },
  {
    shapes: ['3-3-3', '9'],
    words: ['tfn', 'tax file'],
    is: (d) => weigh(d, '14375869X') % 11 === 0,
    confidence: 0.9,
  },
  {
    shapes: ['4-5-1', '10'],
    words: ['medicare'],
    is: (d) => weigh(d, '13791379') % 10 === digit(d, 8),
    confidence: 0.85,
  },
  {
    shapes: ['2-3-3-1', '1-3-3-1'],
    is: (d, g) => g.separators === '..-' && isChilean(d.slice(0, -1), d.slice(-1)),
    confidence: 0.85,
  },
  { shapes: ['11'], words: ['tckn', 'kimlik', 'tc no'], is: isTurkish, confidence: 0.9 },
  {
    shapes: ['4-6', '10'],
    words: ['svnr', 'sozialvers', 'sv-nummer', 'sv-nr'],
    is: (d) =>
      [3, 7, 9, 0, 5, 8, 4, 2, 1, 6].reduce((s, w, i) => s + w * digit(d, i), 0) % 11 === digit(d, 3),
    confidence: 0.9,
  },
  { shapes: ['3-4-4-2'], is: (d) => d.startsWith('756') && isEan(d), confidence: 0.9 },
  { shapes: ['13'], words: ['ahv', 'avs'], is: (d) => d.startsWith('756') && isEan(d), confidence: 0.9 },
  {
    shapes: ['11', '2-3-3-3'],
    words: ['steuer', 'idnr', 'tax id'],
    is: (d) => d[0] !== '0' && mod1110(d),
    confidence: 0.9,
  },
  { shapes: ['2-2-2-3-2'], is: (d, g) => g.separators === '..-.' && isBelgian(d), confidence: 0.9 },
  {
    shapes: ['11'],
    words: ['rijksregister', 'registre national', 'insz', 'niss'],
    is: isBelgian,
    confidence: 0.9,
  },
  {
    shapes: ['13'],
    words: ['cnp'],
    is: (d) => {
      const r = weigh(d, '279146358279') % 11;
      return (r === 10 ? 1 : r) === digit(d, 12);
    },
    confidence: 0.9,
  },
  {
    shapes: ['10'],
    words: ['egn', 'ern'],
    is: (d) =>
      ([2, 4, 8, 5, 10, 9, 7, 3, 6].reduce((s, w, i) => s + w * digit(d, i), 0) % 11) % 10 === digit(d, 9),
    confidence: 0.9,
  },
  { shapes: ['6-4', '10'], words: ['rodne', 'r.c.'], is: (d) => Number(d) % 11 === 0, confidence: 0.9 },
  { shapes: ['11'], words: ['amka'], is: luhn, confidence: 0.9 },
  { shapes: ['9'], words: ['ת.ז', 'תעודת', 'teudat', 'israeli id'], is: luhn, confidence: 0.85 },
  {
    shapes: ['13'],
    words: ['id number', 'identity n', 'sa id', 'south african', 'id '],
    is: (d) => dated(d.slice(4, 6), d.slice(2, 4)) && /[01]/.test(d[10] ?? '') && luhn(d),
    confidence: 0.85,
  },
  { shapes: ['3-4-7-1'], is: (d) => d.startsWith('784') && luhn(d), confidence: 0.9 },
];

const byShape = new Map<string, Form[]>();
for (const form of FORMS)
  for (const shape of form.shapes) byShape.set(shape, [...(byShape.get(shape) ?? []), form]);

/** How sure it is that the group is such a number; null where it is none. */
export function nationalNumber(group: Group): number | null {
  const found = byShape
    .get(group.shape)
    ?.find(
      ({ words, is }) =>
        (words === undefined || words.some((word) => group.before().includes(word))) &&
        is(group.digits, group),
    );
  return found?.confidence ?? null;
}

/** Permanent account number of India: the fourth letter is the kind of holder, P a person. */
const PAN = /^[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]$/;
/** Population registry code of Mexico. */
const CURP = /^[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z\d]\d$/;
/** Pension insurance number of Germany. */
const PENSION = /^\d{8}[A-Z]\d{3}$/;
/** Personal public service number of Ireland. */
const PPS = /^\d{7}[A-W][A-W]?$/;
const HONG_KONG = /^[A-Z]{1,2}\d{6}$/;

const curpDigit = (word: string): number => {
  const letters = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ';
  const sum = word
    .slice(0, 17)
    .split('')
    .reduce((s, c, i) => s + letters.indexOf(c) * (18 - i), 0);
  return (10 - (sum % 10)) % 10;
};

const ppsLetter = (word: string): string => {
  const second = word.length > 8 ? word.charCodeAt(8) - 64 : 0;
  return 'WABCDEFGHIJKLMNOPQRSTUV'[(weigh(word, '8765432') + 9 * second) % 23] ?? '';
};

function hongKong(word: string, check: string): boolean {
  const value = (c: string): number => (c >= 'A' ? c.charCodeAt(0) - 55 : c === ' ' ? 36 : Number(c));
  const sum = [...word.padStart(8, ' ')].reduce((s, c, i) => s + value(c) * (9 - i), 0);
  return '0A987654321'[sum % 11] === check;
}

/** How sure it is that the word (in capitals) is such a number. `before` and `after` are what stands around it, in lower case. */
export function nationalWord(word: string, before: () => string, after: string): number | null {
  const said = (...words: readonly string[]): boolean => words.some((w) => before().includes(w));
  if (CURP.test(word)) return curpDigit(word) === digit(word, 17) ? 0.95 : null;
  if (PAN.test(word)) return word[3] === 'P' || said('pan') ? 0.7 : null;
  if (PENSION.test(word)) return said('rentenvers', 'sozialvers', 'rvnr', 'svnr', 'rv-nummer') ? 0.85 : null;
  if (PPS.test(word)) return said('pps') && ppsLetter(word) === word[7] ? 0.9 : null;
  const check = /^\(([0-9a])\)/.exec(after)?.[1];
  if (HONG_KONG.test(word) && check !== undefined) return hongKong(word, check.toUpperCase()) ? 0.9 : null;
  return null;
}
