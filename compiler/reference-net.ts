// SPDX-License-Identifier: Apache-2.0
/**
 * The reference reading of URLs, hosts and addresses: the runtime's WHATWG parser and its own lists of addresses, after what the
 * language refuses has been refused. It shares nothing with stdlib/url.ts and stdlib/ip.ts.
 */
import type { CidrIr } from './ir.js';
import { BlockList, isIPv4, isIPv6 } from './reference-ip.js';

const PORTS: { readonly [scheme: string]: number } = { http: 80, https: 443, ws: 80, wss: 443, ftp: 21 };

/** A part of the URL, or null where it is refused or has none. */
export function urlPart(text: string, part: 'scheme' | 'host' | 'port' | 'path'): string | number | null {
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u0020\\\u007f]/.test(text)) return null;
  const [, scheme = '', rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(text) ?? [];
  if (scheme === '') return null;
  const standard = Object.hasOwn(PORTS, scheme.toLowerCase()) ? PORTS[scheme.toLowerCase()] : undefined;
  if (standard === undefined) {
    if (part === 'scheme') return scheme.toLowerCase();
    return part === 'path' && scheme.toLowerCase() === 'file' && rest.startsWith('///')
      ? pathOf(rest.slice(2))
      : null;
  }
  const [, authority = '', after = ''] = /^\/\/([^/?#]+)(.*)$/s.exec(rest) ?? [];
  if (authority.includes('@') || (!after.startsWith('/') && after.includes('@'))) return null;
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority) ?? [];
  if (port !== undefined && !(/^(0|[1-9][0-9]{0,4})$/.test(port) && Number(port) < 65_536)) return null;
  const name = host.startsWith('[') ? bracketed(host) : hostText(host);
  if (name === null) return null;
  switch (part) {
    case 'scheme':
      return new URL(`${scheme}://x`).protocol.slice(0, -1);
    case 'host':
      return name;
    case 'port':
      return port === undefined ? standard : Number(port);
    case 'path':
      return pathOf(after);
  }
}

/** The name as the WHATWG parser writes it, or null where it reads another name or an address spelt oddly. */
export function hostText(host: string): string | null {
  const name = host.replace(/\.$/, '');
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name) || name.length > 253) return null;
  // Labels of punycode are compared as they stand: which of them are well formed depends on the version of Unicode.
  const plain = name.replace(/(^|\.)xn--/gi, '$1xn-q');
  if (!URL.canParse(`http://${plain}/`)) return null;
  const read = new URL(`http://${plain}/`).hostname;
  return read === plain.toLowerCase() ? name.toLowerCase() : null;
}

function bracketed(host: string): string | null {
  const inner = host.slice(1, -1);
  return isIPv6(inner) ? addressText(inner) : null;
}

function pathOf(after: string): string | null {
  const path = /^[^?#]*/.exec(after)?.[0] || '/';
  if (!/^[A-Za-z0-9\-._~!$&'()*+,;=:@/%|[\]]*$/.test(path)) return null;
  return new URL(`http://h${path}`).pathname === path ? path : null;
}

/** The one spelling of an address; null for what is none. */
export function addressText(text: string): string | null {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return null;
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

export function isInDomain(host: string, domain: string): boolean | 'unknown' {
  if (addressText(host) !== null) return false;
  const name = hostText(host);
  if (name === null) return 'unknown';
  const [labels, wanted] = [name.split('.').reverse(), domain.split('.').reverse()];
  return wanted.every((label, i) => labels[i] === label);
}

/** Ranges from which an IPv4 address may be reached that the address itself does not name. */
const CARRIERS = new BlockList();
CARRIERS.addSubnet('::', 96, 'ipv6');
CARRIERS.addSubnet('64:ff9b::', 32, 'ipv6');
CARRIERS.addSubnet('2002::', 16, 'ipv6');
CARRIERS.addSubnet('2001::', 32, 'ipv6');

export function isInRange(text: string, { bytes, bits }: CidrIr): boolean | 'unknown' {
  const address = addressText(text);
  if (address === null) return 'unknown';
  const list = new BlockList();
  const four = bytes.length === 4;
  if (four) list.addSubnet(bytes.join('.'), bits, 'ipv4');
  else list.addSubnet(hexGroups(bytes), bits, 'ipv6');
  if (isIPv4(address)) return four && list.check(address, 'ipv4');
  if (!four) return list.check(address, 'ipv6');
  return CARRIERS.check(address, 'ipv6') && address !== '::' && address !== '::1' ? 'unknown' : false;
}

const hexGroups = (bytes: readonly number[]): string =>
  Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  ).join(':');
