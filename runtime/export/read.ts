// SPDX-License-Identifier: Apache-2.0
/** Receipts of a log, one after another, for exporters; they convert and judge nothing. */
import type { Body } from '../verify/format/body.js';
import { parseEntry } from '../verify/format/entry.js';
import { hashText } from '../verify/format/hash.js';
import { leafHash } from '../verify/format/tree.js';
import { type LogSource, storedEntries } from '../verify/source.js';
import { ExportFailure } from './prove.js';

export interface Receipt {
  readonly seq: number;
  /** `sha256:…` */
  readonly leaf: string;
  readonly body: Body;
}

export async function* receipts(source: LogSource): AsyncGenerator<Receipt> {
  let seq = 0;
  for await (const bytes of storedEntries(source)) {
    const parsed = parseEntry(bytes);
    if (!parsed.ok) throw new ExportFailure(`entry ${seq} cannot be read: ${parsed.why}`);
    yield { seq, leaf: hashText(leafHash(bytes)), body: parsed.entry.body };
    seq++;
  }
}
