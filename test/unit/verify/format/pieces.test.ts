// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  canonical,
  CompactTree,
  commitMembers,
  entryEnd,
  hashText,
  leafHash,
  memberLeaf,
  parseCheckpoint,
  parseNote,
  parseStrict,
  parseTrust,
  parseVerifierKey,
  printVerifierKey,
  scanEntries,
  segmentIndex,
  segmentName,
  splitCheckpoints,
} from '../../../../runtime/verify/format/index.js';
import { smallLog, testKey } from '../../../arbitraries/log.js';

const kind = (text: string | Uint8Array): string => {
  const parsed = parseStrict(text);
  return parsed.ok ? 'ok' : `${parsed.error.kind}@${parsed.error.offset}`;
};

describe('parseStrict', () => {
  it.each([
    ['{"a":1,"\\u0061":2}', 'duplicate_key@7'],
    ['{"a":{"a":1}}', 'ok'],
    ['{"__proto__":1}', 'forbidden_key@1'],
    ['{"\\u005f_proto__":1}', 'forbidden_key@1'],
    ['{"x":{"constructor":1}}', 'forbidden_key@6'],
    ['{"prototype":1}', 'forbidden_key@1'],
    ['{"toString":1,"hasOwnProperty":2,"__defineGetter__":3}', 'ok'],
    ['"\\ud800"', 'surrogate@1'],
    ['"\\udc00\\ud800"', 'surrogate@1'],
    ['"\\ud83d\\ude00"', 'ok'],
    ['9007199254740993', 'number@0'],
    ['9007199254740992', 'ok'],
    ['100000000000000000000', 'ok'],
    ['1e400', 'number@0'],
    ['0.1000000000000000055511', 'number@0'],
    ['1.0', 'ok'],
    ['1E2', 'ok'],
    ['-0', 'ok'],
    ['01', 'syntax@0'],
    ['+1', 'syntax@0'],
    ['1.', 'syntax@0'],
    ['.5', 'syntax@0'],
    ['NaN', 'syntax@0'],
    ['[1,]', 'syntax@3'],
    ['{"a":1,}', 'syntax@7'],
    ['{a:1}', 'syntax@1'],
    ["{'a':1}", 'syntax@1'],
    ['[1] x', 'syntax@4'],
    ['', 'syntax@0'],
    ['"a\nb"', 'syntax@2'],
    ['"a', 'syntax@2'],
    ['"\\x"', 'syntax@1'],
    ['"\\u12g4"', 'syntax@1'],
    ['\ufeff1', 'encoding@0'],
    ['\u00a01', 'syntax@0'],
  ])('%j is %s', (text, expected) => {
    expect(kind(text)).toBe(expected);
  });

  it('refuses bytes that are not UTF-8, and a byte order mark', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0xef, 0xbb, 0xbf, 0x31],
    ]) {
      expect(kind(Uint8Array.from(bytes))).toBe('encoding@0');
    }
  });

  it('gives objects without a prototype, own members only', () => {
    const parsed = parseStrict('{"toString":1,"in":{"b":[{}]}}');
    if (!parsed.ok) throw new Error(parsed.error.message);
    const outer = parsed.value as { readonly in: { readonly b: readonly object[] } };
    for (const object of [outer, outer.in, outer.in.b[0]]) expect(Object.getPrototypeOf(object)).toBe(null);
    expect('valueOf' in outer).toBe(false);
  });

  it.each([4095, 4096, 4097, 9000])(
    'reads long strings as short ones: %d characters before the odd part',
    (n) => {
      const pad = 'x'.repeat(n);
      for (const part of ['', '\\n', '\\"', '\\\\', '\\u00e9', '\\ud83d\\ude00', 'é😀', '\\\\\\"']) {
        const text = `{"a":"${part}${pad}${part}","b":["${pad}${part}${pad}"]}`;
        const read = parseStrict(text);
        expect(read.ok && JSON.stringify(read.value)).toBe(JSON.stringify(JSON.parse(text)));
      }
      for (const [part, kind] of [
        ['\n', 'syntax'],
        ['\\x', 'syntax'],
        ['\\ud800', 'surrogate'],
        ['\ud800', 'surrogate'],
        ['\\u12', 'syntax'],
      ] as const) {
        for (const text of [`["${pad}${part}y"]`, `["\\t${pad}${part}y"]`, `["${pad}","${pad}${part}"]`])
          expect(parseStrict(text)).toMatchObject({ ok: false, error: { kind } });
      }
      expect(parseStrict(`["${pad}`)).toMatchObject({ ok: false, error: { kind: 'syntax' } });
      expect(parseStrict(`["${pad}\\"`)).toMatchObject({ ok: false, error: { kind: 'syntax' } });
    },
  );

  it('counts values where it is asked to', () => {
    const limits = { size: 100, depth: 4, keys: 10, values: 4 };
    expect(parseStrict('[1,[2]]', limits).ok).toBe(true);
    expect(parseStrict('[1,[2,3]]', limits)).toMatchObject({ ok: false, error: { kind: 'limit' } });
  });

  it('writes zero one way', () => {
    expect(parseStrict('-0')).toEqual({ ok: true, value: 0 });
  });
});

