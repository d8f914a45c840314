// SPDX-License-Identifier: Apache-2.0
/**
 * What a server says while its call runs (progress, log messages), passed on in order. A model may read it as it reads the answer, so the
 * rules on results decide on its text as on an answer of the call; what they would not let through is written over, and counted.
 */
import { maskAnswer } from './answer-entry.js';
import type { Asked, Gate } from './gate.js';
import type { Intake } from './intake.js';
import { replaceMember } from './wire/answer.js';
import { isObject } from './wire/message.js';

export interface News {
  /** `params` is JSON text of the notification. */
  tell(method: 'notifications/progress' | 'notifications/message', params: string): void;
  /** Resolves when all of it is out. */
  settled(): Promise<void>;
}

/** Where the text stands. */
const MEMBER = { 'notifications/progress': 'message', 'notifications/message': 'data' } as const;
const WITHHELD = JSON.stringify('[withheld by policy]');
/** Messages of one call that may wait for their decision; more are dropped. */
const MAX_WAITING = 1000;

export function newsOf(gate: Gate, intake: Intake, asked: Asked): News {
  const judged = gate.policy().module.phases.includes('result') && !gate.dryRun;
  const say = (method: string, params: string): void =>
    void asked.side.notify(`{"jsonrpc":"2.0","method":"${method}","params":${params}}`);
  let last = Promise.resolve();
  let waiting = 0;
  return {
    tell: (method, params) => {
      if (!judged) return say(method, params);
      if (waiting >= MAX_WAITING) return undefined;
      waiting++;
      last = last
        .then(() => screened(gate, intake, asked, MEMBER[method], params))
        .catch(() => replaceMember(params, MEMBER[method], WITHHELD))
        .then((text) => {
          waiting--;
          if (text !== null) say(method, text);
        });
      return undefined;
    },
    settled: () => last,
  };
}

/** The parameters as they may go on. */
async function screened(
  gate: Gate,
  { intent }: Intake,
  { caller }: Asked,
  member: string,
  params: string,
): Promise<string | null> {
  const value: unknown = JSON.parse(params);
  const said = isObject(value) ? value[member] : undefined;
  if (said === undefined || typeof said === 'number' || typeof said === 'boolean' || said === null)
    return params;
  const text = typeof said === 'string' ? said : JSON.stringify(said);
  const answer = { content: [{ type: 'text', text }] };
  const { kind, server, name, args } = intent;
  const request = { intent: { kind, server, name, args }, ...caller.subject };
  const { decision } = await gate.decide(gate.policy().module, request, 'result', answer);
  if (decision.effect === 'allow' && decision.masks === undefined) return params;
  const masked =
    decision.effect === 'allow'
      ? await maskAnswer(gate, intent, answer, decision.masks ?? [])
      : { why: 'denied' };
  if ('counts' in masked && (masked.counts ?? []).length === 0) return params;
  void gate.floods.record(
    'refused_input',
    `server ${server}`,
    'the rules on results withhold a progress or log message',
  );
  const own = 'counts' in masked ? textIn(masked.value) : null;
  return replaceMember(params, member, own === null ? WITHHELD : JSON.stringify(own));
}

function textIn(answer: unknown): string | null {
  const content = isObject(answer) ? answer['content'] : undefined;
  const first: unknown = Array.isArray(content) ? content[0] : undefined;
  const text = isObject(first) ? first['text'] : undefined;
  return typeof text === 'string' ? text : null;
}
