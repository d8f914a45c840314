// SPDX-License-Identifier: Apache-2.0
/** What our verifier says of a vector folder, in the shape of its `expected.json`. */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitCheckpoints } from '../../runtime/verify/format/index.js';
import {
  openSource,
  parseHeld,
  type Report,
  TrustError,
  verify,
  verifyEquivocation,
  verifyReceipt,
} from '../../runtime/verify/index.js';

export interface Answer {
  readonly result: Report['result'] | 'refused';
  readonly entries?: number;
  /** The entry is left out where the property passes. */
  readonly properties: {
    readonly [name: string]: { readonly status: string; readonly entry?: number | null };
  };
}

export async function answer(place: string): Promise<Answer> {
  try {
    return shown(await reportOf(place));
  } catch (error) {
    if (error instanceof TrustError) return { result: 'refused', properties: {} };
    throw error;
  }
}

async function reportOf(place: string): Promise<Report> {
  const text = (name: string): string | undefined =>
    existsSync(join(place, name)) ? readFileSync(join(place, name), 'utf8') : undefined;
  const trust = text('trust.json');
  const [receipt, equivocation] = [text('receipt.tlog-proof'), text('equivocation.txt')];
  if (receipt !== undefined) return verifyReceipt(receipt, trust);
  if (equivocation !== undefined) return verifyEquivocation(equivocation, trust);
  const [held, seen, openings] = [text('held'), text('seen'), join(place, 'log/openings.jsonl')];
  return verify(await openSource(join(place, 'log')), {
    ...(trust === undefined ? {} : { trust }),
    ...(held === undefined ? {} : { held: parseHeld(held) }),
    ...(seen === undefined ? {} : { seen: splitCheckpoints(`${seen}\n`).notes }),
    ...(existsSync(openings) ? { openings: createReadStream(openings) as AsyncIterable<Buffer> } : {}),
  });
}

function shown(report: Report): Answer {
  const properties = report.properties
    .filter(({ name }) => name !== 'policy binding' && name !== 'replay')
    .map(({ name, status, entry }) => [name, status === 'pass' ? { status } : { status, entry }] as const);
  return { result: report.result, entries: report.entries, properties: Object.fromEntries(properties) };
}
