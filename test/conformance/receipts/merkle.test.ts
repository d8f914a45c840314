// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import {
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from '../../../runtime/verify/format/index.js';
import { filesIn, jsonOf, suite } from './vectors.js';

interface Inclusion {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}
interface Consistency {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}
interface Subtree {
  readonly start: number;
  readonly end: number;
}
const bytes = (text: string): Buffer => Buffer.from(text, 'base64');

suite('RFC 6962 proofs', () => {
  it('answers the 98 inclusion cases', () => {
    const files = filesIn('rfc6962-merkle/inclusion');
    const wrong = files.filter((file) => {
      const v = jsonOf<Inclusion>(file);
      const proof = (v.proof ?? []).map(bytes);
      return verifyInclusion(bytes(v.leafHash), v.leafIdx, v.treeSize, proof, bytes(v.root)) === v.wantErr;
    });
    expect(files).toHaveLength(98);
    expect(wrong).toEqual([]);
  });

  it('answers the 98 consistency cases', () => {
    const files = filesIn('rfc6962-merkle/consistency');
    const wrong = files.filter((file) => {
      const v = jsonOf<Consistency>(file);
      const proof = (v.proof ?? []).map(bytes);
      return verifyConsistency(v.size1, v.size2, proof, bytes(v.root1), bytes(v.root2)) === v.wantErr;
    });
    expect(files).toHaveLength(98);
    expect(wrong).toEqual([]);
  });

  it('answers the 204 subtree inclusion cases', () => {
    const files = filesIn('rfc6962-merkle/subtreeinclusion');
    const wrong = files.filter((file) => {
      const v = jsonOf<Inclusion & Subtree>(file);
      const proof = (v.proof ?? []).map(bytes);
      const answer = verifySubtreeInclusion(
        bytes(v.leafHash),
        v.leafIdx,
        v.start,
        v.end,
        proof,
        bytes(v.root),
      );
      return answer === v.wantErr;
    });
    expect(files).toHaveLength(204);
    expect(wrong).toEqual([]);
  });

  it('answers the 118 subtree consistency cases', () => {
    const files = filesIn('rfc6962-merkle/subtreeconsistency');
    const wrong = files.filter((file) => {
      const v = jsonOf<Consistency & Subtree & { readonly size: number }>(file);
      const proof = (v.proof ?? []).map(bytes);
      const answer = verifySubtreeConsistency(v.start, v.end, v.size, proof, bytes(v.root1), bytes(v.root2));
      return answer === v.wantErr;
    });
    expect(files).toHaveLength(118);
    expect(wrong).toEqual([]);
  });
});
