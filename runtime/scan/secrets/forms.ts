// SPDX-License-Identifier: Apache-2.0
/** Secrets whose form is more than a prefix: PEM, JWT, URLs with a password, authorization headers, and a few tokens of bots. */
import {
  ALNUM,
  BASE64,
  DIGIT,
  entropy,
  HEX,
  LETTER,
  runEnd,
  SLUG,
  startsRun,
  TOKEN,
  isIn,
} from '../characters.js';
import type { Hit, Rule } from '../rule.js';
import { isPlaceholder } from './placeholder.js';

const secret = (kind: string, anchors: readonly string[], check: Rule['check'], reach = 64): Rule => ({
  id: `secret/${kind}`,
  detector: 'secret',
  kind,
  anchors,
  reach,
  check,
});

const hit = (start: number, end: number, confidence = 0.95): Hit => ({ start, end, confidence });

const MAX_PEM = 16 * 1024;

/** RFC 7468 labels, OpenSSH and PGP; to the end marker, or as far as the base64 goes. */
function pem(text: string, at: number): Hit | null {
  const label = text.slice(at + 11, at + 60);
  const dashes = label.indexOf('-----');
  if (dashes < 0 || !label.slice(0, dashes).includes('PRIVATE KEY')) return null;
  const from = at + 11 + dashes + 5;
  const rest = text.slice(from, from + MAX_PEM);
  const close = rest.indexOf('-----');
  const body = rest.slice(0, Math.min(400, close < 0 ? rest.length : close)).replaceAll('\\n', '\n');
  let letters = 0;
  for (let i = 0; i < body.length && letters < 16; i++) if (isIn(BASE64, body.charCodeAt(i))) letters++;
  if (letters < 16 || body.includes('...')) return null;
  const ends =
    close >= 0 && rest.startsWith('-----END ', close)
      ? rest.slice(close + 9, close + 80).indexOf('-----')
      : -1;
  return hit(at, ends < 0 ? from + (close < 0 ? rest.length : close) : from + close + 9 + ends + 5, 0.98);
}

/** RFC 7519: three parts, the first two JSON objects in base64url. */
function jwt(text: string, at: number): Hit | null {
  if (!text.startsWith('eyJ', at) || !startsRun(text, at, SLUG)) return null;
  const header = runEnd(text, at, SLUG, 2048);
  if (header - at < 15 || !text.startsWith('.', header) || !text.startsWith('eyJ', header + 1)) return null;
  const payload = runEnd(text, header + 1, SLUG, 8192);
  if (payload - header < 11) return null;
  const end = text.startsWith('.', payload) ? runEnd(text, payload + 1, SLUG, 2048) : payload;
  const head = Buffer.from(text.slice(at, header), 'base64url').toString('latin1');
  return head.includes('"alg"') || head.includes('"typ"') || head.includes('"kid"')
    ? hit(at, end, 0.9)
    : null;
}

/** Passwords of documentation: told, with less confidence. */
const SIMPLE_PASSWORDS = new Set(['pass', 'password', 'pwd', 'passwd', 'pw', 'secret', 'changeme']);
const MAX_URL = 512;

/** `scheme://user:password@host` (RFC 3986, 3.2.1). */
function basicAuthUrl(text: string, at: number): Hit | null {
  let start = at;
  while (start > 0 && at - start < 24 && (isIn(ALNUM, text.charCodeAt(start - 1)) || text[start - 1] === '+'))
    start--;
  if (start === at) return null;
  let end = at + 3;
  let sign = -1;
  for (const limit = Math.min(text.length, end + MAX_URL); end < limit; end++) {
    const c = text[end] ?? '';
    if (c === '@') sign = end;
    else if (c <= ' ' || '/?#"\'`<>\\'.includes(c)) break;
  }
  const colon = text.indexOf(':', at + 3);
  if (sign < 0 || colon < 0 || colon > sign) return null;
  const password = text.slice(colon + 1, sign);
  const low = password.toLowerCase();
  if (password.length < 3 || (isPlaceholder(password) && !SIMPLE_PASSWORDS.has(low))) return null;
  if (text.slice(sign + 1, end).length < 3 || password.includes('$') || password.startsWith('[')) return null;
  return hit(start, end, SIMPLE_PASSWORDS.has(low) ? 0.5 : 0.85);
}

/** `Bearer …` and `Basic …` of RFC 6750 and 7617. */
function bearer(text: string, at: number, anchor: string): Hit | null {
  if (!startsRun(text, at, ALNUM)) return null;
  const from = at + anchor.length;
  const end = runEnd(text, from, TOKEN, 1024);
  const value = text.slice(from, end);
  if (value.length < 16 || entropy(value) < 3.2 || isPlaceholder(value) || !hasDigit(value)) return null;
  return hit(from, end, 0.85);
}

function basic(text: string, at: number, anchor: string): Hit | null {
  if (!startsRun(text, at, ALNUM)) return null;
  const from = at + anchor.length;
  let end = runEnd(text, from, BASE64, 512);
  if (end - from < 12) return null;
  const plain = Buffer.from(text.slice(from, end), 'base64').toString('latin1');
  const colon = plain.indexOf(':');
  for (let i = 0; i < plain.length; i++) {
    const u = plain.charCodeAt(i);
    if (u < 32 || u > 126) return null;
  }
  if (colon < 1) return null;
  end = text.startsWith('==', end) ? end + 2 : text.startsWith('=', end) ? end + 1 : end;
  return hit(from, end, 0.9);
}

