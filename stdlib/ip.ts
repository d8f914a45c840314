// SPDX-License-Identifier: Apache-2.0
/**
 * IP addresses by their bytes. An address has one spelling that every reader takes for the same: dotted quads without leading zeros,
 * IPv6 as RFC 4291 writes it, without a zone. All else (`127.1`, `0x7f.0.0.1`, `010.0.0.1`, `fe80::1%eth0`) is no address here.
 */

/** Four bytes or sixteen. */
export type Address = readonly number[];

/** A range of addresses: those whose first `bits` bits are those of `bytes`. */
export interface Range {
  readonly bytes: Address;
  readonly bits: number;
}

const LONGEST = 45;

/** The bytes, or null. An IPv4 address inside an IPv6 one (`::ffff:10.0.0.1`) is that IPv4 address. Linear. */
export function parseIp(text: string): Address | null {
  if (text.length > LONGEST) return null;
  const bytes = text.includes(':') ? sixteen(text) : four(text);
  return bytes?.length === 16 && isMapped(bytes) ? bytes.slice(12) : bytes;
}

function four(text: string): Address | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const bytes = parts.map((part) => (isPlain(part) ? Number(part) : 256));
  return bytes.every((byte) => byte < 256) ? bytes : null;
}

/** Digits without a leading zero. */
const isPlain = (text: string): boolean =>
  text !== '' && text.length <= 3 && (text === '0' || text[0] !== '0') && every(text, isDigit);

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
const isHex = (c: number): boolean => isDigit(c) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66);

function every(text: string, test: (c: number) => boolean): boolean {
  for (let i = 0; i < text.length; i++) if (!test(text.charCodeAt(i))) return false;
  return true;
}

/** Eight groups of hexadecimal digits; one run of zeros may be `::`, the last two may be a dotted quad. */
function sixteen(text: string): Address | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, i) => groups(half, i === halves.length - 1));
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === 16 ? head : null;
  const gap = 16 - head.length - tail.length;
  return gap < 2 ? null : [...head, ...Array.from({ length: gap }, () => 0), ...tail];
}

function groups(half: string, last: boolean): Address | null {
  if (half === '') return [];
  const bytes: number[] = [];
  const parts = half.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const quad = last && i === parts.length - 1 ? four(part) : null;
      if (quad === null) return null;
      bytes.push(...quad);
      continue;
    }
    if (part === '' || part.length > 4 || !every(part, isHex)) return null;
    const value = Number.parseInt(part, 16);
    bytes.push(value >> 8, value & 255);
  }
  return bytes;
}

const startsWith = (bytes: Address, prefix: readonly number[]): boolean =>
  prefix.every((byte, i) => bytes[i] === byte);
const ZEROS = Array.from({ length: 12 }, () => 0);
const MAPPED = [...ZEROS.slice(2), 255, 255];
const isMapped = (bytes: Address): boolean => startsWith(bytes, MAPPED);

/** Compatible, NAT64, 6to4 and Teredo addresses: behind them stands an IPv4 address, which one depends on the network. */
const CARRIERS: readonly (readonly number[])[] = [
  ZEROS,
  [0, 0x64, 0xff, 0x9b],
  [0x20, 0x02],
  [0x20, 0x01, 0, 0],
];

function carriesFour(bytes: Address): boolean {
  const last = bytes.at(-1) ?? 0;
  const unspecifiedOrLoopback = startsWith(bytes, [...ZEROS, 0, 0, 0]) && last < 2;
  return !unspecifiedOrLoopback && CARRIERS.some((prefix) => startsWith(bytes, prefix));
}

/** One spelling for each address (RFC 5952). */
export function ipText(bytes: Address): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const [start, length] = longestZeros(words);
  const hex = (list: readonly number[]): string => list.map((word) => word.toString(16)).join(':');
  return length < 2 ? hex(words) : `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}

function longestZeros(words: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let length = 0;
  for (const [i, word] of words.entries()) {
    length = word === 0 ? length + 1 : 0;
    if (length > best[1]) best = [i - length + 1, length];
  }
  return best;
}

/** `ip(x)`: the one spelling; undefined (unknown) where it is no address. */
export function ip(text: string | undefined): string | undefined {
  const bytes = text === undefined ? null : parseIp(text);
  return bytes === null ? undefined : ipText(bytes);
}

/** `10.0.0.0/8`: address and number of leading bits, the rest zero; what is wrong with it otherwise. */
export function parseRange(text: string): Range | string {
  const slash = text.indexOf('/');
  const bytes = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (bytes === null) return 'it does not begin with an IP address';
  const written = text.slice(slash + 1);
  const mapped = bytes.length === 4 && text.includes(':') ? 96 : 0;
  const bits = Number(written) - mapped;
  if (slash < 0 || !isPlain(written) || bits < 0 || bits > bytes.length * 8)
    return `it does not end with a number of bits, as \`/${bytes.length * 8}\``;
  const base = bytes.map((byte, i) => byte & maskOf(bits, i));
  return base.every((byte, i) => byte === bytes[i])
    ? { bytes, bits }
    : `the range that holds it is written \`${ipText(base)}/${bits}\``;
}

/** The bits of byte `i` that a prefix of so many bits covers. */
const maskOf = (bits: number, i: number): number =>
  (0xff << (8 - Math.min(8, Math.max(0, bits - 8 * i)))) & 0xff;

export const range = (bytes: Address, bits: number): Range => ({ bytes, bits });

/** 2: the address is in the range; 0: it is not; 1: it is no address, or one that may stand for an IPv4 address that is asked for. */
export function inCidr(text: string | undefined, { bytes: base, bits }: Range): 0 | 1 | 2 {
  const bytes = text === undefined ? null : parseIp(text);
  if (bytes === null) return 1;
  if (bytes.length !== base.length) return base.length === 4 && carriesFour(bytes) ? 1 : 0;
  return bytes.every((byte, i) => ((byte ^ (base[i] ?? 0)) & maskOf(bits, i)) === 0) ? 2 : 0;
}
