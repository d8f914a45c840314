// SPDX-License-Identifier: Apache-2.0
/** What fails closed on what: one row for each thing that this very gateway depends on. */
import type { Config } from '../runtime/config.js';
import type { LoadedPolicy } from '../runtime/decide/load.js';

export interface Verdict {
  readonly on: string;
  /** What happens while it is gone, broken or late. */
  readonly happens: string;
}

/** Always something is denied or kept; nothing here is ever let through. */
export function verdicts(config: Config, { manifest }: Pick<LoadedPolicy, 'manifest'>): readonly Verdict[] {
  const { identity, approvers, scan, webhook, metrics, tracing, receipts } = config;
  const facts = (source: string): readonly string[] =>
    manifest.facts.filter((fact) => fact.source === source).map(({ name }) => name);
  const scans = [...facts('scan'), ...facts('pin'), ...facts('result')];
  const rows: (Verdict | null)[] = [
    { on: `the log (${receipts.dir})`, happens: 'every call is denied until the gateway is started again' },
    { on: 'the policy', happens: 'a changed one with errors is not put in force; the old one stays' },
    { on: 'the pins (sepal.lock)', happens: 'what is new or changed is neither shown nor callable' },
    ...[...config.servers.keys()].map((server) => ({
      on: `server ${server}`,
      happens: 'its calls end with an error; other servers go on',
    })),
    identity.tokens === null
      ? null
      : {
          on: 'the token file',
          happens: 'it is read at start only; a change that cannot be written is refused',
        },
    identity.jwt === null
      ? null
      : {
          on: `the keys of ${identity.jwt.issuer}`,
          happens: 'the last ones hold for an hour; then signed tokens are refused (401)',
        },
    {
      on: 'approvers',
      happens:
        approvers.length === 0
          ? 'nobody is registered: every review is denied when its time is over'
          : 'a review that nobody answers is denied when its time is over',
    },
    scans.length === 0
      ? null
      : {
          on: 'the scanner',
          happens: `unknown: ${scans.slice(0, 5).join(', ')}; what needs it does not grant, and denies`,
        },
    scan.classifier === null
      ? null
      : { on: 'the classifier', happens: 'the score is unknown; what needs it does not grant, and denies' },
    ...[...config.facts.keys()].map((name) => ({
      on: `fact service ${name}`,
      happens: 'the fact is unknown; what needs it does not grant, and denies',
    })),
    facts('clock').length === 0
      ? null
      : { on: 'the clock', happens: 'a clock that goes back ends no session and no limit early' },
    receipts.witnesses.length === 0
      ? null
      : { on: 'witnesses', happens: 'nothing is denied; checkpoints have no new cosignatures' },
    webhook === null
      ? null
      : { on: 'the webhook', happens: 'nothing is denied; approvers must look by themselves' },
    metrics === null && tracing === null
      ? null
      : { on: 'metrics and traces', happens: 'nothing is denied; nobody sees' },
  ];
  return rows.filter((row) => row !== null);
}
