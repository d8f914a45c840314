// SPDX-License-Identifier: Apache-2.0
/**
 * The vectors of test/vectors: logs that must pass and logs that must fail, at least one for each attack that auditors try.
 * `node scripts/vectors.mjs` writes them; keys are those of the worked example (SHA-256 of `test key NAME`).
 */
import { createHash } from 'node:crypto';
import {
  bundleBytes,
  canonical,
  certificateText,
  checkpointText,
  commitMembers,
  commitText,
  COSIGNATURE,
  cosignatureBytes,
  cosignedText,
  digest,
  keyBody,
  keyId,
  leafHash,
  openMembers,
  printEquivocation,
  printTlogProof,
  printVerifierKey,
  ProofTree,
  signatureLine,
  tilePath,
} from '../../runtime/verify/format/index.js';
import { cofactored, IDENTITY, IDENTITY_SIGNATURE, malleable } from './edwards.js';
import {
  approval,
  decide,
  hashOf,
  idOf,
  type Members,
  outcome,
  smallLog,
  type TestKey,
  TestLog,
  testKey,
} from './log.js';

export interface Vector {
  readonly name: string;
  /** What it shows, or the attack that it is. */
  readonly about: string;
  /** Files by path; `log/…`, `receipt.tlog-proof` or `equivocation.txt`, and what is given beside. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly result: 'pass' | 'fail' | 'incomplete' | 'refused';
  /** Properties that must fail (or, of an incomplete one, must not be checked). */
  readonly because: readonly string[];
}

type Extra = { readonly [path: string]: string | Buffer };
const found: Vector[] = [];

function files(log: TestLog | null, extra: Extra): ReadonlyMap<string, Buffer> {
  const own: Extra =
    log === null
      ? {}
      : {
          'log/entries/000000.log': Buffer.concat(log.entries),
          'log/checkpoints': log.checkpointFile(),
          'trust.json': `${log.trust}\n`,
        };
  const all = Object.entries({ ...own, ...extra });
  return new Map(all.map(([path, content]) => [path, Buffer.from(content as string)]));
}

const good = (name: string, about: string, log: TestLog | null, extra: Extra = {}): void =>
  void found.push({ name: `good/${name}`, about, files: files(log, extra), result: 'pass', because: [] });
const bad = (name: string, because: string, about: string, log: TestLog | null, extra: Extra = {}): void =>
  void found.push({
    name: `bad/${name}`,
    about,
    files: files(log, extra),
    result: 'fail',
    because: because.split(', '),
  });
const open = (name: string, because: string, about: string, log: TestLog | null, extra: Extra = {}): void =>
  void found.push({
    name: `incomplete/${name}`,
    about,
    files: files(log, extra),
    result: 'incomplete',
    because: because.split(', '),
  });
const refused = (name: string, about: string, log: TestLog, extra: Extra): void =>
  void found.push({
    name: `refused/${name}`,
    about,
    files: files(log, extra),
    result: 'refused',
    because: [],
  });

const begun = (): TestLog => new TestLog().begin();
const sealed = (log: TestLog): TestLog => {
  log.checkpoint();
  return log;
};
/** A log with a call, one more thing, and a checkpoint over all of it. */
const withOne = (change: (log: TestLog) => unknown): TestLog => {
  const log = begun();
  log.call('one');
  change(log);
  return sealed(log);
};
const replaced = (log: TestLog, at: number, bytes: Buffer): TestLog => {
  log.entries[at] = bytes;
  return log;
};
const flipped = (bytes: Buffer, find: string, to: string): Buffer => {
  const copy = Buffer.from(bytes);
  copy.write(to, copy.indexOf(find));
  return copy;
};
/** Appends a body as the text given, signed like any other. */
function raw(log: TestLog, json: string, by: TestKey = log.epoch): void {
  const text = `sepal.dev/receipt/v1\n${json}\n`;
  log.append(Buffer.from(`${text}\n${signatureLine(by.name, by.id, by.sign(text))}`));
}
/** The text of the next body, with `change` made to it. */
function bodyText(log: TestLog, change: (json: string) => string): string {
  const scratch = new TestLog(log.origin);
  scratch.entries.push(...log.entries);
  scratch.leaves.push(...log.leaves);
  scratch.add(decide(log, 'raw', 'deny'));
  return change((scratch.entries.at(-1) as Buffer).toString().split('\n')[1] as string);
}
const rawChange = (change: (json: string) => string): TestLog =>
  withOne((log) => raw(log, bodyText(log, change)));
