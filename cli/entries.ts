// SPDX-License-Identifier: Apache-2.0
/** The entries of a log folder, for people to look at. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readEntries } from '../runtime/log/read.js';
import type { Body } from '../runtime/verify/format/body.js';
import { parseEntry } from '../runtime/verify/format/entry.js';
import { hashText } from '../runtime/verify/format/hash.js';
import { segmentIndex, segmentName } from '../runtime/verify/format/segment.js';
import { leafHash } from '../runtime/verify/format/tree.js';
import { entryBatches, folderSource } from '../runtime/verify/source.js';
import { Failure } from './failure.js';
import { type Io, paintEffect, shown } from './terminal.js';

export interface Read {
  readonly body: Body;
  readonly leaf: string;
  readonly seq: number;
}

/** What a log holds, in order; unlike an exporter it says where it stops, even in what may be a write that was cut short. */
export async function* bodies(folder: string): AsyncGenerator<Read> {
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
        const read = readOne(bytes.subarray(bounds[i - 1], bounds[i]), folder, `entry ${seq}`);
        yield { ...read, seq: seq++ };
      }
    }
  } finally {
    // Whoever stops early leaves no file open.
    await batches.return(null);
  }
}

function readOne(entry: Buffer, folder: string, where: string): Read {
  const parsed = parseEntry(entry);
  if (!parsed.ok)
    throw new Failure(`${folder}: ${where}: ${parsed.why}`, '`sepal verify` says what is wrong');
  const { body } = parsed.entry;
  return { body, leaf: hashText(leafHash(entry)), seq: body.seq };
}

/** How often a log is looked at for new entries. */
const EVERY_MS = 200;

/**
 * The last `lines` entries of the newest segment, then each entry as it is written, until `stopped`. A write that is cut short is
 * waited for.
 */
export async function* followed(folder: string, lines: number, stopped: () => boolean): AsyncGenerator<Read> {
  const dir = join(folder, 'entries');
  let segment = newest(dir);
  let offset = 0;
  const first: Read[] = [];
  for (let begun = false; !stopped(); begun = true) {
    // Asked before the segment is read: what is written to it afterwards is not passed over.
    const last = newest(dir);
    const path = join(dir, segmentName(segment));
    const batches = readEntries(path, Infinity, offset);
    for (let step = await batches.next(); ; step = await batches.next()) {
      if (step.done === true) {
        offset = step.value;
        break;
      }
      const { bytes, bounds } = step.value;
      for (let i = 1; i < bounds.length; i++) {
        const read = readOne(bytes.subarray(bounds[i - 1], bounds[i]), folder, segmentName(segment));
        if (begun) yield read;
        else if (first.push(read) > lines) first.shift();
      }
    }
    if (!begun) yield* first;
    if (last > segment) {
      segment++;
      offset = 0;
    } else await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

function newest(dir: string): number {
  return Math.max(0, ...readdirSync(dir).flatMap((name) => segmentIndex(name) ?? []));
}

/** An entry in one line. */
export function entryLine(body: Body, leaf: string, io: Io): string {
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
