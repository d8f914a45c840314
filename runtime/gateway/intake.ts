// SPDX-License-Identifier: Apache-2.0
/** From a request's parameters to a canonical intent, and what stands in its way before any rule is asked. One reader for each kind of action. */
import type { JsonObject } from '../verify/format/canonical.js';
import type { Caller } from './caller.js';
import { drifted, outdated, pinned, visible } from './discovery.js';
import type { Gate, PinnedTool } from './gate.js';
import { maskedIntent, maskedOf } from './masked.js';
import type { Place } from './names.js';
import { type Route, routeOf, uriFault } from './resources.js';
import {
  type Action,
  type CanonicalIntent,
  canonicalIntent,
  type Envelope,
  envelope,
} from './wire/intent.js';
import { isObject } from './wire/message.js';

export interface Intake {
  readonly intent: CanonicalIntent;
  readonly beside: Envelope;
  /** Hash of the pinned definition; null when there is no such tool. */
  readonly definition: string | null;
  /** Why this is a deny that no rule is asked about; null when the policy decides. */
  readonly barred: string | null;
  /** The client is told that there is no such thing: there is none, or this caller cannot see it. */
  readonly hidden: boolean;
  /** The name as the client sent it. */
  readonly exposed: string;
}

/** Reads the parameters of a request: the intake, or the reason for a refusal as malformed. */
export type Reader = (gate: Gate, caller: Caller, params: JsonObject) => Read | Promise<Read>;

export type Read = Intake | { readonly malformed: string };

const MAX_NAME = 256;

/** The readers of the methods by which a server may ask for input. */
export function readerOf(method: string): Reader | null {
  switch (method) {
    case 'tools/call':
      return readToolCall;
    case 'prompts/get':
      return readPrompt;
    case 'resources/read':
      return readResource(method);
    default:
      return null;
  }
}

export function readToolCall(gate: Gate, caller: Caller, params: JsonObject): Read | Promise<Read> {
  const { name, arguments: args = {}, task } = params;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME)
    return { malformed: '`name` must be a short string' };
  if (!isObject(args)) return { malformed: '`arguments` must be an object' };
  if (task !== undefined) return { malformed: 'tasks are not supported; send the call without `task`' };
  const found = gate.catalog().names.tool.find(name);
  const place: Place = found ?? { server: '', name };
  const tool = found === undefined ? undefined : pinned(gate, place);
  const action: Action = { kind: 'tool', method: 'tools/call', ...place };
  const names = maskedOf(gate.policy(), place.server, place.name).filter((own) => Object.hasOwn(args, own));
  // What is kept of a masked call is made here, however large it is: the thread keeps what was sent.
  const large = names.length > 0 ? null : gate.large.intent(action, args, params, tool?.pin ?? null);
  if (large !== null)
    return large.then(({ intent, misfit }) =>
      calledTool(gate, caller, params, { name, place, tool, intent, misfit: () => misfit }),
    );
  const intent = maskedIntent(action, args, params, { names, key: gate.maskKey });
  return calledTool(gate, caller, params, {
    name,
    place,
    tool,
    intent,
    misfit: () => tool?.check(args) ?? null,
  });
}

interface Called {
  /** As the client sent it. */
  readonly name: string;
  readonly place: Place;
  readonly tool: PinnedTool | undefined;
  readonly intent: CanonicalIntent;
  /** How the arguments do not fit the pinned schema, or null. */
  readonly misfit: () => string | null;
}

function calledTool(
  gate: Gate,
  caller: Caller,
  params: JsonObject,
  { name, place, tool, intent, misfit }: Called,
): Intake {
  const beside = envelope(params);
  const own = { intent, beside, exposed: name };
  if (tool === undefined) return { hidden: true, ...own, definition: null, barred: 'no such tool is pinned' };
  const definition = tool.pin.hash;
  if (drifted(gate, caller, 'tool', place)) {
    return { hidden: true, ...own, definition, barred: 'the definition of this tool is not the pinned one' };
  }
  if (outdated(gate, place, definition)) {
    return {
      hidden: true,
      ...own,
      definition,
      barred: 'the policy was compiled against another definition of this tool',
    };
  }
  const hidden = !visible(gate, caller, intent);
  return { hidden, ...own, definition, barred: hidden ? null : bar(misfit()) };
}

