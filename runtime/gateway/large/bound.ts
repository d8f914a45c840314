// SPDX-License-Identifier: Apache-2.0

/** What is longer, in bytes or characters, is worked on in a thread (service.ts), so that other calls do not wait for it. */
const LARGE = 128 * 1024;

export const isLarge = (length: number): boolean => length > LARGE;
