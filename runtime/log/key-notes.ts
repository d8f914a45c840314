// SPDX-License-Identifier: Apache-2.0
/** The `key` entries of a log as they stand in it, for those who keep receipts: looked for when somebody first asks, and once. */
import { isKeyEntry, isLogKeyEntry } from '../verify/format/keys.js';

interface KeyNote {
  readonly seq: number;
  readonly bytes: Buffer;
}

export class KeyNotes {
  private readonly raw: (from: number) => AsyncIterable<Buffer>;
  private next = 0;
  private readonly found: KeyNote[] = [];
  private reading: Promise<void> = Promise.resolve();

  /** `raw` gives the entries from a number on. */
  constructor(raw: (from: number) => AsyncIterable<Buffer>) {
    this.raw = raw;
  }

  /** Those that vouch for who signed entry `seq`, which is none of them: the epoch key in force there, after the log keys before it. */
  async needed(seq: number): Promise<readonly Buffer[]> {
    const reading = this.reading.then(() => (this.next > seq ? undefined : this.read()));
    this.reading = reading.catch(() => undefined);
    await reading;
    const epoch = this.found.findLast((one) => one.seq < seq && !isLogKeyEntry(one.bytes));
    if (epoch === undefined) return [];
    const logKeys = this.found.filter((one) => one.seq < epoch.seq && isLogKeyEntry(one.bytes));
    return [...logKeys, epoch].map(({ bytes }) => bytes);
  }

  private async read(): Promise<void> {
    for await (const bytes of this.raw(this.next)) {
      if (isKeyEntry(bytes)) this.found.push({ seq: this.next, bytes: Buffer.from(bytes) });
      this.next++;
    }
  }
}
