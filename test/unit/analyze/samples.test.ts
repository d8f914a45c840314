// SPDX-License-Identifier: Apache-2.0
// The statements of the design's policies hold, and those of their broken twins are refuted.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { proofsOf } from '../../helpers/analysis.js';
import { lockText, tool } from '../../helpers/policy.js';

const folder = resolve(import.meta.dirname, '../../../../shared/design/examples');
const text = { type: 'string' };
const LOCK = lockText({
  fs: [
    tool('delete_file', { path: text }),
    tool('read_file', { path: text }),
    tool('write_file', { path: text, content: text }),
  ],
});
const said = (source: string): readonly string[] =>
  proofsOf(source, {}, LOCK).proofs.map(({ status, why, claim }) =>
    status === 'proved'
      ? status
      : `${status}: ${source.slice(claim.span.start, claim.span.end)}: ${why ?? ''}`,
  );

describe.skipIf(!existsSync(folder))(
  'the policies of the design (skipped where ../shared is not there)',
  () => {
    it.each(['content.sep', 'vaults.sep'])('%s: all that it claims is proved', (name) => {
      const source = readFileSync(resolve(folder, name), 'utf8');
      const answers = said(source);
      expect(answers.length).toBeGreaterThan(0);
      expect(answers).toEqual(answers.map(() => 'proved'));
    });

    it('a broken twin of content.sep is refuted, with a question', () => {
      const source = readFileSync(resolve(folder, 'content.sep'), 'utf8');
      const broken = `${source}\nallow oops: agent:intern -> fs/delete_file\n`;
      const { proofs } = proofsOf(broken, {}, LOCK);
      const refuted = proofs.filter(({ status }) => status === 'refuted');
      expect(refuted.length).toBeGreaterThan(0);
    });
  },
);
