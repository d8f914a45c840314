// SPDX-License-Identifier: Apache-2.0
/** Logs that must pass. */
import { bundleBytes, canonical, tilePath } from '../../../runtime/verify/format/index.js';
import { decide, idOf, outcome, smallLog, testKey } from '../log.js';
import {
  good,
  begun,
  sealed,
  withOne,
  deny,
  certified,
  trustOf,
  W,
  witnessed,
  openedLog,
  ARGS,
  many,
  readsLine,
  proofOf,
} from './make.js';

export function goodOnes(): void {
  good('small', 'An allowed, a denied and a reviewed call.', smallLog());
  const split = smallLog();
  good('segments', 'Two segments, the last with preallocated space.', split, {
    'log/entries/000000.log': Buffer.concat(split.entries.slice(0, 4)),
    'log/entries/000001.log': Buffer.concat([...split.entries.slice(4), Buffer.alloc(4096)]),
  });
  const rotated = begun();
  rotated.call('one');
  rotated.add({ type: 'seal', seal: { key: rotated.epoch.vkey, size: rotated.size } });
  const second = testKey(`${rotated.origin}/epoch2`);
  rotated.add(certified(rotated, second), second);
  rotated.add(decide(rotated, 'two', 'deny'), second);
  good('rotation', 'The first epoch key is sealed, a second one takes over.', sealed(rotated));
  good(
    'unicode',
    'One name composed and one decomposed: two principals, no normalisation.',
    withOne((log) => {
      for (const id of ['agent:caf\u00e9', 'agent:cafe\u0301'])
        deny(log, id, { principal: { ...decide(log, id, 'deny').principal, id } });
    }),
  );
  good(
    'control-characters',
    'A tool name with control characters stays escaped inside its line.',
    withOne((log) =>
      deny(log, 'name', {
        intent: { ...decide(log, 'name', 'deny').intent, name: 'read\u001b[2J\n— x AAAA\u202e' },
      }),
    ),
  );
  good(
    'restart',
    'The next process closes what the last one left open.',
    withOne((log) => {
      const leaf = log.call('left', 'allow', null);
      log.boot = idOf('second boot');
      log.add({ type: 'recovery', recovery: { cut: 12, unknown: 1 } });
      log.add({ ...outcome('left', leaf), outcome: { status: 'unknown' } });
      log.call('next');
    }),
  );
  const cosignedLog = smallLog();
  good(
    'witnessed',
    'Both witnesses cosigned the last checkpoint.',
    cosignedLog,
    witnessed(cosignedLog, 2, W),
  );
  const pinned = smallLog();
  good('approvers', 'The trust file lists the key of the approver.', pinned, {
    'trust.json': trustOf(pinned, { approvers: [{ id: 'user:eve', key: testKey('eve').vkey }] }),
  });
  const extended = withOne((log) => deny(log, 'x', { ext: { 'acme.com/x': { a: [1, 'two', null, true] } } }));
  good('extension', 'A member of ext that the trust file lists.', extended, {
    'trust.json': trustOf(extended, { extensions: ['acme.com/x'] }),
  });
  const reads = openedLog(ARGS);
  good('openings-reads', 'One argument and one fact opened.', reads.log, {
    'log/openings.jsonl': readsLine(reads.salt, ARGS, ['/path', '/a~1b~0c']),
  });
  const rest = openedLog(many);
  good('openings-rest', 'A member past the 64th is opened with all the rest.', rest.log, {
    'log/openings.jsonl': readsLine(rest.salt, many, ['/m9']),
  });
  const full = openedLog(ARGS);
  const salt = full.salt.toString('base64');
  good('openings-full', 'Everything opened.', full.log, {
    'log/openings.jsonl': `${canonical({ seq: 3, salt, intent: full.intent, facts: '{"region":"eu"}' })}\n${canonical({ seq: 4, salt, result: full.result })}\n`,
  });
  const held = smallLog();
  good('held', 'A receipt that a client holds is in the log.', held, {
    held: `${JSON.stringify({ id: `${held.origin}#3`, hash: held.leaves[3], decision: 'allow', seq: 3, kid: held.epoch.id })}\n`,
  });
  const seen = smallLog();
  good('seen', 'An earlier checkpoint seen elsewhere is of this tree.', seen, {
    seen: seen.checkpoints[0] as string,
  });
  const log = smallLog();
  good('receipt', 'One receipt with its proof.', null, {
    'receipt.tlog-proof': proofOf(log, 5),
    'trust.json': `${log.trust}\n`,
  });
  good('receipt-genesis', 'Genesis with its proof.', null, {
    'receipt.tlog-proof': proofOf(log, 0),
    'trust.json': `${log.trust}\n`,
  });
  const tiles = smallLog();
  good('tiles', 'The small log as tiles.', null, {
    [`log/${tilePath('entries', 0, tiles.size)}`]: bundleBytes(tiles.entries),
    'log/checkpoint': tiles.checkpoints.at(-1) as string,
    'trust.json': `${tiles.trust}\n`,
  });
}
