// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { type Nearest, nearestOf } from '../../compiler/analyze/nearest.js';
import { Counting } from '../../compiler/testing/counting.js';
import { didYouMean } from '../../compiler/diagnostics/suggest.js';
import type { BundleManifest, FactSource } from '../../runtime/decide/load.js';
import { type Change, changeWords } from '../../runtime/decide/nearest.js';
import type { JsonValue } from '../../runtime/verify/format/canonical.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import type { Explanation, Facts, Json, PolicyModule } from '../../stdlib/abi.js';
import {
  bundleLock,
  compilePolicy,
  isBundle,
  type Misfit,
  misfitBy,
  type Scan,
  scanFor,
  openBundle,
  policyOrFail,
  requireBundle,
} from '../compiled.js';
import { defineCommand, type Input, required } from '../command.js';
import { configFacts } from '../config-facts.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { readStdin, readText } from '../files.js';
import { findConfig } from '../project.js';
import { policyPath } from '../sources.js';
import { changesFor, nearestOfBundle } from '../nearest.js';
import { answerJson, type Asked, readQuestion, type Written } from '../questions.js';
import { type Io, paintEffect, shown } from '../terminal.js';
import { words } from './token-create.js';

const OPTIONS = {
  policy: {
    type: 'string',
    value: 'FILE',
    help: 'a .sep file or a built bundle (default: that of sepal.json)',
  },
  as: { type: 'string', value: 'WHO', help: 'who asks: "agent:reporter", "agent:reporter for user:dana"' },
  roles: { type: 'string', value: 'A,B', help: 'roles of the principal' },
  'user-roles': { type: 'string', value: 'A,B', help: 'roles of the user' },
  call: { type: 'string', value: 'ACTION', help: 'what: fs/read_file, resource fs/"file:///a"' },
  args: { type: 'string', value: 'JSON', help: 'arguments of the call, a JSON object' },
  phase: { type: 'string', value: 'PHASE', help: 'call (default), list or result' },
  result: {
    type: 'string',
    value: 'FILE',
    help: 'what the server answered, as JSON (- is stdin): asks the result phase',
  },
  at: { type: 'string', value: 'TIME', help: 'when (RFC 3339)' },
  session: { type: 'string', value: 'ID', help: 'session (default: one of its own)' },
  fact: { type: 'string', multiple: true, value: 'NAME=VALUE', help: 'a fact; null makes it unknown' },
  config: {
    type: 'string',
    value: 'FILE',
    help: 'the configuration: its policy and `config` facts (default sepal.json, where no policy is named)',
  },
  explain: {
    type: 'boolean',
    help: 'every rule that matched, near misses, unknowns, the nearest permitted change',
  },
  json: { type: 'boolean', help: 'print the answer as JSON' },
  batch: {
    type: 'string',
    value: 'FILE',
    help: 'one JSON question a line (- is stdin), one JSON answer a line',
  },
} as const;

export const command = defineCommand({
  usage: 'decide [--policy FILE] --as WHO --call ACTION [--args JSON] [options]',
  about:
    'Asks a policy one question; nothing is called and nothing is recorded.\nExit 0 allow, 2 deny, 4 review; with --batch 0 when every question could be asked.',
  options: OPTIONS,
  run: async ({ values }, io) => {
    const subject = await openSubject(values, io);
    if (values.batch !== undefined) {
      const stray = (['as', 'call', 'args', 'phase', 'result'] as const).find(
        (name) => values[name] !== undefined,
      );
      if (stray !== undefined)
        throw new Failure(`\`--${stray}\` and \`--batch\` exclude each other`, 'write it in the questions');
      return batch(subject, values.batch, values.explain, io);
    }
    const asked = readQuestion(
      {
        as: required('as', values.as, 'agent:reporter'),
        for: null,
        roles: words(values.roles),
        userRoles: words(values['user-roles']),
        call: required('call', values.call, 'fs/read_file'),
        args: json('--args', values.args ?? '{}'),
        session: values.session ?? null,
        at: values.at ?? null,
        facts: Object.fromEntries(values.fact.map((text) => factFlag(text, subject))),
        phase: values.phase ?? null,
        result: values.result === undefined ? null : json('--result', await textIn(values.result, io)),
      },
      'question 1',
    );
    const answer = answerOf(subject, asked, new Counting(subject.module), values.explain);
    const { decision } = answer;
    if (values.json) io.out(`${JSON.stringify(shapeOf(answer, values.explain, subject), null, 2)}\n`);
    else io.out(human(answer, values.explain, io));
    return decision.effect === 'allow' ? EXIT.ok : decision.effect === 'deny' ? EXIT.deny : EXIT.review;
  },
});

interface Subject {
  readonly module: PolicyModule;
  readonly manifest: BundleManifest;
  readonly misfit: Misfit;
  readonly scan: Scan;
  /** What may be tried for a denied call; null for nothing. */
  readonly nearest: Nearest | null;
  /** `config` facts of the configuration, where there is one. */
  readonly facts: Facts;
}

