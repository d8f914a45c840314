// SPDX-License-Identifier: Apache-2.0
/** What a page has no use for: files come from the person who drops them. */
const absent = (): never => {
  throw new Error('a page reads no files');
};
export const [open, readdir, readFile, stat] = [absent, absent, absent, absent];
export const join = (...parts: readonly string[]): string => parts.join('/');
