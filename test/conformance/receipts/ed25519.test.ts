// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { naclVerifier, nodeVerifier } from '../../../runtime/verify/format/index.js';
import { jsonOf, suite } from './vectors.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** The answer of the strict profile; both libraries must give it. */
function accepts(key: Buffer, message: Buffer, signature: Buffer): boolean {
  const node = nodeVerifier(key)?.(message, signature) ?? false;
  const nacl = naclVerifier(key)?.(message, signature) ?? false;
  expect(node).toBe(nacl);
  return node;
}

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: string;
    }[];
  }[];
}

suite('Ed25519, the strict profile', () => {
  it('answers all 151 Wycheproof cases as published', () => {
    const cases = jsonOf<Wycheproof>('wycheproof/ed25519_test.json').testGroups.flatMap((group) =>
      group.tests.map((test) => ({ ...test, key: hex(group.publicKey.pk) })),
    );
    const wrong = cases.filter(
      ({ key, msg, sig, result }) => accepts(key, hex(msg), hex(sig)) !== (result === 'valid'),
    );
    expect(cases).toHaveLength(151);
    expect(wrong.map((test) => test.tcId)).toEqual([]);
  });

  it('accepts cases 2 and 3 of the 12 of speccheck', () => {
    const cases = jsonOf<{ message: string; pub_key: string; signature: string }[]>(
      'ed25519-speccheck/cases.json',
    );
    const accepted = cases.flatMap(({ message, pub_key, signature }, i) =>
      accepts(hex(pub_key), hex(message), hex(signature)) ? [i] : [],
    );
    expect(cases).toHaveLength(12);
    expect(accepted).toEqual([2, 3]);
  });

  it('accepts 86 of the 914 cases of CCTV', () => {
    const cases = jsonOf<{ key: string; sig: string; msg: string }[]>('cctv-ed25519/ed25519vectors.json');
    const accepted = cases.filter(({ key, sig, msg }) => accepts(hex(key), Buffer.from(msg), hex(sig)));
    expect(cases).toHaveLength(914);
    expect(accepted).toHaveLength(86);
  });
});
