// SPDX-License-Identifier: Apache-2.0
/** Questions of `sepal decide`: who, what, with which facts; and the answer in the shape that scripts read (docs/cli.md). */
import { parse } from '../grammar/parse.js';
import type { Question as TestQuestion } from '../grammar/tree.js';
import type { JsonValue } from '../runtime/verify/format/canonical.js';
import type { BundleManifest } from '../runtime/decide/load.js';
import { isPrincipal } from '../runtime/config-schema.js';
import type { ActionKind, Decision, Facts, Json, JsonRecord, Match, Phase, Request } from '../stdlib/abi.js';
import { didYouMean } from '../compiler/diagnostics/suggest.js';
import { Failure } from './failure.js';

export interface Asked {
  readonly request: Request;
  /** Facts that this question sets; null is unknown. */
  readonly facts: Facts;
  /** When it is asked: RFC 3339, in UTC. */
  readonly at: string;
  readonly phase: Phase;
  /** What the server answered; null unless the phase is `result`. */
  readonly result: JsonValue | null;
}

/** One question as written, before its parts are understood. */
export interface Written {
  /** `agent:x`, or `agent:x for user:y`. */
  readonly as: string;
  readonly for: string | null;
  readonly roles: readonly string[];
  readonly userRoles: readonly string[];
  readonly call: string;
  readonly args: JsonValue;
  readonly session: string | null;
  readonly at: string | null;
  readonly facts: { readonly [name: string]: JsonValue };
  readonly phase: string | null;
  /** The result of the server, or its text alone. */
  readonly result: JsonValue | null;
}

const PHASES: readonly Phase[] = ['call', 'list', 'result'];

/** A result without a phase asks about the result. */
function phaseOf({ phase, result }: Written): Phase {
  const named = phase ?? (result === null ? 'call' : 'result');
  const known = PHASES.find((one) => one === named);
  if (known === undefined)
    throw new Failure(
      `\`${named}\` is no phase`,
      didYouMean(named, PHASES) ?? `the phases are ${PHASES.join(', ')}`,
    );
  if (known === 'result' && result === null)
    throw new Failure('the phase `result` needs a result', 'give it with `--result FILE`, or as `result`');
  if (known !== 'result' && result !== null)
    throw new Failure(
      `a result belongs to the phase \`result\`, not to \`${known}\``,
      'leave one of them out',
    );
  return known;
}

/** A text is what a tool answers with one text. */
function resultOf(result: JsonValue | null): JsonValue | null {
  if (typeof result === 'string') return { content: [{ type: 'text', text: result }] };
  if (result === null || (typeof result === 'object' && !Array.isArray(result))) return result;
  throw new Failure(
    'the result is neither a JSON object nor a text',
    'write { "content": [{ "type": "text", "text": "…" }] }',
  );
}

/** Throws a Failure that says which part is wrong. */
export function readQuestion(written: Written, fresh: string): Asked {
  const [principal, user] = whoAsks(written);
  const { kind, server, name } = readCall(written.call);
  const { args } = written;
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    throw new Failure('the arguments are not a JSON object', 'for example `{"path":"/data/a.csv"}`');
  }
  if (written.at !== null && Number.isNaN(Date.parse(written.at))) {
    throw new Failure(`\`at\` is not a time: ${written.at}`, 'write it as 2026-03-09T13:00:00Z');
  }
  const facts: { [name: string]: Json | undefined } = Object.create(null);
  const at = new Date(written.at ?? Date.now()).toISOString();
  facts['now'] = at;
  for (const [key, value] of Object.entries(written.facts)) {
    facts[key] = value === null ? undefined : (value as Json);
  }
  const request: Request = {
    principal,
    roles: written.roles,
    user,
    userRoles: written.userRoles,
    session: written.session ?? fresh,
    intent: { kind, server, name, args: args as JsonRecord },
  };
  return { request, facts, at, phase: phaseOf(written), result: resultOf(written.result) };
}

function whoAsks(written: Written): readonly [string, string | null] {
  const parts = written.as.trim().split(/\s+for\s+/);
  const [principal = '', inline = null] = parts;
  const user = inline ?? written.for;
  if (parts.length > 2 || (inline !== null && written.for !== null && inline !== written.for)) {
    throw new Failure(
      `\`as\` names more than one user: ${written.as}`,
      'write `agent:reporter for user:dana`',
    );
  }
  for (const name of [principal, ...(user === null ? [] : [user])]) {
    if (isPrincipal(name)) continue;
    throw new Failure(`\`${name}\` is not a principal`, 'write agent:NAME, user:NAME or service:NAME');
  }
  return [principal, user];
}

/** An action as it stands in a test: `fs/read_file`, `resource fs/"file:///a"`, `sampling from web`; read by the grammar itself. */
export function readCall(text: string): {
  readonly kind: ActionKind;
  readonly server: string;
  readonly name: string;
} {
  const source = `sep 1 policy q 1.0.0 test "q" { as agent:q ${text} => deny }`;
  const { file, faults } = parse(source);
  const [test] = file.statements;
  const steps =
    test?.kind === 'test' ? test.steps.filter((s): s is TestQuestion => s.kind === 'question') : [];
  const [question] = steps;
  if (
    faults.length > 0 ||
    question === undefined ||
    steps.length !== 1 ||
    file.statements.length !== 1 ||
    question.args !== null ||
    question.onList
  ) {
    throw new Failure(`\`${text}\` is not an action`, 'write SERVER/TOOL, for example `fs/read_file`');
  }
  const { act, server, name } = question.action;
  const glob = [server, ...(name === null ? [] : [name])].find((part) => part.text.includes('*'));
  if (glob !== undefined)
    throw new Failure(`\`${text}\` is a pattern`, 'a question is about one action: no `*`');
  return { kind: act, server: server.text, name: name?.text ?? '' };
}

export interface AnswerJson {
  readonly decision: string;
  readonly rules: readonly string[];
  readonly matched: readonly Match[];
  readonly default: boolean;
  readonly reason: string | null;
  readonly unknowns: Decision['unknowns'];
  readonly approvals: Decision['approvals'];
  readonly timeout: number | null;
  readonly shadow: readonly Match[];
  /** What has to be masked in the answer; only where something has. */
  readonly masks?: readonly string[];
  readonly steps: number;
  /** Why no rule was asked; only when that is so. */
  readonly refused?: string;
  readonly policy: {
    readonly name: string;
    readonly version: string;
    readonly source: string;
    readonly module: string;
  };
}

export function answerJson(
  decision: Decision,
  matched: readonly Match[],
  refused: string | null,
  manifest: BundleManifest,
): AnswerJson {
  const { name, version } = manifest.policy;
  return {
    decision: decision.effect,
    rules: decision.rules,
    matched,
    default: decision.default,
    reason: decision.reason,
    unknowns: decision.unknowns,
    approvals: decision.approvals,
    timeout: decision.timeout,
    shadow: decision.shadow,
    ...(decision.masks === undefined ? {} : { masks: decision.masks }),
    steps: decision.steps,
    ...(refused === null ? {} : { refused }),
    policy: { name, version, source: manifest.source, module: manifest.module },
  };
}
