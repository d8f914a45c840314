// SPDX-License-Identifier: Apache-2.0
// URLs, domains, addresses and moments: what the library reads, the runtime's own readers read too, or the library refuses it.
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { momentText, spanText } from '../../compiler/reference-clock.js';
import {
  addressText,
  isInDomain,
  isInRange,
  urlPart as referencePart,
} from '../../compiler/reference-net.js';
import { decimalText } from '../../stdlib/decimal.js';
import { inCidr, ip, parseIp, parseRange } from '../../stdlib/ip.js';
import { moment, span } from '../../stdlib/moment.js';
import { inDomain, parseUrl, urlPart } from '../../stdlib/url.js';

const RUNS = process.env['SEPAL_LONG'] === undefined ? 3_000 : 300_000;
const pick = <const T>(...items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items);
const PARTS = ['scheme', 'host', 'port', 'path'] as const;
const TRUTH = [false, 'unknown', true] as const;

const host = fc.oneof(
  pick(
    'example.com',
    'EXAMPLE.com',
    'a.example.com',
    'example.com.',
    'example.com..',
    'evil-example.com',
    'localhost',
  ),
  pick(
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '010.0.0.1',
    '1.2.3.4.',
    '1.2.3.256',
    '1.2.3',
    'a.1',
    'a.0x',
    '1.2.3.4.5',
  ),
  pick(
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[fe80::1%25eth0]',
    '[1::2::3]',
    '[::1',
    '::1',
    '[127.0.0.1]',
    '[1:2:3:4:5:6:7:8]',
    '[0:0:1:0:0:0:0:0]',
  ),
  pick(
    'ex%61mple.com',
    'example。com',
    'ⓔxample.com',
    'faß.de',
    'xn--fa-hia.de',
    'xn--a',
    'a_b',
    '-a-',
    'a..b',
    '.a',
    '',
    'a b',
    'a\tb',
    'a'.repeat(300),
  ),
  fc.string({ maxLength: 8 }),
  fc.domain(),
  fc.ipV4Extended(),
  fc.ipV6().map((text) => `[${text}]`),
);
const url = fc.oneof(
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc
    .tuple(
      pick('https', 'http', 'HTTPS', 'ws', 'ftp', 'file', 'data', 'javascript', 'ht tp', '', 'x-y', '1x'),
      pick('://', ':', ':/', ':///', ':\\\\', '//', ':\n//', ''),
      pick('', '', '', 'user@', 'user:pw@', '@', 'good.example@'),
      host,
      pick('', '', ':443', ':80', ':0443', ':', ':65535', ':65536', ':-1', ':8 0', ':１'),
      pick(
        '',
        '/',
        '/a/b',
        '/a/../b',
        '/%2e%2E/b',
        '/.',
        '/a b',
        '/é',
        '/a@b',
        '?x=1',
        '?@evil.example',
        '#@evil.example',
        '\\@evil.example',
        '/a?b#c',
        '/..;/x',
        '//b',
        '/{x}',
        '/a%20b',
        '/^',
      ),
    )
    .map((parts) => parts.join('')),
  fc.string({ maxLength: 30 }),
);

