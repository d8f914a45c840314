// SPDX-License-Identifier: Apache-2.0
/** A log in memory that behaves as the real one does to those who append: durable later, in order, broken for good once it fails. */
import { randomBytes } from 'node:crypto';
import type { Appended, Draft, Openings, StoredEntry } from '../../runtime/log/types.js';
import { canonical, type JsonValue } from '../../runtime/verify/format/canonical.js';
import { checkBody } from '../../runtime/verify/format/check-body.js';
import { digest } from '../../runtime/verify/format/hash.js';

export class MemoryLog {
  readonly origin = 'test.example/log';
  readonly stored: StoredEntry[] = [];
  readonly kept = new Map<number, Openings>();
  /** Durability takes this many turns of the event loop. */
  delay: () => Promise<void> = () => new Promise((resolve) => setImmediate(resolve));
  broken: Error | null = null;
  private next = 1;
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  async append(draft: Draft, openings?: Openings): Promise<Appended> {
    if (this.broken !== null) throw this.broken;
    const seq = this.next++;
    const time = new Date(this.now()).toISOString();
    const prev = digest(`${seq - 1}`);
    const boot = randomBytes(16).toString('base64');
    const body = JSON.parse(
      canonical({ ...draft, v: 1, log: this.origin, seq, prev, time, boot }),
    ) as JsonValue;
    const checked = checkBody(body);
    if (typeof checked === 'string') throw new Error(checked);
    const leaf = digest(canonical(body));
    await this.delay();
    if (this.broken !== null) throw this.broken;
    this.stored.push({ body: checked, leaf });
    this.stored.sort((a, b) => a.body.seq - b.body.seq);
    if (openings !== undefined) this.kept.set(seq, openings);
    return { seq, leaf, time, id: `${this.origin}#${seq}`, kid: '00000000' };
  }

  openings(seq: number): Promise<Openings | null> {
    return Promise.resolve(this.kept.get(seq) ?? null);
  }

  /** What a gateway that starts now would read. */
  async *entries(): AsyncGenerator<StoredEntry> {
    yield* this.stored;
  }
}
