// SPDX-License-Identifier: Apache-2.0
/** One pass over a text for all personal data; only runs with a digit or an `@` are looked at twice. */
import { ALNUM, DIGIT, isIn } from '../characters.js';
import { emailAt, ipIn, MAX_PARSES, phoneIn, streetAt, townAt } from './contact.js';
import { groupAt } from './group.js';
import { isRunStart, numberKinds, type Personal, wordKinds } from './numbers.js';

const MAX_WORD = 64;
const AT = 64;
const A_DIGIT = 1;

/** Of each UTF-16 unit: a digit, a letter of ASCII, or neither. */
const KIND = Uint8Array.from({ length: 0x10000 }, (_, unit) =>
  isIn(DIGIT, unit) ? A_DIGIT : isIn(ALNUM, unit) ? 2 : 0,
);

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
    const first = KIND[unit] ?? 0;
    if (first === 0) {
      if (unit !== AT) continue;
      const email = spend(300) ? emailAt(text, i) : null;
      if (email !== null) found(email);
      continue;
    }
    let end = i + 1;
    let all = first;
    let any = first;
    for (; end < text.length; end++) {
      const kind = KIND[text.charCodeAt(end)] ?? 0;
      if (kind === 0) break;
      all &= kind;
      any |= kind;
    }
    if ((any & A_DIGIT) !== 0 && end - i <= MAX_WORD && isRunStart(text, i)) {
      const what = atRun(text, i, end, all === A_DIGIT, spend, mayParse);
      if (what !== null) {
        found(what);
        i = Math.max(what.end, end) - 1;
        continue;
      }
    }
    i = end - 1;
  }
}

/** A word with a digit in it. */
function atRun(
  text: string,
  start: number,
  end: number,
  number: boolean,
  spend: (work: number) => boolean,
  mayParse: () => boolean,
): Personal | null {
  if (!number) return spend(16) ? wordKinds(text, start, end) : null;
  const ip = text[end] === '.' ? ipIn(text, start) : null;
  if (ip !== null) return ip;
  if (!spend(32)) return null;
  const group = groupAt(text, start);
  const own = group === null ? null : (numberKinds(group) ?? phoneIn(text, group, mayParse));
  return own ?? streetAt(text, start, end) ?? townAt(text, start, end) ?? wordKinds(text, start, end);
}