async function openSubject(values: Input<typeof OPTIONS>['values'], io: Io): Promise<Subject> {
  // A policy that is named stands alone; that of the configuration comes with its `config` facts.
  const alone = values.policy !== undefined && values.config === undefined;
  const config = alone ? null : findConfig(values.config, io);
  const path = await policyPath(values.policy, io, config);
  const facts = (manifest: BundleManifest): Facts =>
    config === null ? {} : configFacts(manifest.facts, config.config);
  const publishers = config?.trustedPublishers ?? [];
  requireBundle(path, publishers);
  if (isBundle(path)) {
    const { module, manifest } = await openBundle(path, { publishers, now: io.now() });
    const lock = config?.lock ?? bundleLock(path);
    return {
      module,
      manifest,
      misfit: misfitBy(lock),
      scan: await scanFor({ module, manifest }, lock),
      nearest: nearestOfBundle(path, manifest),
      facts: facts(manifest),
    };
  }
  const { module, manifest, misfit, scan, compiled } = policyOrFail(await compilePolicy(path, io), io);
  const nearest = nearestOf(compiled.ir, true);
  return { module, manifest, misfit, scan, nearest, facts: facts(manifest) };
}

interface Answer extends Explanation {
  readonly refused: string | null;
  /** Of a denial: what would be permitted. */
  readonly nearest: readonly Change[];
}

/** Facts of these sources are computed from what is asked about: the arguments, the pinned definition, the answer. */
const COMPUTED = ['scan', 'pin', 'result'];

/** Counts what it answers, so that the next question of a batch sees it. */
function answerOf(subject: Subject, asked: Asked, counting: Counting, explain = false): Answer {
  const { request, facts, at, phase, result } = asked;
  const { kind, server, name, args } = request.intent;
  // A list has no arguments, and those of an answer were let through with its call.
  const refused = kind === 'tool' && phase === 'call' ? subject.misfit(server, name, args) : null;
  if (refused !== null) {
    const decision = {
      effect: 'deny',
      rules: [],
      default: true,
      reason: null,
      unknowns: [],
      approvals: [],
      timeout: null,
      shadow: [],
      steps: 0,
    } as const;
    return { decision, matched: [], near: [], refused, nearest: [] };
  }
  const needed = new Set(subject.module.needs(request, phase));
  const scanned = subject.manifest.facts.filter(
    (fact) => COMPUTED.includes(fact.source) && needed.has(fact.name) && !Object.hasOwn(facts, fact.name),
  );
  const results = Object.fromEntries(
    scanned.map(({ name: fact, source, path }) => [
      fact,
      subject.scan(source === 'scan' ? path : [source, ...path], request.intent, result ?? undefined),
    ]),
  );
  const given: { [name: string]: Json | undefined } = { ...facts };
  for (const { name } of subject.module.measures ?? [])
    if (Object.hasOwn(facts, name)) given[`${name} for user`] = facts[name];
  const all = { ...subject.facts, ...results, ...counting.facts(request, at), ...given };
  const explained = subject.module.explain(request, all, phase);
  const nearest = explain ? changesFor(subject, asked, all, explained.decision, counting) : [];
  if (phase === 'call') counting.count(request, all, explained.decision, at);
  const { decision, matched, near } = explained;
  return { decision, matched, near, refused: null, nearest };
}

function shapeOf(
  { decision, matched, near, nearest, refused }: Answer,
  explain: boolean,
  { manifest }: Subject,
): object {
  const shape = answerJson(decision, matched, refused, manifest);
  return explain ? { ...shape, near, nearest: nearest.map(changeWords) } : shape;
}

