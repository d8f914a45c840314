// SPDX-License-Identifier: Apache-2.0
/** `password = "…"`, `"apiKey": "…"`, `--token …`: a name that says secret, and a value that looks like one. */
import { ALNUM, DIGIT, entropy, HEX, isIn, runEnd, SLUG, DOTTED, startsRun } from '../characters.js';
import type { Hit, Rule } from '../rule.js';
import { hasLetterAndDigit } from './forms.js';
import { isPlaceholder } from './placeholder.js';

/** What follows a name: separators, then the value in quotes or up to a delimiter. */
interface Value {
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

const MAX_NAME = 40;
const MAX_VALUE = 512;

/** Where the sign ends that gives a value to the name before `from`; -1 where there is none. */
function signAfter(text: string, from: number): number {
  // The rest of the name: API_KEY_PROD, "apiKeyId", password_hash.
  let i = runEnd(text, from, DOTTED, MAX_NAME);
  if (text[i] === '\\') i++;
  if (`"'\``.includes(text[i] ?? '-')) i++;
  if (text[i] === ']') i++;
  const gap = spaces(text, i);
  const sign = separator(text, gap);
  return sign === gap ? -1 : sign;
}

/** Most words that could name a secret name none: seen before anything costly. */
const isGiven = (text: string, at: number, anchor: string): boolean =>
  signAfter(text, at + anchor.length) >= 0;

/** The value, of at most `most` characters, that is given to the name before `from`. */
function valueAfter(text: string, from: number, most: number): Value | null {
  const sign = signAfter(text, from);
  if (sign < 0) return null;
  let i = spaces(text, sign);
  if (text[i] === '\\') i++;
  const quote = text[i] ?? '';
  if (quote !== '' && `"'\``.includes(quote)) {
    const end = quoteEnd(text, i + 1, most);
    return end < 0 ? null : { start: i + 1, end, quoted: true };
  }
  let end = i;
  for (const limit = Math.min(text.length, i + most + 1); end < limit; end++) {
    const c = text[end] ?? '';
    if (c <= ' ' || `"'\`,;&|<>)]}\\`.includes(c)) break;
  }
  return end > i && end - i <= most ? { start: i, end, quoted: false } : null;
}

/** The next quote, backslash or end of line; -1 where there is none near. */
function quoteEnd(text: string, from: number, most: number): number {
  for (let i = from, limit = Math.min(text.length, from + most + 1); i < limit; i++) {
    const u = text.charCodeAt(i);
    if (u === 34 || u === 39 || u === 96 || u === 10 || u === 92) return i;
  }
  return -1;
}

function spaces(text: string, at: number): number {
  let i = at;
  while (i - at < 8 && (text[i] === ' ' || text[i] === '\t')) i++;
  return i;
}

/** Where `=`, `:`, `=>`, `:=`, `||=`, `==` end, or `at` where there is none. */
function separator(text: string, at: number): number {
  for (const sign of ['||=', '::=', ':=', '=>', '?=', '==', '=', ':'])
    if (text.startsWith(sign, at)) return at + sign.length;
  return at;
}

/** A value that a program reads is a path, a call or another name. */
function isCode(value: string): boolean {
  return (
    value.includes('(') ||
    value.includes('{') ||
    value.startsWith('/') ||
    value.startsWith('./') ||
    value.startsWith('$') ||
    value.includes('://') ||
    /^[A-Za-z_.]+\[/.test(value)
  );
}

const STRONG = [
  'api_key',
  'apikey',
  'api-key',
  'api key',
  'access_key',
  'accesskey',
  'access-key',
  'secret_key',
  'secretkey',
  'secret-key',
  'secret',
  'token',
  'auth_key',
  'authkey',
  'private_key',
  'privatekey',
  'private-key',
  'private key',
  'encryption_key',
  'client_secret',
  'signing_key',
  'credential',
  'bearer',
  'authorization',
  'access_id',
  'accesstoken',
  'app_key',
  'appkey',
  'license_key',
  'application_key',
  'application-key',
  'x-honeycomb-team',
  'auth',
  '_key',
];

function strong(text: string, at: number, anchor: string): Hit | null {
  const value = valueAfter(text, at + anchor.length, 300);
  if (value === null) return null;
  const body = text.slice(value.start, value.end);
  if (body.length < 10 || body.length > 300 || !hasLetterAndDigit(body) || body.includes(' ')) return null;
  const run = runEnd(text, value.start, TOKENISH, MAX_VALUE);
  if (run < value.end || isCode(body) || isPlaceholder(body)) return null;
  if (entropy(body) < (body.length >= 20 ? 3.2 : 3)) return null;
  if (isIdentifier(body)) return null;
  return { start: value.start, end: value.end, confidence: 0.75 };
}

const TOKENISH = (() => {
  const table = new Uint8Array(DOTTED);
  for (const c of '+/=~!%^*@#:') table[c.charCodeAt(0)] = 1;
  return table;
})();

/** `my_service_v2`, `com.example.app1`: words with few digits at their ends. */
function isIdentifier(value: string): boolean {
  let digits = 0;
  let changes = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = isIn(DIGIT, value.charCodeAt(i));
    if (digit) digits++;
    if (i > 0 && digit !== isIn(DIGIT, value.charCodeAt(i - 1))) changes++;
  }
  const words = value.split(/[-_.:/]/);
  const long = words.reduce((n, w) => Math.max(n, w.length), 0);
  return changes <= 2 && (digits <= 2 || long <= 10) && words.length > 1;
}

const PASSWORDS = [
  'password',
  'passwd',
  'passphrase',
  'passwort',
  'pwd',
  'pass_phrase',
  'pass',
  'psk',
  'pw',
  'db_pass',
  'dbpass',
  '_pass',
  'mot de passe',
];

/** Parts of many words: they count where they stand alone. */
const SHORT = new Set(['pwd', 'pass', 'psk', 'pw']);

function stands(text: string, at: number, anchor: string): boolean {
  if (!startsRun(text, at, ALNUM) && text[at - 1] !== '_') return false;
  return anchor === 'pwd' || !isIn(SLUG, text.charCodeAt(at + anchor.length));
}

function password(text: string, at: number, anchor: string): Hit | null {
  if (SHORT.has(anchor) && !stands(text, at, anchor)) return null;
  const value = valueAfter(text, at + anchor.length, 128);
  if (value === null) return null;
  const body = text.slice(value.start, value.end);
  if (body.length < 5 || body.length > 128 || isCode(body) || isPlaceholder(body) || body.includes(' '))
    return null;
  const mixed = hasLetterAndDigit(body) || /[^A-Za-z0-9_.-]/.test(body);
  if (!mixed || entropy(body) < 2.2) return null;
  return { start: value.start, end: value.end, confidence: value.quoted ? 0.75 : 0.65 };
}

/** Names of services whose keys have no form of their own. */
const VENDORS = [
  'adobe',
  'algolia',
  'amplitude',
  'asana',
  'auth0',
  'aws',
  'azure',
  'bitbucket',
  'bittrex',
  'clickhouse',
  'cloudflare',
  'cloudant',
  'codecov',
  'cohere',
  'coinbase',
  'confluent',
  'datadog',
  'deepseek',
  'digitalocean',
  'discord',
  'droneci',
  'dropbox',
  'etsy',
  'facebook',
  'fastly',
  'finicity',
  'freshbooks',
  'gitlab',
  'gitter',
  'gocardless',
  'heroku',
  'hubspot',
  'ibm',
  'intercom',
  'jenkins',
  'jfrog',
  'artifactory',
  'kraken',
  'kucoin',
  'launchdarkly',
  'linkedin',
  'looker',
  'mailgun',
  'mapbox',
  'mattermost',
  'messagebird',
  'mistral',
  'netlify',
  'newrelic',
  'nytimes',
  'okta',
  'openweather',
  'pagerduty',
  'plaid',
  'rapidapi',
  'sendbird',
  'sentry',
  'snyk',
  'sonar',
  'softlayer',
  'squarespace',
  'sumologic',
  'sumo_',
  'travis',
  'trello',
  'twilio',
  'twitch',
  'twitter',
  'vercel',
  'yandex',
  'zendesk',
];

/** A vendor's name in the name of the thing, and an opaque value: hex, a UUID or random letters and digits. */
function vendor(text: string, at: number, anchor: string): Hit | null {
  const value = valueAfter(text, at + anchor.length, 128);
  if (value === null) return null;
  const body = text.slice(value.start, value.end);
  if (body.length < 16 || body.length > 128 || isCode(body) || isPlaceholder(body)) return null;
  if (runEnd(text, value.start, OPAQUE, MAX_VALUE) < value.end || !hasLetterAndDigit(body)) return null;
  const hex = runEnd(body, 0, HEX, body.length) === body.length;
  if (entropy(body) < (hex ? 2.8 : 3.3) || isIdentifier(body)) return null;
  return { start: value.start, end: value.end, confidence: 0.65 };
}

const OPAQUE = (() => {
  const table = new Uint8Array(SLUG);
  for (const c of '=+/') table[c.charCodeAt(0)] = 1;
  return table;
})();

export const assignmentRules: readonly Rule[] = [
  {
    id: 'secret/assignment',
    detector: 'secret',
    kind: 'generic',
    anchors: STRONG,
    reach: 2200,
    starts: isGiven,
    check: strong,
  },
  {
    id: 'secret/password',
    detector: 'secret',
    kind: 'password',
    anchors: PASSWORDS,
    reach: 2200,
    starts: isGiven,
    check: password,
  },
  {
    id: 'secret/vendor',
    detector: 'secret',
    kind: 'generic',
    anchors: VENDORS,
    reach: 2200,
    starts: isGiven,
    check: vendor,
  },
];
