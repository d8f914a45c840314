// SPDX-License-Identifier: Apache-2.0
/** `NAME.manifest.json` as the loader reads it: every member known, none missing. */
import type { BundleSignature } from './signature.js';

export interface BundleManifest {
  readonly version: 1;
  readonly abi: number;
  readonly policy: { readonly name: string; readonly version: string };
  /** `sha256:…` of the policy's bytes and of the module's. */
  readonly source: string;
  /** Hashes of the texts of imported modules, by policy name; absent without imports. */
  readonly modules?: { readonly [name: string]: string };
  readonly module: string;
  /** Of NAME.rules.json, where `sepal build` wrote it: for comparisons, nothing decides by it. */
  readonly rules?: string;
  readonly compiler: { readonly version: string; readonly hash: string };
  /** Versions of the time zone and Unicode data that the policy was compiled with. */
  readonly tz: string;
  readonly unicode: string;
  /** The day with which `shadow until` was compared; absent without such rules. */
  readonly today?: string;
  /** Static bound on the steps of one decision. */
  readonly steps: number;
  /** Hashes of the pinned definitions, by `server/tool`. */
  readonly tools: { readonly [tool: string]: string };
  /** By unit that may grant, by argument: the values with which it can grant. */
  readonly narrowing?: { readonly [unit: string]: { readonly [argument: string]: Bounds } };
  /** By `server/tool`: the arguments that receipts must not hold in clear. */
  readonly masked?: { readonly [tool: string]: readonly string[] };
  /** What may be tried for callers whom a rule says to `tell`. */
  readonly nearest?: Nearest;
  readonly facts: readonly FactSource[];
  readonly signature: BundleSignature | null;
}
export type Scalar = string | number | boolean;
/** As JSON Schema says it. */
export interface Bounds {
  readonly enum?: readonly Scalar[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}
/** Values to try for an argument, by JSON pointer; folders to put the last segment of a path in; whether waiting may help. */
export interface Nearest {
  readonly values: { readonly [pointer: string]: readonly Scalar[] };
  readonly under: { readonly [pointer: string]: readonly string[] };
  /** By pointer to a number, where comparisons of any rule turn: between two of them nothing changes. Of no others is a range known. */
  readonly turns?: { readonly [pointer: string]: readonly number[] };
  readonly wait: boolean;
}
export interface FactSource {
  readonly name: string;
  readonly type: unknown;
  readonly source: string;
  readonly path: readonly string[];
  /** Of `http`: older values cannot be used, in milliseconds. */
  readonly fresh?: number;
}

type Test = (value: unknown) => boolean;
type Members = { readonly [key: string]: Test };

const isText: Test = (value) => typeof value === 'string';
const isHash: Test = (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);
const isDay: Test = (value) =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fits =
  (members: Members): Test =>
  (value) =>
    isRecord(value) && faultIn(value, members) === null;

const SOURCES: readonly unknown[] = ['claim', 'config', 'http', 'scan', 'clock', 'measure', 'pin', 'result'];
const FACT: Members = {
  name: isText,
  type: (value) => isRecord(value) && isText(value['kind']),
  source: (value) => SOURCES.includes(value),
  path: (value) => Array.isArray(value) && value.every(isText),
  fresh: (value) => value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0),
};
const isScalar: Test = (value) =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
const listOf =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && value.every(test);
const recordOf =
  (test: Test): Test =>
  (value) => {
    if (!isRecord(value)) return false;
    const all = Object.values(value);
    for (let i = 0; i < all.length; i++) if (!test(all[i])) return false;
    return true;
  };
const BOUNDS: ReadonlySet<string> = new Set(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']);
/** Most of a manifest is bounds, and a policy is loaded before anything is warm: so a loop, and no tests of tests. */
const isBounds: Test = (value) => {
  if (!isRecord(value)) return false;
  const keys = Object.keys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const of = value[key];
    if (key === 'enum') {
      if (!Array.isArray(of)) return false;
      for (let k = 0; k < of.length; k++) if (!isScalar(of[k])) return false;
    } else if (!BOUNDS.has(key) || !Number.isFinite(of)) return false;
  }
  return true;
};
const NEAREST: Members = {
  values: recordOf(listOf(isScalar)),
  under: recordOf(listOf(isText)),
  turns: (value) => value === undefined || recordOf(listOf((one) => typeof one === 'number'))(value),
  wait: (value) => typeof value === 'boolean',
};
const SIGNATURE: Members = {
  key: isText,
  expires: (value) => value === null || isDay(value),
  readable: isHash,
  value: isText,
};
const MANIFEST: Members = {
  version: (value) => value === 1,
  abi: (value) => Number.isSafeInteger(value),
  policy: fits({ name: isText, version: isText }),
  source: isHash,
  modules: (value) => value === undefined || (isRecord(value) && Object.values(value).every(isHash)),
  module: isHash,
  rules: (value) => value === undefined || isHash(value),
  compiler: fits({ version: isText, hash: isText }),
  tz: isText,
  unicode: isText,
  today: (value) => value === undefined || isDay(value),
  steps: (value) => typeof value === 'number' && value >= 1,
  tools: (value) => isRecord(value) && Object.values(value).every(isText),
  narrowing: (value) => value === undefined || recordOf(recordOf(isBounds))(value),
  masked: (value) => value === undefined || recordOf(listOf(isText))(value),
  nearest: (value) => value === undefined || fits(NEAREST)(value),
  facts: (value) => Array.isArray(value) && value.every(fits(FACT)),
  signature: (value) => value === null || fits(SIGNATURE)(value),
};

function faultIn(value: { readonly [key: string]: unknown }, members: Members): string | null {
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(members, key)) return `has an unknown key \`${key.slice(0, 60)}\``;
  }
  for (const [key, test] of Object.entries(members)) {
    const member = Object.hasOwn(value, key) ? value[key] : undefined;
    if (member === undefined && !test(undefined)) return `lacks \`${key}\``;
    if (!test(member)) return `has a \`${key}\` that this release cannot read`;
  }
  return null;
}

/** The manifest, or what is wrong with it, as words that follow "the manifest". */
export function readManifest(value: unknown): BundleManifest | string {
  if (!isRecord(value)) return 'is not an object';
  if (Object.hasOwn(value, 'version') && value['version'] !== 1) return 'has a version that is not 1';
  return faultIn(value, MANIFEST) ?? (value as unknown as BundleManifest);
}