describe('url', () => {
  it('is the one reading of the WHATWG parser, wherever it is read at all', () => {
    let read = 0;
    fc.assert(
      fc.property(url, (text) => {
        for (const part of PARTS) {
          expect(urlPart(part, text) ?? null, `${part} of ${JSON.stringify(text)}`).toBe(
            referencePart(text, part),
          );
        }
        const parsed = parseUrl(text);
        if (parsed?.host === undefined || parsed.host.includes('xn--')) return;
        read++;
        const other = new URL(text);
        expect(other.protocol).toBe(`${parsed.scheme}:`);
        const written = other.hostname.replace(/\.$/, '');
        expect(ip(written.replace(/^\[(.*)\]$/, '$1')) ?? written).toBe(parsed.host);
        expect([other.username, other.password]).toEqual(['', '']);
        expect(other.port === '' || Number(other.port) === parsed.port).toBe(true);
        if (parsed.path !== undefined) expect(other.pathname).toBe(parsed.path);
      }),
      { numRuns: RUNS },
    );
    expect(read).toBeGreaterThan(RUNS / 20);
  });

  it.each([
    'https://user@example.com/',
    'https://example.com\\@evil.example/',
    'https:/example.com',
    'https:example.com',
    'https:///example.com',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://127.1/',
    'https://010.0.0.1/',
    ' https://example.com',
    'https://exam\tple.com/',
    'https://ⓔxample.com/',
    'https://example.com?@evil.example/',
    'https://ex%61mple.com/',
    'https://example.com:00443/',
    '//example.com/',
    'example.com',
  ])('refuses %s', (text) => {
    expect(parseUrl(text)).toBeNull();
  });

  it('reads what policies ask about', () => {
    expect(parseUrl('HTTPS://Example.COM./a/b?c#d')).toEqual({
      scheme: 'https',
      host: 'example.com',
      port: 443,
      path: '/a/b',
    });
    expect(parseUrl('http://[::ffff:127.0.0.1]:8080')).toEqual({
      scheme: 'http',
      host: '127.0.0.1',
      port: 8080,
      path: '/',
    });
    expect(parseUrl('file:///etc/passwd')).toEqual({
      scheme: 'file',
      host: undefined,
      port: undefined,
      path: '/etc/passwd',
    });
    expect(parseUrl('https://example.com/a/%2e./b')?.path).toBeUndefined();
  });

  it('takes time in proportion to the text', () => {
    for (const part of ['a', '%2e/', '../', '.', 'a.', ':', '@', '[', '/']) {
      const text = `https://${part.repeat(300_000)}`;
      expect([undefined, 443]).toContain(urlPart('port', text));
    }
  });
});

describe('domain', () => {
  it('holds the domain and what is below it, by labels', () => {
    const domain = pick('example.com', 'com', 'a.example.com', 'localhost');
    fc.assert(
      fc.property(host, domain, (name, of) => {
        expect(TRUTH[inDomain(name, of)], `${JSON.stringify(name)} in ${of}`).toBe(isInDomain(name, of));
      }),
      { numRuns: RUNS },
    );
    expect(inDomain('evil-example.com', 'example.com')).toBe(0);
    expect(inDomain('example.com.evil.example', 'example.com')).toBe(0);
    expect(inDomain('A.Example.com.', 'example.com')).toBe(2);
    expect(inDomain('10.0.0.1', 'example.com')).toBe(0);
  });
});

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV4Extended(),
  fc.ipV4().map((text) => `::ffff:${text}`),
  fc.ipV4().map((text) => `64:ff9b::${text}`),
  pick(
    '::',
    '::1',
    '::2',
    '2002:a00:1::',
    '2001::1',
    '2001:db8::1',
    '1::2::3',
    'fe80::1%eth0',
    '01.2.3.4',
    '1.2.3',
    ':1',
    '1:',
    '1::',
    ':::',
    '12345::',
    '::1.2.3.4.5',
    '1:2:3:4:5:6:7::',
    '::FFFF:1.2.3.4',
  ),
  fc.string({ maxLength: 12 }),
);

