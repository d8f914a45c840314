// SPDX-License-Identifier: Apache-2.0
/** A test-only log in memory, built with the format code alone (the real writer is runtime/log). */
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import {
  approvalText,
  type Body,
  type CompactTree,
  CompactTree as Tree,
  certificateText,
  checkpointText,
  entryNote,
  entryText,
  hashText,
  keyBody,
  keyId,
  leafHash,
  printVerifierKey,
  signatureLine,
  type VerifierKey,
} from '../../runtime/verify/format/index.js';
import { memorySource } from '../../runtime/verify/index.js';

export interface TestKey extends VerifierKey {
  readonly vkey: string;
  sign(text: string): Buffer;
}

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key made from a word, so that logs are the same from run to run. */
export function testKey(name: string, seed = name): TestKey {
  const secret = createHash('sha256').update(`test key ${seed}`).digest();
  const key: KeyObject = createPrivateKey({
    key: Buffer.concat([PKCS8, secret]),
    format: 'der',
    type: 'pkcs8',
  });
  const { x = '' } = key.export({ format: 'jwk' });
  const raw = Buffer.from(x, 'base64url');
  return {
    name,
    id: keyId(name, raw),
    key: raw,
    vkey: printVerifierKey(name, raw),
    sign: (text) => sign(null, Buffer.from(text), key),
  };
}

export const hashOf = (word: string): string => hashText(createHash('sha256').update(word).digest());
export const idOf = (word: string): string =>
  createHash('sha256').update(word).digest().subarray(0, 16).toString('base64');

export type Members = Partial<Body> & Pick<Body, 'type'>;

const START = Date.UTC(2026, 2, 9, 13, 0, 0);

/** Grows a log entry by entry; `entries`, `leaves` and `checkpoints` may be tampered with afterwards. */
export class TestLog {
  readonly origin: string;
  readonly root: TestKey;
  readonly logKey: TestKey;
  readonly epoch: TestKey;
  readonly entries: Buffer[] = [];
  readonly leaves: string[] = [];
  readonly checkpoints: string[] = [];
  boot = idOf('boot');
  private readonly tree: CompactTree = new Tree();

  constructor(origin = 'gw.example.com/log') {
    this.origin = origin;
    this.root = testKey(`${origin}/root`);
    this.logKey = testKey(origin);
    this.epoch = testKey(`${origin}/epoch1`);
  }

  /** Genesis, the first epoch's key and one policy. */
  begin(): this {
    const certify = (by: TestKey, purpose: string, key: TestKey): string =>
      by.sign(certificateText(this.origin, purpose, key.vkey)).toString('base64');
    this.add({
      type: 'genesis',
      key: keyBody('root+log', this.logKey, {
        root: this.root,
        certificate: certify(this.root, 'root+log', this.logKey),
      }),
    });
    this.add({
      type: 'key',
      key: keyBody('epoch', this.epoch, { certificate: certify(this.logKey, 'epoch', this.epoch) }),
    });
    this.add({ type: 'policy', policy: { ...POLICY, versions: VERSIONS } });
    return this;
  }

  get activation(): string {
    return this.leaves[2] as string;
  }

  get size(): number {
    return this.entries.length;
  }

  /** Appends a signed entry and returns its leaf. */
  add(members: Members, by: TestKey = this.epoch): string {
    const seq = this.size;
    const body = {
      v: 1,
      log: this.origin,
      seq,
      time: new Date(START + seq * 7).toISOString(),
      boot: this.boot,
      ...(seq === 0 ? {} : { prev: this.leaves[seq - 1] }),
      ...members,
    } as Body;
    const text = entryText(body);
    return this.append(Buffer.from(entryNote(text, by.name, by.id, by.sign(text))));
  }

  /** Appends bytes as they are. */
  append(entry: Buffer): string {
    const leaf = leafHash(entry);
    this.entries.push(entry);
    this.leaves.push(hashText(leaf));
    this.tree.append(leaf);
    return hashText(leaf);
  }

  checkpoint(by: TestKey = this.logKey): void {
    const text = checkpointText(this.origin, this.size, this.tree.root());
    this.checkpoints.push(`${text}\n${signatureLine(by.name, by.id, by.sign(text))}`);
  }

