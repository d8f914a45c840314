// SPDX-License-Identifier: Apache-2.0
/** Secrets in the files and on the command lines of well-known programs, where a place and no name says what they are. */
import { ALNUM, BASE64, DIGIT, HEX, isIn, runEnd, SLUG, startsRun } from '../characters.js';
import type { Hit, Rule } from '../rule.js';
import { isPlaceholder } from './placeholder.js';
import { looksSecret, wordEnd } from './spoken.js';

const hit = (start: number, end: number, confidence: number): Hit => ({ start, end, confidence });

/** What stands between quotes at `at`, without them; null where there is none on this line. */
function quoted(
  text: string,
  at: number,
  most: number,
): { readonly start: number; readonly end: number } | null {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return null;
  for (let end = at + 1, limit = Math.min(text.length, at + most); end < limit; end++) {
    const c = text[end];
    if (c === quote) return { start: at + 1, end };
    if (c === '\n') return null;
  }
  return null;
}

/** From `at` past spaces. */
function past(text: string, at: number, most = 16): number {
  let i = at;
  while (i - at < most && (text[i] === ' ' || text[i] === '\t')) i++;
  return i;
}

const secretIn = (
  text: string,
  span: { readonly start: number; readonly end: number } | null,
  least: number,
  sure: number,
): Hit | null =>
  span !== null && looksSecret(text.slice(span.start, span.end), least)
    ? hit(span.start, span.end, sure)
    : null;

const CONSTANTS = ['KEY', 'SALT', 'PASSWORD', 'SECRET', 'TOKEN'];

/** `define('AUTH_KEY', '…');` of WordPress and other programs in PHP. */
function define(text: string, at: number): Hit | null {
  const name = quoted(text, past(text, at + 7), 60);
  if (name === null || !CONSTANTS.some((end) => text.slice(name.start, name.end).endsWith(end))) return null;
  const comma = past(text, name.end + 1);
  if (text[comma] !== ',') return null;
  const value = quoted(text, past(text, comma + 1, 40), 200);
  if (value === null || text.slice(value.start, value.end).startsWith('put your')) return null;
  return secretIn(text, value, 8, 0.75);
}

/** `host:port:database:user:password` of .pgpass. */
function pgpass(text: string, at: number, anchor: string): Hit | null {
  let start = at;
  while (start > 0 && at - start < 120 && text[start - 1] !== '\n') start--;
  if (at - start >= 120) return null;
  let end = at + anchor.length;
  while (end - at < 240 && end < text.length && !' \t\r\n"\''.includes(text[end] ?? ' ')) end++;
  const fields = text.slice(start, end).split(':');
  const password = fields[4] ?? '';
  if (fields.length !== 5 || fields.some((field) => field === '') || password.length < 4) return null;
  if (fields[0]?.includes('/') === true || isPlaceholder(password)) return null;
  return hit(end - password.length, end, 0.7);
}

/** `IDENTIFIED BY '…'`, `WITH PASSWORD '…'`, `ConvertTo-SecureString "…"`. */
const quotedAfter = (text: string, at: number, anchor: string): Hit | null =>
  secretIn(text, quoted(text, past(text, at + anchor.length), 160), 5, 0.75);

/** `<password>…</password>`. */
function element(text: string, at: number, anchor: string): Hit | null {
  const start = at + anchor.length;
  let end = start;
  while (end - start < 160 && end < text.length && text[end] !== '<') end++;
  return text[end] === '<' ? secretIn(text, { start, end }, 6, 0.7) : null;
}

const NAMES = ['password', 'secret', 'apikey', 'accesskey'];

/** `<add key="…Password" value="…" />`. */
function attribute(text: string, at: number, anchor: string): Hit | null {
  const name = text.slice(Math.max(0, at - 60), at).toLowerCase();
  const quote = name.lastIndexOf('"');
  const own = name.slice(quote + 1);
  if (!name.slice(0, quote).endsWith('key=')) return null;
  return NAMES.some((one) => own.endsWith(one))
    ? secretIn(text, quoted(text, at + anchor.length - 1, 200), 6, 0.7)
    : null;
}

/** The flags that a password follows, by program. */
const FLAGS: ReadonlyMap<string, readonly string[]> = new Map([
  ['docker login ', [' -p ', ' -p=', ' --password=']],
  ['podman login ', [' -p ', ' --password=']],
  ['az login ', [' -p ', ' --password=']],
  ['mongosh ', [' -p ', ' --password=']],
  ['mongodump ', [' -p ', ' --password=']],
  ['redis-cli ', [' -a ', ' --pass ']],
  ['openssl ', [' -k ', ' -passin pass:', ' -passout pass:']],
  ['ldapsearch ', [' -w ']],
  ['smbclient ', ['%']],
  ['sqlcmd ', [' -P ']],
  ['kinit ', [' --password=']],
]);

function flag(text: string, at: number, anchor: string): Hit | null {
  if (!startsRun(text, at, SLUG)) return null;
  const line = text.slice(at, at + 240).split('\n', 1)[0] ?? '';
  for (const one of FLAGS.get(anchor.toLowerCase()) ?? []) {
    const found = line.indexOf(one);
    if (found < 0) continue;
    let start = at + found + one.length;
    if (text[start] === '"' || text[start] === "'") start++;
    const end = wordEnd(text, start);
    if (looksSecret(text.slice(start, end), 6)) return hit(start, end, 0.7);
  }
  return null;
}

