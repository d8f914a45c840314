// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import {
  nodeVerifier,
  parseBase64,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  printVerifierKey,
  signatureLine,
  verifyConsistency,
} from '../../../runtime/verify/format/index.js';
import { jsonOf, suite } from './vectors.js';

interface Vectors {
  readonly notes: readonly {
    readonly name: string;
    readonly vkey: string;
    readonly note: string;
    readonly valid: boolean;
  }[];
  readonly consistency: {
    readonly from: { readonly size: number; readonly root: string };
    readonly to: { readonly size: number; readonly root: string };
    readonly good: readonly string[];
    readonly bad: readonly (readonly string[])[];
  };
}

suite('C2SP signed notes', () => {
  it('answers every note as published and prints keys and signatures back', () => {
    for (const { name, vkey, note, valid } of jsonOf<Vectors>('c2sp-note/vectors.json').notes) {
      const key = parseVerifierKey(vkey);
      if (key === null) throw new Error(`${name}: the key is refused`);
      expect(printVerifierKey(key.name, key.key)).toBe(vkey);
      const parsed = parseNote(note);
      const verify = nodeVerifier(key.key);
      const accepted = parsed?.signatures.some(
        (s) => s.name === key.name && s.id === key.id && verify?.(Buffer.from(parsed.text), s.signature),
      );
      expect(accepted ?? false, name).toBe(valid);
      if (parsed !== null) {
        const lines = parsed.signatures.map((s) => signatureLine(s.name, s.id, s.signature)).join('');
        expect(`${parsed.text}\n${lines}`, name).toBe(note);
      }
    }
  });

  it('reads the published checkpoints', () => {
    const sizes = jsonOf<Vectors>('c2sp-note/vectors.json')
      .notes.filter((n) => n.valid)
      .map((n) => parseCheckpoint(n.note)?.size ?? null);
    expect(sizes).toContain(35225469);
    expect(sizes).toContain(3);
  });

  it('verifies the consistency proof of the witness vectors', () => {
    const { from, to, good, bad } = jsonOf<Vectors>('c2sp-note/vectors.json').consistency;
    const bytes = (text: string): Buffer => {
      const decoded = parseBase64(text);
      return decoded ?? Buffer.from(text, 'base64');
    };
    const check = (proof: readonly string[]): boolean =>
      verifyConsistency(from.size, to.size, proof.map(bytes), bytes(from.root), bytes(to.root));
    expect(check(good)).toBe(true);
    for (const proof of bad) expect(check(proof)).toBe(false);
  });
});
