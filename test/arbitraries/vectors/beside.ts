// SPDX-License-Identifier: Apache-2.0
/** What is given beside a log. */
import {
  canonical,
  entryNote,
  hashText,
  leafHash,
  parseEntry,
} from '../../../runtime/verify/format/index.js';
import { hashOf, smallLog, type TestKey, testKey } from '../log.js';
import { good, bad, W, witnessed, openedLog, ARGS, readsLine, proofOf } from './make.js';

export function beside(): void {
  const opened = openedLog(ARGS);
  const lie = readsLine(opened.salt, ARGS, ['/path']).replace('/data/public/q3.csv', '/data/public/q4.csv');
  bad('opening-lie', 'openings', 'An opened argument is not the one committed to.', opened.log, {
    'log/openings.jsonl': lie,
  });
  const full = canonical({
    seq: 3,
    salt: opened.salt.toString('base64'),
    intent: opened.intent.replace('q3', 'q4'),
  });
  bad('opening-lie-full', 'openings', 'The clear text is not the one committed to.', opened.log, {
    'log/openings.jsonl': `${full}\n`,
  });
  const moved = readsLine(opened.salt, ARGS, ['/path']).replace('"pointer":"/path"', '"pointer":"/note"');
  bad('opening-moved', 'openings', 'A value is opened under the name of another argument.', opened.log, {
    'log/openings.jsonl': moved,
  });
  const log = smallLog();
  const held = (seq: number, hash: string): string =>
    `${JSON.stringify({ id: `${log.origin}#${seq}`, hash, decision: 'allow', seq, kid: log.epoch.id })}\n`;
  bad('held-missing', 'held receipts', 'A receipt that a client holds is not the entry in the log.', log, {
    held: held(5, hashOf('held')),
  });
  bad('held-beyond', 'held receipts', 'A receipt that a client holds is past the end of the log.', log, {
    held: held(10, hashOf('held')),
  });
  const longer = smallLog();
  longer.call('four', 'deny');
  longer.checkpoint();
  const kept = (by: TestKey): string => {
    const parsed = parseEntry(longer.entries[10] as Buffer);
    if (!parsed.ok) throw new Error(parsed.why);
    const text = parsed.entry.text.toString();
    const entry = Buffer.from(entryNote(text, by.name, by.id, by.sign(text)));
    const signed = Buffer.concat([longer.entries[1] as Buffer, entry]).toString('base64');
    const receipt = JSON.parse(held(10, hashText(leafHash(entry)))) as object;
    return `${JSON.stringify({ ...receipt, signed })}\n`;
  };
  const signed = 'A receipt past the end of the log, which its holder kept with its own signed bytes';
  bad('held-signed', 'held receipts', `${signed}.`, log, { held: kept(log.epoch) });
  bad('held-forged', 'held receipts', `${signed}, by a key that nobody certified.`, log, {
    held: kept({ ...testKey('mallory'), name: log.epoch.name }),
  });
  bad('held-proof', 'held receipts', 'A receipt past the end of the log, kept as a proof.', log, {
    held: proofOf(longer, 10),
  });
  bad('receipt-other-index', 'bytes, tree', 'A proof under another index.', null, {
    'receipt.tlog-proof': proofOf(log, 5, { index: 6 }),
    'trust.json': `${log.trust}\n`,
  });
  bad('receipt-other-entry', 'bytes, tree', 'A proof with another receipt in it.', null, {
    'receipt.tlog-proof': proofOf(log, 5, {
      extra: Buffer.concat([log.entries[1] as Buffer, log.entries[7] as Buffer]),
    }),
    'trust.json': `${log.trust}\n`,
  });
  bad('receipt-no-key', 'keys', 'A proof without the entry that certifies the key.', null, {
    'receipt.tlog-proof': proofOf(log, 5, { extra: log.entries[5] as Buffer }),
    'trust.json': `${log.trust}\n`,
  });
  const one = smallLog();
  good(
    'witness-one-of-two',
    'One of two witnesses is not enough for a quorum of two: split view is not checked.',
    one,
    witnessed(one, 2, W.slice(0, 1)),
  );
  const twice = smallLog();
  good(
    'witness-twice',
    'One witness twice is one witness.',
    twice,
    witnessed(twice, 2, [W[0] as TestKey, W[0] as TestKey]),
  );
  const lied = smallLog();
  good(
    'witness-forged',
    'A cosignature by another key under the name of a witness does not count.',
    lied,
    witnessed(lied, 1, [{ ...testKey('mallory'), name: (W[0] as TestKey).name }]),
  );
}
