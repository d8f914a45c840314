// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { type Receipt, receipts, sealedOpenings } from '../../runtime/export/index.js';
import type { Body } from '../../runtime/verify/format/body.js';
import type { Disclosure } from '../../runtime/verify/format/opening.js';
import { linesOf, parseDisclosure } from '../../runtime/verify/openings.js';
import { fileChunks } from '../../runtime/verify/source.js';
import { openSource } from '../../runtime/verify/verify.js';
import { localLimits, type LocalLimits } from '../../runtime/decide/limits.js';
import type { Decision, PolicyModule } from '../../stdlib/abi.js';
import { choice, defineCommand, required } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { exists } from '../files.js';
import { logFolder, orFail } from '../log-folder.js';
import { sealKey } from '../log-keys.js';
import { openConfig } from '../project.js';
import { knownPolicy } from '../replay/known.js';
import { factsOf, hidden, requestOf, shownBy } from '../replay/request.js';
import { columns, type Io, paintEffect, shown as printable } from '../terminal.js';

export const command = defineCommand({
  usage: 'replay [LOG] --policy FILE [--format human|json]',
  about:
    'Decides again, with another policy, what a log says was decided, and lists what would change: what would be allowed that was\ndenied comes first. LOG is an export with openings, or the log folder of sepal.json (default), whose openings its seal key opens.\nIt judges a policy, not the log; `sepal verify` does that. Ends with 6 where something would change.',
  options: {
    policy: { type: 'string', value: 'FILE', help: 'the policy to decide with' },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  takes: ['LOG?'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const { module } = await knownPolicy(required('policy', values.policy, 'new.sep'), io);
    const folder = logFolder(rest[0], values.config, io);
    const result = await orFail(folder, () => compare(folder, module, values.config, io));
    io.out(format === 'json' ? `${JSON.stringify(result)}\n` : printed(result, io));
    return result.changes.length === 0 ? EXIT.ok : EXIT.differs;
  },
});

interface Change {
  readonly from: string;
  readonly to: string;
  readonly principal: string;
  readonly action: string;
  /** Rules that decide now. */
  readonly rules: readonly string[];
  count: number;
  /** The first of these receipts. */
  readonly first: number;
}

interface Result {
  readonly changes: readonly Change[];
  readonly same: number;
  readonly notDecided: number;
}

async function compare(
  folder: string,
  module: PolicyModule,
  config: string | undefined,
  io: Io,
): Promise<Result> {
  const changes = new Map<string, Change>();
  let [same, notDecided] = [0, 0];
  const limits = localLimits(module.measures ?? []);
  const openings = await disclosures(folder, config, io);
  let next = await openings.next();
  for await (const receipt of receipts(await openSource(folder))) {
    const { body, seq } = receipt;
    while (next.done !== true && next.value.seq < seq) next = await openings.next();
    if (!decidedByPolicy(receipt)) continue;
    const disclosure = next.done !== true && next.value.seq === seq ? of(next.value, receipt) : null;
    const now = await decideNow(body, disclosure, module, limits);
    if (now === null) notDecided++;
    else if (now.effect === (body.decision?.dry_run ?? body.decision?.effect)) same++;
    else note(changes, receipt, now);
  }
  await openings.return(undefined);
  const sorted = [...changes.values()].sort(
    (a, b) => weight(b) - weight(a) || b.count - a.count || a.first - b.first,
  );
  return { changes: sorted, same, notDecided };
}

/** Sealed openings know their entry by its leaf: a number may have been given again. */
type Opened = Disclosure & { readonly leaf?: string };

const of = (opened: Opened, { leaf }: Receipt): Disclosure | null =>
  opened.leaf === undefined || opened.leaf === leaf ? opened : null;

/** First decisions on calls; a later one of the same call repeats what the review asked. */
function decidedByPolicy({ body }: Receipt): boolean {
  const { decision } = body;
  if (
    body.type !== 'decide' ||
    body.phase !== 'call' ||
    decision === undefined ||
    body.refs?.decide !== undefined
  )
    return false;
  return !(decision.effect === 'deny' && decision.default && decision.reason !== undefined);
}

/** What the other policy says, with limits that stand where it would have brought them; null where too little is shown. */
async function decideNow(
  body: Body,
  disclosure: Disclosure | null,
  module: PolicyModule,
  limits: LocalLimits,
): Promise<Decision | null> {
  const shown = shownBy(body, disclosure);
  const request = requestOf(body, shown.args);
  if (request === null || hidden(shown, module.reads(request), body.facts ?? []) !== null) return null;
  if (module.needs(request).some((name) => !Object.hasOwn(shown.facts, name))) return null;
  const at = Date.parse(body.time);
  const reads = module.usage?.(request) ?? [];
  const { value, reservation } = await limits.reserve({ reads, own: null, now: at }, (used) => {
    const facts = { ...factsOf(shown), ...used };
    const decision = module.decide(request, facts, 'call');
    const adds = module.counts?.(request, facts) ?? [];
    return { adds: decision.effect === 'deny' ? adds.filter((add) => add.attempt) : adds, value: decision };
  });
  // A review holds what it would count; it is taken for granted here.
  await (value.effect === 'deny' ? reservation.release(at) : reservation.commit(at));
  return value;
}

function note(
  changes: Map<string, Change>,
  { body, seq }: Receipt,
  now: { readonly effect: string; readonly rules: readonly string[] },
): void {
  const change = {
    from: body.decision?.dry_run ?? body.decision?.effect ?? '',
    to: now.effect,
    principal: body.principal?.id ?? '',
    action: `${body.intent?.server ?? ''}/${body.intent?.name ?? ''}`,
    rules: [...now.rules],
  };
  const key = JSON.stringify(change);
  const known = changes.get(key);
  if (known === undefined) changes.set(key, { ...change, count: 1, first: seq });
  else known.count++;
}

const RANK: { readonly [effect: string]: number } = { deny: 0, review: 1, allow: 2 };
/** What is widened most comes first. */
const weight = ({ from, to }: Change): number => (RANK[to] ?? 0) - (RANK[from] ?? 0);

/** Of an export its openings.jsonl; of the own log folder the sealed openings. */
async function disclosures(
  folder: string,
  config: string | undefined,
  io: Io,
): Promise<AsyncGenerator<Opened>> {
  const file = join(folder, 'openings.jsonl');
  if (exists(file)) return disclosed(file);
  if (config === undefined && !exists(join(io.cwd, 'sepal.json'))) return sealed(folder, null);
  const { receipts: own } = openConfig(config, io);
  return sealed(folder, exists(join(folder, 'openings')) ? sealKey(own, io.env) : null);
}

async function* disclosed(file: string): AsyncGenerator<Opened> {
  for await (const line of linesOf(fileChunks(file))) {
    if (line === '') continue;
    const parsed = parseDisclosure(line);
    if (typeof parsed === 'string') throw new Failure(`${file}: ${parsed}`, '`sepal verify` says more');
    yield parsed;
  }
}

async function* sealed(folder: string, key: Buffer | null): AsyncGenerator<Opened> {
  if (key === null) return;
  for await (const { seq, leaf, openings } of sealedOpenings(folder, key)) yield { seq, leaf, ...openings };
}

function printed({ changes, same, notDecided }: Result, io: Io): string {
  const rows = changes.map(({ from, to, principal, action, rules, count, first }) => [
    `${paintEffect(io, from)} → ${paintEffect(io, to)}`,
    printable(principal),
    printable(action),
    `${count} ${count === 1 ? 'call' : 'calls'}, first #${first}${rules.length === 0 ? '' : ` by ${rules.join(', ')}`}`,
  ]);
  const changed = changes.reduce((sum, { count }) => sum + count, 0);
  const open =
    notDecided === 0
      ? ''
      : `; ${notDecided} not decided again: the openings do not show what the policy reads`;
  return `${columns(rows)}${changed} of ${changed + same + notDecided} decisions would change${open}\n`;
}
