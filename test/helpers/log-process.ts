// SPDX-License-Identifier: Apache-2.0
/**
 * A process for tests that kill it: 16 clients append to a real log as fast as they can. Its standard output, a file, gets `ready`
 * once the log is open, then the leaf of each acknowledged entry.
 * argv: folder of the log, folder of the keys, bytes of a segment.
 */
import { writeSync } from 'node:fs';
import { type FileLayer, realFiles } from '../../runtime/log/files.js';
import { openLog } from '../../runtime/log/index.js';
import { clearText, decided, ORIGIN, outcomeOf, policyDraft } from './log-folder.js';

const [dir = '', keysDir = '', segmentBytes = ''] = process.argv.slice(2);
const say = (line: string): void => void writeSync(1, `${line}\n`);

/** Entries go out in small pieces, so that a kill finds writes half done. */
const files: FileLayer = {
  ...realFiles,
  write: (fd, bytes, offset, position) =>
    realFiles.write(fd, bytes[offset] === 0 ? bytes : bytes.subarray(0, offset + 300), offset, position),
};

const log = await openLog({
  files,
  dir,
  keysDir,
  origin: ORIGIN,
  checkpointSeconds: 1,
  segmentBytes: Number(segmentBytes),
});
say('ready');
const activation = (await log.append(policyDraft)).leaf;

async function client(n: number): Promise<void> {
  for (let i = 0; ; i++) {
    const draft = decided((n + i) % 4 === 0 ? 'deny' : 'allow', activation, 'x'.repeat((n * i * 97) % 1500));
    const openings = i % 3 === 0 ? clearText(`${n} ${i}`) : undefined;
    const { leaf } = await log.append(draft, openings);
    say(leaf);
    if (draft.decision?.effect === 'deny' || i % 5 === 4) continue;
    const settled = log.append(outcomeOf(draft.call, leaf), undefined, 'soon').then((done) => say(done.leaf));
    if (i % 2 === 0) await settled;
  }
}

setInterval(() => void log.checkpoint(), 7);
await Promise.all(Array.from({ length: 16 }, (_, n) => client(n)));
