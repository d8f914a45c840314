// SPDX-License-Identifier: Apache-2.0
/** Check digits and inner rules of numbers that name people and accounts. Each takes plain digits or letters, without separators. */

const digit = (text: string, at: number): number => text.charCodeAt(at) - 48;

/** ISO/IEC 7812-1, annex B. */
export function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const d = digit(digits, digits.length - 1 - i);
    const doubled = i % 2 === 1 ? d * 2 : d;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Issuer ranges of payment cards with their lengths. */
export function isCard(digits: string): boolean {
  const n = digits.length;
  const two = Number(digits.slice(0, 2));
  const four = Number(digits.slice(0, 4));
  const known =
    (digits.startsWith('4') && (n === 13 || n === 16 || n === 19)) ||
    (n === 16 && ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720))) ||
    (n === 15 && (two === 34 || two === 37)) ||
    (n >= 16 && n <= 19 && (four === 6011 || two === 65 || (four >= 6440 && four <= 6499) || two === 62)) ||
    (n === 16 && (four === 5019 || (four >= 2200 && four <= 2204))) ||
    (n === 16 && four >= 3528 && four <= 3589) ||
    (n === 14 && (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059)));
  return known && new Set(digits).size > 1 && luhn(digits);
}

/** Lengths by country (ISO 13616 registry). */
const IBAN = new Map(
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20'
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))] as const),
);

export const ibanLength = (country: string): number | null => IBAN.get(country) ?? null;

/** ISO 7064 mod 97-10 over the rearranged number. */
export function isIban(text: string): boolean {
  if (ibanLength(text.slice(0, 2)) !== text.length) return false;
  let rest = 0;
  for (const c of text.slice(4) + text.slice(0, 4)) {
    const u = c.charCodeAt(0);
    const value = u <= 57 ? u - 48 : u - 55;
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** Social security numbers that can be issued (SSA, since 2011). */
export function isSsn(d: string): boolean {
  const area = d.slice(0, 3);
  if (area === '000' || area === '666' || area.startsWith('9')) return false;
  return d.slice(3, 5) !== '00' && d.slice(5) !== '0000' && d !== '078051120' && d !== '123456789';
}

/** US taxpayer numbers of those without a social security number. */
export function isItin(d: string): boolean {
  const group = Number(d.slice(3, 5));
  return (
    d.startsWith('9') &&
    ((group >= 50 && group <= 65) ||
      (group >= 70 && group <= 88) ||
      (group >= 90 && group <= 99 && group !== 93))
  );
}

/** Weighted sum of the first digits. */
const weighted = (d: string, weights: readonly number[]): number =>
  weights.reduce((sum, weight, i) => sum + weight * digit(d, i), 0);

/** NHS number: mod 11. */
export function isNhs(d: string): boolean {
  const check = 11 - (weighted(d, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
  return (check === 11 ? 0 : check) === digit(d, 9) && new Set(d).size > 2;
}

export function isPesel(d: string): boolean {
  const month = Number(d.slice(2, 4)) % 20;
  const day = Number(d.slice(4, 6));
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  return (10 - (weighted(d, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10 === digit(d, 10);
}

/** CPF of Brazil. */
export function isCpf(d: string): boolean {
  if (new Set(d).size === 1) return false;
  const first = ((weighted(d, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
  const second = ((weighted(d, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
  return first === digit(d, 9) && second === digit(d, 10);
}

const D = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const P = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
];

/** Verhoeff's dihedral check, as Aadhaar uses it. */
export function verhoeff(digits: string): boolean {
  let c = 0;
  for (let i = 0; i < digits.length; i++) {
    const p = P[i % 8] ?? '';
    c = digit(D[c] ?? '', digit(p, digit(digits, digits.length - 1 - i)));
  }
  return c === 0;
}

export const isAadhaar = (d: string): boolean =>
  Number(d[0]) >= 2 && verhoeff(d) && [...d].reverse().join('') !== d;

/** Identity number of China (GB 11643). */
export function isChineseId(text: string): boolean {
  const sum = weighted(text, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
  return '10X98765432'[sum % 11] === text[17];
}

/** NIR of France: 97 less the remainder. */
export const isNir = (d: string): boolean =>
  97 - Number(BigInt(d.slice(0, 13)) % 97n) === Number(d.slice(13));

const NIF = 'TRWAGMYFPDXBNJZSQVHLCKE';

/** DNI and NIE of Spain. */
export function isNif(text: string): boolean {
  const digits = text.slice(0, -1).replace('X', '0').replace('Y', '1').replace('Z', '2');
  return NIF[Number(digits) % 23] === text.at(-1);
}

const ODD = new Map(
  [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((c, i) => {
    const odd = [
      1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14,
      16, 10, 22, 25, 24, 23,
    ];
    return [c, odd[i] ?? 0] as const;
  }),
);

/** Codice fiscale of Italy. */
export function isFiscalCode(text: string): boolean {
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const c = text[i] ?? '';
    const u = c.charCodeAt(0);
    sum += i % 2 === 0 ? (ODD.get(c) ?? 0) : u <= 57 ? u - 48 : u - 65;
  }
  return String.fromCharCode(65 + (sum % 26)) === text[15];
}

/** NRIC and FIN of Singapore. */
export function isNric(text: string): boolean {
  const sum = weighted(text.slice(1), [2, 7, 6, 5, 4, 3, 2]);
  const kind = text[0] ?? '';
  const at = (sum + (kind === 'T' || kind === 'G' ? 4 : kind === 'M' ? 3 : 0)) % 11;
  const table = kind === 'S' || kind === 'T' ? 'JZIHGFEDCBA' : kind === 'M' ? 'XWUTRQPNJLK' : 'XWUTRQPNMLK';
  return (kind === 'M' ? table[10 - at] : table[at]) === text[8] || table[at] === text[8];
}

/** National insurance number of the UK: prefixes that are given. */
export function isNino(text: string): boolean {
  const prefix = text.slice(0, 2);
  return (
    !['BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ'].includes(prefix) &&
    !/[DFIQUV]/.test(prefix) &&
    prefix[1] !== 'O' &&
    /[A-D]/.test(text[8] ?? '')
  );
}

/** Personal number of Sweden: Luhn over ten digits. */
export function isPersonnummer(d: string): boolean {
  const month = Number(d.slice(2, 4));
  const day = Number(d.slice(4, 6)) % 60;
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && luhn(d);
}
