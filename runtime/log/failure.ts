// SPDX-License-Identifier: Apache-2.0
/** The log cannot take entries, or cannot be opened; the message says what is wrong and what to do. */
export class LogFailure extends Error {
  override readonly name: string = 'LogFailure';
}

/** Another process writes this log. */
export class LogHeld extends LogFailure {}
