// SPDX-License-Identifier: Apache-2.0
// What more than one peer's translation needs: a glob of the workload as the source of an anchored regular expression.

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** `*` is any run of characters, line ends included. */
export const globSource = (glob: string): string => `^${glob.split('*').map(quoted).join('(.|\\n)*')}$`;
export const prefixSource = (start: string): string => `^${quoted(start)}`;
export const isAny = (glob: string | undefined): boolean => glob === undefined || glob === '*';