const bar = (misfit: string | null): string | null =>
  misfit === null ? null : `the arguments do not fit the tool's schema: ${misfit}`;

/** `prompts/get`: pinned as tools are; its arguments are texts. */
export function readPrompt(gate: Gate, caller: Caller, params: JsonObject): Read | Promise<Read> {
  const { name, arguments: args = {} } = params;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME)
    return { malformed: '`name` must be a short string' };
  if (!isObject(args) || Object.values(args).some((value) => typeof value !== 'string'))
    return { malformed: '`arguments` must be an object of strings' };
  const found = gate.catalog().names.prompt.find(name);
  const place: Place = found ?? { server: '', name };
  const action: Action = { kind: 'prompt', method: 'prompts/get', ...place };
  const large = gate.large.intent(action, args, params, null);
  if (large !== null)
    return large.then(({ intent }) => askedPrompt(gate, caller, params, { name, place, found, intent }));
  return askedPrompt(gate, caller, params, {
    name,
    place,
    found,
    intent: canonicalIntent(action, args, params),
  });
}

interface Prompted {
  readonly name: string;
  readonly place: Place;
  readonly found: Place | undefined;
  readonly intent: CanonicalIntent;
}

function askedPrompt(
  gate: Gate,
  caller: Caller,
  params: JsonObject,
  { name, place, found, intent }: Prompted,
): Intake {
  const own = { intent, beside: envelope(params), exposed: name };
  const pin = found === undefined ? undefined : gate.catalog().pins.prompt.get(place.server)?.get(place.name);
  if (pin === undefined)
    return { hidden: true, ...own, definition: null, barred: 'no such prompt is pinned' };
  const definition = pin.hash;
  if (drifted(gate, caller, 'prompt', place)) {
    return {
      hidden: true,
      ...own,
      definition,
      barred: 'the definition of this prompt is not the pinned one',
    };
  }
  const hidden = !visible(gate, caller, intent);
  return { hidden, ...own, definition, barred: null };
}

/** `resources/read` and `resources/subscribe`: the URI in canonical form is the name. */
export const readResource =
  (method: 'resources/read' | 'resources/subscribe'): Reader =>
  async (gate, caller, params) => {
    const { uri } = params;
    const fault = uriFault(uri);
    if (fault !== null || typeof uri !== 'string') return { malformed: fault ?? '`uri` must be a string' };
    const route = await routeOf(gate, caller, 'resource', uri);
    return routed(route, { kind: 'resource', method, name: uri }, {}, params);
  };

/** `completion/complete`: of an argument of a pinned prompt, or of a resource template. */
export const readCompletion: Reader = async (gate, caller, params) => {
  const { ref, argument } = params;
  if (!isObject(ref) || !isObject(argument)) return { malformed: '`ref` and `argument` must be objects' };
  const { type, name, uri } = ref;
  const action = { kind: 'completion', method: 'completion/complete' } as const;
  if (type === 'ref/prompt' && typeof name === 'string') {
    const place = gate.catalog().names.prompt.find(name);
    if (place === undefined || drifted(gate, caller, 'prompt', place))
      return routed('none', { ...action, name }, argument, params);
    // The name in `ref` is the exposed one; the server knows its own.
    const own = { ...params, ref: { ...ref, name: place.name } };
    const seen = visible(gate, caller, { ...action, ...place });
    return routed(seen ? place : 'none', { ...action, name: place.name }, argument, own, name);
  }
  if (type !== 'ref/resource' || typeof uri !== 'string' || uri.length > MAX_NAME * 8)
    return { malformed: '`ref` must name a prompt or a resource template' };
  const route = await routeOf(gate, caller, 'completion', uri);
  return routed(route, { ...action, name: uri }, argument, params);
};

function routed(
  route: Route,
  action: { readonly kind: 'resource' | 'completion'; readonly method: string; readonly name: string },
  args: JsonObject,
  params: JsonObject,
  exposed: string = action.name,
): Intake {
  const server = typeof route === 'string' ? '' : route.server;
  const intent = canonicalIntent({ ...action, server }, args, params);
  const own = { intent, beside: envelope(params), exposed, definition: null };
  if (route === 'several')
    return { ...own, hidden: false, barred: 'more than one server may own this; the operator has to choose' };
  return { ...own, hidden: route === 'none', barred: route === 'none' ? 'no server offers this' : null };
}
