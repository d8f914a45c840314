// SPDX-License-Identifier: Apache-2.0
/** What the vectors of test/vectors are made with; keys are those of the worked example (SHA-256 of `test key NAME`). */
import {
  canonical,
  certificateText,
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
  printTlogProof,
  printVerifierKey,
  ProofTree,
  signatureLine,
} from '../../../runtime/verify/format/index.js';
import { decide, idOf, type Members, outcome, type TestKey, TestLog, testKey } from '../log.js';

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

export type Extra = { readonly [path: string]: string | Buffer };
export const found: Vector[] = [];

export function files(log: TestLog | null, extra: Extra): ReadonlyMap<string, Buffer> {
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

export const good = (name: string, about: string, log: TestLog | null, extra: Extra = {}): void =>
  void found.push({ name: `good/${name}`, about, files: files(log, extra), result: 'pass', because: [] });
export const bad = (
  name: string,
  because: string,
  about: string,
  log: TestLog | null,
  extra: Extra = {},
): void =>
  void found.push({
    name: `bad/${name}`,
    about,
    files: files(log, extra),
    result: 'fail',
    because: because.split(', '),
  });
export const open = (
  name: string,
  because: string,
  about: string,
  log: TestLog | null,
  extra: Extra = {},
): void =>
  void found.push({
    name: `incomplete/${name}`,
    about,
    files: files(log, extra),
    result: 'incomplete',
    because: because.split(', '),
  });
export const refused = (name: string, about: string, log: TestLog, extra: Extra): void =>
  void found.push({
    name: `refused/${name}`,
    about,
    files: files(log, extra),
    result: 'refused',
    because: [],
  });

export const begun = (): TestLog => new TestLog().begin();
export const sealed = (log: TestLog): TestLog => {
  log.checkpoint();
  return log;
};
/** A log with a call, one more thing, and a checkpoint over all of it. */
export const withOne = (change: (log: TestLog) => unknown): TestLog => {
  const log = begun();
  log.call('one');
  change(log);
  return sealed(log);
};
export const replaced = (log: TestLog, at: number, bytes: Buffer): TestLog => {
  log.entries[at] = bytes;
  return log;
};
export const flipped = (bytes: Buffer, find: string, to: string): Buffer => {
  const copy = Buffer.from(bytes);
  copy.write(to, copy.indexOf(find));
  return copy;
};
/** Appends a body as the text given, signed like any other. */
export function raw(log: TestLog, json: string, by: TestKey = log.epoch): void {
  const text = `sepal.dev/receipt/v1\n${json}\n`;
  log.append(Buffer.from(`${text}\n${signatureLine(by.name, by.id, by.sign(text))}`));
}
/** The text of the next body, with `change` made to it. */
export function bodyText(log: TestLog, change: (json: string) => string): string {
  const scratch = new TestLog(log.origin);
  scratch.entries.push(...log.entries);
  scratch.leaves.push(...log.leaves);
  scratch.add(decide(log, 'raw', 'deny'));
  return change((scratch.entries.at(-1) as Buffer).toString().split('\n')[1] as string);
}
export const rawChange = (change: (json: string) => string): TestLog =>
  withOne((log) => raw(log, bodyText(log, change)));
export const deny = (log: TestLog, word: string, more: object = {}): string =>
  log.add({ ...decide(log, word, 'deny'), ...more } as Members);
export const certified = (log: TestLog, key: TestKey, by: TestKey = log.logKey): Members => ({
  type: 'key',
  key: keyBody('epoch', key, {
    certificate: by.sign(certificateText(log.origin, 'epoch', key.vkey)).toString('base64'),
  }),
});
export const treeOf = (log: TestLog): ProofTree => {
  const tree = new ProofTree();
  for (const entry of log.entries) tree.append(leafHash(entry));
  return tree;
};
export const trustOf = (log: TestLog, change: object): string =>
  `${JSON.stringify({ ...(JSON.parse(log.trust) as object), ...change })}\n`;

export const W = ['w1', 'w2'].map((name) => testKey(`witness.example.org/${name}`));
export const witnessKeys = W.map((key) => printVerifierKey(key.name, key.key, COSIGNATURE));
/** The log's last checkpoint with cosignatures. */
export function cosigned(
  log: TestLog,
  by: readonly TestKey[],
  time = Date.UTC(2026, 2, 9, 14) / 1000,
): string {
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
export const witnessed = (log: TestLog, quorum: number, by: readonly TestKey[], time?: number): Extra => ({
  'log/cosigned': cosigned(log, by, time),
  'trust.json': trustOf(log, { witnesses: witnessKeys, quorum }),
});

/** A log whose one decision has openings. */
export function openedLog(members: { readonly [name: string]: string | number }): {
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
export const ARGS = { path: '/data/public/q3.csv', note: 'not read', 'a/b~c': 1 };
export const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`m${i}`, i]));
export const readsLine = (
  salt: Buffer,
  members: typeof ARGS | typeof many,
  pointers: readonly string[],
): string =>
  `${canonical({ seq: 3, open: { args: openMembers(salt, '', members as typeof ARGS, pointers), facts: openMembers(salt, '/facts', { region: 'eu' }, ['/facts/region']) } })}\n`;

export function proofOf(
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
