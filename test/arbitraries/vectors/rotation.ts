// SPDX-License-Identifier: Apache-2.0
/** Log keys that the root certifies later, and keys that it revokes. */
import {
  certificateText,
  fingerprint,
  keyBody,
  printEquivocation,
  printTlogProof,
  revocationText,
} from '../../../runtime/verify/format/index.js';
import { type Members, smallLog, type TestKey, TestLog, testKey } from '../log.js';
import { bad, begun, certified, good, open, refused, sealed, treeOf, trustOf } from './make.js';

const certify = (log: TestLog, key: TestKey, by: TestKey): string =>
  by.sign(certificateText(log.origin, 'log', key.vkey)).toString('base64');
const logKeyEntry = (log: TestLog, key: TestKey, by: TestKey = log.root): Members => ({
  type: 'key',
  key: keyBody('log', key, { certificate: certify(log, key, by) }),
});
const revocation = (log: TestLog, key: string, from: number, by: TestKey = log.root) => ({
  key,
  from,
  certificate: by.sign(revocationText(log.origin, key, from)).toString('base64'),
});

interface Rotated {
  readonly log: TestLog;
  /** The second log key, and the epoch key that it certified. */
  readonly logKey: TestKey;
  readonly epoch: TestKey;
}

/** Entries 0–4 as begun with a call; 5 brings the log key, 6 seals the epoch, 7 begins the next one; a call; checkpoints before and after. */
function rotated(by?: TestKey, certifier?: TestKey): Rotated {
  const log = sealed(called(begun(), 'one'));
  const logKey = testKey(log.origin, 'second log key');
  const epoch = testKey(`${log.origin}/epoch2`);
  log.add(logKeyEntry(log, logKey, by));
  log.add({ type: 'seal', seal: { key: log.epoch.vkey, size: 6 } });
  log.add(certified(log, epoch, certifier ?? logKey), epoch);
  const next = Object.assign(log, { epoch });
  return { log: called(next, 'two'), logKey, epoch };
}

function called(log: TestLog, word: string): TestLog {
  log.call(word);
  return log;
}

const covered = (log: TestLog, by: TestKey): TestLog => {
  log.checkpoint(by);
  return log;
};

function proofAfter({ log, logKey }: Rotated, seq: number, pieces: readonly number[]): string {
  covered(log, logKey);
  const extra = Buffer.concat([...pieces, seq].map((at) => log.entries[at] as Buffer));
  return printTlogProof(extra, seq, treeOf(log).inclusion(seq), log.checkpoints.at(-1) as string);
}

export function rotation(): void {
  goodOnes();
  logKeys();
  revoked();
  alone();
}

function goodOnes(): void {
  const taken = rotated();
  good(
    'log-key',
    'The root certifies a second log key, which signs from there on.',
    covered(taken.log, taken.logKey),
  );
  const later = rotated();
  const first = testKey(later.log.origin).vkey;
  later.log.add({ type: 'revoke', revoke: { ...revocation(later.log, first, 5), reason: 'lost' } });
  const old = fingerprint(testKey(`${later.log.origin}/epoch1`).key);
  later.log.add({ type: 'revoke', revoke: revocation(later.log, old, 7) });
  good(
    'revoked-later',
    'The first log key and epoch key are revoked from where they signed no more.',
    covered(later.log, later.logKey),
  );
  const trusted = smallLog();
  good(
    'trust-revoked',
    'The trust file revokes a key from a position that the log has not reached.',
    trusted,
    {
      'trust.json': trustOf(trusted, { revoked: [revocation(trusted, trusted.logKey.vkey, 100)] }),
    },
  );
  const before = rotated();
  good(
    'receipt-log-key',
    'A receipt from before a log key rotation, its checkpoint signed by the second.',
    null,
    {
      'receipt.tlog-proof': proofAfter(before, 3, [1, 5]),
      'trust.json': `${before.log.trust}\n`,
    },
  );
  const after = rotated();
  good('receipt-after-log-key', 'A receipt from after it.', null, {
    'receipt.tlog-proof': proofAfter(after, 8, [5, 7]),
    'trust.json': `${after.log.trust}\n`,
  });
}

