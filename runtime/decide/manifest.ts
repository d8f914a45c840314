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

/** What a member may hold; a policy is loaded before anything is warm, so shapes are data, and few functions read them all. */
type Shape = Plain | readonly ['maybe' | 'or null' | 'list' | 'record', Shape] | Members;
type Plain =
  | 'text'
  | 'hash'
  | 'day'
  | 'number'
  | 'integer'
  | 'period'
  | 'one'
  | 'steps'
  | 'flag'
  | 'scalar'
  | 'source'
  | 'type'
  | 'narrowing';
type Members = { readonly [key: string]: Shape };

const SOURCES: readonly unknown[] = ['claim', 'config', 'http', 'scan', 'clock', 'measure', 'pin', 'result'];
const MANIFEST: Members = {
  version: 'one',
  abi: 'integer',
  policy: { name: 'text', version: 'text' },
  source: 'hash',
  modules: ['maybe', ['record', 'hash']],
  module: 'hash',
  rules: ['maybe', 'hash'],
  compiler: { version: 'text', hash: 'text' },
  tz: 'text',
  unicode: 'text',
  today: ['maybe', 'day'],
  steps: 'steps',
  tools: ['record', 'text'],
  narrowing: ['maybe', 'narrowing'],
  masked: ['maybe', ['record', ['list', 'text']]],
  nearest: [
    'maybe',
    {
      values: ['record', ['list', 'scalar']],
      under: ['record', ['list', 'text']],
      turns: ['maybe', ['record', ['list', 'number']]],
      wait: 'flag',
    },
  ],
  facts: [
    'list',
    { name: 'text', type: 'type', source: 'source', path: ['list', 'text'], fresh: ['maybe', 'period'] },
  ],
  signature: ['or null', { key: 'text', expires: ['or null', 'day'], readable: 'hash', value: 'text' }],
};

function fits(value: unknown, shape: Shape): boolean {
  if (typeof shape === 'string') return isPlain(value, shape);
  if (!isPair(shape)) return isRecord(value) && faultIn(value, shape) === null;
  const [how, of] = shape;
  if (how === 'maybe') return value === undefined || fits(value, of);
  if (how === 'or null') return value === null || fits(value, of);
  if (how === 'list' ? !Array.isArray(value) : !isRecord(value)) return false;
  const all = Object.values(value as object) as readonly unknown[];
  for (let i = 0; i < all.length; i++) if (!fits(all[i], of)) return false;
  return true;
}
const isPair = (shape: Exclude<Shape, string>): shape is Exclude<Shape, string | Members> =>
  Array.isArray(shape);
const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isPlain(value: unknown, shape: Plain): boolean {
  switch (shape) {
    case 'text':
      return typeof value === 'string';
    case 'hash':
      return typeof value === 'string' && isHash(value);
    case 'day':
      return typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
    case 'number':
      return typeof value === 'number';
    case 'integer':
      return Number.isSafeInteger(value);
    case 'period':
      return Number.isSafeInteger(value) && Number(value) >= 0;
    case 'one':
      return value === 1;
    case 'steps':
      return typeof value === 'number' && value >= 1;
    case 'flag':
      return typeof value === 'boolean';
    case 'scalar':
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    case 'source':
      return SOURCES.includes(value);
    case 'type':
      return isRecord(value) && typeof value['kind'] === 'string';
    case 'narrowing':
      return isNarrowing(value);
  }
}

/** `sha256:` and 64 hex digits. */
function isHash(value: string): boolean {
  if (value.length !== 71 || !value.startsWith('sha256:')) return false;
  for (let i = 7; i < 71; i++) {
    const c = value.charCodeAt(i);
    if (c < 48 || c > 102 || (c > 57 && c < 97)) return false;
  }
  return true;
}

/**
 * Most of a manifest: so loops, all in one place (a small function that is called for each value would be optimized, for nothing).
 * A member that is not its own is looked at as well.
 */
function isNarrowing(units: unknown): boolean {
  if (!isRecord(units)) return false;
  for (const name in units) {
    const unit = units[name];
    if (typeof unit !== 'object' || unit === null || Array.isArray(unit)) return false;
    for (const argument in unit) {
      const bounds = (unit as Readonly<Record<string, unknown>>)[argument];
      if (typeof bounds !== 'object' || bounds === null || Array.isArray(bounds)) return false;
      for (const key in bounds) {
        const of = (bounds as Readonly<Record<string, unknown>>)[key];
        if (key !== 'enum') {
          if (!BOUNDS.has(key) || !Number.isFinite(of)) return false;
          continue;
        }
        if (!Array.isArray(of)) return false;
        for (let i = 0; i < of.length; i++) {
          const type = typeof of[i];
          if (type !== 'string' && type !== 'number' && type !== 'boolean') return false;
        }
      }
    }
  }
  return true;
}

const BOUNDS: ReadonlySet<string> = new Set(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']);

function faultIn(value: { readonly [key: string]: unknown }, members: Members): string | null {
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(members, key)) return `has an unknown key \`${key.slice(0, 60)}\``;
  }
  for (const key of Object.keys(members)) {
    const member = Object.hasOwn(value, key) ? value[key] : undefined;
    if (fits(member, members[key] as Shape)) continue;
    return member === undefined ? `lacks \`${key}\`` : `has a \`${key}\` that this release cannot read`;
  }
  return null;
}

/** The manifest, or what is wrong with it, as words that follow "the manifest". */
export function readManifest(value: unknown): BundleManifest | string {
  if (!isRecord(value)) return 'is not an object';
  if (Object.hasOwn(value, 'version') && value['version'] !== 1) return 'has a version that is not 1';
  return faultIn(value, MANIFEST) ?? (value as unknown as BundleManifest);
}
