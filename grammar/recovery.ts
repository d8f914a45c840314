// SPDX-License-Identifier: Apache-2.0
/** Chevrotain behind the grammar: what it expected where a text is not of the grammar, and how to go on behind that. */
import {
  EmbeddedActionsParser,
  type ILookaheadStrategy,
  type IParserErrorMessageProvider,
  type ISyntacticContentAssistPath,
  tokenMatcher,
} from 'chevrotain';
import type { Host, Rule } from './engine.js';
import { type Budget, errorMessages } from './expectations.js';
import { SepalParser } from './parser.js';
import type { Token, TokenType } from './token.js';
import { ALL_TOKENS } from './tokens.js';

interface Separated {
  readonly SEP: TokenType;
  readonly DEF: () => unknown;
}

export class Chevrotain extends EmbeddedActionsParser {
  readonly budget: Budget;

  /** With a strategy of its own, the grammar is validated as well: a test does that, once for all. */
  constructor(lookaheadStrategy?: ILookaheadStrategy) {
    const budget: Budget = { left: 0 };
    super([...ALL_TOKENS], {
      recoveryEnabled: true,
      maxLookahead: 1,
      errorMessageProvider: errorMessages(budget) as unknown as IParserErrorMessageProvider,
      ...(lookaheadStrategy === undefined ? { skipValidations: true } : { lookaheadStrategy }),
    });
    this.budget = budget;
    // It looks for categories before it has read those of our types.
    Object.assign(this, { tokenMatcher });
  }

  /** The grammar, read with this behind each of its words. */
  grammar(): SepalParser {
    const parser = new SepalParser(this as unknown as Host, this.budget);
    this.performSelfAnalysis();
    // A word behind `bool` may be of an `enum`, for what completion knows: it looks at other ways that far back.
    Object.assign(this, { maxLookahead: 3 });
    return parser;
  }
  atLeastOneSep(index: number, separated: Separated): void {
    if (index === 0) this.AT_LEAST_ONE_SEP(separated);
    else this.AT_LEAST_ONE_SEP2(separated);
  }
  manySep(_index: number, separated: Separated): void {
    this.MANY_SEP(separated);
  }
  read(tokens: Token[], root: Rule<void>): void {
    this.input = numbered(tokens);
    root.call(this);
  }
}

/** Chevrotain tells types apart by numbers of its own. */
function numbered(tokens: Token[]): Token[] {
  for (const token of tokens) {
    token.tokenTypeIdx =
      (token.tokenType as TokenType & { readonly tokenTypeIdx?: number }).tokenTypeIdx ?? 0;
  }
  return tokens;
}

let chevrotain: Chevrotain | undefined;
let parser: SepalParser | undefined;
/** The one parser that recovers, made on first use. */
export function recoveringParser(): SepalParser {
  chevrotain ??= new Chevrotain();
  parser ??= chevrotain.grammar();
  return parser;
}

/** What may follow the tokens that begin a statement. */
export function mayFollow(tokens: readonly Token[]): readonly ISyntacticContentAssistPath[] {
  recoveringParser();
  return chevrotain?.computeContentAssist('statement', numbered([...tokens])) ?? [];
}
