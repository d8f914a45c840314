// SPDX-License-Identifier: Apache-2.0
/**
 * Tells the operator's own endpoint that a call waits for people. Signed, tried again with growing pauses, in the background: no call ever
 * waits for it. It is news only; whoever receives it still has to look at the call and sign with a key of their own.
 *
 * ```
 * sepal-signature: t=1767225600,v1=<hex of HMAC-SHA256(secret, "1767225600." + body)>
 * ```
 */
import { createHmac } from 'node:crypto';
import { request } from 'undici';
import type { WebhookConfig } from '../../config-operate.js';
import type { Pending } from '../../approvals/types.js';

export interface Webhook {
  /** Reviews that were opened and have ended, as they are now. */
  look(pending: readonly Pending[]): void;
  readonly counts: { readonly sent: number; readonly failed: number; readonly waiting: number };
  close(): void;
}

export interface WebhookOptions {
  readonly config: WebhookConfig;
  readonly wall: () => number;
  readonly say: (line: string) => void;
  /** Pauses before each further attempt. */
  readonly pausesMs?: readonly number[];
}

const PAUSES_MS = [1_000, 5_000, 30_000, 120_000, 600_000];
const MAX_WAITING = 1_000;
const AT_ONCE = 4;

export function webhook({ config, wall, say, pausesMs = PAUSES_MS }: WebhookOptions): Webhook {
  const counts = { sent: 0, failed: 0, waiting: 0 };
  const stopped = new AbortController();
  const queue: string[] = [];
  let known = new Map<string, Pending>();
  let busy = 0;
  let told = '';

  const deliver = async (body: string): Promise<void> => {
    for (let attempt = 0; !stopped.signal.aborted; attempt++) {
      const fault = await post(config, body, wall(), stopped.signal);
      if (fault === null) {
        counts.sent++;
        told = '';
        return;
      }
      // Once for a run of failures, and never the URL: it may hold a secret.
      if (told !== fault) say(`the webhook for approvals failed: ${fault}`);
      told = fault;
      const pause = pausesMs[attempt];
      if (pause === undefined) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause).unref();
        stopped.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
      });
    }
    counts.failed++;
  };
  const work = (): void => {
    while (busy < AT_ONCE && queue.length > 0) {
      busy++;
      void deliver(queue.shift() ?? '').finally(() => {
        busy--;
        counts.waiting = queue.length + busy;
        work();
      });
    }
    counts.waiting = queue.length + busy;
  };
  const put = (type: string, pending: Pending): void => {
    if (queue.length >= MAX_WAITING) {
      counts.failed++;
      return;
    }
    queue.push(JSON.stringify({ version: 1, type, approval: newsOf(pending) }));
  };
  return {
    counts,
    look(pending) {
      const now = new Map(pending.map((one) => [one.id, one]));
      for (const [id, one] of now) if (!known.has(id)) put('approval.opened', one);
      for (const [id, one] of known) if (!now.has(id)) put('approval.ended', one);
      known = now;
      work();
    },
    close: () => stopped.abort(),
  };
}

/** No arguments: they may hold what the endpoint should not keep. The digest says which call it is. */
function newsOf({ id, principal, intent, rules, reason, missing, opened, expires }: Pending): object {
  return {
    id,
    principal: principal.id,
    user: principal.on_behalf_of?.id ?? null,
    action: { kind: intent.kind, server: intent.server, name: intent.name, digest: intent.digest },
    rules,
    reason,
    needs: missing,
    opened,
    expires,
  };
}

async function post(
  { url, headers, timeoutMs, secret }: WebhookConfig,
  body: string,
  wall: number,
  stop: AbortSignal,
): Promise<string | null> {
  const t = Math.floor(wall / 1000);
  const signature = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex');
  try {
    const { statusCode, body: answer } = await request(url, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
        'sepal-signature': `t=${t},v1=${signature}`,
      },
      body,
      signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
    });
    await answer.dump({ limit: 4096 });
    return statusCode >= 200 && statusCode < 300 ? null : `it answered ${statusCode}`;
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
    return (error as { readonly code?: string }).code ?? 'no connection';
  }
}
