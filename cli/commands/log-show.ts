// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import type { Body } from '../../runtime/verify/format/body.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { parseEntry } from '../../runtime/verify/format/entry.js';
import { hashText } from '../../runtime/verify/format/hash.js';
import { leafHash } from '../../runtime/verify/format/tree.js';
import { entryBatches, folderSource } from '../../runtime/verify/source.js';
import { choice, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { exists } from '../files.js';
import { openConfig } from '../project.js';
import { type Io, paintEffect, shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'log show [LOG] [--format human|json] [--from N] [--limit N] [--call ID]',
  about:
    'Prints receipts, oldest first: one line each, or with json one receipt body a line. LOG is a log folder (default: that of\nsepal.json). It reads and shows; `sepal verify` says whether to believe it.',
  options: {
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
    from: { type: 'string', value: 'N', help: 'start at this number (default 0)' },
    limit: { type: 'string', value: 'N', help: 'print at most so many' },
    call: { type: 'string', value: 'ID', help: 'only entries of this call' },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  takes: ['LOG?'],
  run: async ({ values, rest }, io) => {
    const json = choice('format', values.format, ['human', 'json']) === 'json';
    const from = whole('from', values.from, 0);
    const limit = whole('limit', values.limit, Number.POSITIVE_INFINITY);
    const [named] = rest;
    const folder = named === undefined ? openConfig(values.config, io).receipts.dir : resolve(io.cwd, named);
    if (!exists(folder))
      throw new Failure(`there is no log at ${folder}`, 'name a log folder: one with `entries/` in it');
    let printed = 0;
    for await (const { body, leaf, seq } of bodies(folder)) {
      if (printed >= limit) break;
      if (seq < from || (values.call !== undefined && body.call !== values.call)) continue;
      io.out(json ? `${canonical(body)}\n` : `${line(body, leaf, io)}\n`);
      printed++;
    }
    return EXIT.ok;
  },
});

function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Failure(`\`--${name} ${text}\` is not a number`, `for example \`--${name} 100\``);
}

interface Read {
  readonly body: Body;
  readonly leaf: string;
  readonly seq: number;
}

/** What a log holds, in order; unlike an exporter it says where it stops, even in what may be a write that was cut short. */
async function* bodies(folder: string): AsyncGenerator<Read> {
  let seq = 0;
  const batches = entryBatches(folderSource(folder));
  try {
    for (let step = await batches.next(); ; step = await batches.next()) {
      if (step.done === true) {
        if (step.value === null) return;
        throw new Failure(
          `${folder}: what stands at ${step.value.where} is not an entry; nothing ${seq === 0 ? '' : `after entry ${seq - 1} `}can be shown`,
          '`sepal verify` says what is wrong; a write that was cut short is repaired when the gateway starts',
        );
      }
      const { bytes, bounds } = step.value;
      for (let i = 1; i < bounds.length; i++) {
        const entry = bytes.subarray(bounds[i - 1], bounds[i]);
        const parsed = parseEntry(entry);
        if (!parsed.ok)
          throw new Failure(`${folder}: entry ${seq}: ${parsed.why}`, '`sepal verify` says what is wrong');
        yield { body: parsed.entry.body, leaf: hashText(leafHash(entry)), seq: seq++ };
      }
    }
  } finally {
    // Whoever stops early leaves no file open.
    await batches.return(null);
  }
}

function line(body: Body, leaf: string, io: Io): string {
  const head = `#${String(body.seq).padEnd(5)} ${body.time}  ${body.type.padEnd(8)}`;
  return `${head} ${detail(body, io)}  ${leaf.slice(7, 19)}`;
}

function detail(body: Body, io: Io): string {
  const { decision, intent, principal, outcome, approval } = body;
  if (decision !== undefined) {
    const rules = decision.default ? 'default' : decision.rules.join(',');
    const what = intent === undefined ? '' : ` ${intent.server}/${intent.name}`;
    const reason = decision.reason === undefined ? '' : ` "${decision.reason}"`;
    const effect = paintEffect(io, decision.effect, decision.effect.padEnd(6));
    return `${effect} ${shown(`${principal?.id ?? ''}${what} by ${rules}${reason}`)}`;
  }
  if (outcome !== undefined)
    return shown(`${outcome.status}${outcome.ms === undefined ? '' : ` in ${outcome.ms} ms`}`);
  if (approval !== undefined) return shown(`${approval.verdict} by ${approval.approver.id}`);
  if (body.policy !== undefined) return shown(`${body.policy.name} ${body.policy.version}`);
  if (body.event !== undefined) return shown(`${body.event.kind} ${body.event.detail ?? ''}`.trim());
  if (body.recovery !== undefined)
    return `cut ${body.recovery.cut} bytes, ${body.recovery.unknown} calls unknown`;
  if (body.key !== undefined)
    return shown(`${body.key.purpose} ${body.key.key.split('+').slice(0, 2).join('+')}`);
  return shown(body.log);
}