describe('canonical', () => {
  it('sorts by UTF-16 unit, also keys that look like indexes', () => {
    expect(canonical({ b: 1, '10': 2, '9': 3, a: 4, '\u{1f600}': 5, '\ufb33': 6, '': 7 })).toBe(
      '{"":7,"10":2,"9":3,"a":4,"b":1,"\u{1f600}":5,"\ufb33":6}',
    );
    expect(canonical(JSON.parse('{"z":1,"__proto__":{"b":1,"a":2}}'))).toBe(
      '{"__proto__":{"a":2,"b":1},"z":1}',
    );
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['infinity', Infinity],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a boxed number', Object(1)],
    ['a sparse array', [, 1]], // oxlint-disable-line no-sparse-arrays
    ['an undefined member', { a: undefined }],
    ['a symbol as key', { [Symbol('x')]: 1 }],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate as key', { '\udc00': 1 }],
  ])('refuses %s', (_, value) => {
    expect(() => canonical(value)).toThrow(TypeError);
  });

  it('refuses endless nesting instead of overflowing the stack', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => canonical(loop)).toThrow(TypeError);
  });
});

describe('notes, keys and the trust file', () => {
  const key = testKey('example.com/log');

  it('refuses keys with a wrong id, name, length or kind', () => {
    expect(parseVerifierKey(key.vkey)).toMatchObject({ name: key.name, id: key.id });
    const [name, id, data] = key.vkey.split('+') as [string, string, string];
    for (const wrong of [
      '',
      `${name}+00000000+${data}`,
      `other+${id}+${data}`,
      `${name}+${id}+${data.slice(0, -4)}`,
      `${name}+${id}+B${data.slice(1)}`,
      `a b+${id}+${data}`,
      `${name}+${id.toUpperCase()}+${data}x`,
    ]) {
      expect(parseVerifierKey(wrong), wrong).toBe(null);
    }
  });

  it('refuses notes that are not in the only form', () => {
    const line = `— a ${Buffer.alloc(68, 1).toString('base64')}\n`;
    expect(parseNote(`text\n\n${line}`)).toMatchObject({ text: 'text\n' });
    expect(parseNote(`two\n\nparts\n\n${line}${line}`)?.signatures).toHaveLength(2);
    for (const wrong of [
      '',
      '\n',
      `text\n${line}`,
      `text\n\n${line.trimEnd()}`,
      `text\n\n`,
      `\n\n${line}`,
      `te\u0007xt\n\n${line}`,
      `text\n\n- a AAAA\n`,
      `text\n\n— a b c\n`,
      `text\n\n${line.replace('=', '')}`,
    ]) {
      expect(parseNote(wrong), JSON.stringify(wrong)).toBe(null);
    }
  });

  it('refuses checkpoints with a size in another form, an extension line or a short root', () => {
    const root = Buffer.alloc(32).toString('base64');
    const line = `— a ${Buffer.alloc(68, 1).toString('base64')}\n`;
    const note = (text: string): unknown => parseCheckpoint(`${text}\n${line}`);
    expect(note(`o\n5\n${root}\n`)).toMatchObject({ origin: 'o', size: 5 });
    for (const text of [
      `o\n05\n${root}\n`,
      `o\n-1\n${root}\n`,
      `o\n5.0\n${root}\n`,
      `o\n5\n${root}\nmore\n`,
      `o\n5\nAAAA\n`,
      `\n5\n${root}\n`,
      `o\n9007199254740993\n${root}\n`,
    ]) {
      expect(note(text), text).toBe(null);
    }
  });

  it('splits a file of checkpoints and finds a torn end', () => {
    const log = smallLog();
    const file = log.checkpointFile();
    expect(splitCheckpoints(file)).toEqual({ notes: log.checkpoints, torn: '' });
    expect(splitCheckpoints(file.slice(0, -3)).notes).toEqual(log.checkpoints.slice(0, 1));
    expect(splitCheckpoints(file.slice(0, -1)).torn).not.toBe('');
  });

  it('refuses trust files that are wrong, and keys of small order', () => {
    const sound = JSON.parse(smallLog().trust) as Record<string, unknown>;
    expect(typeof parseTrust(JSON.stringify(sound))).toBe('object');
    const small = printVerifierKey('evil', Buffer.from(`01${'00'.repeat(31)}`, 'hex'));
    for (const [change, message] of [
      [{ extra: 1 }, 'unknown member "extra"'],
      [{ origin: '' }, 'origin is missing'],
      [{ origin: 'a\nb' }, 'origin is missing or not one line'],
      [{ root: 'x' }, 'root is not a verifier key'],
      [{ logKey: small }, 'logKey is not a verifier key'],
      [{ genesis: 'sha256:AB' }, 'genesis is not a sha256 hash'],
      [{ witnesses: ['x'] }, 'witnesses is not a list of verifier keys'],
      [{ quorum: 1 }, 'quorum is not a number between'],
      [{ extensions: [1] }, 'extensions is not a list of names'],
    ] as const) {
      expect(parseTrust(JSON.stringify({ ...sound, ...change }))).toContain(message);
    }
  });
});

