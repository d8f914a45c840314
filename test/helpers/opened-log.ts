// SPDX-License-Identifier: Apache-2.0
// A log folder as the real writer makes it, with commitments, sealed openings and a configuration beside it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKeys, type Draft, openLog, trustText } from '../../runtime/log/index.js';
import {
  canonical,
  commitMembers,
  commitText,
  digest,
  type JsonObject,
} from '../../runtime/verify/format/index.js';
import { decide, idOf, outcome, TestLog } from '../arbitraries/log.js';

export const ORIGIN = 'gw.example.com/log';
const SECRET = 'token-9f2c77aa';

export interface OpenedLog {
  readonly dir: string;
  readonly trust: string;
  readonly trustFile: string;
  readonly config: string;
  readonly size: number;
}

/** Calls 0, 1, 2 … of `read_file` with a path that decisions read and a note that they do not. */
export async function openedLog(folder: string, calls = 4): Promise<OpenedLog> {
  const dir = join(folder, 'log');
  const keysDir = join(folder, 'keys');
  const keys = createKeys(keysDir, ORIGIN);
  const log = await openLog({ dir, keysDir, origin: ORIGIN, checkpointSeconds: 60 });
  const model = new TestLog(ORIGIN).begin();
  const { policy } = decide(model, 'x', 'deny');
  if (policy === undefined) throw new Error('the model has no policy');
  const { activation: _, ...active } = policy;
  const { leaf } = await log.append({ type: 'policy', policy: active });
  for (let n = 0; n < calls; n++) {
    const args: JsonObject = { path: `/data/public/${n}.csv`, note: SECRET, head: n };
    const facts: JsonObject = { region: 'eu' };
    const intent = canonical({
      kind: 'tool',
      method: 'tools/call',
      name: 'read_file',
      params: { arguments: args, name: 'read_file' },
      server: 'fs',
    });
    const salt = Buffer.from(idOf(`salt ${n}`), 'base64');
    const effect = n % 3 === 2 ? 'deny' : 'allow';
    const base = decide(model, `call ${n}`, effect);
    const { root, count } = commitMembers(salt, '', args);
    const draft = {
      ...base,
      intent: { ...base.intent, args_root: root, args_count: count, digest: digest(intent) },
      policy: { ...policy, activation: leaf },
      facts: ['region'],
      facts_root: commitMembers(salt, '/facts', facts).root,
    } as Draft;
    const clear = { salt: salt.toString('base64'), intent, facts: canonical(facts) };
    const receipt = await log.append(draft, clear);
    if (effect === 'deny') continue;
    const answer = `{"content":[{"text":"line ${n}","type":"text"}]}`;
    const done = outcome(`call ${n}`, receipt.leaf);
    const own = Buffer.from(idOf(`result ${n}`), 'base64');
    await log.append(
      {
        ...done,
        outcome: { ...done.outcome, status: 'ok', result_root: commitText(own, '/result', answer) },
      } as Draft,
      { salt: own.toString('base64'), result: answer },
    );
  }
  const trust = trustText(ORIGIN, keys, log.genesis);
  const { size } = log.head();
  await log.close();
  const trustFile = join(folder, 'trust.json');
  writeFileSync(trustFile, trust);
  const config = join(folder, 'sepal.json');
  const receipts = { origin: ORIGIN, dir: 'log', keys: 'keys', disclose: 'reads' };
  const server = { command: 'true', args: [] };
  writeFileSync(config, JSON.stringify({ policy: 'p.sep', mcpServers: { fs: server }, receipts }));
  return { dir, trust, trustFile, config, size };
}

export const PLANTED = SECRET;
