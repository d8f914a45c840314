// SPDX-License-Identifier: Apache-2.0
/** What a principal can reach as a picture: one line for each action, in the colour of its effect. Plain SVG, no script. */

interface Row {
  readonly actions: readonly string[];
  readonly effect: 'allow' | 'review';
  readonly when: readonly string[];
}

const LINE = 24;
const MARGIN = 16;
const COLOURS = { allow: '#1a7f37', review: '#9a6700' } as const;

export function reachPicture(who: string, rows: readonly Row[]): string {
  const lines = rows.flatMap(({ actions, effect, when }) =>
    actions.map((action) => ({ action, effect, when: when.join(' | ') })),
  );
  const height = (lines.length + 2) * LINE + 2 * MARGIN;
  const width = 960;
  const top = MARGIN + LINE * 2;
  const middle = top + (lines.length * LINE) / 2;
  const drawn = lines.map(({ action, effect, when }, i) => {
    const y = top + i * LINE;
    const colour = COLOURS[effect];
    return [
      `<path d="M 170 ${middle} C 230 ${middle} 230 ${y} 290 ${y}" fill="none" stroke="${colour}" stroke-opacity="0.5"/>`,
      `<circle cx="296" cy="${y}" r="5" fill="${colour}"/>`,
      `<text x="310" y="${y + 4}"><tspan font-weight="bold">${escape(cut(action, 48))}</tspan> <tspan fill="${colour}">${effect}</tspan> ${escape(cut(when, 70))}</text>`,
    ].join('\n  ');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" role="img" aria-label="${escape(`What ${who} can reach`)}">
  <rect width="100%" height="100%" fill="#ffffff"/>
  <text x="${MARGIN}" y="${MARGIN + 12}" font-size="15">${escape(`What ${who} can reach`)}</text>
  <text x="${MARGIN}" y="${middle + 4}" font-weight="bold">${escape(cut(who, 22))}</text>
  ${drawn.length === 0 ? `<text x="310" y="${top}">nothing</text>` : drawn.join('\n  ')}
</svg>
`;
}

const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

const ENTITIES: { readonly [c: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Text from a policy or a server; what XML does not allow is left out. */
const escape = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '').replaceAll(/[&<>"']/g, (c) => ENTITIES[c] ?? '');
