// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Certificate, certificateOf } from '../../../compiler/analyze/certificate.js';
import { checkCertificate } from '../../../compiler/analyze/check-certificate.js';
import { soundPolicy } from '../../arbitraries/sound-policy.js';
import { sideOf } from '../../helpers/analysis.js';

const TEXT = `role lead
allow drafts: agent:copy-* -> fs/write_file when { args.path under "/drafts" }
review moves: role:lead -> fs/delete_file by role:lead timeout 5m
allow pay: agent:x -> pay/transfer when { args.amount > 0 and args.amount <= 500 }
prove never allow on fs/write_file unless args.path under "/drafts"
prove never allow on pay/transfer when args.amount > 500
`;
/** Numbers from 0 up to 1, the same each time. */
function dice(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

describe('a written proof', () => {
  const { subject } = sideOf(TEXT);
  const proof = certificateOf(subject, [0, 1]) as Certificate;

  it('is checked without the prover', () => {
    const { questions, faults } = checkCertificate(proof, subject.ir, dice());
    expect(faults).toEqual([]);
    expect(questions).toBeGreaterThan(20);
  });

  it('is refused for another policy, and when a part of it is altered', () => {
    const wider = sideOf(TEXT.replace('under "/drafts" }', 'under "/" }')).subject.ir;
    expect(checkCertificate(proof, wider, dice()).faults.join()).toContain('no part says');
    const more = sideOf(TEXT.replace('<= 500', '<= 600')).subject.ir;
    expect(checkCertificate(proof, more, dice()).faults).not.toEqual([]);
    const altered = {
      ...proof,
      classes: proof.classes.map((one) => ({
        ...one,
        cells: one.cells.map((cell) => ({ ...cell, decision: 'deny' })),
      })),
    };
    expect(checkCertificate(altered, subject.ir, dice()).faults).not.toEqual([]);
    expect(
      checkCertificate({ ...proof, classes: proof.classes.slice(1) }, subject.ir, dice()).faults.join(),
    ).toContain('nothing is said of');
  });

  it('holds for random policies: the parts say what the reference decides', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(soundPolicy, (text) => {
        const { ir, tools } = sideOf(text).subject;
        const written = certificateOf({ ir, tools }, []);
        if (written !== null) expect(checkCertificate(written, ir, dice(), 1_000).faults).toEqual([]);
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it('has a checker of at most 150 lines', () => {
    const source = readFileSync(
      join(import.meta.dirname, '../../../compiler/analyze/check-certificate.ts'),
      'utf8',
    );
    expect(source.split('\n').length).toBeLessThanOrEqual(151);
  });
});
