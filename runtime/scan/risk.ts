// SPDX-License-Identifier: Apache-2.0
/** Ways out for data, and code that should not stand in an argument. */
import { ALNUM, isIn } from './characters.js';
import type { Hit, Rule } from './rule.js';

const hit = (start: number, end: number, confidence: number): Hit => ({ start, end, confidence });
const near = (text: string, at: number, length: number): string => text.slice(at, at + length).toLowerCase();

const DATA = [
  'secret',
  'token',
  'password',
  'passwd',
  'apikey',
  'api_key',
  'data=',
  'cookie',
  'leak',
  'exfil',
  'stolen',
  'history',
  'context',
  'conversation',
  'payload',
  'base64',
  '{',
  '$(',
  '`',
  '%s',
  'env',
  'creds',
  'key=',
];

/** `![…](http…?…)` whose URL carries data. */
function markdownImage(text: string, at: number): Hit | null {
  const rest = near(text, at, 400);
  const open = rest.indexOf('](');
  if (open < 0 || !rest.startsWith('http', open + 2)) return null;
  const close = rest.indexOf(')', open);
  const url = rest.slice(open + 2, close < 0 ? undefined : close);
  const query = url.indexOf('?');
  if (query < 0 || !DATA.some((word) => url.slice(query).includes(word))) return null;
  return hit(at, at + (close < 0 ? rest.length : close + 1), 0.8);
}

const SINKS = [
  'webhook.site',
  'requestbin',
  'pipedream.net',
  'ngrok.io',
  'ngrok-free.app',
  'burpcollaborator.net',
  'oastify.com',
  'oast.fun',
  'oast.pro',
  'interact.sh',
  'requestcatcher.com',
  'beeceptor.com',
  'hookb.in',
  'dnslog.cn',
  'canarytokens.com',
  'transfer.sh',
  'attacker.',
  'evil.',
  'exfil.',
  'malicious.',
  'attacker-',
  'evil-',
];

/** A host that only collects, as the target of a URL or a look-up. */
function sink(text: string, at: number, anchor: string): Hit | null {
  const start = Math.max(0, at - 80);
  const before = near(text, start, at - start);
  const named = anchor.endsWith('.') || anchor.endsWith('-');
  const inUrl =
    before.includes('://') ||
    before.endsWith('.') ||
    before.includes('nslookup ') ||
    before.includes('dig ') ||
    before.includes('@') ||
    before.includes('curl ') ||
    before.includes('dns');
  const after = text.charCodeAt(at + anchor.length);
  if (!named && (isIn(ALNUM, after) || (at > 0 && isIn(ALNUM, text.charCodeAt(at - 1))))) return null;
  if (named && !inUrl) return null;
  return hit(at, at + anchor.length, named ? 0.6 : 0.7);
}

const COMMANDS = [
  'curl',
  'wget',
  'nslookup',
  'dig',
  'fetch',
  'invoke-webrequest',
  'nc',
  'ncat',
  'host',
  'ping',
];

const AMBIGUOUS = new Set(['host', 'dig', 'ping', 'nc']);

/** A word of its own with something behind it. */
const isCommand = (text: string, at: number, anchor: string): boolean =>
  !(at > 0 && isIn(ALNUM, text.charCodeAt(at - 1))) && ' \t('.includes(text[at + anchor.length] ?? '-');

/** A command that sends the output of another one, or a file. */
function sender(text: string, at: number, anchor: string): Hit | null {
  const line = near(text, at, 300).split('\n', 1)[0] ?? '';
  // Names of variables and functions, too; a command is followed by an argument.
  if (
    AMBIGUOUS.has(anchor) &&
    !/^(?:host|dig|ping|nc|fetch) +(?:-|[$`"'(]|[a-z0-9.-]*[.$`])/.test(line) &&
    anchor !== 'fetch'
  )
    return null;
  const substitution = line.includes('$(') || line.includes('`') || line.includes('${');
  const upload =
    line.includes(' -d @') ||
    line.includes(' --data @') ||
    line.includes('--data-binary @') ||
    line.includes(' -t ') ||
    line.includes('-f file=@') ||
    line.includes('--post-file') ||
    line.includes('--upload-file');
  const target =
    line.includes('://') ||
    anchor === 'dig' ||
    anchor === 'nslookup' ||
    anchor === 'host' ||
    anchor === 'ping';
  return target && (substitution || upload) ? hit(at, at + line.length, 0.7) : null;
}

