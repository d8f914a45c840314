// SPDX-License-Identifier: Apache-2.0
export function buildPage(
  root: string,
  define: { readonly [name: string]: string },
  outfile: string,
): Promise<void>;
