// SPDX-License-Identifier: Apache-2.0
/** The table of verbs. Each loads only what it needs. */
import type { Verbs } from './dispatch.js';
import { POLICY_VERBS } from './policy-verbs.js';

export const VERBS: Verbs = {
  init: {
    summary: 'write a set-up that runs as it is: policy, config, keys, lock, tests, client snippet',
    load: async () => (await import('./commands/init.js')).command,
  },
  ...POLICY_VERBS,
  prove: {
    summary: 'answer what a policy claims about every call',
    load: async () => (await import('./commands/prove.js')).command,
  },
  diff: {
    summary: 'what a changed policy widens and tightens, with examples',
    load: async () => (await import('./commands/diff.js')).command,
  },
  reach: {
    summary: 'everything that a principal can ever be allowed',
    load: async () => (await import('./commands/reach.js')).command,
  },
  decide: {
    summary: 'ask a policy one question, or a batch',
    load: async () => (await import('./commands/decide.js')).command,
  },
  import: {
    summary: 'make a policy of one in YAML or JSON, and check that it means the same',
    load: async () => (await import('./commands/import.js')).command,
  },
  lsp: {
    summary: 'the language server for editors',
    load: async () => (await import('./commands/lsp.js')).command,
  },
  schema: {
    summary: 'print the JSON Schema of sepal.json',
    load: async () => (await import('./commands/schema.js')).command,
  },
  explain: {
    summary: 'print the page of an error code',
    load: async () => (await import('./commands/explain.js')).command,
  },
  'tools pull': {
    summary: 'pin the tools that the servers offer now',
    load: async () => (await import('./commands/tools-pull.js')).command,
  },
  'tools diff': {
    summary: 'compare what the servers offer with what is pinned',
    load: async () => (await import('./commands/tools-diff.js')).command,
  },
  'tools accept': {
    summary: 'accept new, changed or removed tools',
    load: async () => (await import('./commands/tools-accept.js')).command,
  },
  gateway: {
    summary: 'guard the servers of a config over HTTP',
    load: async () => (await import('./commands/gateway.js')).command,
  },
  wrap: {
    summary: "guard servers over stdio, for a client's configuration",
    load: async () => (await import('./commands/wrap.js')).command,
  },
  reload: {
    summary: 'put changed policies and pins in force in the running gateway',
    load: async () => (await import('./commands/reload.js')).command,
  },
  kill: {
    summary: 'the kill switch: deny everything, or all of one principal, server or tool',
    load: async () => (await import('./commands/kill.js')).command,
  },
  doctor: {
    summary: 'examine a set-up: keys, log, clock, disk, servers, what tools could reach',
    load: async () => (await import('./commands/doctor.js')).command,
  },
  'approvals list': {
    summary: 'calls that wait for a person',
    load: async () => (await import('./commands/approvals-list.js')).command,
  },
  'approvals show': {
    summary: 'one waiting call, in full',
    load: async () => (await import('./commands/approvals-show.js')).command,
  },
  'approvals approve': {
    summary: 'approve a waiting call with your key',
    load: async () => (await import('./commands/approvals-approve.js')).command,
  },
  'approvals deny': {
    summary: 'refuse a waiting call with your key',
    load: async () => (await import('./commands/approvals-deny.js')).command,
  },
  'approvals watch': {
    summary: 'print waiting calls as they come and go',
    load: async () => (await import('./commands/approvals-watch.js')).command,
  },
  'token create': {
    summary: 'make a bearer token for a principal',
    load: async () => (await import('./commands/token-create.js')).command,
  },
  'token list': {
    summary: 'list tokens, never their secrets',
    load: async () => (await import('./commands/token-list.js')).command,
  },
  'token rotate': {
    summary: 'replace the secret of a token',
    load: async () => (await import('./commands/token-rotate.js')).command,
  },
  'token revoke': {
    summary: 'end a token',
    load: async () => (await import('./commands/token-revoke.js')).command,
  },
  keygen: {
    summary: "make a key: the log's root and log key, or an approver's",
    load: async () => (await import('./commands/keygen.js')).command,
  },
  verify: {
    summary: 'verify a log of receipts against a trust file',
    load: async () => (await import('./commands/verify.js')).command,
  },
  replay: {
    summary: 'decide again, with another policy, what a log says was decided',
    load: async () => (await import('./commands/replay.js')).command,
  },
  reconcile: {
    summary: "compare the client's, the gateway's and an upstream's view of the same calls",
    load: async () => (await import('./commands/reconcile.js')).command,
  },
  'log show': {
    summary: 'print the receipts of a log',
    load: async () => (await import('./commands/log-show.js')).command,
  },
  'log tail': {
    summary: 'print receipts as they are written',
    load: async () => (await import('./commands/log-tail.js')).command,
  },
  'log export': {
    summary: 'write a log for an auditor, as tiles, or in the formats of others',
    load: async () => (await import('./commands/log-export.js')).command,
  },
  'log cosign': {
    summary: 'take the last checkpoint of a log to its witnesses',
    load: async () => (await import('./commands/log-cosign.js')).command,
  },
  witness: {
    summary: 'cosign checkpoints of the logs of others',
    load: async () => (await import('./commands/witness.js')).command,
  },
  'log unseal': {
    summary: 'open the openings of an export that was sealed to your key',
    load: async () => (await import('./commands/log-unseal.js')).command,
  },
  'log erase': {
    summary: 'erase clear text kept beside receipts; no proof breaks',
    load: async () => (await import('./commands/log-erase.js')).command,
  },
  'log rotate': {
    summary: 'change the key that signs receipts, and take a new log key in',
    load: async () => (await import('./commands/log-rotate.js')).command,
  },
  'log revoke': {
    summary: 'write down that the root revoked a key',
    load: async () => (await import('./commands/log-revoke.js')).command,
  },
  'log prove': {
    summary: 'write one receipt with its proof',
    load: async () => (await import('./commands/log-prove.js')).command,
  },
};