/** `net use z: \\\\server\\share /user:name PASSWORD`. */
function netUse(text: string, at: number): Hit | null {
  const line = text.slice(at, at + 240).split('\n', 1)[0] ?? '';
  const user = line.toLowerCase().indexOf('/user:');
  if (user < 0) return null;
  const start = past(text, wordEnd(text, at + user));
  const end = wordEnd(text, start);
  return looksSecret(text.slice(start, end), 6) ? hit(start, end, 0.7) : null;
}

/** Headers of services: a scheme of their own, and a UUID or base64. */
function scheme(text: string, at: number, anchor: string): Hit | null {
  if (!startsRun(text, at, ALNUM)) return null;
  const start = at + anchor.length;
  const uuid = runEnd(text, start, UUID, 37);
  if (uuid - start === 36 && text[start + 8] === '-') return hit(start, uuid, 0.8);
  const end = runEnd(text, start, BASE64, 200);
  if (end - start < 40 || isPlaceholder(text.slice(start, end))) return null;
  const plain = Buffer.from(text.slice(start, end), 'base64').toString('latin1');
  return /^[\x21-\x7e]{10,}:[\x21-\x7e]{10,}$/.test(plain) ? hit(start, end, 0.8) : null;
}

const UUID = (() => {
  const table = new Uint8Array(HEX);
  table['-'.charCodeAt(0)] = 1;
  return table;
})();

/** Personal access tokens of Asana: numbers of the app and the user, then 32 hex digits. */
function asana(text: string, at: number): Hit | null {
  if (!startsRun(text, at, ALNUM)) return null;
  let i = runEnd(text, at + 2, DIGIT, 17);
  if (i - at < 12) return null;
  if (text[i] === '/') {
    const second = runEnd(text, i + 1, DIGIT, 17);
    if (second - i < 11) return null;
    i = second;
  }
  if (text[i] !== ':') return null;
  const end = runEnd(text, i + 1, HEX, 33);
  return end - i === 33 && !isIn(ALNUM, text.charCodeAt(end)) ? hit(at, end, 0.9) : null;
}

/** Private keys of Mailgun: 32, 8 and 8 hex digits, somewhere behind its name. */
function mailgun(text: string, at: number): Hit | null {
  for (let i = at + 7, limit = Math.min(text.length, at + 160); i < limit; i++) {
    const unit = text.charCodeAt(i);
    // What stands behind the name once more is looked at from there.
    if ((unit | 32) === 109 && text.slice(i, i + 7).toLowerCase() === 'mailgun') return null;
    if (!isIn(HEX, unit)) continue;
    const first = runEnd(text, i, HEX, 33);
    if (first - i === 32 && text[first] === '-') {
      const second = runEnd(text, first + 1, HEX, 9);
      const third = runEnd(text, first + 10, HEX, 9);
      if (second - first === 9 && text[second] === '-' && third - second === 9) return hit(i, third, 0.9);
    }
    i = first - 1;
  }
  return null;
}

/** The key of a function: `https://….azurewebsites.net/…?code=…`. */
function functionKey(text: string, at: number): Hit | null {
  const url = text.slice(at, wordEnd(text, at));
  const code = url.search(/[?&]code=/);
  if (code < 0) return null;
  const start = at + code + 6;
  const end = runEnd(text, start, QUERY, 90);
  return end - start >= 40 ? hit(start, end, 0.85) : null;
}

const QUERY = (() => {
  const table = new Uint8Array(SLUG);
  for (const c of '%=/+') table[c.charCodeAt(0)] = 1;
  return table;
})();

/** License keys of New Relic, and tokens of Azure DevOps: what they end with says what they are. */
function endsWith(before: number, table: Uint8Array, after: number): Rule['check'] {
  return (text, at, anchor) => {
    const start = at - before;
    const end = at + anchor.length + after;
    if (start < 0 || !text.startsWith(anchor, at) || runEnd(text, start, table, before) !== at) return null;
    if (!startsRun(text, start, ALNUM) || runEnd(text, at, ALNUM, end - at + 1) !== end) return null;
    return hit(start, end, 0.9);
  };
}

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

export const commandRules: readonly Rule[] = [
  rule('generic', 'define', ['define('], define, 400),
  rule('password', 'pgpass', [':5432:', '*:*:*:'], pgpass, 800),
  rule(
    'password',
    'quoted-after',
    ['identified by ', 'with password ', 'encrypted password ', 'convertto-securestring '],
    quotedAfter,
    300,
  ),
  rule(
    'password',
    'element',
    ['<password>', '<passwd>', '<apikey>', '<secret>', '<secretkey>'],
    element,
    500,
  ),
  rule('password', 'attribute', ['" value="'], attribute, 400),
  rule('password', 'flag', [...FLAGS.keys()], flag, 700),
  rule('password', 'net-use', ['net use '], netUse, 500),
  rule('generic', 'scheme', ['geniekey ', 'splunk ', 'apikey '], scheme, 500),
  rule('asana-token', 'asana-token', ['0/1', '1/1', '2/1'], asana, 100),
  rule('mailgun-key', 'mailgun-bare', ['mailgun'], mailgun, 1000),
  rule('azure-key', 'function-key', ['.azurewebsites.net/'], functionKey, 500),
  rule('newrelic-key', 'newrelic-license', ['NRAL'], endsWith(36, HEX, 0), 160),
  rule('azure-key', 'azure-devops', ['AZDO'], endsWith(76, ALNUM, 4), 300),
];
