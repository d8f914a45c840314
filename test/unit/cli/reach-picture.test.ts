// SPDX-License-Identifier: Apache-2.0
// The picture of `sepal reach`: well-formed, complete, and nothing in it but shapes and text, whatever names say.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reachPicture } from '../../../cli/reach-picture.js';

const TAG = /<(?:\/(\w+)|(\w+)((?: [\w-]+="[^"<>]*")*) ?(\/?))>/g;

/** The texts of the picture; fails where it is not well-formed or holds anything else. */
function textsOf(svg: string): readonly string[] {
  const open: string[] = [];
  const texts: string[] = [];
  let end = 0;
  for (const tag of svg.matchAll(TAG)) {
    const between = svg.slice(end, tag.index);
    expect(between).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot|#39);)/);
    if (open.at(-1) === 'text') texts.push(between);
    else expect(between.trim()).toBe('');
    end = tag.index + tag[0].length;
    const [, closed, opened = '', attributes = '', alone] = tag;
    if (closed !== undefined) expect(open.pop()).toBe(closed);
    else {
      expect(['svg', 'rect', 'text', 'circle', 'path']).toContain(opened);
      for (const [, attribute] of attributes.matchAll(/([\w-]+)="[^"]*"/g))
        expect(attribute).not.toMatch(/^(?:on|href|style)/);
      if (alone === '') open.push(opened);
    }
  }
  expect([open, svg.slice(end).trim()]).toEqual([[], '']);
  return texts.map((text) =>
    text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&'),
  );
}

const HOSTILE = [
  '</text><script>alert(1)</script>',
  '" onload="x',
  ']]>',
  '&amp;&#60;',
  '\u0000\u202e\ud800',
  '文'.repeat(90),
];
const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(...HOSTILE, 'fs/read_file', `web/${'x'.repeat(300)}`, 'a b/'.repeat(80)),
);

describe('the picture of reach', () => {
  it('is well-formed and complete for any names', () => {
    const row = fc.record({
      actions: fc.array(name, { minLength: 1, maxLength: 3 }),
      effect: fc.constantFrom('allow' as const, 'review' as const),
      when: fc.array(name, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(name, fc.array(row, { maxLength: 5 }), (who, rows) => {
        const shown = (text: string): string =>
          text.replaceAll(
            /[\p{Cc}\p{Cs}\ufffe\uffff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
            '\ufffd',
          );
        const all = textsOf(reachPicture(who, rows)).join('');
        for (const text of [who, ...rows.flatMap(({ actions, when }) => [...actions, ...when])])
          expect(all).toContain(shown(text));
      }),
    );
  });

  it('says nothing where nothing can be reached, and tells effects apart by shape and word', () => {
    expect(textsOf(reachPicture('user:x', []))).toEqual(['What user:x can reach', 'nothing']);
    const svg = reachPicture('user:x', [
      { actions: ['fs/a'], effect: 'allow', when: [] },
      { actions: ['fs/b'], effect: 'review', when: ['args.path under "/a"'] },
    ]);
    expect(textsOf(svg)).toEqual([
      'What user:x can reach',
      'allow: allowed (1)',
      'fs/a',
      'review: allowed once people approve (1)',
      'fs/b',
      'when args.path under "/a"',
    ]);
    expect([svg.match(/<circle/g)?.length, svg.match(/<path/g)?.length]).toEqual([2, 2]);
  });
});
