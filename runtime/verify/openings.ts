// SPDX-License-Identifier: Apache-2.0
/** Follows a file of openings beside the entries: what is disclosed must be what the receipts commit to. */
import type { Body } from './format/body.js';
import { canonical, type JsonObject, type JsonValue } from './format/canonical.js';
import { digest } from './format/hash.js';
import { parseStrict } from './format/json.js';
import { parseBase64 } from './format/note.js';
import { checkOpening, type Disclosure, type Opening, resultRoot, rootOf } from './format/opening.js';
import type { Findings } from './report.js';

const MAX_LINE = 64 * 1024 * 1024;
const LIMITS = { size: MAX_LINE, depth: 80, keys: 1_000_000 };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The lines of a file, one at a time; a longer one than `MAX_LINE` or wrong UTF-8 comes as null. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string | null> {
  let carry: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let at = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, at)) {
      yield decoded([...carry, chunk.subarray(at, end)]);
      [carry, length, at] = [[], 0, end + 1];
    }
    length += chunk.length - at;
    if (length > MAX_LINE) {
      yield null;
      return;
    }
    carry.push(Buffer.from(chunk.subarray(at)));
  }
  if (length > 0) yield decoded(carry);
}

function decoded(parts: readonly Buffer[]): string | null {
  try {
    return utf8.decode(Buffer.concat(parts));
  } catch {
    return null;
  }
}

/** A line of a file of openings, or what is wrong with it. */
export function parseDisclosure(line: string | null): Disclosure | string {
  const parsed = line === null ? null : parseStrict(line, LIMITS);
  if (parsed?.ok !== true) return 'a line is not strict JSON';
  const value = parsed.value;
  if (!isObject(value) || !Number.isSafeInteger(value['seq'])) return 'a line has no seq';
  const texts = ['salt', 'intent', 'facts', 'result'] as const;
  if (texts.some((name) => value[name] !== undefined && typeof value[name] !== 'string'))
    return 'a text is not a string';
  const open = value['open'];
  const lists = open === undefined ? {} : open;
  if (!isObject(lists) || !Object.values(lists).every(isOpenings))
    return 'open does not hold lists of openings';
  const known = [...texts, 'seq', 'open'] as readonly string[];
  if (
    !Object.keys(value).every((name) => known.includes(name)) ||
    !Object.keys(lists).every((n) => n === 'args' || n === 'facts')
  )
    return 'a line has an unknown member';
  return value as unknown as Disclosure;
}

function isOpenings(value: JsonValue): boolean {
  return Array.isArray(value) && value.every((item) => isObject(item) && isOpening(item));
}

function isOpening(item: JsonObject): boolean {
  const { pointer, salt, index, leaves, hashes } = item;
  return (
    typeof pointer === 'string' &&
    typeof salt === 'string' &&
    Object.hasOwn(item, 'value') &&
    typeof index === 'number' &&
    typeof leaves === 'number' &&
    Array.isArray(hashes) &&
    hashes.every((hash) => typeof hash === 'string')
  );
}

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The arguments of a whole intent: what the policy saw, which is another part of the parameters for each kind of action. */
export function argumentsOf(intent: JsonValue): JsonObject {
  const params = isObject(intent) ? intent['params'] : undefined;
  if (!isObject(intent) || !isObject(params)) return {};
  const args = argumentsIn(params, intent['kind']);
  return isObject(args) ? args : {};
}

function argumentsIn(params: JsonObject, kind: JsonValue | undefined): JsonValue | undefined {
  switch (kind) {
    case 'tool':
    case 'prompt':
      return params['arguments'];
    case 'completion':
      return params['argument'];
    case 'sampling':
    case 'elicitation':
    case 'roots':
      return params;
    default:
      return undefined;
  }
}

/** What is wrong with a disclosure against the receipt that it speaks of. */
export function disclosureFault(body: Body, disclosure: Disclosure): string | null {
  const { open } = disclosure;
  const faultOf = (
    list: readonly Opening[] | undefined,
    root: string | undefined,
    what: string,
  ): string | null =>
    list === undefined || (root !== undefined && list.every((opening) => checkOpening(opening, root)))
      ? null
      : `an opened ${what} is not what the receipt commits to`;
  return (
    faultOf(open?.args, body.intent?.args_root, 'argument') ??
    faultOf(open?.facts, body.facts_root, 'fact') ??
    clearFault(body, disclosure)
  );
}

/** Clear text as a whole: every root is computed again. */
function clearFault(body: Body, { salt: saltText, intent, facts, result }: Disclosure): string | null {
  const salt = saltText === undefined ? null : parseBase64(saltText);
  if (intent !== undefined) {
    if (digest(intent) !== body.intent?.digest) return 'the intent is not the one that was digested';
    const value = parseStrict(intent, LIMITS);
    if (!value.ok || salt === null || canonical(value.value) !== intent) return 'the intent cannot be read';
    const args = body.intent.args_count === 0 ? {} : argumentsOf(value.value);
    if (rootOf(salt, '', args) !== body.intent.args_root)
      return 'the arguments are not what the receipt commits to';
  }
  if (facts !== undefined) {
    const value = parseStrict(facts, LIMITS);
    if (!value.ok || salt === null || !isObject(value.value)) return 'the facts cannot be read';
    if (rootOf(salt, '/facts', value.value) !== body.facts_root)
      return 'the facts are not what the receipt commits to';
  }
  if (result !== undefined && (salt === null || resultRoot(salt, result) !== body.outcome?.result_root)) {
    return 'the result is not what the receipt commits to';
  }
  return null;
}

/** Walks the lines, which are in the order of the entries, in step with the log. */
export class OpeningsFollower {
  private readonly lines: AsyncGenerator<string | null>;
  private readonly findings: Findings;
  private next: Disclosure | null = null;
  private done = false;
  private count = 0;
  private last = -1;

  constructor(chunks: AsyncIterable<Buffer>, findings: Findings) {
    this.lines = linesOf(chunks);
    this.findings = findings;
  }

  /** The entry that the next line speaks of; Infinity when there is none. */
  get awaited(): number {
    return this.done ? Infinity : (this.next?.seq ?? -1);
  }

  /** Reads up to the first line that speaks of this entry or a later one, and compares. */
  async meet(body: Body): Promise<Disclosure | null> {
    while (this.awaited < body.seq) await this.read();
    const found = this.next;
    if (found?.seq !== body.seq) return null;
    const wrong = disclosureFault(body, found);
    if (wrong === null) this.count++;
    else this.findings.fail('openings', body.seq, wrong);
    await this.read();
    return wrong === null ? found : null;
  }

  private async read(): Promise<void> {
    for (;;) {
      const step = await this.lines.next();
      this.next = null;
      if (step.done === true) {
        this.done = true;
        return;
      }
      if (step.value === '') continue;
      const parsed = parseDisclosure(step.value);
      if (typeof parsed !== 'string' && parsed.seq > this.last) {
        this.last = parsed.seq;
        this.next = parsed;
        return;
      }
      this.findings.fail(
        'openings',
        null,
        typeof parsed === 'string' ? parsed : 'the lines are not in the order of the entries',
      );
    }
  }

  async finish(size: number): Promise<void> {
    if (!this.done && this.next === null) await this.read();
    if (this.next !== null) this.findings.fail('openings', this.next.seq, `there are only ${size} entries`);
    await this.lines.return(undefined);
    this.findings.note('openings', `${this.count} receipts opened as they commit`);
  }
}