function human({ decision, matched, near, nearest, refused }: Answer, explain: boolean, io: Io): string {
  const why =
    refused !== null
      ? ` (no rule was asked: ${shown(refused)})`
      : decision.default
        ? ' (default: no rule surely grants it)'
        : decision.rules.length === 0
          ? ' (no rule of this phase restricts it)'
          : ` by ${decision.rules.join(', ')}`;
  const lines = [
    `${paintEffect(io, decision.effect)}${why}${decision.reason === null ? '' : `: ${shown(decision.reason)}`}`,
  ];
  for (const need of decision.approvals) {
    const people = need.self
      ? 'the user'
      : `${need.quorum} of ${need.roles.map((role) => `role:${role}`).join(' or ')}`;
    lines.push(`  needs ${people} within ${need.timeout / 1000} s, asked by ${need.rule}`);
  }
  if (decision.masks !== undefined) lines.push(`  masks ${decision.masks.join(', ')}`);
  for (const unknown of decision.unknowns) {
    lines.push(`  unknown: ${shown(unknown.name)}: ${shown(unknown.why)} (else ${unknown.otherwise})`);
  }
  if (explain) {
    for (const match of matched)
      lines.push(`  matched: ${match.name} (${match.effect}${match.unknown === true ? ', not sure' : ''})`);
    for (const miss of near)
      lines.push(`  near:    ${miss.name} (${miss.effect}), had it held that ${shown(miss.condition)}`);
    for (const change of nearest) lines.push(`  nearest: ${shown(changeWords(change))}`);
    lines.push(`  steps:   at most ${decision.steps}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `region=eu`: the value is text where the fact is text, JSON otherwise. */
function factFlag(text: string, subject: Subject): readonly [string, JsonValue] {
  const at = text.indexOf('=');
  if (at < 1) throw new Failure(`\`--fact ${text}\` has no value`, 'write `--fact region=eu`');
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  const fact = requireFact(name, subject);
  if (value === 'null') return [name, null];
  return [name, isText(fact) && !value.startsWith('"') ? value : json(`--fact ${name}`, value)];
}

/** A fact, or a limit, counter or score, which a question may set as well. */
function requireFact(name: string, { manifest, module }: Subject): FactSource {
  const measures = (module.measures ?? []).map((measure): FactSource => {
    return { name: measure.name, type: { kind: 'decimal' }, source: 'measure', path: [measure.name] };
  });
  const facts = [...manifest.facts, ...measures];
  const fact = facts.find((each) => each.name === name);
  if (fact !== undefined) return fact;
  const names = [...new Set(facts.map((each) => each.name))];
  throw new Failure(
    `the policy has no fact \`${name}\``,
    didYouMean(name, names) ?? (names.length === 0 ? 'it has no facts' : `it has ${names.join(', ')}`),
  );
}

const TEXTS = ['string', 'path', 'url', 'enum', 'instant', 'duration'];

function isText({ type }: FactSource): boolean {
  return typeof type === 'object' && type !== null && 'kind' in type && TEXTS.includes(String(type.kind));
}

function json(what: string, text: string): JsonValue {
  const parsed = parseStrict(text);
  if (parsed.ok) return parsed.value;
  throw new Failure(
    `${what} is not JSON: ${parsed.error.message}`,
    what.startsWith('--')
      ? 'quote it for your shell, for example \'{"path":"/a"}\''
      : 'write one question a line, for example {"as":"agent:a","call":"fs/read_file","args":{}}',
  );
}

const textIn = async (file: string, io: Io): Promise<string> =>
  file === '-' ? await readStdin() : readText(resolve(io.cwd, file));

async function batch(subject: Subject, file: string, explain: boolean, io: Io): Promise<ExitCode> {
  const text = await textIn(file, io);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  let failed = 0;
  const counting = new Counting(subject.module);
  lines.forEach((line, i) => {
    try {
      const answer = answerOf(subject, batchQuestion(line, i + 1, subject), counting, explain);
      io.out(`${JSON.stringify(shapeOf(answer, explain, subject))}\n`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failed++;
      io.out(`${JSON.stringify({ error: error.message, help: error.help, line: i + 1 })}\n`);
    }
  });
  if (failed > 0) io.err(`${failed} of ${lines.length} questions could not be asked\n`);
  return failed > 0 ? EXIT.failed : EXIT.ok;
}

const KEYS = ['as', 'roles', 'for', 'userRoles', 'call', 'args', 'at', 'session', 'facts', 'phase', 'result'];

function batchQuestion(line: string, number: number, subject: Subject): Asked {
  const value = json(`line ${number}`, line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure('a question is a JSON object', `its keys are ${KEYS.join(', ')}`);
  }
  const question = value as { readonly [key: string]: JsonValue };
  const stray = Object.keys(question).find((key) => !KEYS.includes(key));
  if (stray !== undefined) {
    throw new Failure(
      `unknown key \`${stray}\``,
      didYouMean(stray, KEYS) ?? `its keys are ${KEYS.join(', ')}`,
    );
  }
  const facts = question['facts'] ?? {};
  if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) {
    throw new Failure('`facts` is not an object', 'write { "region": "eu" }');
  }
  for (const name of Object.keys(facts)) requireFact(name, subject);
  const written: Written = {
    as: textOf(question, 'as') ?? missing('as'),
    for: textOf(question, 'for'),
    roles: textsOf(question, 'roles'),
    userRoles: textsOf(question, 'userRoles'),
    call: textOf(question, 'call') ?? missing('call'),
    args: question['args'] ?? {},
    session: textOf(question, 'session'),
    at: textOf(question, 'at'),
    facts: facts as { readonly [name: string]: Json } as { readonly [name: string]: JsonValue },
    phase: textOf(question, 'phase'),
    result: question['result'] ?? null,
  };
  return readQuestion(written, `question ${number}`);
}

function missing(key: string): never {
  throw new Failure(`\`${key}\` is missing`, 'a question needs `as` and `call`');
}

function textOf(question: { readonly [key: string]: JsonValue }, key: string): string | null {
  const value = question[key] ?? null;
  if (value === null || typeof value === 'string') return value;
  throw new Failure(`\`${key}\` is not a text`, null);
}

function textsOf(question: { readonly [key: string]: JsonValue }, key: string): readonly string[] {
  const value = question[key] ?? [];
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
  throw new Failure(`\`${key}\` is not a list of texts`, null);
}
