// SPDX-License-Identifier: Apache-2.0
import type { Extra, Span } from './diagnostic.js';

/**
 * The help for a name that is nearly `near`, and the edit that writes `text` in its place; nothing when none is near.
 * Such an edit is never safe: what was meant is the author's to say.
 */
export function meant(file: string, span: Span, near: string | null, text = near): Extra {
  if (near === null || text === null) return {};
  const title = `did you mean \`${near}\`?`;
  return { help: title, fixes: [{ title, edits: [{ file, span, text }], safe: false }] };
}