describe('ip and cidr', () => {
  it('reads the addresses that the runtime reads, but those with a zone, each in one spelling', () => {
    fc.assert(
      fc.property(address, (text) => {
        expect(parseIp(text) !== null).toBe(isIPv4(text) || (isIPv6(text) && !text.includes('%')));
        expect(ip(text) ?? null).toBe(addressText(text));
        const once = ip(text);
        if (once !== undefined) expect(ip(once)).toBe(once);
      }),
      { numRuns: RUNS },
    );
  });

  it('agrees with the lists of addresses of the runtime', () => {
    fc.assert(
      fc.property(address, fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat({ max: 128 }), (text, base, length) => {
        const bytes = parseIp(base);
        if (bytes === null) return;
        const bits = Math.min(length, bytes.length * 8);
        const masked = bytes.map(
          (byte, i) => byte & ((0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff),
        );
        const range = { text: base, bytes: masked, bits };
        expect(TRUTH[inCidr(text, range)]).toBe(isInRange(text, range));
        const parsed = parseIp(text);
        if (parsed === null || parsed.length !== bytes.length) return;
        const list = new BlockList();
        const family = bytes.length === 4 ? 'ipv4' : 'ipv6';
        list.addSubnet(base, bits, family);
        expect(inCidr(text, range) === 2).toBe(list.check(ip(text) ?? '', family));
      }),
      { numRuns: RUNS },
    );
  });

  it('knows a mapped address for the address in it, and does not answer for those that a network translates', () => {
    const ten = parseRange('10.0.0.0/8');
    if (typeof ten === 'string') throw new Error(ten);
    expect(
      ['10.1.2.3', '::ffff:10.1.2.3', '::FFFF:a01:203', '11.0.0.1'].map((text) => inCidr(text, ten)),
    ).toEqual([2, 2, 2, 0]);
    expect(
      ['64:ff9b::10.1.2.3', '2002:a01:203::', '::10.1.2.3', '2001::1', '::1', '2001:db8::1'].map((text) =>
        inCidr(text, ten),
      ),
    ).toEqual([1, 1, 1, 1, 0, 0]);
    expect(inCidr('010.1.2.3', ten)).toBe(1);
  });

  it.each([
    ['10.0.0.1/8', '10.0.0.0/8'],
    ['::ffff:10.0.0.1/104', '10.0.0.0/8'],
    ['2001:db8::1/32', '2001:db8::/32'],
  ])('says how the range of %s is written', (text, meant) => {
    expect(parseRange(text)).toContain(meant);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/', 'example.com/8', '::/129', '10.0.0.0/-1'])(
    'refuses the range %s',
    (text) => {
      expect(typeof parseRange(text)).toBe('string');
    },
  );
});

describe('moments', () => {
  const two = fc.nat({ max: 99 }).map((n) => String(n).padStart(2, '0'));
  const instant = fc
    .tuple(
      fc.nat({ max: 9999 }),
      fc.nat({ max: 13 }),
      fc.nat({ max: 32 }),
      two,
      two,
      two,
      pick('', '.1', '.123', '.123456789', '.', '.0000000001'),
      pick('Z', '+01:00', '-23:59', '+24:00', 'z', ''),
    )
    .map(
      ([y, mo, d, h, mi, s, f, z]) =>
        `${String(y).padStart(4, '0')}-${String(mo).padStart(2, '0')}-${String(d).padStart(2, '0')}T${Number(h) % 25}`.replace(
          /T(\d)$/,
          'T0$1',
        ) + `:${mi}:${s}${f}${z}`,
    );

  it('reads instants exactly as the other reader', () => {
    let read = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          instant,
          fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        ),
        (text) => {
          const [ours, theirs] = [moment(text), momentText(text)];
          expect(ours === undefined ? null : Number(decimalText(ours)), text).toBe(
            theirs === null ? null : Number(theirs),
          );
          if (ours !== undefined) read++;
        },
      ),
      { numRuns: RUNS },
    );
    expect(read).toBeGreaterThan(RUNS / 20);
    expect(moment('2026-02-30T00:00:00Z')).toBeUndefined();
    expect(moment('2026-03-09T14:00:00+01:00')).toBe(Date.parse('2026-03-09T13:00:00Z'));
  });

  it('reads durations exactly as the other reader', () => {
    const text = fc.tuple(
      fc.oneof(fc.nat().map(String), pick('', '-1', '1.5', '007', '9'.repeat(15), '9'.repeat(16))),
      pick('ms', 's', 'm', 'h', 'd', 'w', '', 'ss', 'sm'),
    );
    fc.assert(
      fc.property(text, ([digits, unit]) => {
        const [ours, theirs] = [span(digits + unit), spanText(digits + unit)];
        expect(ours === undefined ? null : decimalText(ours)).toBe(theirs);
      }),
      { numRuns: RUNS },
    );
  });
});
