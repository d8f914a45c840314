// SPDX-License-Identifier: Apache-2.0
/**
 * What a principal can reach as a picture: a legend, then one entry for each action with its conditions below it. Effects differ in
 * shape, in word and in a pair of colours that colour-blind readers tell apart. Plain SVG, no script; nothing is cut off.
 */

interface Row {
  readonly actions: readonly string[];
  readonly effect: Effect;
  readonly when: readonly string[];
}
type Effect = 'allow' | 'review';

const WIDTH = 960;
const MARGIN = 24;
const LINE = 18;
const GAP = 12;
const INDENT = MARGIN + 28;
/** Characters of a line in the fonts below, wide ones counted twice. */
const NAME = 92;
const TEXT = 118;
const INK = '#1f2328';
const PALE = '#57606a';
/** Blue and vermilion of Okabe and Ito. */
const COLOURS = { allow: '#0072b2', review: '#d55e00' } as const;
const MEANS = { allow: 'allowed', review: 'allowed once people approve' } as const;

export function reachPicture(who: string, rows: readonly Row[]): string {
  const drawn: string[] = [];
  let y = MARGIN + LINE;
  const write = (text: string, x: number, style: string): void => {
    drawn.push(`<text x="${x}" y="${y}" ${style}>${escape(text)}</text>`);
    y += LINE;
  };
  const title = `What ${who} can reach`;
  for (const line of wrapped(title, 76))
    write(line, MARGIN, `font-size="17" font-weight="bold" fill="${INK}"`);
  y += GAP;
  for (const effect of ['allow', 'review'] as const) {
    const own = rows.filter((row) => row.effect === effect);
    if (own.length === 0) continue;
    drawn.push(mark(effect, MARGIN + 8, y - 5));
    const count = own.reduce((sum, { actions }) => sum + actions.length, 0);
    write(`${effect}: ${MEANS[effect]} (${count})`, INDENT, `fill="${COLOURS[effect]}" font-weight="bold"`);
    y += GAP / 2;
    for (const { actions, when } of own) {
      for (const action of actions) {
        const [first = '', ...rest] = wrapped(action, NAME);
        drawn.push(mark(effect, INDENT + 8, y - 5));
        write(first, INDENT + 28, `fill="${INK}" font-family="monospace"`);
        for (const line of rest) write(line, INDENT + 44, `fill="${INK}" font-family="monospace"`);
      }
      for (const one of when)
        wrapped(`when ${one}`, TEXT).forEach((line, i) =>
          write(line, INDENT + (i === 0 ? 44 : 60), `fill="${PALE}" font-size="12"`),
        );
      y += GAP / 2;
    }
    y += GAP;
  }
  if (rows.length === 0) write('nothing', MARGIN, `fill="${PALE}"`);
  const height = y + MARGIN - LINE;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13" role="img" aria-label="${escape(title)}">
  <rect width="100%" height="100%" fill="#ffffff"/>
  ${drawn.join('\n  ')}
</svg>
`;
}

/** A full circle, or a hollow diamond. */
const mark = (effect: Effect, x: number, y: number): string =>
  effect === 'allow'
    ? `<circle cx="${x}" cy="${y}" r="5" fill="${COLOURS.allow}"/>`
    : `<path d="M ${x} ${y - 6} l 6 6 l -6 6 l -6 -6 z" fill="#ffffff" stroke="${COLOURS.review}" stroke-width="2"/>`;

/** Lines of at most so many characters, broken after blanks, slashes and commas where there are any. */
function wrapped(text: string, most: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  let room = most;
  const end = (): void => {
    lines.push(line);
    line = '';
    room = most;
  };
  for (const piece of clean(text).match(/[^ /,]*[ /,]?/gu) ?? []) {
    if (line !== '' && widthOf(piece.trimEnd()) > room) end();
    for (const c of piece) {
      if (room < widthOf(c)) end();
      line += c;
      room -= widthOf(c);
    }
  }
  if (line !== '' || lines.length === 0) end();
  return lines;
}

/** Letters of East Asia and pictures are twice as wide as others. */
const widthOf = (text: string): number =>
  [...text].reduce(
    (sum, c) =>
      sum +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\uffe6]|\p{Extended_Pictographic}/u.test(
        c,
      )
        ? 2
        : 1),
    0,
  );

/** What XML does not allow, and what turns the direction of writing, is shown as a mark. */
const clean = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');

const ENTITIES: { readonly [c: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Text from a policy or a server. */
const escape = (text: string): string => clean(text).replaceAll(/[&<>"']/g, (c) => ENTITIES[c] ?? '');
