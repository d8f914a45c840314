// SPDX-License-Identifier: Apache-2.0
/** Keys that are not those of the log, or no longer. */
import { createHash } from 'node:crypto';
import {
  checkpointText,
  cosignatureBytes,
  cosignedText,
  keyId,
  printVerifierKey,
  signatureLine,
} from '../../../runtime/verify/format/index.js';
import { cofactored, IDENTITY, IDENTITY_SIGNATURE, malleable } from '../edwards.js';
import { decide, smallLog, type TestKey, TestLog, testKey } from '../log.js';
import { bad, open, refused, begun, sealed, withOne, certified, treeOf, trustOf } from './make.js';

export function keys(): void {
  const own = smallLog();
  const forged = new TestLog('gw.example.com/log');
  Object.assign(forged, {
    root: testKey('m/root'),
    logKey: testKey('gw.example.com/log', 'mallory'),
    epoch: testKey('gw.example.com/log/epoch1', 'mallory'),
  });
  forged.begin().call('forged');
  bad('key-substitution', 'keys, tree', 'A whole log made with keys of the forger.', sealed(forged), {
    'trust.json': `${own.trust}\n`,
  });
  open('no-trust', 'signatures, keys, tree, tail', 'Keys never come from a log.', null, {
    'log/entries/000000.log': Buffer.concat(own.entries),
    'log/checkpoints': own.checkpointFile(),
  });
  const revoked = begun();
  revoked.call('one');
  revoked.add({ type: 'revoke', revoke: { key: revoked.epoch.vkey, from: 4, reason: 'stolen' } });
  bad(
    'revoked',
    'keys',
    'A key is revoked from a position on, whatever its entries say of the date.',
    sealed(revoked),
  );
  const after = begun();
  after.add({ type: 'seal', seal: { key: after.epoch.vkey, size: 3 } });
  after.call('a', 'deny');
  const misplaced = begun();
  misplaced.add({ type: 'seal', seal: { key: testKey('other').vkey, size: 3 } });
  bad('seal-of-another', 'keys', 'A seal of another key than the one in force.', sealed(misplaced));
  bad('sealed', 'keys', 'An epoch key signs after its seal.', sealed(after));
  const back = begun();
  const second = testKey(`${back.origin}/epoch2`);
  back.add(certified(back, second), second);
  back.call('a', 'deny');
  bad('old-epoch', 'keys', 'The epoch key before signs after the next one took over.', sealed(back));
  const uncertified = begun();
  uncertified.add(certified(uncertified, second, testKey('mallory')), second);
  bad('uncertified', 'keys', 'An epoch key that the log key did not certify.', sealed(uncertified));
  bad(
    'small-order-key',
    'keys',
    'An epoch key of small order, certified: one signature under it is valid for every text.',
    smallOrder(),
  );
  bad(
    'malleable',
    'signatures',
    'A signature with S + L.',
    withOne((log) => resign(log, (_text, signature) => malleable(signature))),
  );
  bad(
    'cofactored',
    'signatures',
    'A signature that is valid with the cofactor only.',
    withOne((log) =>
      resign(log, (text) =>
        cofactored(createHash('sha256').update(`test key ${log.epoch.name}`).digest(), text),
      ),
    ),
  );
  bad(
    'short-signature',
    'signatures',
    'A signature of 63 bytes.',
    withOne((log) => resign(log, (_text, signature) => signature.subarray(0, 63))),
  );
  const wrongType = smallLog();
  const { logKey } = wrongType;
  const note = checkpointText(wrongType.origin, wrongType.size, treeOf(wrongType).root());
  wrongType.checkpoints[1] = `${note}\n${signatureLine(logKey.name, keyId(logKey.name, logKey.key, 4), cosignatureBytes(1, logKey.sign(cosignedText(1, note))))}`;
  bad(
    'other-algorithm',
    'tree',
    'A checkpoint with a cosignature by the log key in the place of its signature.',
    wrongType,
  );
  const mallory = smallLog();
  mallory.checkpoints.pop();
  mallory.checkpoint(testKey('mallory'));
  bad('checkpoint-key', 'tree', 'A checkpoint signed by another key.', mallory);
  const epochSigned = smallLog();
  epochSigned.checkpoints.pop();
  epochSigned.checkpoint(epochSigned.epoch);
  bad('checkpoint-by-epoch', 'tree', 'A checkpoint signed by the epoch key.', epochSigned);
  const falling = smallLog();
  falling.checkpoints.reverse();
  bad('checkpoint-falls', 'tree', 'A checkpoint of a smaller size after a larger one.', falling);
  const lined = smallLog();
  const longer = `${note}extension\n`;
  lined.checkpoints[1] = `${longer}\n${signatureLine(logKey.name, logKey.id, logKey.sign(longer))}`;
  bad('checkpoint-extension', 'tree', 'A checkpoint with an extension line.', lined);
  refused('trust-small-order', 'A trust file with a log key of small order.', own, {
    'trust.json': trustOf(own, { logKey: printVerifierKey(own.origin, IDENTITY) }),
  });
  refused('trust-unknown-member', 'A trust file with a member that nobody knows.', own, {
    'trust.json': trustOf(own, { quorun: 1 }),
  });
  refused('trust-witness-type', 'A witness with a key of type 0x01.', own, {
    'trust.json': trustOf(own, { witnesses: [testKey('w').vkey], quorum: 1 }),
  });
}

function smallOrder(): TestLog {
  const log = begun();
  const name = `${log.origin}/epoch2`;
  const weak = {
    name,
    id: keyId(name, IDENTITY),
    key: IDENTITY,
    vkey: printVerifierKey(name, IDENTITY),
    sign: () => IDENTITY_SIGNATURE,
  };
  log.add(certified(log, weak), weak);
  log.add(decide(log, 'weak', 'deny'), weak);
  return sealed(log);
}

/** Appends an entry whose signature `make` replaces. */
function resign(log: TestLog, make: (text: Buffer, signature: Buffer) => Uint8Array): void {
  const { epoch } = log;
  const by: TestKey = { ...epoch, sign: (text) => Buffer.from(make(Buffer.from(text), epoch.sign(text))) };
  log.add(decide(log, 'resigned', 'deny'), by);
}