describe('segments', () => {
  it('finds whole entries and says where they stop', () => {
    const { entries } = smallLog();
    const bytes = Buffer.concat(entries);
    const found: number[] = [];
    expect(scanEntries(Buffer.concat([bytes, Buffer.alloc(9)]), (start) => found.push(start))).toEqual({
      end: bytes.length,
      torn: 0,
    });
    expect(found).toHaveLength(entries.length);
    const cut = bytes.subarray(0, bytes.length - 5);
    const last = (entries.at(-1) as Buffer).length;
    expect(scanEntries(Buffer.concat([cut, Buffer.alloc(9)]), () => {})).toEqual({
      end: bytes.length - last,
      torn: last - 5,
    });
    expect(entryEnd(Buffer.from('x'), 0)).toBe(-1);
  });

  it('names segments so that their order is the order of names', () => {
    expect([segmentName(0), segmentName(12)]).toEqual(['000000.log', '000012.log']);
    expect([
      segmentIndex('000012.log'),
      segmentIndex('12.log'),
      segmentIndex('00001a.log'),
      segmentIndex('000012.log~'),
    ]).toEqual([12, null, null, null]);
  });
});

describe('commitments', () => {
  const salt = Buffer.alloc(16, 7);
  const rootOf = (leaves: readonly Buffer[]): string => {
    const tree = new CompactTree();
    for (const leaf of leaves) tree.append(leaf);
    return hashText(tree.root());
  };

  it('have one leaf per member, sorted by pointer', () => {
    const members = { b: 1, 'a~': { z: 1, y: [true] }, 'a/': 'x', toString: null };
    const pointers: readonly [string, unknown][] = [
      ['/a~0', members['a~']],
      ['/a~1', 'x'],
      ['/b', 1],
      ['/toString', null],
    ];
    expect(commitMembers(salt, '', members)).toEqual({
      root: rootOf(pointers.map(([pointer, value]) => memberLeaf(salt, pointer, value as never))),
      count: 4,
    });
  });

  it('put everything past 64 members, or past 64 KB, into one leaf', () => {
    const many = Object.fromEntries(
      Array.from({ length: 70 }, (_, i) => [`k${String(i).padStart(2, '0')}`, i]),
    );
    const pairs = Object.entries(many).map(([name, value]): [string, number] => [`/${name}`, value]);
    expect(commitMembers(salt, '', many).root).toBe(
      rootOf([
        ...pairs.slice(0, 64).map(([p, v]) => memberLeaf(salt, p, v)),
        memberLeaf(salt, '', pairs.slice(64)),
      ]),
    );
    const large = { a: 'x'.repeat(1000), b: 'y'.repeat(70_000), c: 1 };
    expect(commitMembers(salt, '', large).root).toBe(
      rootOf([
        memberLeaf(salt, '/a', large.a),
        memberLeaf(salt, '', [
          ['/b', large.b],
          ['/c', 1],
        ]),
      ]),
    );
  });

  it('hide: another salt gives another root, and an empty object has the empty root', () => {
    expect(commitMembers(salt, '', { a: 1 }).root).not.toBe(
      commitMembers(Buffer.alloc(16, 8), '', { a: 1 }).root,
    );
    expect(commitMembers(salt, '', {})).toEqual({ root: rootOf([]), count: 0 });
    expect(leafHash('x').equals(leafHash(Buffer.from('x')))).toBe(true);
  });
});
