// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { verify } from '../../../runtime/verify/index.js';
import { decide, smallLog, TestLog, testKey } from '../../arbitraries/log.js';

describe('a sound log', () => {
  it('passes', async () => {
    const log = smallLog();
    const report = await verify(log.source(), { trust: log.trust, secondOpinion: 'all' });
    expect(report).toMatchInlineSnapshot(`
      {
        "entries": 10,
        "properties": [
          {
            "detail": "",
            "entry": null,
            "name": "bytes",
            "status": "pass",
          },
          {
            "detail": "10 checked with node:crypto; 10 again with tweetnacl",
            "entry": null,
            "name": "signatures",
            "status": "pass",
          },
          {
            "detail": "1 epoch key certified by the log key",
            "entry": null,
            "name": "keys",
            "status": "pass",
          },
          {
            "detail": "",
            "entry": null,
            "name": "chain",
            "status": "pass",
          },
          {
            "detail": "2 checkpoints",
            "entry": null,
            "name": "tree",
            "status": "pass",
          },
          {
            "detail": "a checkpoint covers all 10 entries",
            "entry": null,
            "name": "tail",
            "status": "pass",
          },
          {
            "detail": "the trust file names no witness",
            "entry": null,
            "name": "split view",
            "status": "not checked",
          },
          {
            "detail": "never goes back; no outside time to compare with",
            "entry": null,
            "name": "time",
            "status": "pass",
          },
          {
            "detail": "3 calls; 1 approval signed by the approver's own key (as the log names it; the trust file lists no approvers)",
            "entry": null,
            "name": "linkage",
            "status": "pass",
          },
          {
            "detail": "every allowed call has an outcome; 0 reviews open",
            "entry": null,
            "name": "completeness",
            "status": "pass",
          },
          {
            "detail": "no policy given to compile and compare",
            "entry": null,
            "name": "policy binding",
            "status": "not checked",
          },
          {
            "detail": "no policy given to decide again with",
            "entry": null,
            "name": "replay",
            "status": "not checked",
          },
        ],
        "result": "pass",
      }
    `);
  });
});

describe('signatures, which are checked many at a time', () => {
  it('fail at the first entry that does not verify, and all of them count', async () => {
    const log = new TestLog().begin();
    const forger = { ...testKey('mallory'), name: log.epoch.name, id: log.epoch.id };
    const forged = [1700, 2100, 2099, 900, 2999];
    while (log.size < 3000)
      log.add(decide(log, `call ${log.size}`, 'deny'), forged.includes(log.size) ? forger : log.epoch);
    log.checkpoint();
    const { properties, result } = await verify(log.source(), { trust: log.trust });
    expect(result).toBe('fail');
    const failed = properties.filter(({ status }) => status === 'fail');
    expect(failed).toEqual([
      {
        name: 'signatures',
        status: 'fail',
        entry: 900,
        detail: 'the signature does not verify (and 4 more)',
      },
    ]);
  });
});