const hasDigit = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (isIn(DIGIT, text.charCodeAt(i))) return true;
  return false;
};

/** `123456789:AA…`: the digits stand before the anchor. */
function telegram(text: string, at: number): Hit | null {
  let start = at;
  while (start > 0 && at - start < 11 && isIn(DIGIT, text.charCodeAt(start - 1))) start--;
  if (
    at - start < 7 ||
    (start > 0 && isIn(ALNUM, text.charCodeAt(start - 1)) && text.slice(start - 3, start) !== 'bot')
  )
    return null;
  const end = runEnd(text, at + 1, SLUG, 64);
  return end - at >= 33 && end - at <= 40 && entropy(text.slice(at + 1, end)) > 3
    ? hit(start, end, 0.9)
    : null;
}

/** Pairs of letters stand in most words; few are as long as an id. */
const longWord = (text: string, at: number): boolean =>
  isIn(SLUG, text.charCodeAt(at + 22)) && startsRun(text, at, SLUG);

/** Bot tokens: base64 of a numeric id, a time, a signature. */
function discord(text: string, at: number): Hit | null {
  const id = runEnd(text, at, SLUG, 30);
  if (id - at < 23 || id - at > 28 || text[id] !== '.') return null;
  const time = runEnd(text, id + 1, SLUG, 8);
  if (time - id - 1 < 6 || time - id - 1 > 7 || text[time] !== '.') return null;
  const end = runEnd(text, time + 1, SLUG, 64);
  if (end - time - 1 < 27 || end - time - 1 > 40) return null;
  return hit(at, end, 0.9);
}

/** `…8Q~…` of client secrets, three characters in. */
function azureSecret(text: string, at: number): Hit | null {
  const start = at - 3;
  if (start < 0 || !text.startsWith('Q~', at + 1)) return null;
  const end = runEnd(text, start, TOKEN, 64);
  return end - start >= 37 && end - start <= 45 && entropy(text.slice(start, end)) > 3.5
    ? hit(start, end)
    : null;
}

function mailchimp(text: string, at: number): Hit | null {
  const start = at - 32;
  if (start < 0 || !startsRun(text, start, ALNUM) || runEnd(text, start, HEX, 33) !== at) return null;
  const end = runEnd(text, at + 3, DIGIT, 3);
  const goesOn = isIn(ALNUM, text.charCodeAt(end));
  return end > at + 3 && end < at + 6 && !goesOn ? hit(start, end) : null;
}

function terraform(text: string, at: number): Hit | null {
  const start = at - 14;
  const end = runEnd(text, at + 9, SLUG, 80);
  if (start < 0 || runEnd(text, start, ALNUM, 15) !== at || end - at < 60) return null;
  return hit(start, end);
}

function putty(text: string, at: number): Hit | null {
  return text.slice(at, at + 1200).includes('Private-Lines:')
    ? hit(at, Math.min(text.length, at + 1200))
    : null;
}

const WALLET = ['key', 'wallet', 'private', 'secret', 'mnemonic', 'signer'];

/** 32 bytes of hex beside a word of wallets; alone they may be any hash. */
function walletKey(text: string, at: number): Hit | null {
  const end = runEnd(text, at + 2, HEX, 66);
  if (end - at !== 66 || !startsRun(text, at, ALNUM) || isIn(ALNUM, text.charCodeAt(end))) return null;
  const around = text.slice(Math.max(0, at - 80), end + 80).toLowerCase();
  return WALLET.some((word) => around.includes(word)) && !around.includes('hash') ? hit(at, end, 0.6) : null;
}

export const formRules: readonly Rule[] = [
  secret('private-key', ['-----BEGIN '], pem, 512),
  secret('private-key-putty', ['PuTTY-User-Key-File-'], putty, 1200),
  secret('jwt', ['eyJ'], jwt, 256),
  secret('url-password', ['://'], basicAuthUrl, 128),
  secret('bearer-token', ['bearer ', 'bearer: '], bearer, 128),
  secret('basic-credentials', ['basic '], basic),
  secret('telegram-token', [':AA'], telegram),
  {
    ...secret(
      'discord-token',
      ['mt', 'mj', 'mz', 'md', 'nd', 'nt', 'nj', 'nz', 'od', 'ot', 'oj', 'oz'],
      discord,
    ),
    starts: longWord,
  },
  secret('azure-secret', ['8q~', '7q~'], azureSecret),
  secret('mailchimp-key', ['-us'], mailchimp),
  secret('wallet-key', ['0x'], walletKey, 128),
  secret('terraform-token', ['.atlasv1.'], terraform),
];

export const hasLetterAndDigit = (text: string): boolean => {
  let letter = false;
  for (let i = 0; i < text.length && !letter; i++) letter = isIn(LETTER, text.charCodeAt(i));
  return letter && hasDigit(text);
};
