// SPDX-License-Identifier: Apache-2.0
/**
 * YAML 1.2 (and so JSON) as plain values with their places. What a policy never needs and what makes a text mean more than it
 * shows is refused: anchors and aliases, merge keys, tags, directives, several documents, keys that stand twice.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Pair, parseAllDocuments } from 'yaml';
import { guardSource } from '../../grammar/guards.js';

export type Value = Scalar | List | Table;
export interface Scalar {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** As written, of numbers: no digit is lost. */
  readonly text: string;
  readonly at: number;
}
export interface List {
  readonly kind: 'list';
  readonly items: readonly Value[];
  readonly at: number;
}
export interface Table {
  readonly kind: 'table';
  readonly entries: readonly Entry[];
  readonly at: number;
  /** Lines of the comment before it. */
  readonly comment: readonly string[];
}
export interface Entry {
  readonly key: string;
  readonly at: number;
  readonly value: Value;
}

/** What is wrong with a file, and where (an offset into its text). */
export interface ImportFault {
  readonly at: number;
  readonly message: string;
  readonly help: string;
}

/** Ends the reading of a file. */
export class Unreadable extends Error {
  readonly fault: ImportFault;
  constructor(at: number, message: string, help: string) {
    super(message);
    this.fault = { at, message, help };
  }
}

const MAX_LENGTH = 256 * 1024;
const MAX_DEPTH = 32;
const MAX_VALUES = 100_000;
const MAX_INDENT = 160;

/** The one document of a text; an `Unreadable` where there is anything else. */
export function readDocument(text: string): Value {
  if (text.length > MAX_LENGTH)
    throw new Unreadable(
      0,
      `the file is longer than ${MAX_LENGTH / 1024} thousand characters`,
      'split it, and import the parts',
    );
  const [odd] = guardSource(text);
  if (odd !== undefined)
    throw new Unreadable(odd.span.start, odd.args['what'] ?? 'a misleading character', 'remove it');
  const depth = deepest(text);
  if (depth !== null)
    throw new Unreadable(depth, `it is nested deeper than ${MAX_DEPTH} levels`, 'a policy has few');
  const [first, second] = documents(text);
  if (first === undefined) throw new Unreadable(0, 'the file is empty', 'name a policy in YAML or JSON');
  if (second !== undefined) {
    const help = 'put each policy into a file of its own';
    throw new Unreadable(second.range[0], 'a second document starts here', help);
  }
  const [error] = [...first.errors, ...first.warnings];
  if (error !== undefined) throw new Unreadable(error.pos[0], plain(error.message), 'correct the YAML');
  return new Walk().value(first.contents, 0, []);
}

function documents(text: string): readonly Document.Parsed[] {
  if (/^%/m.test(text)) {
    const help = 'remove it; the file is read as YAML 1.2';
    throw new Unreadable(text.search(/^%/m), 'a directive changes how the file is read', help);
  }
  try {
    const options = { version: '1.2', schema: 'core', uniqueKeys: false, strict: true } as const;
    return parseAllDocuments(text, { ...options, prettyErrors: false });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Unreadable(0, 'it is nested too deeply to be read', 'a policy has few levels');
  }
}

const plain = (message: string): string => message.replace(/\s+at line \d+, column \d+:?[^]*$/, '');

/**
 * Where brackets or indentation go deeper than in any policy. The parser is by recursion, and makes patterns as long as the
 * indentation is deep: unasked, a line of `? ? ? …` ends the whole process.
 */
function deepest(text: string): number | null {
  let depth = 0;
  let indenting = true;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '\n') [indenting, start] = [true, i + 1];
    else if (!' -?:\t'.includes(c)) indenting = false;
    if (indenting && i - start > MAX_INDENT) return i;
    if (c === '[' || c === '{') depth++;
    else if ((c === ']' || c === '}') && depth > 0) depth--;
    if (depth > 2 * MAX_DEPTH) return i;
  }
  return null;
}

class Walk {
  private left = MAX_VALUES;

  value(node: unknown, depth: number, comment: readonly string[]): Value {
    const at = placeOf(node);
    if (--this.left < 0) throw new Unreadable(at, `it has more than ${MAX_VALUES} values`, 'split it');
    if (depth > MAX_DEPTH) {
      throw new Unreadable(at, `it is nested deeper than ${MAX_DEPTH} levels`, 'a policy has few');
    }
    refuseDecoration(node, at);
    const before = [...comment, ...commentOf(node)];
    if (isMap(node)) {
      const entries = node.items.map((pair) => this.entry(pair, depth));
      // Not left to the library, which compares each key with each.
      const seen = new Set<string>();
      for (const { key, at: again } of entries) {
        if (seen.has(key)) {
          throw new Unreadable(again, `the key \`${key.slice(0, 60)}\` stands twice`, 'keep one of the two');
        }
        seen.add(key);
      }
      return { kind: 'table', entries, at, comment: before };
    }
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.value(item, depth + 1, i === 0 ? before : []));
      return { kind: 'list', items, at };
    }
    if (!isScalar(node)) return { kind: 'scalar', value: null, text: '', at };
    const { value, source } = node;
    const text = source ?? String(value);
    if (typeof value === 'string' || typeof value === 'boolean' || value === null)
      return { kind: 'scalar', value, text, at };
    if (typeof value === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return { kind: 'scalar', value, text, at };
    const help = 'write numbers as digits, with a point where they have a fraction';
    throw new Unreadable(at, `\`${text.slice(0, 40)}\` is not a plain number`, help);
  }

  private entry(pair: Pair, depth: number): Entry {
    const at = placeOf(pair.key);
    refuseDecoration(pair.key, at);
    const key = isScalar(pair.key) ? pair.key.value : undefined;
    if (typeof key !== 'string') throw new Unreadable(at, 'a key is not a text', 'keys are words');
    if (key === '<<') {
      const help = 'write the keys out; what a rule says should stand in it';
      throw new Unreadable(at, 'merge keys are not read', help);
    }
    return { key, at, value: this.value(pair.value, depth + 1, commentOf(pair.key)) };
  }
}

function refuseDecoration(node: unknown, at: number): void {
  if (isAlias(node)) {
    throw new Unreadable(at, `the alias \`*${node.source}\` is not read`, 'write the value out');
  }
  if (!isMap(node) && !isSeq(node) && !isScalar(node)) return;
  if (node.anchor !== undefined) {
    throw new Unreadable(at, `the anchor \`&${node.anchor}\` is not read`, 'remove it; write values out');
  }
  if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:')) {
    throw new Unreadable(at, `the tag \`${node.tag.slice(0, 40)}\` is not read`, 'remove it');
  }
}

function placeOf(node: unknown): number {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}

function commentOf(node: unknown): readonly string[] {
  if (!isMap(node) && !isSeq(node) && !isScalar(node)) return [];
  const text = node.commentBefore ?? '';
  return text === '' ? [] : text.split('\n').map((line) => line.trim());
}
