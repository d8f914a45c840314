// SPDX-License-Identifier: Apache-2.0
import { NotSent } from './channel.js';

/** A message that is made elsewhere. One that cannot be made was surely not sent. */
export async function made(text: Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await text;
  } catch (error) {
    throw new NotSent(
      `the message for it could not be made: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
