// SPDX-License-Identifier: Apache-2.0
/** Receipts changed, taken out or put in, and forked histories. */
import { printEquivocation, signatureLine } from '../../../runtime/verify/format/index.js';
import { hashOf, smallLog, TestLog, testKey } from '../log.js';
import { bad, open, begun, sealed, withOne, replaced, flipped, deny, treeOf, trustOf } from './make.js';

export function edits(): void {
  const edited = smallLog();
  bad(
    'edit',
    'signatures, tree',
    'One byte of one receipt is changed.',
    replaced(edited, 5, flipped(edited.entries[5] as Buffer, 'agent:reporter', 'agent:reportes')),
  );
  const resigned = smallLog();
  const mallory = { ...testKey('mallory'), name: resigned.epoch.name, id: resigned.epoch.id };
  const text =
    (resigned.entries[5] as Buffer)
      .toString()
      .split('\n\n')[0]
      ?.replace('agent:reporter', 'agent:reportes') ?? '';
  bad(
    'edit-resigned',
    'signatures, tree',
    'A receipt is changed and signed again by another key under the name and id of the right one.',
    replaced(
      resigned,
      5,
      Buffer.from(`${text}\n\n${signatureLine(mallory.name, mallory.id, mallory.sign(`${text}\n`))}`),
    ),
  );
  const deleted = smallLog();
  deleted.entries.splice(5, 1);
  bad('delete', 'chain, tail', 'A receipt is taken out of the middle.', deleted);
  const inserted = smallLog();
  inserted.entries.splice(5, 0, begun().entries[2] as Buffer);
  bad('insert', 'chain, tree', 'A receipt is put into the middle.', inserted);
  const swapped = smallLog();
  [swapped.entries[5], swapped.entries[6]] = [swapped.entries[6] as Buffer, swapped.entries[5] as Buffer];
  bad('reorder', 'chain, tree', 'Two receipts are swapped.', swapped);
  const rewritten = smallLog();
  const honest = begun();
  honest.call('one');
  honest.call('another', 'deny');
  honest.review('three');
  honest.checkpoints.push(...rewritten.checkpoints);
  bad(
    'rewrite',
    'tree',
    'With the stolen epoch key everything after an entry is written anew; the checkpoints stay.',
    honest,
  );
  const cut = smallLog();
  cut.entries.splice(7);
  bad('cut', 'tail', 'The tail is cut below the last checkpoint.', cut);
  const older = begun();
  older.call('one');
  older.checkpoint();
  bad(
    'cut-with-checkpoints',
    'tail',
    'Tail and later checkpoints are cut; another auditor kept one of these.',
    older,
    { seen: smallLog().checkpoints.at(-1) as string },
  );
  const later = smallLog();
  later.call('late', 'deny');
  open('tail', 'tail', 'Entries after the last checkpoint.', later);
  const none = smallLog();
  bad('nothing', 'chain, tail', 'Everything is deleted but the checkpoints.', none, {
    'log/entries/000000.log': '',
  });
  bad('nothing-at-all', 'chain', 'Everything is deleted.', none, {
    'log/entries/000000.log': '',
    'log/checkpoints': '',
  });
  const other = new TestLog('gw.example.com/log').begin();
  other.call('begun again');
  bad(
    'begun-again',
    'keys',
    'The log is begun again under the same keys; the trust file knows the first genesis.',
    sealed(other),
    { 'trust.json': trustOf(other, { genesis: hashOf('the first genesis') }) },
  );
}

export function forks(): void {
  const [log, fork] = [begun(), begun()];
  log.call('a', 'deny');
  fork.call('b', 'deny');
  fork.checkpoint();
  log.checkpoints.push(fork.checkpoints[0] as string);
  bad('two-roots', 'tree', 'Two checkpoints of one size with different roots.', sealed(log));
  const [mine, theirs] = [smallLog(), smallLog()];
  mine.call('mine', 'deny');
  theirs.call('theirs', 'deny');
  theirs.checkpoint();
  for (let n = 0; n < 3; n++) mine.call(`later ${n}`, 'deny');
  mine.checkpoint();
  const theirNote = theirs.checkpoints.at(-1) as string;
  bad('split-view', 'split view', 'Somebody else was shown another history.', mine, { seen: theirNote });
  const tree = treeOf(mine);
  const between = { root: tree.root(theirs.size), hashes: tree.consistency(theirs.size, mine.size) };
  const trust = { 'trust.json': `${mine.trust}\n` };
  bad('equivocation', 'split view', 'The proof of it, for anybody.', null, {
    'equivocation.txt': printEquivocation(theirNote, mine.checkpoints.at(-1) as string, between),
    ...trust,
  });
  const [one, two] = [smallLog(), smallLog()];
  one.call('one more', 'deny');
  two.call('one other', 'deny');
  one.checkpoint();
  two.checkpoint();
  bad('equivocation-one-size', 'split view', 'The same for two checkpoints of one size.', null, {
    'equivocation.txt': printEquivocation(
      one.checkpoints.at(-1) as string,
      two.checkpoints.at(-1) as string,
      null,
    ),
    ...trust,
  });
  open('equivocation-none', 'split view', 'Two checkpoints of one history prove nothing.', null, {
    'equivocation.txt': printEquivocation(mine.checkpoints[0] as string, mine.checkpoints.at(-1) as string, {
      root: tree.root(5),
      hashes: tree.consistency(5, mine.size),
    }),
    ...trust,
  });
  bad(
    'concurrent',
    'chain',
    'Two writers appended to the same head.',
    withOne((l) => {
      const prev = l.leaves.at(-1) as string;
      deny(l, 'a');
      deny(l, 'b', { seq: l.size - 1, prev });
    }),
  );
  const replayed = withOne((l) =>
    l.append(new TestLog('other.example.com/log').begin().entries[2] as Buffer),
  );
  bad('other-log', 'chain, keys', 'A receipt of another log.', replayed);
}
