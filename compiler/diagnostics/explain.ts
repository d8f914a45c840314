// SPDX-License-Identifier: Apache-2.0
import { type Code, MESSAGES, type Severity } from './messages.js';

/** What a code means; `page` is the file with the whole text (Avoid, Prefer, Why), from the root of the package. */
export interface Explanation {
  readonly code: Code;
  readonly severity: Severity;
  readonly title: string;
  readonly help: string | null;
  readonly page: string;
}

/** The meaning of a code such as `SEP3001`, or null when there is no such code. */
export function explain(code: string): Explanation | null {
  if (!isCode(code)) return null;
  const { severity, title, help } = MESSAGES[code];
  return { code, severity, title, help, page: `docs/errors/${code}.md` };
}

const isCode = (code: string): code is Code => Object.hasOwn(MESSAGES, code);
