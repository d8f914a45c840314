// SPDX-License-Identifier: Apache-2.0
/**
 * Receipts in the envelopes of others, signed again by a key of the exporter's own: DSSE with an in-toto statement, and the shape of
 * draft-farley-acta-signed-receipts-03. What they prove is that the exporter says so; the log itself proves more.
 */
import type { SigningKey } from '../log/keys.js';
import { canonical } from '../verify/format/canonical.js';
import { digest } from '../verify/format/hash.js';
import type { Receipt } from './read.js';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const PREDICATE_TYPE = 'https://sepal.dev/receipt/v1';

/** Pre-authentication encoding of DSSE: lengths are in bytes. */
export function pae(type: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** One DSSE envelope a line. `keyid` is a hint for finding the key, never a reason to trust it: DSSE does not sign it. */
export function dsseLine({ seq, leaf, body }: Receipt, key: SigningKey): string {
  const subject = [
    { name: `${body.log}#${seq}`, digest: { sha256: leaf.slice('sha256:'.length) } },
    ...(body.intent === undefined
      ? []
      : [
          {
            name: `${body.intent.server}/${body.intent.name}`,
            digest: { sha256: body.intent.args_root.slice('sha256:'.length) },
          },
        ]),
  ];
  const statement = canonical({
    _type: 'https://in-toto.io/Statement/v1',
    subject,
    predicateType: PREDICATE_TYPE,
    predicate: body,
  });
  const payload = Buffer.from(statement);
  const sig = key.sign(pae(PAYLOAD_TYPE, payload)).toString('base64');
  const envelope = {
    payloadType: PAYLOAD_TYPE,
    payload: payload.toString('base64'),
    signatures: [{ keyid: key.vkey, sig }],
  };
  return `${canonical(envelope)}\n`;
}

/**
 * Receipts of decisions on calls in the Acta shape, chained in the order given. The traps: the chain is over the whole previous
 * receipt, signature included, with a `sha256:` prefix, and the first receipt has no such member; `issuer_id` is the `kid`; the
 * signature is over the canonical payload itself, not over a hash of it, and is hex; no key stands in the receipt; no member name
 * looks like a number.
 */
export class ActaChain {
  private readonly key: SigningKey;
  private previous: string | null = null;

  constructor(key: SigningKey) {
    this.key = key;
  }

  /** Null for entries that the shape has no word for: everything but an allow or a deny of a call. */
  line({ seq, leaf, body }: Receipt): string | null {
    const { decision, intent, policy } = body;
    if (decision === undefined || intent === undefined || policy === undefined || body.phase !== 'call')
      return null;
    const through = decision.effect === 'review' && (body.refs?.approve?.length ?? 0) > 0;
    if (decision.effect === 'review' && !through) return null;
    const kid = this.key.vkey;
    const payload = {
      type: 'sepal:decision',
      spec: 'draft-farley-acta-signed-receipts-03',
      issued_at: body.time,
      issuer_id: kid,
      request_id: body.call ?? '',
      tool_name: `${intent.server}/${intent.name}`,
      decision: through ? 'allow' : decision.effect,
      reason: decision.reason ?? (decision.default ? 'default' : decision.rules.join(' ')),
      policy_digest: policy.source,
      mode: 'enforce',
      ...(this.previous === null ? {} : { previousReceiptHash: this.previous }),
      extensions: { sepal: { log: body.log, seq, leaf, args_root: intent.args_root } },
    };
    const sig = this.key.sign(canonical(payload)).toString('hex');
    const receipt = canonical({ payload, signature: { alg: 'EdDSA', kid, sig } });
    this.previous = digest(receipt);
    return `${receipt}\n`;
  }
}
