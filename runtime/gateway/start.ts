// SPDX-License-Identifier: Apache-2.0

/** The gateway must not start: what is wrong, and what to do about it. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
  readonly help: string;
  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}
