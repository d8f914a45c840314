// SPDX-License-Identifier: Apache-2.0
/**
 * The ceiling of a credential: a list of action patterns outside which every decision is deny, whatever the policy grants. It is asked
 * after the policy and can only tighten. A pattern is written as in a policy: `fs/read_*`, `tool fs/read_file`,
 * `resource fs/file:///srv/**`, `prompt docs/*`, `sampling from web`, or `*` for everything.
 */
import type { ActionKind } from '../../stdlib/abi.js';
import { nameFault } from './principal-names.js';

export interface Ceiling {
  readonly actions: readonly string[];
}

/** The part of an intent that a ceiling looks at. */
export interface Action {
  readonly kind: ActionKind;
  readonly server: string;
  readonly name: string;
}

interface Pattern {
  readonly kind: ActionKind | 'any';
  readonly server: string;
  readonly name: string;
}

const NAMED = ['tool', 'resource', 'prompt', 'completion'] as const;
const FROM = ['sampling', 'elicitation', 'roots'] as const;
const MAX_PATTERN = 500;

/** Null when the text is no action pattern. */
export function parsePattern(text: string): Pattern | null {
  if (text === '*') return { kind: 'any', server: '*', name: '*' };
  if (text.length > MAX_PATTERN) return null;
  const from = FROM.find((kind) => text.startsWith(`${kind} from `));
  if (from !== undefined) {
    const server = text.slice(from.length + ' from '.length);
    return nameFault(server) === null && !server.includes('/') ? { kind: from, server, name: '' } : null;
  }
  const kind = NAMED.find((word) => text.startsWith(`${word} `)) ?? 'tool';
  const rest = text.startsWith(`${kind} `) ? text.slice(kind.length + 1) : text;
  const slash = rest.indexOf('/');
  const [server, name] = [rest.slice(0, slash), rest.slice(slash + 1)];
  if (slash < 1 || nameFault(server) !== null || name === '' || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name))
    return null;
  return { kind, server, name };
}

/** What is wrong with a ceiling as it stands in a file, or null. */
export function ceilingFault(ceiling: Ceiling): string | null {
  const bad = ceiling.actions.find((text) => parsePattern(text) === null);
  return bad === undefined
    ? null
    : `${JSON.stringify(bad)} is no action pattern such as \`fs/read_*\` or \`sampling from web\``;
}

/** May a credential with this ceiling do this at all? Without a ceiling yes; a pattern that cannot be read admits nothing. */
export function withinCeiling(ceiling: Ceiling | null, action: Action): boolean {
  if (ceiling === null) return true;
  return ceiling.actions.some((text) => {
    const pattern = parsePattern(text);
    return pattern !== null && covers(pattern, action);
  });
}

function covers(pattern: Pattern, action: Action): boolean {
  if (pattern.kind === 'any') return true;
  if (pattern.kind !== action.kind || !globMatches(pattern.server, action.server, false)) return false;
  if (action.kind === 'resource') return pattern.name === '*' || globMatches(pattern.name, action.name, true);
  return pattern.name === '' || globMatches(pattern.name, action.name, false);
}

const SLASH = '/';

/**
 * `*` matches any run of characters, within one segment when `segments`; `**` any run at all. Every position of the pattern that can be
 * reached is carried along the text, so the cost is at most pattern times text, never exponential.
 */
export function globMatches(pattern: string, text: string, segments: boolean): boolean {
  const tokens = globTokens(pattern);
  let reached = skipStars(tokens, new Set([0]));
  for (let i = 0; i < text.length && reached.size > 0; i++) {
    const next = new Set<number>();
    for (const at of reached) {
      const token = tokens[at];
      if (token === undefined) continue;
      if (token === '**' || (token === '*' && !(segments && text[i] === SLASH))) next.add(at);
      else if (token === text[i]) next.add(at + 1);
    }
    reached = skipStars(tokens, next);
  }
  return reached.has(tokens.length);
}

/** Single characters, `*` and `**`. A literal `*` cannot be a token, so the two never mix. */
function globTokens(pattern: string): readonly string[] {
  const tokens: string[] = [];
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] !== '*') tokens.push(pattern.charAt(i));
    else if (tokens.at(-1) === '*' && pattern[i - 1] === '*') tokens[tokens.length - 1] = '**';
    else if (tokens.at(-1) !== '**') tokens.push('*');
  }
  return tokens;
}

function skipStars(tokens: readonly string[], reached: Set<number>): Set<number> {
  for (const at of reached) if (tokens[at] === '*' || tokens[at] === '**') reached.add(at + 1);
  return reached;
}