/** `;`, `&&`, `|`, `$(` before a command that does harm. */
const HARM = [
  'rm -rf',
  'rm -fr',
  'curl ',
  'wget ',
  'cat /etc/',
  'nc -',
  'bash -i',
  '/bin/sh',
  '/bin/bash',
  'python -c',
  'python3 -c',
  'perl -e',
  'whoami',
  'chmod 777',
  'mkfifo',
  'base64 -d',
  'id;',
  'ping -c',
  'sleep ',
  'shutdown',
  'reboot',
  'dd if=',
  'powershell',
];

const HARM_FIRST = new Set(HARM.map((word) => word[0] ?? ''));

/** The next character that is no space, in lower case. */
function firstOf(text: string, at: number): string {
  let i = at;
  while (i - at < 8 && text[i] === ' ') i++;
  return (text[i] ?? '').toLowerCase();
}

const mayHarm = (text: string, at: number, anchor: string): boolean =>
  HARM_FIRST.has(firstOf(text, at + anchor.length));

function chained(text: string, at: number, anchor: string): Hit | null {
  const rest = near(text, at + anchor.length, 40).trimStart();
  const command = HARM.find((word) => rest.startsWith(word));
  return command === undefined ? null : hit(at, at + anchor.length + command.length, 0.75);
}

/** At the start of a word, where the word has a letter there. */
const wordStart =
  (confidence: number) =>
  (text: string, at: number, anchor: string): Hit | null =>
    isIn(ALNUM, anchor.charCodeAt(0)) && at > 0 && isIn(ALNUM, text.charCodeAt(at - 1))
      ? null
      : hit(at, at + anchor.length, confidence);

