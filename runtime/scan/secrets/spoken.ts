// SPDX-License-Identifier: Apache-2.0
/** Secrets that stand in a sentence, on a command line, in a file of logins, or as a hash: no name and sign before them. */
import { ALNUM, isIn, LETTER, runEnd, SLUG, startsRun, TOKEN } from '../characters.js';
import type { Hit, Rule } from '../rule.js';
import { hasLetterAndDigit } from './forms.js';
import { isPlaceholder } from './placeholder.js';

const MAX_WORD = 128;

/** From `at` to the next space, quote or bracket. */
export function wordEnd(text: string, at: number): number {
  let end = at;
  const limit = Math.min(text.length, at + MAX_WORD);
  while (end < limit && ENDS[text.charCodeAt(end)] !== 1) end++;
  return end;
}

const ENDS = (() => {
  const table = new Uint8Array(128);
  for (const c of ' \t\r\n"\'`<>)]},;') table[c.charCodeAt(0)] = 1;
  return table;
})();

/** Letters with digits or signs between them, and no reference to something else. */
export function looksSecret(word: string, least: number): boolean {
  if (word.length < least || '$({%['.includes(word[0] ?? '$')) return false;
  const mixed = hasLetterAndDigit(word) || (/[^A-Za-z0-9_.:/-]/.test(word) && /[A-Za-z0-9]/.test(word));
  return mixed && !isPlaceholder(word);
}

function hitWord(text: string, from: number, least: number, confidence: number): Hit | null {
  let start = from;
  while (start - from < 8 && ' :"\'`='.includes(text[start] ?? '-')) start++;
  let end = wordEnd(text, start);
  while (end > start && '.!?'.includes(text[end - 1] ?? '-') && end - start > least) end--;
  return looksSecret(text.slice(start, end), least) ? { start, end, confidence } : null;
}

const said = (text: string, at: number, anchor: string): Hit | null =>
  startsRun(text, at, ALNUM) ? hitWord(text, at + anchor.length, 6, 0.7) : null;

const argument = (text: string, at: number, anchor: string): Hit | null =>
  startsRun(text, at, SLUG) ? hitWord(text, at + anchor.length, 5, 0.7) : null;

