// SPDX-License-Identifier: Apache-2.0
/** Gives entries their place in the log and signs them. */
import { randomBytes } from 'node:crypto';
import type { Body } from '../verify/format/body.js';
import { canonical } from '../verify/format/canonical.js';
import { checkBody } from '../verify/format/check-body.js';
import { CONTEXT, entryNote, MAX_ENTRY } from '../verify/format/entry.js';
import { type Hash, hashText } from '../verify/format/hash.js';
import { leafHash } from '../verify/format/tree.js';
import { LogFailure } from './failure.js';
import type { Keyring } from './keyring.js';
import { seal } from './openings.js';
import type { Appended, Draft, Openings } from './types.js';

export interface Signed {
  readonly bytes: Buffer;
  readonly leaf: Hash;
  /** The sealed line, if there is clear text to keep. */
  readonly sealed: Buffer | null;
  readonly receipt: Appended;
  readonly body: Body;
}

export interface Last {
  readonly seq: number;
  readonly leaf: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export class Chain {
  private readonly origin: string;
  private readonly keys: Pick<Keyring, 'now' | 'seal'>;
  private readonly clock: () => number;
  private readonly boot = randomBytes(16).toString('base64');
  private next: number;
  private previous: string | null;
  private time: number;

  constructor(origin: string, keys: Pick<Keyring, 'now' | 'seal'>, last: Last | null, clock: () => number) {
    this.origin = origin;
    this.keys = keys;
    this.clock = clock;
    this.next = last === null ? 0 : last.seq + 1;
    this.previous = last?.leaf ?? null;
    this.time = last?.time ?? 0;
  }

  /** So many entries were given a place. */
  get size(): number {
    return this.next;
  }

  /** Moves the chain on; nothing changes when the body is refused. */
  sign(draft: Draft, openings: Openings | undefined): Signed {
    const now = this.clock();
    const at = Math.max(now, this.time);
    const time = new Date(at).toISOString();
    const body = {
      v: 1,
      ...draft,
      log: this.origin,
      seq: this.next,
      time,
      boot: this.boot,
      ...(this.previous === null ? {} : { prev: this.previous }),
      ...(now < this.time ? { clock: 'held' } : {}),
    };
    const checked = checkBody(body as never);
    if (typeof checked === 'string') throw new LogFailure(`this is no receipt: ${checked}`);
    const text = `${CONTEXT}${canonical(checked)}\n`;
    const { epoch } = this.keys.now;
    const bytes = Buffer.from(entryNote(text, epoch.name, epoch.id, epoch.sign(text)));
    if (bytes.length > MAX_ENTRY) {
      throw new LogFailure(`a receipt of ${bytes.length} bytes is over ${MAX_ENTRY}`);
    }
    const hash = leafHash(bytes);
    const leaf = hashText(hash);
    const seq = this.next;
    const sealed = openings === undefined ? null : seal(this.keys.seal, seq, leaf, openings);
    this.next++;
    this.previous = leaf;
    this.time = at;
    return {
      bytes,
      leaf: hash,
      sealed,
      body: checked,
      receipt: { seq, leaf, time, id: `${this.origin}#${seq}`, kid: epoch.id },
    };
  }

  /** What was signed past `size` and never written has no place in the chain. */
  back(size: number, leaf: string | null): void {
    this.next = size;
    this.previous = leaf;
  }
}
