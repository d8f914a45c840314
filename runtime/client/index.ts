// SPDX-License-Identifier: Apache-2.0
/**
 * `sepal/client`: proposing a call before it is made, waiting for the people it needs, and reading receipts, over a client of
 * `@modelcontextprotocol/sdk` 1.x or `@modelcontextprotocol/client` 2.x. Imports neither, and nothing of the gateway.
 */

const EXTENSION = 'dev.sepal/authorization';
const DECISION_META = 'dev.sepal/decision';
const RECEIPT_META = 'dev.sepal/receipt';

/** Merge these into what your client declares, to be told of each receipt before its answer (`authorization/receipt`). */
export const CAPABILITIES = {
  extensions: { [EXTENSION]: { receipts: true } },
  experimental: { [EXTENSION]: { receipts: true } },
} as const;

/** What a receipt is known by; `sepal verify` and `sepal log show` know the rest. */
export interface Receipt {
  readonly id: string;
  readonly hash: string;
  readonly decision: 'allow' | 'review' | 'deny';
  readonly seq: number;
  readonly kid: string;
}

export type Decision =
  /** The call may be made with `token`, until `expires` (RFC 3339); it is evaluated again then. */
  | {
      readonly decision: 'allow';
      readonly token: string;
      readonly expires: string;
      readonly receipt: Receipt;
    }
  /** People have to approve it; wait with `decide(approvalId)`. */
  | {
      readonly decision: 'review';
      readonly approvalId: string;
      readonly expires: string;
      readonly receipt: Receipt;
    }
  | { readonly decision: 'deny'; readonly reason: string | null; readonly receipt: Receipt };

export interface ToolCall {
  readonly name: string;
  readonly arguments?: { readonly [name: string]: unknown };
}

export interface ToolResult {
  readonly isError?: boolean;
  readonly content?: readonly unknown[];
  readonly structuredContent?: unknown;
  readonly _meta?: { readonly [key: string]: unknown };
}

export interface Authorization {
  /** Does the server speak this? Without it `propose` and `decide` reject, and `call` makes the plain call. */
  readonly offered: boolean;
  /** What would be decided on the call; nothing is done. */
  propose(call: ToolCall): Promise<Decision>;
  /** The decision on a proposal that waits for people; resolves after `waitMs` (30 s) at the latest, then perhaps still as `review`. */
  decide(approvalId: string, options?: { readonly waitMs?: number }): Promise<Decision>;
  /** Proposes, waits for people up to `waitMs` (10 minutes) in all, and makes the call with the decision's token. Rejects with `NotAllowed`. */
  call(
    call: ToolCall,
    options?: { readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<ToolResult>;
  /** The entry of the log behind a receipt of this principal. */
  receipt(receiptId: string): Promise<{ readonly [member: string]: unknown }>;
}

/** The call was not made. */
export class NotAllowed extends Error {
  readonly decision: Decision;
  constructor(decision: Decision) {
    super(
      decision.decision === 'deny'
        ? `denied: ${decision.reason ?? 'no rule of the policy allows this call'}`
        : 'nobody has approved the call in time',
    );
    this.name = 'NotAllowed';
    this.decision = decision;
  }
}

/** What is needed of an SDK client, once it is connected. */
export interface SdkClient {
  getServerCapabilities(): object | undefined;
  request(request: never, schema: never): Promise<unknown>;
  callTool(params: never): Promise<unknown>;
}

const WAIT_MS = 600_000;
const ROUND_MS = 30_000;

/** A schema that takes everything, for SDK 1.x (Zod) and 2.x (Standard Schema). */
const ANYTHING = {
  parse: (data: unknown) => data,
  safeParse: (data: unknown) => ({ success: true, data }),
  '~standard': { version: 1, vendor: 'sepal', validate: (value: unknown) => ({ value }) },
};

export function authorization(client: SdkClient): Authorization {
  const offered = offers(client.getServerCapabilities());
  const ask = async (method: string, params: object): Promise<{ readonly [member: string]: unknown }> => {
    if (!offered) throw new Error('the server does not offer dev.sepal/authorization');
    const result = await client.request({ method, params } as never, ANYTHING as never);
    if (!isObject(result)) throw new Error(`the answer to ${method} is not an object`);
    return result;
  };
  const plain = (call: ToolCall, meta: object = {}): Promise<ToolResult> =>
    client.callTool({ ...call, ...meta } as never) as Promise<ToolResult>;
  const own: Authorization = {
    offered,
    propose: async (call) => readDecision(await ask('authorization/propose', call)),
    decide: async (approvalId, { waitMs = ROUND_MS } = {}) =>
      readDecision(await ask('authorization/decide', { approvalId, waitMs })),
    async call(call, { waitMs = WAIT_MS, signal } = {}) {
      if (!offered) return plain(call);
      const end = Date.now() + waitMs;
      let decision = await own.propose(call);
      while (decision.decision === 'review') {
        const left = end - Date.now();
        if (left <= 0) throw new NotAllowed(decision);
        signal?.throwIfAborted();
        decision = await own.decide(decision.approvalId, { waitMs: Math.min(left, ROUND_MS) });
      }
      if (decision.decision === 'deny') throw new NotAllowed(decision);
      return plain(call, { _meta: { [DECISION_META]: decision.token } });
    },
    receipt: (receiptId) => ask('authorization/receipt', { receiptId }),
  };
  return own;
}

/** The receipt of a result, or of the `data` of an error; null where there is none. */
export function receiptOf(answer: unknown): Receipt | null {
  const meta = isObject(answer) ? (answer['_meta'] ?? answer['data'] ?? answer) : null;
  const receipt = isObject(meta) ? meta[RECEIPT_META] : null;
  return isObject(receipt) && typeof receipt['id'] === 'string' ? (receipt as unknown as Receipt) : null;
}

function readDecision(result: { readonly [member: string]: unknown }): Decision {
  const receipt = receiptOf(result);
  const { decision, reason, token, approvalId, expires } = result;
  if (receipt === null) throw new Error('the decision has no receipt');
  const text = (value: unknown): value is string => typeof value === 'string';
  if (decision === 'allow' && text(token) && text(expires)) return { decision, token, expires, receipt };
  if (decision === 'review' && text(approvalId) && text(expires))
    return { decision, approvalId, expires, receipt };
  if (decision === 'deny') return { decision, reason: text(reason) ? reason : null, receipt };
  throw new Error('the decision cannot be read');
}

/** By an extension, or for older servers by an experimental capability. */
function offers(capabilities: unknown): boolean {
  if (!isObject(capabilities)) return false;
  return ['extensions', 'experimental'].some((slot) => {
    const own = capabilities[slot];
    return isObject(own) && isObject(own[EXTENSION]);
  });
}

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
