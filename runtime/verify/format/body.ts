// SPDX-License-Identifier: Apache-2.0
/**
 * The receipt body, version 1 (docs/receipt-format.md). Frozen: members may be absent, none may be added or change meaning.
 * ASCII keys, safe integers only, no floats. Hashes are `sha256:` and 64 hex digits; ids are base64 of 16 bytes.
 */
export type EntryType =
  | 'genesis'
  | 'key'
  | 'revoke'
  | 'policy'
  | 'propose'
  | 'decide'
  | 'approve'
  | 'outcome'
  | 'ack'
  | 'anchor'
  | 'seal'
  | 'snapshot'
  | 'recovery'
  | 'event';

export interface Body {
  readonly v: 1;
  readonly type: EntryType;
  /** The log's origin, equal to the checkpoint's first line. */
  readonly log: string;
  readonly seq: number;
  /** Leaf hash of the entry before; absent only in genesis. */
  readonly prev?: string;
  /** RFC 3339, UTC, milliseconds; never goes back. */
  readonly time: string;
  readonly clock?: 'held';
  readonly boot: string;
  readonly call?: string;
  readonly refs?: Refs;
  readonly principal?: Principal;
  readonly intent?: IntentDigest;
  readonly phase?: 'call' | 'result' | 'list';
  readonly policy?: PolicyRef;
  readonly facts?: readonly string[];
  readonly facts_root?: string;
  readonly reads?: readonly string[];
  readonly unknowns?: readonly { readonly name: string; readonly why: string; readonly otherwise: Effect }[];
  readonly counts?: readonly {
    readonly name: string;
    readonly key: readonly string[];
    readonly add: number | string;
  }[];
  readonly decision?: DecisionBody;
  readonly approval?: ApprovalBody;
  readonly outcome?: OutcomeBody;
  readonly key?: KeyBody;
  readonly revoke?: Revocation;
  readonly anchor?: { readonly checkpoint: string };
  readonly seal?: { readonly key: string; readonly size: number };
  readonly snapshot?: { readonly hash: string; readonly size: number };
  readonly recovery?: { readonly cut: number; readonly unknown: number };
  readonly event?: EventBody;
  readonly ext?: { readonly [key: string]: unknown };
}

export type Effect = 'allow' | 'review' | 'deny';

/** Leaf hashes of entries of the same life of a call; `parent` may name an entry of another log. */
export interface Refs {
  readonly propose?: string;
  readonly decide?: string;
  readonly approve?: readonly string[];
  readonly parent?: { readonly log: string; readonly leaf: string };
}
export interface Principal {
  readonly id: string;
  readonly roles: readonly string[];
  /** How the credential was proven (`token`, `stdio`, `anonymous`, `jwt`) and its public id, never the credential. */
  readonly auth: { readonly method: string; readonly credential?: string };
  readonly on_behalf_of?: { readonly id: string; readonly roles: readonly string[] };
  /** Commitment to our session; the same for a whole session. */
  readonly session: string;
}
export interface IntentDigest {
  readonly kind: string;
  readonly method: string;
  readonly server: string;
  readonly name: string;
  /** Hash of the pinned definition; absent where there is none. */
  readonly definition?: string;
  readonly args_root: string;
  readonly args_count: number;
  /** SHA-256 of the JCS form of the whole canonical intent. */
  readonly digest: string;
  readonly trace?: string;
}
export interface PolicyRef {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly module: string;
  readonly compiler: string;
  /** Leaf of the `policy` entry that activated it; absent in that entry. */
  readonly activation?: string;
  /** In `policy` entries only. */
  readonly versions?: {
    readonly node: string;
    readonly icu: string;
    readonly unicode: string;
    readonly tz: string;
    readonly ada: string;
  };
}
export interface DecisionBody {
  readonly effect: Effect;
  readonly rules: readonly string[];
  readonly shadow?: readonly { readonly name: string; readonly effect: string; readonly unknown?: true }[];
  readonly default: boolean;
  readonly reason?: string;
  readonly approvals?: readonly {
    readonly rule: string;
    readonly roles?: readonly string[];
    readonly self?: true;
    readonly quorum: number;
    /** Milliseconds. */
    readonly timeout: number;
  }[];
  /** RFC 3339; of a review. */
  readonly expires?: string;
  readonly steps: number;
  /** In a dry run: what the policy said of a call that was forwarded all the same. */
  readonly dry_run?: Effect;
  readonly masked?: readonly { readonly kind: string; readonly count: number }[];
}
export interface ApprovalBody {
  readonly verdict: 'approve' | 'deny';
  readonly approver: { readonly id: string; readonly roles: readonly string[] };
  readonly nonce: string;
  readonly expires: string;
  readonly proof: /** `key` is the approver's vkey (C2SP); `signature` base64 over the approval text. */
    | { readonly key: string; readonly signature: string }
    /** The gateway attests: authentication method and session commitment. */
    | { readonly session: string; readonly method: string };
}
export interface OutcomeBody {
  readonly status: 'ok' | 'tool_error' | 'upstream_error' | 'timeout' | 'cancelled' | 'not_sent' | 'unknown';
  readonly result_root?: string;
  readonly bytes?: number;
  readonly ms?: number;
}
/** A certified key: in genesis `root` and `log`; in `key` entries one key with its certificate by the certifying key. */
export interface KeyBody {
  readonly purpose: 'root+log' | 'log' | 'epoch';
  /** C2SP vkey: name+keyid+base64. */
  readonly key: string;
  /** Genesis only: the root's vkey, beside the log key in `key`. */
  readonly root?: string;
  /** Full SHA-256 of the public key. */
  readonly fingerprint: string;
  /** Base64 signature by the certifying key over `"sepal.dev/key/v1\n" + JCS({log, purpose, key}) + "\n"`. */
  readonly certificate?: string;
}
/** What a key signed from entry `from` on does not count. */
export interface Revocation {
  /** Its vkey or fingerprint. */
  readonly key: string;
  readonly from: number;
  readonly reason?: string;
  /** Base64 signature by the root over `"sepal.dev/revoke/v1\n" + JCS({from, key, log}) + "\n"`. */
  readonly certificate?: string;
}
export interface EventBody {
  readonly kind:
    | 'refused_input'
    | 'failed_authentication'
    | 'pins_changed'
    | 'kill_switch'
    | 'dry_run'
    | 'reload_refused'
    | 'erase'
    | 'denied_method';
  readonly source?: string;
  readonly detail?: string;
  readonly count?: number;
  /** RFC 3339 minute that the counts belong to. */
  readonly minute?: string;
}
