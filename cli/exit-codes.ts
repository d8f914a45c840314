// SPDX-License-Identifier: Apache-2.0
/** What a command's end means to scripts (docs/cli.md). */
export const EXIT = {
  ok: 0,
  /** Could not run, usage too. */
  failed: 1,
  deny: 2,
  /** The policy has errors. */
  policy: 3,
  review: 4,
  /** Receipts do not verify. */
  receipts: 5,
  /** Tests failed, `fmt --check` or `tools diff` found a difference. */
  differs: 6,
  /** Receipts could not be verified completely. */
  incomplete: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