/** `curl -u name:password`. */
function curlUser(text: string, at: number): Hit | null {
  if (!startsRun(text, at, SLUG)) return null;
  const line = text.slice(at, at + 240).split('\n', 1)[0] ?? '';
  const flag = /\s(?:-u|--user)[ =]["']?/.exec(line);
  if (flag === null) return null;
  const start = at + flag.index + flag[0].length;
  const word = text.slice(start, wordEnd(text, start));
  const colon = word.indexOf(':');
  const password = word.slice(colon + 1);
  return colon > 0 &&
    password.length >= 4 &&
    !'$({%['.includes(password[0] ?? '$') &&
    !isPlaceholder(password)
    ? { start, end: start + word.length, confidence: 0.75 }
    : null;
}

/** `mysql -u root -pSECRET`: the password follows without a space. */
function mysqlPassword(text: string, at: number): Hit | null {
  const line = text.slice(at, at + 160).split('\n', 1)[0] ?? '';
  const flag = line.indexOf(' -p');
  if (flag < 0) return null;
  const start = at + flag + 3;
  const word = text.slice(start, wordEnd(text, start));
  return hasLetterAndDigit(word) && looksSecret(word, 6)
    ? { start, end: start + word.length, confidence: 0.7 }
    : null;
}

/** `machine HOST login NAME password SECRET` of .netrc. */
function netrc(text: string, at: number): Hit | null {
  const rest = text.slice(at, at + 200);
  const sign = /^machine\s+\S+\s+(?:login\s+\S+\s+)?password\s+/.exec(rest);
  return sign === null ? null : hitWord(text, at + sign[0].length, 4, 0.8);
}

/** `$6$salt$hash`, `$2b$12$…`, `$argon2id$…` (crypt(5)). */
function hash(text: string, at: number, anchor: string): Hit | null {
  const end = runEnd(text, at, CRYPT, 256);
  const least = anchor === '$1$' || anchor === '$apr1$' ? 28 : 50;
  return end - at >= least ? { start: at, end, confidence: 0.7 } : null;
}

const CRYPT = (() => {
  const table = new Uint8Array(TOKEN);
  for (const c of '$,') table[c.charCodeAt(0)] = 1;
  return table;
})();

/** The private member of a JSON Web Key (RFC 7518, 6.2.2 and 6.3.2). */
function jwk(text: string, at: number, anchor: string): Hit | null {
  let start = at + anchor.length;
  while (start - at < 8 && ' :"'.includes(text[start] ?? '-')) start++;
  const end = runEnd(text, start, SLUG, 2048);
  if (end - start < 40) return null;
  const around = text.slice(Math.max(0, at - 1200), at) + text.slice(end, end + 1200);
  return around.includes('"kty"') ? { start, end, confidence: 0.9 } : null;
}

/** Twelve words or more that a wallet is made from. */
function phrase(text: string, at: number, anchor: string): Hit | null {
  let i = at + anchor.length;
  while (i - at < 40 && ' :="\'\n-is'.includes(text[i] ?? '.')) i++;
  while (i > at && isIn(LETTER, text.charCodeAt(i - 1))) i--;
  const start = i;
  let words = 0;
  for (; words < 24; words++) {
    const end = runEnd(text, i, LETTER, 9);
    if (end - i < 3 || end - i > 8 || text.slice(i, end) !== text.slice(i, end).toLowerCase()) break;
    i = end;
    if (text[i] === ' ') i++;
    else {
      words++;
      break;
    }
  }
  return words >= 12 ? { start, end: i, confidence: 0.8 } : null;
}

/** The signature of a shared access signature (Azure Storage, Service Bus). */
function sasSignature(text: string, at: number, anchor: string): Hit | null {
  const start = at + anchor.length;
  const end = runEnd(text, start, PERCENT, 128);
  const around = text.slice(Math.max(0, at - 300), at) + text.slice(end, end + 200);
  const signed = /[?&](?:sv|se|sp|sr|skn)=|SharedAccessSignature/.test(around);
  return end - start >= 40 && signed ? { start, end, confidence: 0.9 } : null;
}

const PERCENT = (() => {
  const table = new Uint8Array(TOKEN);
  table['%'.charCodeAt(0)] = 1;
  return table;
})();

const rule = (
  kind: string,
  id: string,
  anchors: readonly string[],
  check: Rule['check'],
  reach: number,
): Rule => ({
  id: `secret/${id}`,
  detector: 'secret',
  kind,
  anchors,
  reach,
  check,
});

export const spokenRules: readonly Rule[] = [
  rule(
    'password',
    'said',
    [
      'password is',
      'passphrase is',
      'passcode is',
      'api key is',
      'token is',
      'secret key is',
      'passwort lautet',
      'passwort ist',
      'kennwort lautet',
      'kennwort ist',
      'mot de passe est',
      'contrasena es',
      'senha e',
      'wachtwoord is',
      'password e:',
      'haslo to',
    ],
    said,
    600,
  ),
  rule(
    'password',
    'argument',
    [
      'requirepass ',
      'sshpass -p',
      'masterauth ',
      '--password ',
      '--passphrase ',
      'bindpw ',
      'snmp-server community ',
    ],
    argument,
    700,
  ),
  rule('password', 'curl-user', ['curl '], curlUser, 400),
  rule('password', 'mysql', ['mysql ', 'mysqldump ', 'mysqladmin '], mysqlPassword, 300),
  rule('password', 'netrc', ['machine '], netrc, 400),
  rule(
    'password-hash',
    'hash',
    ['$apr1$', '$1$', '$5$', '$6$', '$y$', '$2a$', '$2b$', '$2y$', '$argon2'],
    hash,
    1200,
  ),
  rule('private-key', 'jwk', ['"d"'], jwk, 3000),
  rule('wallet-key', 'phrase', ['seed phrase', 'mnemonic', 'recovery phrase'], phrase, 1500),
  rule('azure-secret', 'sas-signature', ['sig='], sasSignature, 1000),
];
