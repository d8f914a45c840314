// SPDX-License-Identifier: Apache-2.0
/** What `redact … mask` can name: whole detectors of the scanner, and kinds of personal data one by one. */

/** The words of policies for detectors, and the scanner's own. */
export const MASK_DETECTORS: ReadonlyMap<string, string> = new Map([
  ['secrets', 'secret'],
  ['pii', 'pii'],
  ['injection', 'injection'],
  ['exfiltration', 'exfiltration'],
  ['code', 'code'],
]);

/** Kinds of personal data, as the scanner names them but for `_` in place of `-`. */
export const MASK_KINDS: readonly string[] = [
  'aadhaar',
  'address',
  'bank_account',
  'birth_date',
  'card',
  'china_id',
  'cpf',
  'driving_licence',
  'email',
  'fiscal_code',
  'iban',
  'ip',
  'itin',
  'mbi',
  'medical_record',
  'national_id',
  'nhs',
  'nif',
  'nino',
  'nir',
  'nric',
  'passport',
  'personnummer',
  'pesel',
  'phone',
  'sin',
  'ssn',
];

export const MASKS: readonly string[] = [...MASK_DETECTORS.keys(), ...MASK_KINDS];