function logKeys(): void {
  const own = rotated(testKey('gw.example.com/log'));
  bad(
    'log-key-uncertified',
    'keys, tree',
    'A second log key that the first one certified, not the root.',
    covered(own.log, own.logKey),
  );
  const stale = rotated();
  bad(
    'log-key-before',
    'tree',
    'The log key before signs a checkpoint after the next one took over.',
    covered(stale.log, testKey(stale.log.origin)),
  );
  const early = rotated();
  const small = sealed(called(begun(), 'one'));
  small.checkpoints.length = 0;
  early.log.checkpoints[0] = covered(small, early.logKey).checkpoints[0] as string;
  bad(
    'log-key-early',
    'tree',
    'The next log key signs a checkpoint of a size at which it was not in force.',
    covered(early.log, early.logKey),
  );
  const certifier = rotated(undefined, testKey('gw.example.com/log'));
  bad(
    'epoch-by-log-key-before',
    'keys',
    'An epoch key certified by the log key before.',
    covered(certifier.log, certifier.logKey),
  );
  const other = rotated();
  const moved = new TestLog('other.example.com/log');
  other.log.add({
    type: 'key',
    key: keyBody('log', moved.logKey, { certificate: certify(moved, moved.logKey, other.log.root) }),
  });
  bad(
    'log-key-of-another-log',
    'keys',
    'A log key that the root certified for another log.',
    covered(other.log, other.logKey),
  );
}

function revoked(): void {
  const stolen = sealed(called(begun(), 'one'));
  stolen.add({ type: 'revoke', revoke: revocation(stolen, stolen.logKey.vkey, 4) });
  bad(
    'log-key-revoked',
    'keys',
    'A checkpoint signed by a log key past the position from which the root revokes it.',
    sealed(stolen),
  );
  const epoch = begun();
  const second = testKey(`${epoch.origin}/epoch2`);
  epoch.add(certified(epoch, second), second);
  const log = Object.assign(epoch, { epoch: second });
  log.add({ type: 'revoke', revoke: revocation(log, fingerprint(log.logKey.key), 2) });
  bad('epoch-by-revoked', 'keys', 'An epoch key certified by a log key after it is revoked.', log);
  const silent = smallLog();
  bad('trust-revokes', 'keys', 'The root revoked a key; the log is silent, the trust file is not.', silent, {
    'trust.json': trustOf(silent, { revoked: [revocation(silent, silent.epoch.vkey, 6)] }),
  });
  const forged = called(begun(), 'one');
  forged.add({ type: 'revoke', revoke: revocation(forged, forged.epoch.vkey, 100, forged.logKey) });
  bad('revocation-forged', 'keys', 'A revocation whose certificate is not by the root.', sealed(forged));
  refused('trust-revocation-forged', 'A trust file with a revocation that the root did not sign.', silent, {
    'trust.json': trustOf(silent, { revoked: [revocation(silent, silent.epoch.vkey, 6, silent.logKey)] }),
  });
}

/** Receipts and proofs that stand alone. */
function alone(): void {
  const after = rotated();
  bad('receipt-revoked', 'keys', 'A receipt under a key that the trust file revokes before it.', null, {
    'receipt.tlog-proof': proofAfter(after, 8, [5, 7]),
    'trust.json': trustOf(after.log, { revoked: [revocation(after.log, after.epoch.vkey, 8)] }),
  });
  const missing = rotated();
  bad(
    'receipt-no-log-key',
    'keys, tree',
    'A receipt from after a log key rotation, without the entry of it.',
    null,
    {
      'receipt.tlog-proof': proofAfter(missing, 8, [7]),
      'trust.json': `${missing.log.trust}\n`,
    },
  );
  const disordered = rotated();
  bad(
    'receipt-keys-disordered',
    'keys',
    'The key entries before a receipt in another order than in the log.',
    null,
    {
      'receipt.tlog-proof': proofAfter(disordered, 8, [7, 5]),
      'trust.json': `${disordered.log.trust}\n`,
    },
  );
  const [mine, theirs] = [rotated(), rotated()];
  for (const [{ log, logKey }, word] of [
    [mine, 'mine'],
    [theirs, 'theirs'],
  ] as const)
    covered(called(log, word), logKey);
  const [own = '', other = ''] = [mine, theirs].map(({ log }) => log.checkpoints.at(-1));
  bad(
    'split-view-log-key',
    'split view',
    'Somebody else was shown another history under the second log key.',
    mine.log,
    {
      seen: other,
    },
  );
  const line = (by: TestKey): string => `key ${certify(mine.log, mine.logKey, by)} ${mine.logKey.vkey}`;
  const trust = { 'trust.json': `${mine.log.trust}\n` };
  bad('equivocation-log-key', 'split view', 'The proof that the second log key signed two histories.', null, {
    'equivocation.txt': printEquivocation(own, other, null, [line(mine.log.root)]),
    ...trust,
  });
  open(
    'equivocation-uncertified',
    'split view',
    'The same under a key that the root did not certify.',
    null,
    {
      'equivocation.txt': printEquivocation(own, other, null, [line(mine.log.logKey)]),
      ...trust,
    },
  );
}