const deny = (log: TestLog, word: string, more: object = {}): string =>
  log.add({ ...decide(log, word, 'deny'), ...more } as Members);
const certified = (log: TestLog, key: TestKey, by: TestKey = log.logKey): Members => ({
  type: 'key',
  key: keyBody('epoch', key, {
    certificate: by.sign(certificateText(log.origin, 'epoch', key.vkey)).toString('base64'),
  }),
});
const treeOf = (log: TestLog): ProofTree => {
  const tree = new ProofTree();
  for (const entry of log.entries) tree.append(leafHash(entry));
  return tree;
};
const trustOf = (log: TestLog, change: object): string =>
  `${JSON.stringify({ ...(JSON.parse(log.trust) as object), ...change })}\n`;

const W = ['w1', 'w2'].map((name) => testKey(`witness.example.org/${name}`));
const witnessKeys = W.map((key) => printVerifierKey(key.name, key.key, COSIGNATURE));
/** The log's last checkpoint with cosignatures. */
function cosigned(log: TestLog, by: readonly TestKey[], time = Date.UTC(2026, 2, 9, 14) / 1000): string {
  const note = log.checkpoints.at(-1) as string;
  const text = note.slice(0, note.indexOf('\n\n') + 1);
  const lines = by.map((key) =>
    signatureLine(
      key.name,
      keyId(key.name, key.key, COSIGNATURE),
      cosignatureBytes(time, key.sign(cosignedText(time, text))),
    ),
  );
  return `${note}${lines.join('')}\n`;
}
const witnessed = (log: TestLog, quorum: number, by: readonly TestKey[], time?: number): Extra => ({
  'log/cosigned': cosigned(log, by, time),
  'trust.json': trustOf(log, { witnesses: witnessKeys, quorum }),
});

/** A log whose one decision has openings. */
function openedLog(members: { readonly [name: string]: string | number }): {
  log: TestLog;
  salt: Buffer;
  intent: string;
  result: string;
} {
  const log = begun();
  const salt = Buffer.from(idOf('salt'), 'base64');
  const intent = canonical({
    kind: 'tool',
    method: 'tools/call',
    name: 'read_file',
    params: { arguments: members, name: 'read_file' },
    server: 'fs',
  });
  const { root, count } = commitMembers(salt, '', members);
  const base = decide(log, 'opened', 'allow');
  const leaf = log.add({
    ...base,
    intent: { ...base.intent, args_root: root, args_count: count, digest: digest(intent) },
    facts: ['region'],
    facts_root: commitMembers(salt, '/facts', { region: 'eu' }).root,
  } as Members);
  const result = '{"content":[]}';
  const done = outcome('opened', leaf);
  log.add({
    ...done,
    outcome: { ...done.outcome, status: 'ok', result_root: commitText(salt, '/result', result) },
  } as Members);
  return { log: sealed(log), salt, intent, result };
}
const ARGS = { path: '/data/public/q3.csv', note: 'not read', 'a/b~c': 1 };
const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`m${i}`, i]));
const readsLine = (salt: Buffer, members: typeof ARGS | typeof many, pointers: readonly string[]): string =>
  `${canonical({ seq: 3, open: { args: openMembers(salt, '', members as typeof ARGS, pointers), facts: openMembers(salt, '/facts', { region: 'eu' }, ['/facts/region']) } })}\n`;

