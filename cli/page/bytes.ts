// SPDX-License-Identifier: Apache-2.0
/** What the verifier uses of Node's Buffer, for a browser: same names, same results. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();
const HEX = '0123456789abcdef';

export class Bytes extends Uint8Array {
  static override from(value: unknown, encoding?: unknown, length?: unknown): Bytes {
    if (typeof value === 'string') return decode(value, typeof encoding === 'string' ? encoding : 'utf8');
    if (value instanceof ArrayBuffer)
      return new Bytes(value, Number(encoding ?? 0), Number(length ?? value.byteLength));
    return new Bytes(value as ArrayLike<number>);
  }

  static override of(...items: number[]): Bytes {
    return new Bytes(items);
  }

  static alloc(size: number, fill: number | string = 0): Bytes {
    return new Bytes(size).fill(typeof fill === 'string' ? (fill.codePointAt(0) ?? 0) : fill);
  }

  static allocUnsafe(size: number): Bytes {
    return new Bytes(size);
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof Bytes;
  }

  static byteLength(text: string): number {
    return encoder.encode(text).length;
  }

  static concat(parts: readonly Uint8Array[]): Bytes {
    const whole = new Bytes(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  override toString(encoding = 'utf8'): string {
    if (encoding === 'hex') {
      let out = '';
      for (const byte of this) out += (HEX[byte >> 4] ?? '') + (HEX[byte & 15] ?? '');
      return out;
    }
    if (encoding === 'base64' || encoding === 'latin1') {
      let binary = '';
      for (let at = 0; at < this.length; at += 8192)
        binary += String.fromCodePoint(...this.subarray(at, at + 8192));
      return encoding === 'latin1' ? binary : btoa(binary);
    }
    return utf8.decode(this);
  }

  equals(other: Uint8Array): boolean {
    return this.length === other.length && this.compare(other) === 0;
  }

  compare(other: Uint8Array, start = 0, end = other.length, from = 0, to = this.length): number {
    const length = Math.min(end - start, to - from);
    for (let i = 0; i < length; i++) {
      const difference = (this[from + i] ?? 0) - (other[start + i] ?? 0);
      if (difference !== 0) return difference < 0 ? -1 : 1;
    }
    return Math.sign(to - from - (end - start));
  }

  override indexOf(value: number | string | Uint8Array, from = 0): number {
    if (typeof value === 'number') return super.indexOf(value, from);
    const wanted = typeof value === 'string' ? encoder.encode(value) : value;
    const [first = -1] = wanted;
    for (let at = super.indexOf(first, from); at >= 0; at = super.indexOf(first, at + 1)) {
      let i = 1;
      while (i < wanted.length && this[at + i] === wanted[i]) i++;
      if (i >= wanted.length) return at;
    }
    return -1;
  }

  override includes(value: number | string | Uint8Array, from = 0): boolean {
    return this.indexOf(value, from) >= 0;
  }

  override subarray(start?: number, end?: number): Bytes {
    return super.subarray(start, end) as Bytes;
  }

  write(text: string, at = 0): number {
    return encoder.encodeInto(text, this.subarray(at)).written;
  }

  readUInt16BE(at: number): number {
    return ((this[at] ?? 0) << 8) | (this[at + 1] ?? 0);
  }

  readBigUInt64BE(at: number): bigint {
    return new DataView(this.buffer, this.byteOffset).getBigUint64(at);
  }

  writeBigUInt64BE(value: bigint, at = 0): number {
    new DataView(this.buffer, this.byteOffset).setBigUint64(at, value);
    return at + 8;
  }
}

/** As Node does: hex up to the first other character, base64 without regard for what is not of it. */
function decode(text: string, encoding: string): Bytes {
  if (encoding === 'hex') {
    const digits = /^(?:[0-9a-fA-F]{2})*/.exec(text)?.[0] ?? '';
    const bytes = new Bytes(digits.length / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16);
    return bytes;
  }
  if (encoding !== 'base64') return new Bytes(encoder.encode(text));
  try {
    const binary = atob(text.replace(/=+$/, ''));
    const bytes = new Bytes(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    return new Bytes(0);
  }
}
