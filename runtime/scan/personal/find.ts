// SPDX-License-Identifier: Apache-2.0
/** One pass over a text for all personal data; only runs with a digit or an `@` are looked at twice. */
import { ALNUM, DIGIT, isIn, runEnd } from '../characters.js';
import { emailAt, ipIn, MAX_PARSES, phoneIn, streetAt, townAt } from './contact.js';
import { groupAt } from './group.js';
import { isRunStart, numberKinds, type Personal, wordKinds } from './numbers.js';

const MAX_WORD = 64;

/** `spend` says whether there is work left for something costly. */
export function findPersonal(
  text: string,
  spend: (work: number) => boolean,
  found: (what: Personal) => void,
): void {
  let parses = 0;
  const mayParse = (): boolean => ++parses <= MAX_PARSES;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 64) {
      const email = spend(300) ? emailAt(text, i) : null;
      if (email !== null) found(email);
      continue;
    }
    if (!isIn(ALNUM, unit)) continue;
    const end = runEnd(text, i, ALNUM, text.length);
    if (isRunStart(text, i) && end - i <= MAX_WORD) {
      const what = atRun(text, i, end, spend, mayParse);
      if (what !== null) {
        found(what);
        i = Math.max(what.end, end) - 1;
        continue;
      }
    }
    i = end - 1;
  }
}

function atRun(
  text: string,
  start: number,
  end: number,
  spend: (work: number) => boolean,
  mayParse: () => boolean,
): Personal | null {
  if (runEnd(text, start, DIGIT, end - start) === end) {
    const ip = text[end] === '.' ? ipIn(text, start) : null;
    if (ip !== null) return ip;
    if (!spend(32)) return null;
    const group = groupAt(text, start);
    const number = group === null ? null : (numberKinds(group) ?? phoneIn(text, group, mayParse));
    return number ?? streetAt(text, start, end) ?? townAt(text, start, end) ?? wordKinds(text, start, end);
  }
  let digit = false;
  for (let i = start; i < end && !digit; i++) digit = isIn(DIGIT, text.charCodeAt(i));
  return digit && spend(16) ? wordKinds(text, start, end) : null;
}