function goodOnes(): void {
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

function proofOf(
  log: TestLog,
  seq: number,
  change: { readonly index?: number; readonly extra?: Buffer } = {},
): string {
  const key = log.entries[1] as Buffer;
  const own = log.entries[seq] as Buffer;
  const extra = change.extra ?? (seq === 1 ? own : Buffer.concat([key, own]));
  return printTlogProof(
    extra,
    change.index ?? seq,
    treeOf(log).inclusion(seq),
    log.checkpoints.at(-1) as string,
  );
}

function edits(): void {
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

function forks(): void {
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

function keys(): void {
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

function bytes(): void {
  const ext = (value: string): TestLog =>
    rawChange((json) => json.replace('"intent":', `"ext":{"acme.com/x":${value}},"intent":`));
  const listed = (log: TestLog): Extra => ({ 'trust.json': trustOf(log, { extensions: ['acme.com/x'] }) });
  const inExt = (name: string, about: string, value: string): void => {
    const log = ext(value);
    bad(name, 'bytes', about, log, listed(log));
  };
  bad(
    'key-order',
    'bytes',
    'A signed body whose members are not in canonical order.',
    rawChange((j) => `{"v":1,${j.slice(1).replace(',"v":1}', '}')}`),
  );
  bad(
    'white-space',
    'bytes',
    'A signed body with white space.',
    rawChange((j) => j.replace('":"', '": "')),
  );
  bad(
    'escapes',
    'bytes',
    'A signed body with an escape that need not be.',
    rawChange((j) => j.replace('agent:reporter', 'agent\\u003areporter')),
  );
  bad(
    'duplicate-key',
    'bytes',
    'A key twice in one object.',
    rawChange((j) => j.replace('"effect":"deny"', '"effect":"deny","effect":"deny"')),
  );
  bad(
    'duplicate-key-escaped',
    'bytes',
    'A key twice, once escaped.',
    rawChange((j) => j.replace('"effect":"deny"', '"effect":"allow","\\u0065ffect":"deny"')),
  );
  bad(
    'proto',
    'bytes',
    'The key __proto__.',
    rawChange((j) => j.replace('"effect":"deny"', '"__proto__":{},"effect":"deny"')),
  );
  bad(
    'lone-surrogate',
    'bytes',
    'A lone surrogate in a string.',
    rawChange((j) => j.replace('agent:reporter', 'agent:\\ud800')),
  );
  bad(
    'float',
    'bytes',
    'A number that is not an integer.',
    rawChange((j) => j.replace('"steps":12', '"steps":12.5')),
  );
  bad(
    'huge-number',
    'bytes',
    'An integer past the safe range.',
    rawChange((j) => j.replace('"steps":12', '"steps":9007199254740993')),
  );
  bad(
    'unsafe-integer',
    'bytes',
    'An integer that a double holds exactly, past the safe range.',
    rawChange((j) => j.replace('"steps":12', '"steps":9007199254740992')),
  );
  bad(
    'exponent',
    'bytes',
    'A number past every double.',
    rawChange((j) => j.replace('"steps":12', '"steps":1e400')),
  );
  bad(
    'unknown-member',
    'bytes',
    'A member that this version does not know.',
    rawChange((j) => j.replace('"effect":"deny"', '"effect":"deny","extra":1')),
  );
  bad(
    'unknown-type',
    'bytes',
    'A type that this version does not know.',
    rawChange((j) => j.replace('"type":"decide"', '"type":"decree"')),
  );
  bad(
    'version',
    'bytes',
    'Version 2.',
    rawChange((j) => j.replace('"v":1', '"v":2')),
  );
  bad(
    'no-time',
    'bytes',
    'A day that does not exist.',
    rawChange((j) => j.replace('2026-03-09', '2026-02-30')),
  );
  bad('extension-unlisted', 'bytes', 'A member of ext that the trust file does not list.', ext('1'));
  inExt('extension-number-key', 'A key in ext that looks like a number.', '{"1":2}');
  inExt('extension-deep', 'ext nested deeper than 64 levels.', `${'['.repeat(64)}${']'.repeat(64)}`);
  inExt('extension-float', 'A float in ext.', '1.5');
  const long = ext(`"${'x'.repeat(65_000)}"`);
  bad('too-long', 'bytes, tail', 'An entry of more than 65,534 bytes, in an earlier segment.', long, {
    'log/entries/000000.log': Buffer.concat(long.entries),
    'log/entries/000001.log': '',
    ...listed(long),
  });
  const mark = begun();
  raw(mark, `\ufeff${bodyText(mark, (j) => j)}`);
  bad('byte-order-mark', 'bytes', 'A byte order mark before the body.', sealed(mark));
  const latin = smallLog();
  bad(
    'not-utf-8',
    'bytes, tree',
    'A byte that is not UTF-8.',
    replaced(
      latin,
      5,
      Buffer.concat([
        Buffer.from('sepal.dev/receipt/v1\n{"boot":"\xff'),
        Buffer.of(0xff),
        (latin.entries[5] as Buffer).subarray(31),
      ]),
    ),
  );
  const twice = smallLog();
  const line = (twice.entries[5] as Buffer).toString().split('\n\n')[1] ?? '';
  bad(
    'two-signatures',
    'bytes, tail',
    'An entry with two signature lines, in an earlier segment.',
    replaced(twice, 5, Buffer.concat([twice.entries[5] as Buffer, Buffer.from(line)])),
    {
      'log/entries/000000.log': Buffer.concat(twice.entries),
      'log/entries/000001.log': '',
    },
  );
  const torn = smallLog();
  open('torn', 'tail', 'A crash in the middle of a write: bytes after the last whole entry.', torn, {
    'log/entries/000000.log': Buffer.concat([...torn.entries, Buffer.from('sepal.dev/receipt/v1\n{"boot"')]),
  });
  bad('torn-earlier', 'bytes, tail', 'The same in an earlier segment.', torn, {
    'log/entries/000000.log': Buffer.concat([
      ...torn.entries.slice(0, 5),
      Buffer.from('sepal.dev/receipt/v1\n{"boot"'),
    ]),
    'log/entries/000001.log': Buffer.concat(torn.entries.slice(5)),
  });
  bad('hidden', 'tail', 'Entries hidden behind bytes that are none.', torn, {
    'log/entries/000000.log': Buffer.concat([
      ...torn.entries.slice(0, 8),
      Buffer.alloc(512),
      ...torn.entries.slice(8),
    ]),
  });
}

function life(): void {
  const linkage = (name: string, about: string, change: (log: TestLog) => unknown): void =>
    bad(name, 'linkage', about, withOne(change));
  const eve = testKey('eve');
  const second = (
    log: TestLog,
    word: string,
    review: string,
    approve: readonly string[],
    more: object = {},
  ): string =>
    log.add({ ...decide(log, word, 'allow'), refs: { decide: review, approve }, ...more } as Members);
  linkage('outcome-after-deny', 'An outcome of a call that was denied.', (log) =>
    log.add(outcome('a', log.call('a', 'deny'))),
  );
  linkage('two-outcomes', 'Two outcomes of one call.', (log) => log.add(outcome('a', log.call('a'))));
  linkage('other-call', 'An outcome under the call id of another call.', (log) =>
    log.add(outcome('b', log.call('a', 'allow', null))),
  );
  linkage('review-skipped', 'A review goes on without any approval.', (log) =>
    second(log, 'a', log.add(decide(log, 'a', 'review')), []),
  );
  linkage('approval-other-intent', 'An approval of another intent.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    const approve = log.add({
      ...approval('a', review, eve),
      approval: approval('b', review, eve).approval,
    } as Members);
    second(log, 'a', review, [approve]);
  });
  linkage('approval-reused', 'An approval of one call is used for another.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    const approve = log.add(approval('a', review, eve));
    log.add(outcome('a', second(log, 'a', review, [approve])));
    second(log, 'b', log.add(decide(log, 'b', 'review')), [approve]);
  });
  linkage('approval-by-requester', 'The requester approves the own call.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    second(log, 'a', review, [log.add(approval('a', review, eve, { id: 'user:dana' }))]);
  });
  linkage('approval-without-role', 'The approver has none of the roles asked for.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    second(log, 'a', review, [log.add(approval('a', review, eve, { roles: ['intern'] }))]);
  });
  linkage('approval-denied', 'The call goes on after an approver denied it.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    second(log, 'a', review, [log.add(approval('a', review, eve, { verdict: 'deny' }))]);
  });
  linkage('approval-late', 'An approval after the review had expired.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    log.add({ ...approval('a', review, eve), time: '2026-03-09T15:00:00.000Z' });
  });
  linkage('approval-twice', 'One person counts twice towards a quorum.', (log) => {
    const base = decide(log, 'a', 'review');
    const approvals = [{ rule: 'read_public', roles: ['content_lead'], quorum: 2, timeout: 3_600_000 }];
    const review = log.add({ ...base, decision: { ...base.decision, approvals } } as Members);
    second(log, 'a', review, [log.add(approval('a', review, eve)), log.add(approval('a', review, eve))]);
  });
  linkage('approval-weak-key', 'An approval by a key of small order.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    const weak = { ...eve, vkey: printVerifierKey('eve', IDENTITY), sign: () => IDENTITY_SIGNATURE };
    second(log, 'a', review, [log.add(approval('a', review, weak))]);
  });
  const pinned = smallLog();
  bad(
    'approval-other-key',
    'linkage',
    'The gateway made a key for the approver; the trust file lists the real one.',
    pinned,
    {
      'trust.json': trustOf(pinned, { approvers: [{ id: 'user:eve', key: testKey('eve', 'real').vkey }] }),
    },
  );
  linkage('intent-swapped', 'Other arguments than those approved.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    second(log, 'a', review, [log.add(approval('a', review, eve))], {
      intent: decide(log, 'b', 'allow').intent,
    });
  });
  linkage('policy-swapped', 'Another module under the same activation.', (log) =>
    deny(log, 'a', { policy: { ...decide(log, 'a', 'deny').policy, module: hashOf('x') } }),
  );
  linkage('policy-never', 'A policy that was never activated.', (log) =>
    deny(log, 'a', { policy: { ...decide(log, 'a', 'deny').policy, activation: hashOf('x') } }),
  );
  linkage('policy-later', 'A policy that is activated only after the decision.', (log) => {
    const policy = { ...decide(log, 'a', 'deny').policy, version: '3.0.0' };
    const { activation: _, ...active } = policy;
    const scratch = begun();
    scratch.call('one');
    deny(scratch, 'a');
    const later = scratch.add({ type: 'policy', policy: active } as Members);
    deny(log, 'a', { policy: { ...policy, activation: later } });
    log.add({ type: 'policy', policy: active } as Members);
  });
  bad(
    'lost',
    'completeness',
    'A call was let through and the next process says nothing of it.',
    withOne((log) => {
      log.call('lost', 'allow', null);
      log.boot = idOf('second boot');
      log.call('next');
    }),
  );
  bad(
    'clock',
    'time',
    'The time goes back.',
    withOne((log) => deny(log, 'a', { time: '2026-03-09T12:59:59.000Z' })),
  );
  const future = withOne((log) => deny(log, 'a', { time: '2026-03-10T13:00:00.000Z' }));
  bad(
    'clock-ahead',
    'time',
    'An entry says a later time than the witnesses that saw it.',
    future,
    witnessed(future, 2, W),
  );
  const genesis = withOne((log) =>
    log.add({ type: 'genesis', key: keyBody('root+log', log.logKey, { root: log.root }) }),
  );
  bad('genesis-twice', 'bytes', 'A second genesis.', genesis);
  bad(
    'gap',
    'chain',
    'A number is left out.',
    withOne((log) => deny(log, 'a', { seq: log.size + 1 })),
  );
}

function beside(): void {
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

/** All vectors, the same from run to run. */
export function vectors(): readonly Vector[] {
  found.length = 0;
  goodOnes();
  edits();
  forks();
  keys();
  bytes();
  life();
  beside();
  return [...found];
}
