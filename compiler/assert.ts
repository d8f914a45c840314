// SPDX-License-Identifier: Apache-2.0
/** The end of an exhaustive switch; reaching it is a fault of the compiler, not of the policy. */
export function assertNever(value: never): never {
  throw new Error(`the compiler has no case for ${JSON.stringify(value)}; please report this`);
}
