// SPDX-License-Identifier: Apache-2.0
// Signed bundles: every member is covered, and each reason to refuse one is said.
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../compiler/compile.js';
import { loadPolicy } from '../../../runtime/decide/load.js';
import { type BundleSignature, signedText } from '../../../runtime/decide/signature.js';
import { digest } from '../../../runtime/verify/format/hash.js';
import { printVerifierKey } from '../../../runtime/verify/format/note.js';
import { host, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const COMPILER = { version: '1.0.0', hash: digest('compiler'), tz: '2025b', unicode: '16.0' };
const made = compile(
  {
    source: { path: 'p.sep', text: policy('allow a: agent:* -> fs/* when { args.path under "/data" }\n') },
    readLock: (path) => ({ path, text: SHOP_LOCK }),
  },
  host,
  COMPILER,
).output;
if (made === null) throw new Error('the policy of this test does not compile');
const { js, ts, manifest } = made;

function publisher(name: string): {
  readonly vkey: string;
  seal(m: object, expires?: string): BundleSignature;
} {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const vkey = printVerifierKey(name, publicKey.export({ type: 'spki', format: 'der' }).subarray(-32));
  const seal = (m: object, expires: string | null = null): BundleSignature => {
    const signature = { key: vkey, expires, readable: digest(ts) };
    return {
      ...signature,
      value: sign(null, Buffer.from(signedText(m, signature)), privateKey).toString('base64'),
    };
  };
  return { vkey, seal: (m, expires) => seal(m, expires ?? null) };
}

const [acme, other] = [publisher('acme.example/policies'), publisher('other')];
const signed = { ...manifest, signature: acme.seal(manifest, '2026-06-30') };
const NOW = Date.parse('2026-06-30T23:59:59Z');
const trust = { publishers: [other.vkey, acme.vkey], now: NOW };

const refusal = async (
  m: unknown,
  who: { readonly publishers: readonly string[]; readonly now: number },
): Promise<string> => {
  const error: unknown = await loadPolicy(js, m, who).then(
    () => null,
    (e: unknown) => e,
  );
  return error instanceof Error ? `${error.name}: ${error.message}` : 'loaded';
};

describe('a signed bundle', () => {
  it('is loaded where its publisher is trusted, until the end of its last day', async () => {
    expect(await refusal(signed, trust)).toBe('loaded');
    expect(await refusal({ ...manifest, signature: acme.seal(manifest) }, { ...trust, now: 1e15 })).toBe(
      'loaded',
    );
    // The name of a key is a label; the key itself is what counts.
    expect(
      await refusal(signed, {
        ...trust,
        publishers: [
          printVerifierKey(
            'other/name',
            Buffer.from(acme.vkey.split('+').slice(2).join('+'), 'base64').subarray(1),
          ),
        ],
      }),
    ).toBe('loaded');
    expect(await refusal(JSON.parse(JSON.stringify(signed, null, 4)), trust)).toBe('loaded');
  });

  it.each([
    ['unsigned', manifest, 'the bundle is not signed, and `trustedPublishers` is set'],
    ['of another', { ...manifest, signature: other.seal(manifest) }, null],
    [
      'copied from another bundle',
      { ...manifest, signature: acme.seal({ ...manifest, steps: 999 }) },
      'the signature does not fit',
    ],
    [
      'with a value of nothing',
      { ...signed, signature: { ...signed.signature, value: '' } },
      'the signature does not fit',
    ],
    [
      'with a value that is no base64',
      { ...signed, signature: { ...signed.signature, value: '!' } },
      'is malformed',
    ],
    ['with a key that is none', { ...signed, signature: { ...signed.signature, key: 'x' } }, 'is malformed'],
    [
      'with more than is known',
      { ...signed, signature: { ...signed.signature, more: 1 } },
      'that this release cannot read',
    ],
    [
      'with a day that is none',
      { ...signed, signature: { ...signed.signature, expires: '2026-13-40' } },
      'that this release cannot read',
    ],
    [
      'with a later day',
      { ...signed, signature: { ...signed.signature, expires: '2999-01-01' } },
      'the signature does not fit',
    ],
  ])('%s', async (_name, m, said) => {
    const answer = await refusal(m, trust);
    if (said === null) expect(answer).toBe('loaded');
    else expect(answer).toContain(`LoadFailure: `);
    expect(answer).toContain(said ?? 'loaded');
  });

  it('of a publisher that is not trusted, and after its last day', async () => {
    expect(await refusal(signed, { ...trust, publishers: [other.vkey] })).toContain(
      'is signed by `acme.example/policies+',
    );
    expect(await refusal(signed, { ...trust, now: NOW + 1000 })).toContain('was good until 2026-06-30');
    expect(await refusal(signed, { ...trust, publishers: ['not a key'] })).toContain(
      'not among `trustedPublishers`',
    );
  });

  it('is refused when any member of the manifest is another', async () => {
    for (const key of Object.keys(manifest).filter((one) => one !== 'signature')) {
      const value = (signed as unknown as Record<string, unknown>)[key];
      const other =
        typeof value === 'number'
          ? value + 1
          : typeof value === 'string'
            ? `${value.slice(0, -1)}${value.endsWith('0') ? '1' : '0'}`
            : Array.isArray(value)
              ? [...(value as unknown[]), { name: 'x', type: { kind: 'bool' }, source: 'config', path: [] }]
              : { ...(value as object), name: 'x', hash: 'y' };
      const answer = await refusal({ ...signed, [key]: other }, trust);
      expect(answer, key).toMatch(/^LoadFailure: /);
    }
  });

  it('whose signature does not fit is refused even where nobody is named', async () => {
    expect(await refusal({ ...signed, steps: 7 }, { publishers: [], now: NOW })).toContain(
      'it was changed after it was signed',
    );
    expect(
      await refusal(
        { ...manifest, signature: acme.seal(manifest, '2020-01-01') },
        { publishers: [], now: NOW },
      ),
    ).toBe('loaded');
  });
});
