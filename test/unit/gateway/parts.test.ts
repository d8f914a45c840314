// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../../runtime/gateway/front/edge.js';
import { lineSplitter } from '../../../runtime/gateway/wire/lines.js';
import { giveBack, isBlock } from '../../../runtime/gateway/wire/blocks.js';
import { Parts } from '../../../runtime/gateway/wire/parts.js';

const SHORT = 16 * 1024;
const LARGE = 128 * 1024;
const inPieces = (bytes: Buffer, sizes: readonly number[]): readonly Buffer[] => {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
};
/** As they come from a pipe or a connection: each in a buffer of its own. */
const apart = (pieces: readonly Buffer[]): readonly Buffer[] =>
  pieces.map((piece) => {
    const own = Buffer.allocUnsafeSlow(piece.length);
    piece.copy(own);
    return own;
  });

describe('bytes that come piece by piece', () => {
  it.each([[[1]], [[7, 1000]], [[1024]], [[SHORT]], [[65_536]], [[1, SHORT]], [[SHORT - 1, 65_536, 3]]])(
    'are whole, in few parts, however they are cut: %j',
    (sizes) => {
      const bytes = randomBytes(LARGE + 4_321);
      const own = new Parts();
      for (const pieces of [inPieces(bytes, sizes), apart(inPieces(bytes, sizes))]) {
        for (const piece of pieces) own.add(piece);
        expect(own.size).toBe(bytes.length);
        const parts = own.take();
        expect(Buffer.concat(parts).equals(bytes)).toBe(true);
        expect(parts.length).toBeLessThanOrEqual((2 * bytes.length) / SHORT + 2);
        expect(own.size).toBe(0);
      }
      expect(own.take()).toEqual([]);
    },
  );

  it('are not copied where they are long, and one again where they were cut', () => {
    const [first, second] = apart([randomBytes(65_536), randomBytes(65_536)]) as [Buffer, Buffer];
    const own = new Parts();
    for (const piece of [...inPieces(first, [SHORT]), ...inPieces(second, [SHORT])]) own.add(piece);
    const parts = own.take();
    expect(parts.map(({ buffer, length }) => [buffer, length])).toEqual([
      [first.buffer, 65_536],
      [second.buffer, 65_536],
    ]);
  });

  it('stand in memory that V8 does not count once they are large, and that is used again when it is given back', () => {
    const own = new Parts();
    const one = (): { readonly bytes: Buffer; readonly parts: readonly Buffer[] } => {
      const bytes = randomBytes(1_000_000);
      for (const piece of apart(inPieces(bytes, [65_536]))) own.add(piece);
      return { bytes, parts: own.take() };
    };
    const blocksOf = (parts: readonly Buffer[]) => new Set(parts.filter(isBlock).map(({ buffer }) => buffer));
    const shared = (some: readonly Buffer[], others: readonly Buffer[]): number =>
      [...blocksOf(some)].filter((block) => blocksOf(others).has(block)).length;
    const [first, second] = [one(), one()];
    expect(blocksOf(first.parts).size).toBeGreaterThan(2);
    expect(shared(first.parts, second.parts)).toBe(0);
    for (const { bytes, parts } of [first, second]) expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    for (let twice = 0; twice < 2; twice++) giveBack(first.parts);
    const [third, fourth] = [one(), one()];
    expect(blocksOf(third.parts)).toEqual(blocksOf(first.parts));
    expect(shared(fourth.parts, third.parts)).toBe(0);
    for (const { bytes, parts } of [second, third, fourth])
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    for (const { parts } of [second, third, fourth]) giveBack(parts);
  });

  it('take of such memory no more than so much, whoever forgets to give it back', () => {
    const own = new Parts();
    for (let i = 0; i < 80; i++) own.add(Buffer.alloc(1_000_000));
    const parts = own.take();
    expect(parts.filter(isBlock).length).toBeLessThanOrEqual(256);
    expect(parts.filter((part) => !isBlock(part)).length).toBeGreaterThan(10);
    giveBack(parts);
  });

  it('are not changed by what comes later', () => {
    const own = new Parts();
    for (const piece of apart([Buffer.from('a'), Buffer.from('bc')])) own.add(piece);
    const before = own.take();
    for (const piece of apart([Buffer.from('x'), Buffer.from('yz')])) own.add(piece);
    expect(Buffer.concat(before).toString()).toBe('abc');
    expect(Buffer.concat(own.take()).toString()).toBe('xyz');
  });

  it('make lines: large ones among short ones, and some past the cap', () => {
    const seen: string[] = [];
    const take = lineSplitter(LARGE * 2, {
      line: (bytes) => seen.push(bytes.toString()),
      large: (parts, size) => {
        const bytes = Buffer.concat(parts);
        expect(bytes).toHaveLength(size);
        seen.push(`${size}:${bytes.toString('latin1', 0, 2)}${bytes.toString('latin1', size - 2)}`);
      },
      tooLong: (head, tail) =>
        seen.push(`over:${head.slice(0, 2)}${tail.slice(-2)}:${head.length},${tail.length}`),
    });
    const long = (length: number, mark: string): string => `${mark}${'-'.repeat(length - 4)}${mark}`;
    const lines = ['ab', long(LARGE * 2, 'cd'), long(LARGE * 2 + 1, 'ef'), long(LARGE * 5, 'gh'), 'ij'];
    for (const piece of inPieces(Buffer.from(`${lines.join('\n')}\n`), [16_000, 3])) take(piece);
    const over = ['over:efef:512,512', 'over:ghgh:512,512'];
    expect(seen).toEqual(['ab', `${LARGE * 2}:cdcd`, ...over, 'ij']);
  });

  // A part costs whoever hands it to a thread, and a chunk of HTTP may be a byte.
  it('make the body of a request that is sent byte by byte', async () => {
    const length = LARGE + 4_321;
    const server = createServer((request, response) => {
      void readBody(request, 1024 * 1024).then((body) => {
        const text = Buffer.concat(body?.parts ?? []).toString();
        response.end(JSON.stringify([body?.size, body?.parts.length, text === 'y'.repeat(length)]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const head = 'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n';
    socket.write(`${head}${'1\r\ny\r\n'.repeat(length)}0\r\n\r\n`);
    let said = '';
    for await (const chunk of socket) said += String(chunk);
    server.close();
    const [size, parts, whole] = JSON.parse(
      said.slice(said.indexOf('['), said.indexOf(']') + 1),
    ) as unknown[];
    expect([size, whole]).toEqual([length, true]);
    expect(parts).toBeLessThanOrEqual((2 * length) / SHORT + 2);
  });
});
