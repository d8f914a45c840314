// SPDX-License-Identifier: Apache-2.0
/**
 * `url(x).…` and `x in domain(…)`. One parse, which is that of the WHATWG wherever it answers; where two readers could see two hosts
 * (user names, backslashes, blanks, odd numbers, missing slashes, letters that are mapped to others) it refuses. No tables of any
 * version of Unicode are asked, so that a decision comes out the same years later.
 */
import { ipText, parseIp } from './ip.js';

export interface Url {
  readonly scheme: string;
  /** Lower case, without a dot at the end; an IPv6 address without brackets. Undefined where the scheme has none. */
  readonly host: string | undefined;
  /** As written, or that of the scheme. */
  readonly port: number | undefined;
  /** Undefined where it has segments `.` or `..`, or characters that readers escape. */
  readonly path: string | undefined;
}

/** Schemes whose URLs name a host in the one way that is read here, with their ports. */
const PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
  ['ftp', 21],
]);

const LONGEST_HOST = 253;
const SLASH = 0x2f;

/** The parts, or null where the URL is refused. Linear. */
export function parseUrl(text: string): Url | null {
  if (!isPlain(text)) return null;
  const colon = text.indexOf(':');
  const scheme = text.slice(0, colon).toLowerCase();
  if (colon < 1 || !isScheme(scheme)) return null;
  const rest = text.slice(colon + 1);
  const standard = PORTS.get(scheme);
  if (standard === undefined) {
    const path = scheme === 'file' && rest.startsWith('///') ? pathOf(rest.slice(2)) : undefined;
    return { scheme, host: undefined, port: undefined, path };
  }
  if (!rest.startsWith('//')) return null;
  const end = endOf(rest, 2, '/?#');
  const after = rest.slice(end);
  // `http://good.example?@bad.example`: some readers look for the last `@` first.
  if (after.charCodeAt(0) !== SLASH && after.includes('@')) return null;
  const place = authority(rest.slice(2, end), standard);
  return place && { scheme, ...place, path: pathOf(after) };
}

/** No control characters, no blanks, no backslash; in the authority and the scheme more is asked. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c <= 0x20 || c === 0x5c || c === 0x7f) return false;
  }
  return true;
}

/** Where the first of these characters stands, or the end. */
function endOf(text: string, from: number, stops: string): number {
  for (let i = from; i < text.length; i++) if (stops.includes(text[i] as string)) return i;
  return text.length;
}

const isLetter = (c: number): boolean => c >= 0x61 && c <= 0x7a;
const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;

function isScheme(text: string): boolean {
  if (!isLetter(text.charCodeAt(0))) return false;
  for (let i = 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!isLetter(c) && !isDigit(c) && !'+-.'.includes(text[i] as string)) return false;
  }
  return true;
}

/** `host`, `host:port`, `[address]:port`. */
function authority(text: string, standard: number): Pick<Url, 'host' | 'port'> | null {
  const close = text.startsWith('[') ? text.indexOf(']') : -1;
  const colon = close > 0 ? (text[close + 1] === ':' ? close + 1 : -1) : text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? standard : portOf(text.slice(colon + 1));
  const host = close > 0 ? bracketed(name) : hostOf(name);
  return host === null || port === null ? null : { host, port };
}

function bracketed(name: string): string | null {
  const inner = name.endsWith(']') ? name.slice(1, -1) : '';
  const bytes = inner.includes(':') ? parseIp(inner) : null;
  return bytes && ipText(bytes);
}

function portOf(text: string): number | null {
  if (text === '' || text.length > 5 || (text.length > 1 && text[0] === '0')) return null;
  for (let i = 0; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return null;
  return Number(text) <= 65_535 ? Number(text) : null;
}

/** A name of letters, digits, `-` and `_` in labels, or an IPv4 address, in lower case; null for anything else. Linear. */
export function hostOf(text: string): string | null {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (name === '' || name.length > LONGEST_HOST) return null;
  let start = 0;
  for (let i = 0; i <= name.length; i++) {
    const c = i < name.length ? name.charCodeAt(i) : 0x2e;
    if (c === 0x2e) {
      if (i === start) return null;
      start = i + 1;
    } else if (!isLetter(c) && !isDigit(c) && c !== 0x2d && c !== 0x5f) return null;
  }
  return isNumber(name.slice(name.lastIndexOf('.') + 1)) && parseIp(name) === null ? null : name;
}

/** Readers take a name whose last label is a number for an address, in one of many spellings. */
function isNumber(label: string): boolean {
  const hex = label.startsWith('0x');
  for (let i = hex ? 2 : 0; i < label.length; i++) {
    const c = label.charCodeAt(i);
    if (!isDigit(c) && !(hex && c >= 0x61 && c <= 0x66)) return false;
  }
  return true;
}

const PLAIN_PATH = "-._~!$&'()*+,;=:@/%|[]";

function pathOf(text: string): string | undefined {
  const path = text.slice(0, endOf(text, 0, '?#')) || '/';
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (!isLetter(c | 0x20) && !isDigit(c) && !PLAIN_PATH.includes(path[i] as string)) return undefined;
  }
  return path.split('/').some(isDots) ? undefined : path;
}

/** `.` and `..`, escaped or not: readers take them away, or do not. */
const isDots = (segment: string): boolean =>
  segment.length <= 6 && DOTS.has(segment.toLowerCase().replaceAll('%2e', '.'));
const DOTS: ReadonlySet<string> = new Set(['.', '..']);

let last: { readonly text: string; readonly url: Url | null } = { text: '', url: null };

/** One part of a URL; undefined (unknown) where the URL is refused or has no such part. Several are asked of one URL in turn. */
export function urlPart<P extends keyof Url>(part: P, text: string | undefined): Url[P] | undefined {
  if (text === undefined) return undefined;
  if (last.text !== text) last = { text, url: parseUrl(text) };
  return last.url?.[part];
}

/** 2: the host is the domain or below it; 0: it is another, or an address; 1: it is no host. `domain` as `hostOf` gives it. */
export function inDomain(text: string | undefined, domain: string): 0 | 1 | 2 {
  if (text === undefined) return 1;
  if (text.includes(':')) return parseIp(text) === null ? 1 : 0;
  const host = hostOf(text);
  if (host === null) return 1;
  return host === domain || host.endsWith(`.${domain}`) ? 2 : 0;
}

export const urlPort = (text: string | undefined): number | undefined => urlPart('port', text);
