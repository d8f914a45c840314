// SPDX-License-Identifier: Apache-2.0
/** What an export discloses of the clear text: everything, what decisions read, or nothing. */
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { unseal } from '../log/openings.js';
import type { Openings } from '../log/types.js';
import { canonical } from '../verify/format/canonical.js';
import { parseStrict } from '../verify/format/json.js';
import { parseBase64 } from '../verify/format/note.js';
import { type Disclosure, openMembers } from '../verify/format/opening.js';
import { argumentsOf, isObject } from '../verify/openings.js';
import { ExportFailure } from './prove.js';
import type { Receipt } from './read.js';

export type Disclose = 'full' | 'reads' | 'none';

const LIMITS = { size: 64 * 1024 * 1024, depth: 128, keys: 1_000_000 };

/**
 * The sealed openings of a log folder, in the order of the entries; erased, torn and damaged ones are left out, and so are those
 * of an entry that was never written (its number may have been given again).
 */
export async function* sealedOpenings(
  dir: string,
  key: Buffer,
): AsyncGenerator<{ readonly seq: number; readonly leaf: string; readonly openings: Openings }> {
  const folder = join(dir, 'openings');
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^\d{6}\.jsonl$/.test(name))
        .sort()
    : [];
  for (const name of names) {
    for await (const line of createInterface({ input: createReadStream(join(folder, name), 'utf8') })) {
      const [, seq, leaf] = /^\{"seq":(\d{1,15}),"leaf":"(sha256:[0-9a-f]{64})",/.exec(line) ?? [];
      const openings = leaf === undefined ? null : unseal(key, leaf, line, folder);
      if (openings !== null && leaf !== undefined) yield { seq: Number(seq), leaf, openings };
    }
  }
}

/** The line of `openings.jsonl` for one receipt; null where nothing is disclosed. */
export function disclosureLine(
  { seq, body }: Receipt,
  openings: Openings,
  disclose: Disclose,
): string | null {
  const { salt, intent, facts, result } = openings;
  const texts = {
    ...(intent === undefined ? {} : { intent }),
    ...(facts === undefined ? {} : { facts }),
    ...(result === undefined ? {} : { result }),
  };
  if (disclose === 'full') return line({ seq, salt, ...texts });
  const bytes = parseBase64(salt);
  if (disclose === 'none' || body.type !== 'decide' || bytes === null) return null;
  const args = intent === undefined || body.intent?.args_count === 0 ? {} : argumentsOf(valueOf(intent));
  const opened = openMembers(bytes, '', args, body.reads ?? []);
  const known = facts === undefined ? undefined : valueOf(facts);
  const names = body.facts_root === undefined || !isObject(known) ? {} : known;
  const openedFacts = openMembers(
    bytes,
    '/facts',
    names,
    Object.keys(names).map((name) => `/facts/${escape(name)}`),
  );
  if (opened.length === 0 && openedFacts.length === 0) return null;
  return line({
    seq,
    open: {
      ...(opened.length === 0 ? {} : { args: opened }),
      ...(openedFacts.length === 0 ? {} : { facts: openedFacts }),
    },
  });
}

const line = (disclosure: Disclosure): string => `${canonical(disclosure)}\n`;
const escape = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

function valueOf(text: string) {
  const parsed = parseStrict(text, LIMITS);
  if (!parsed.ok) throw new ExportFailure('the openings of the log cannot be read');
  return parsed.value;
}
