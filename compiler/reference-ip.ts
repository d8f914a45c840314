// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses for the reference interpreter, read by the platform's own URL parser: they share nothing with stdlib/ip.ts, and answer
 * as node:net does, which browsers (the auditor page) do not have.
 */

const QUAD = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d|0)(?:\.(?!$)|$)){4}$/;
const LEADING_ZERO = /(?:^|\.)0\d/;

export const isIPv4 = (text: string): boolean => QUAD.test(text) && !LEADING_ZERO.test(text);

/** Without a zone: no reader of the reference asks for one. */
export function isIPv6(text: string): boolean {
  return /^[0-9a-fA-F:.]{2,45}$/.test(text) && text.includes(':') && URL.canParse(`http://[${text}]/`);
}

/** The address as one number. */
function numberOf(address: string, family: 'ipv4' | 'ipv6'): bigint {
  if (family === 'ipv4') return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const groups = (half: string): readonly string[] => (half === '' ? [] : half.split(':'));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** Ranges of addresses. */
export class BlockList {
  readonly #ranges: { readonly family: string; readonly start: bigint; readonly shift: bigint }[] = [];

  addSubnet(address: string, bits: number, family: 'ipv4' | 'ipv6'): void {
    const shift = BigInt((family === 'ipv4' ? 32 : 128) - bits);
    this.#ranges.push({ family, start: numberOf(address, family) >> shift, shift });
  }

  check(address: string, family: 'ipv4' | 'ipv6'): boolean {
    const value = numberOf(address, family);
    return this.#ranges.some((range) => range.family === family && value >> range.shift === range.start);
  }
}
