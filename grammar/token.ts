// SPDX-License-Identifier: Apache-2.0
/** What the scanner makes of text, in the shape that Chevrotain reads. */

export interface TokenType {
  readonly name: string;
  /** What messages call it. */
  readonly LABEL: string;
  /** The wider types that it belongs to. */
  readonly CATEGORIES: TokenType[];
  /** Its place in the tables of the reader. */
  readonly id: number;
}

export interface Token {
  readonly tokenType: TokenType;
  readonly image: string;
  /** NaN for the end of the file, and for what recovery made up. */
  readonly startOffset: number;
  /** Chevrotain's own number of the type: set when it is asked to read. */
  tokenTypeIdx: number;
}

export const isA = (type: TokenType, wanted: TokenType): boolean =>
  type === wanted || type.CATEGORIES.includes(wanted);
