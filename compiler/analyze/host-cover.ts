// SPDX-License-Identifier: Apache-2.0
/**
 * Hosts and addresses that conditions tell apart. A name is told from others by the longest of the domains that it is in; an address
 * by the ranges that it is in, and what does not answer for ranges of IPv4; and each by the texts that it is compared with.
 */
import { hostOf, parseUrl } from '../../stdlib/url.js';
import { type Address, ipText, parseIp, type Range } from '../../stdlib/ip.js';
import { coverNumbers, type Fraction, fraction } from './number-cover.js';

export interface HostTests {
  readonly domains: string[];
  readonly ranges: Range[];
  /** Texts that a host, or an address in its one spelling, is compared with. */
  readonly texts: string[];
}
export interface UrlTests {
  readonly schemes: string[];
  readonly hosts: HostTests;
  readonly ports: Fraction[];
}

export const newHosts = (): HostTests => ({ domains: [], ranges: [], texts: [] });
export const newUrl = (): UrlTests => ({ schemes: [], hosts: newHosts(), ports: [] });

/** Hosts in their one spelling. */
function plainHosts({ domains, ranges, texts }: HostTests): readonly string[] {
  const taken = new Set(texts);
  const names = [...domains.map((domain) => `.${domain}`), '.invalid', ...fresh('.', domains)].flatMap(
    (domain) => labels(domain, taken),
  );
  return [...new Set([...texts, ...domains, ...names, ...addresses(ranges, taken)])];
}

/** A top-level domain that no condition speaks of. */
function fresh(dot: string, domains: readonly string[]): readonly string[] {
  for (let i = 0; ; i++) {
    const name = `${dot}free${i}`;
    if (!domains.some((domain) => name.endsWith(domain) || domain.endsWith(name.slice(1)))) return [name];
  }
}

/** Below the domain, and no text that something is compared with. */
function labels(domain: string, taken: ReadonlySet<string>): readonly string[] {
  const found: string[] = [];
  for (let i = 0; found.length < 2 && i < taken.size + 2; i++) {
    const name = `x${i === 0 ? '' : i}${domain}`;
    if (!taken.has(name)) found.push(name);
  }
  return found;
}

/** Prefixes behind which an IPv4 address may stand (stdlib/ip.ts), the two that stand for none, and the mapped ones. */
const SPECIAL: readonly Range[] = [
  ['::', 96],
  ['::', 127],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 32],
  ['2002::', 16],
  ['2001::', 32],
].map(([text, bits]) => ({ bytes: sixteen(text as string), bits: bits as number }));

function sixteen(text: string): Address {
  const bytes = parseIp(text) ?? [];
  return bytes.length === 16 ? bytes : [...Array.from({ length: 10 }, () => 0), 255, 255, ...bytes];
}

/** From every stretch of addresses that no range cuts, some that are not compared with. */
function addresses(ranges: readonly Range[], taken: ReadonlySet<string>): readonly string[] {
  return [4, 16].flatMap((length) => {
    const own = [...ranges, ...SPECIAL].filter(({ bytes }) => bytes.length === length);
    const cuts = new Set<bigint>([0n]);
    for (const { bytes, bits } of own) {
      const first = numberOf(bytes);
      cuts.add(first).add(first + (1n << BigInt(8 * length - bits)));
    }
    const end = 1n << BigInt(8 * length);
    return [...cuts]
      .filter((cut) => cut < end)
      .flatMap((cut) => {
        const found: string[] = [];
        for (let at = cut; found.length < 2 && at < end && at <= cut + BigInt(taken.size) + 2n; at++) {
          const text = ipText(bytesOf(at, length));
          if (!taken.has(text)) found.push(text);
        }
        return found;
      });
  });
}

const numberOf = (bytes: Address): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
const bytesOf = (n: bigint, length: number): Address =>
  Array.from({ length }, (_, i) => Number((n >> BigInt(8 * (length - 1 - i))) & 255n));

/** Texts read as hosts: in their one spelling, in another one, and no host at all. */
export function coverHosts(tests: HostTests): readonly string[] {
  const plain = plainHosts(tests);
  return [...plain, ...plain.flatMap(otherSpelling), '', '?'];
}

function otherSpelling(host: string): readonly string[] {
  const bytes = parseIp(host);
  if (bytes === null) return hostOf(host) === null ? [] : [`${host}.`, host.toUpperCase()];
  if (bytes.length === 4) return [`::ffff:${host}`];
  return [
    ipText(bytes).toUpperCase(),
    bytes.reduce(
      (text, byte, i) => text + (i > 0 && i % 2 === 0 ? ':' : '') + byte.toString(16).padStart(2, '0'),
      '',
    ),
  ];
}

const STANDARD = ['https', 'http', 'ws', 'wss', 'ftp'];

/** URLs with every scheme, host and port that conditions tell apart, and texts that are none. */
export function coverUrls({ schemes, hosts, ports }: UrlTests): readonly string[] {
  const port = { whole: true, low: fraction(0n), high: fraction(65_535n), values: null };
  const numbers = ports.length === 0 ? [] : coverNumbers(ports, port, true).map((n) => `:${n}`);
  const asked = hosts.domains.length + hosts.ranges.length + hosts.texts.length > 0;
  const names = asked ? plainHosts(hosts) : ['x.invalid'];
  const standard = schemes.length === 0 ? ['https'] : STANDARD;
  const urls = standard.flatMap((scheme) =>
    names.flatMap((name) =>
      ['', ...numbers].map((at) => `${scheme}://${name.includes(':') ? `[${name}]` : name}${at}/`),
    ),
  );
  const others = ['x', ...schemes.filter((scheme) => !STANDARD.includes(scheme)), freshScheme(schemes)];
  return [...urls, ...others.map((scheme) => `${scheme}:x`), '', 'x'].filter(
    (text) => parseUrl(text) !== null || !text.includes('://'),
  );
}

function freshScheme(schemes: readonly string[]): string {
  for (let i = 0; ; i++) if (!schemes.includes(`x${i}`)) return `x${i}`;
}
