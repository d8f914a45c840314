// SPDX-License-Identifier: Apache-2.0
/** From a request's parameters to a canonical intent, and what stands in its way before any rule is asked. */
import type { JsonObject } from '../verify/format/canonical.js';
import type { Caller } from './caller.js';
import { drifted, outdated, pinned, visible } from './discovery.js';
import type { Gate } from './gate.js';
import type { Place } from './names.js';
import { type CanonicalIntent, canonicalIntent, type Envelope, envelope } from './wire/intent.js';
import { isObject } from './wire/message.js';

export interface Intake {
  readonly intent: CanonicalIntent;
  readonly beside: Envelope;
  /** Hash of the pinned definition; null when there is no such tool. */
  readonly definition: string | null;
  /** Why this is a deny that no rule is asked about; null when the policy decides. */
  readonly barred: string | null;
  /** The client is told "unknown tool": it is one, or one that this caller cannot see. */
  readonly hidden: boolean;
  /** The name as the client sent it. */
  readonly exposed: string;
}

const MAX_NAME = 256;

/** The reason for a refusal as malformed, or the intake. */
export function readToolCall(
  gate: Gate,
  caller: Caller,
  params: JsonObject,
): Intake | { readonly malformed: string } {
  const { name, arguments: args = {}, task } = params;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME)
    return { malformed: '`name` must be a short string' };
  if (!isObject(args)) return { malformed: '`arguments` must be an object' };
  if (task !== undefined) return { malformed: 'tasks are not supported; send the call without `task`' };
  const found = gate.catalog().names.find(name);
  const place: Place = found ?? { server: '', name };
  const intent = canonicalIntent({ kind: 'tool', method: 'tools/call', ...place }, args, params);
  const beside = envelope(params);
  const own = { intent, beside, exposed: name };
  const tool = found === undefined ? undefined : pinned(gate, place);
  if (tool === undefined) return { ...own, definition: null, barred: 'no such tool is pinned', hidden: true };
  const definition = tool.pin.hash;
  if (drifted(gate, caller, place)) {
    return { ...own, definition, barred: 'the definition of this tool is not the pinned one', hidden: true };
  }
  if (outdated(gate, place, definition)) {
    return {
      ...own,
      definition,
      barred: 'the policy was compiled against another definition of this tool',
      hidden: true,
    };
  }
  const hidden = !visible(gate, caller, place);
  return { ...own, definition, hidden, barred: hidden ? null : bar(tool.check(args), beside) };
}

function bar(misfit: string | null, beside: Envelope): string | null {
  if (misfit !== null) return `the arguments do not fit the tool's schema: ${misfit}`;
  return beside.decision === undefined ? null : 'the decision token is not valid';
}