  /** A call that is allowed or denied at once; returns the leaf of its decide entry. */
  call(word: string, effect: 'allow' | 'deny' = 'allow', status: 'ok' | null = 'ok'): string {
    const leaf = this.add(decide(this, word, effect));
    if (effect === 'allow' && status !== null) this.add(outcome(word, leaf));
    return leaf;
  }

  /** A call that is reviewed, approved by `eve` and let through. */
  review(word: string, approver: TestKey = testKey('eve')): void {
    const review = this.add(decide(this, word, 'review'));
    const approve = this.add(approval(word, review, approver));
    const second = this.add({ ...decide(this, word, 'allow'), refs: { decide: review, approve: [approve] } });
    this.add(outcome(word, second));
  }

  get trust(): string {
    return JSON.stringify({
      origin: this.origin,
      root: this.root.vkey,
      logKey: this.logKey.vkey,
      genesis: this.leaves[0] ?? null,
      witnesses: [],
      quorum: 0,
    });
  }

  /** One segment and the file of checkpoints. */
  source(): ReturnType<typeof memorySource> {
    return memorySource([Buffer.concat(this.entries)], Buffer.from(this.checkpointFile()));
  }

  checkpointFile(): string {
    return this.checkpoints.map((note) => `${note}\n`).join('');
  }
}

const VERSIONS = { node: '20.20.2', icu: '76.1', unicode: '16.0', tz: '2026a', ada: '2.9.2' };
const POLICY = {
  name: 'acme.records',
  version: '2.0.0',
  source: hashOf('source'),
  module: hashOf('module'),
  compiler: hashOf('compiler'),
};
export const EXPIRES = new Date(START + 3_600_000).toISOString();

export function decide(log: TestLog, word: string, effect: 'allow' | 'deny' | 'review'): Members {
  return {
    type: 'decide',
    call: idOf(word),
    phase: 'call',
    principal: {
      id: 'agent:reporter',
      roles: ['analyst'],
      auth: { method: 'token', credential: 'tok_1' },
      on_behalf_of: { id: 'user:dana', roles: ['analyst'] },
      session: hashOf('session'),
    },
    intent: {
      kind: 'tool',
      method: 'tools/call',
      server: 'fs',
      name: 'read_file',
      definition: hashOf('definition'),
      args_root: hashOf(`args ${word}`),
      args_count: 1,
      digest: hashOf(`intent ${word}`),
    },
    policy: { ...POLICY, activation: log.activation },
    reads: ['/path'],
    decision: {
      effect,
      rules: ['read_public'],
      default: false,
      steps: 12,
      ...(effect === 'review'
        ? {
            approvals: [{ rule: 'read_public', roles: ['content_lead'], quorum: 1, timeout: 3_600_000 }],
            expires: EXPIRES,
          }
        : {}),
    },
  };
}

export function outcome(word: string, leaf: string): Members {
  return {
    type: 'outcome',
    call: idOf(word),
    refs: { decide: leaf },
    outcome: { status: 'ok', bytes: 12, ms: 3 },
  };
}

export function approval(
  word: string,
  review: string,
  approver: TestKey,
  more: {
    readonly verdict?: 'approve' | 'deny';
    readonly id?: string;
    readonly roles?: readonly string[];
  } = {},
): Members {
  const verdict = more.verdict ?? 'approve';
  const id = more.id ?? `user:${approver.name}`;
  const nonce = idOf(`nonce ${word}`);
  const claim = {
    decide: review,
    intent: hashOf(`intent ${word}`),
    verdict,
    approver: id,
    nonce,
    expires: EXPIRES,
  };
  return {
    type: 'approve',
    call: idOf(word),
    refs: { decide: review },
    approval: {
      verdict,
      approver: { id, roles: more.roles ?? ['content_lead'] },
      nonce,
      expires: EXPIRES,
      proof: { key: approver.vkey, signature: approver.sign(approvalText(claim)).toString('base64') },
    },
  };
}

/** Genesis, key, policy, an allowed call, a denied one, a reviewed one, and a checkpoint over all of it. */
export function smallLog(): TestLog {
  const log = new TestLog().begin();
  log.call('one');
  log.checkpoint();
  log.call('two', 'deny');
  log.review('three');
  log.checkpoint();
  return log;
}