/** As a key that is set by data: `"__proto__": {`, `[__proto__]=`, `.__proto__.x=`. */
function pollutes(text: string, at: number, anchor: string): Hit | null {
  const after = text.slice(at + anchor.length, at + anchor.length + 12);
  return /^(?:\\?["']\s*:\s*\{|\]\s*(?:\[|=)|\.[a-z]+\s*=[^=])/i.test(after)
    ? hit(at, at + anchor.length, 0.65)
    : null;
}

/** Running a program from text; loading the module alone is what half of all programs do. */
function runsCode(text: string, at: number, anchor: string): Hit | null {
  if (anchor === 'child_process') {
    const after = near(text, at, 80);
    const runs = after.includes(').exec') || after.includes('.execsync(') || after.includes(').spawn');
    return runs ? hit(at, at + anchor.length, 0.6) : null;
  }
  if (anchor === '__import__(')
    return /^['"](?:os|subprocess|pty|socket|commands|shutil)/.test(near(text, at + anchor.length, 14))
      ? hit(at, at + anchor.length, 0.6)
      : null;
  return hit(at, at + anchor.length, 0.6);
}

const always =
  (confidence: number) =>
  (_text: string, at: number, anchor: string): Hit =>
    hit(at, at + anchor.length, confidence);

/** `../../..` three times or with a target of note. */
function traversal(text: string, at: number, step: string): Hit | null {
  if (at >= step.length && text.startsWith(step, at - step.length)) return null;
  let end = at;
  while (text.startsWith(step, end)) end += step.length;
  const times = (end - at) / step.length;
  const target = near(text, end, 24);
  const noted = NOTED.some((word) => target.startsWith(word));
  return times >= 4 || (noted && times >= 1) ? hit(at, end, noted ? 0.85 : 0.6) : null;
}

const NOTED = ['etc/', 'windows', 'root/', '.ssh', '.env', 'proc/', 'boot.ini', 'var/log', 'winnt'];

const SQL_TAILS = [
  "or'1'='1",
  'or1=1',
  "or''='",
  ';droptable',
  ';deletefrom',
  ';insertinto',
  ';update',
  ';shutdown',
  'unionselect',
  'unionallselect',
  ';exec',
  "or'a'='a",
  ';truncate',
  'and1=1',
  ';--',
  "||'",
];
const SQL_FIRST = new Set(SQL_TAILS.map((tail) => tail.slice(0, 2)));
const SQL_LETTER = Uint8Array.from({ length: 128 }, (_, u) =>
  u === 32 || SQL_TAILS.some((tail) => tail.startsWith(String.fromCharCode(u).toLowerCase())) ? 1 : 0,
);

/** Where it goes on behind the quote. */
function pastQuote(text: string, at: number): number {
  let from = at + 1;
  while (from - at < 12 && ' )'.includes(text[from] ?? '-')) from++;
  return from;
}

const maySql = (text: string, at: number): boolean => SQL_LETTER[text.charCodeAt(pastQuote(text, at))] === 1;

/** `' OR '1'='1`, `'; DROP TABLE`, `UNION SELECT … FROM`. */
function sqlTail(text: string, at: number): Hit | null {
  const from = pastQuote(text, at);
  if (!SQL_FIRST.has(firstOf(text, from) + firstOf(text, from + 1))) return null;
  const rest = near(text, from, 40).replaceAll(' ', '');
  return SQL_TAILS.some((tail) => rest.startsWith(tail))
    ? hit(at, Math.min(text.length, at + 24), 0.75)
    : null;
}

const risk = (
  detector: Rule['detector'],
  kind: string,
  anchors: readonly string[],
  check: Rule['check'],
  reach = 64,
): Rule => ({ id: `${detector}/${kind}`, detector, kind, anchors, reach, check });

/** `?data={…}`: a query that is made to be filled in. */
function filledUrl(text: string, at: number, anchor: string): Hit | null {
  const value = text.slice(at + anchor.length, at + anchor.length + 24);
  const open = '{$[<%`'.includes(value[0] ?? '-') && value[0] !== '%';
  if (!open && !/^[A-Z]{3,12}_?[A-Z]{3,}/.test(value)) return null;
  const before = near(text, Math.max(0, at - 200), Math.min(at, 200));
  return before.lastIndexOf('http') > before.lastIndexOf(' ') ? hit(at, at + anchor.length, 0.65) : null;
}

/** `\\\\host\\share`: a file of another machine. */
function unc(text: string, at: number): Hit | null {
  if (at > 0 && !' "\'=(\n'.includes(text[at - 1] ?? '')) return null;
  const rest = near(text, at + 2, 80);
  return /^[a-z0-9.-]{3,40}\\/.test(rest) && rest.includes('.') ? hit(at, at + 2, 0.6) : null;
}

export const riskRules: readonly Rule[] = [
  risk('exfiltration', 'markdown-image', ['!['], markdownImage, 400),
  risk('exfiltration', 'sink', SINKS, sink),
  { ...risk('exfiltration', 'sender', COMMANDS, sender, 1300), starts: isCommand },
  risk(
    'exfiltration',
    'filled-url',
    [
      '?data=',
      '&data=',
      '?d=',
      '?q=',
      '?payload=',
      '?token=',
      '?key=',
      '?secret=',
      '?msg=',
      '?c=',
      '?content=',
    ],
    filledUrl,
    400,
  ),
  risk(
    'code',
    'sensitive-file',
    [
      '/etc/passwd',
      '/etc/shadow',
      'etc//passwd',
      '/etc/!(',
      '/etc/sudoers',
      'windows\\system32',
      'windows\\win.ini',
      'boot.ini',
      '/proc/self/environ',
      '/.ssh/id_',
      '/.aws/credentials',
    ],
    always(0.6),
  ),
  risk('code', 'unc-path', ['\\\\'], unc),
  {
    ...risk('code', 'chained-command', ['; ', ';', '&&', '||', '| ', '|', '$(', '`'], chained),
    starts: mayHarm,
  },
  risk(
    'code',
    'reverse-shell',
    ['/dev/tcp/', 'bash -i >&', 'nc -e', 'ncat -e', 'socket.socket(socket.af_inet', 'mkfifo /tmp'],
    always(0.85),
  ),
  risk(
    'code',
    'path-traversal',
    ['../', '..\\', '%2e%2e%2f', '..%2f', '....//', '..%5c', '%2e%2e/'],
    traversal,
  ),
  { ...risk('code', 'sql', ["'", '"', ';'], sqlTail, 64), starts: maySql },
  risk(
    'code',
    'sql-union',
    [
      'union select',
      'union all select',
      'xp_cmdshell',
      'information_schema.tables',
      'waitfor delay',
      'pg_sleep(',
      'sleep(5)',
      'load_file(',
      'into outfile',
    ],
    always(0.6),
  ),
  risk(
    'code',
    'deserialization',
    [
      'pickle.loads',
      '__reduce__',
      'yaml.load(',
      '!!python/object',
      'objectinputstream',
      'unserialize(',
      'node-serialize',
      '_$$nd_func$$_',
      'rce(',
      'marshal.loads',
      'java.lang.runtime',
      '!!javax.script',
    ],
    wordStart(0.65),
  ),
  risk('code', 'prototype', ['__proto__'], pollutes),
  risk(
    'code',
    'evaluation',
    [
      'os.system(',
      'subprocess.call(',
      'subprocess.popen(',
      'child_process',
      'eval(base64',
      'exec(base64',
      'runtime.getruntime().exec',
      '__import__(',
      'eval(atob(',
    ],
    runsCode,
    100,
  ),
];
