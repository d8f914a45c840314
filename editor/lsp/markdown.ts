// SPDX-License-Identifier: Apache-2.0
/**
 * What an editor shows. Descriptions of tools and arguments come from servers and are read by nobody before: they are shown as
 * text, never as markup, links or images, without control and bidirectional characters, and cut.
 */
import { shown } from '../../cli/terminal.js';

const MAX_FOREIGN = 600;

/** Text from elsewhere, as text. */
export function foreign(text: string): string {
  const cut = text.length > MAX_FOREIGN ? `${text.slice(0, MAX_FOREIGN)}…` : text;
  return shown(cut.replaceAll(/\s+/g, ' ').trim()).replaceAll(/[!-/:-@[-`{-~]/g, (c) => `\\${c}`);
}

/** A name from elsewhere, as code. */
export function code(text: string): string {
  const safe = shown(text.replaceAll(/\s+/g, ' ')).replaceAll('`', '\u02cb');
  return `\`${safe.length > 200 ? `${safe.slice(0, 200)}…` : safe}\``;
}

/** Lines of a policy. */
export const policyCode = (text: string): string => `\`\`\`sep\n${text.replaceAll('```', "'''")}\n\`\`\``;

/** The same without markup, for editors that show none. */
export function plain(markdown: string): string {
  return markdown
    .replaceAll(/^```.*\n?/gm, '')
    .replaceAll(/\\([!-/:-@[-`{-~])|[`*]/g, (_all, kept: string | undefined) => kept ?? '');
}
