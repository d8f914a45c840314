// SPDX-License-Identifier: Apache-2.0
/** A policy, compiled in memory and loaded: what test, decide, build and the gateway start from. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Compiled, compile, type SourceFile } from '../compiler/compile.js';
import { didYouMean } from '../compiler/diagnostics/suggest.js';
import type { Diagnostic } from '../compiler/diagnostics/diagnostic.js';
import { renderHuman } from '../compiler/diagnostics/render.js';
import { type BundleManifest, type LoadedPolicy, loadPolicy, type Trust } from '../runtime/decide/load.js';
import { argumentCheck, type ArgumentCheck } from '../runtime/gateway/validate.js';
import { type Pins, readPins } from '../runtime/gateway/pins.js';
import { digest } from '../runtime/verify/format/hash.js';
import { parseStrict } from '../runtime/verify/format/json.js';
import type { Intent, Json, JsonRecord, PolicyModule } from '../stdlib/abi.js';
import { withCompiler } from './compiler-host.js';
import { compilerId } from './compiler-id.js';
import { EXIT } from './exit-codes.js';
import { Failure, why } from './failure.js';
import { exists, readText, readTextIfThere } from './files.js';
import { openPolicy } from './sources.js';
import type { Io } from './terminal.js';

/** Null where the arguments fit the pinned schema of the tool; tools that are not pinned fit nothing. */
export type Misfit = (server: string, tool: string, args: JsonRecord) => string | null;

export interface Policy {
  readonly source: SourceFile;
  readonly compiled: Compiled;
  readonly module: PolicyModule;
  readonly manifest: BundleManifest;
  /** Absolute path of the lock that the policy names; null when it names none. */
  readonly lock: string | null;
  readonly misfit: Misfit;
  readonly scan: Scan;
  /** The root and what it imports, as absolute paths. */
  readonly files: readonly string[];
}

export interface CompileResult {
  /** Null when the policy has errors. */
  readonly policy: Policy | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: ReadonlyMap<string, string>;
}

/** Compiles and loads the policy at `path`; `today` is what `shadow until` is compared with. */
export async function compilePolicy(path: string, io: Io, today?: string): Promise<CompileResult> {
  const opened = openPolicy(path, io, today);
  const { output, diagnostics } = await withCompiler((host) => compile(opened.input, host, compilerId()));
  const { sources } = opened;
  if (output === null) return { policy: null, diagnostics, sources };
  const { module, manifest } = await loadPolicy(output.js, output.manifest);
  const lock = opened.lock();
  const policy = {
    source: opened.input.source,
    compiled: output,
    module,
    manifest,
    lock,
    misfit: misfitOf(lock),
    scan: await scanFor({ module, manifest }, lock),
    files: opened.files(),
  };
  return { policy, diagnostics, sources };
}

/** The policy; ends the command (exit 3) with its diagnostics when it has errors. Warnings alone are for `sepal check`. */
export function policyOrFail(result: CompileResult, io: Io): Policy {
  const { policy, diagnostics, sources } = result;
  if (policy !== null) return policy;
  io.err(`${renderHuman(diagnostics, sources, false)}\n`);
  const errors = diagnostics.filter((d) => d.severity === 'error').length;
  throw new Failure(`the policy has ${errors} ${errors === 1 ? 'error' : 'errors'}`, null, EXIT.policy);
}

/** Computes a result of the scanner for a question; undefined where it cannot be had. */
export type Scan = (path: readonly string[], intent: Intent, result?: unknown) => Json | undefined;

/** Scans arguments, and the pinned definitions of `lock`. The scanner is loaded only for a policy that asks it, or masks answers. */
export async function scanFor({ module, manifest }: LoadedPolicy, lock: string | null): Promise<Scan> {
  const asks = manifest.facts.some(({ source }) => ['scan', 'pin', 'result'].includes(source));
  if (!asks && !module.phases.includes('result')) return () => undefined;
  const { scanFact } = await import('../runtime/scan/index.js');
  const pins: Pins = lock === null ? new Map() : pinsAt(lock);
  return (path, { kind, server, name, args }, result) => {
    const pin = kind === 'tool' ? pins.get(server)?.get(name) : undefined;
    return scanFact(path, { args, tool: pin?.definition ?? null, result });
  };
}

function misfitOf(lock: string | null): Misfit {
  const pins: Pins = lock === null ? new Map() : pinsAt(lock);
  const checks = new Map<string, ArgumentCheck>();
  return (server, tool, args) => {
    const pin = pins.get(server)?.get(tool);
    if (pin === undefined) return notPinned(`${server}/${tool}`, pins);
    const key = JSON.stringify([server, tool]);
    const check = checks.get(key) ?? argumentCheck(pin.definition);
    checks.set(key, check);
    return check(args);
  };
}

function notPinned(wanted: string, pins: Pins): string {
  const known = [...pins].flatMap(([server, tools]) => [...tools.keys()].map((tool) => `${server}/${tool}`));
  const near = didYouMean(wanted, known);
  return `\`${wanted}\` is not pinned${near === null ? '' : `; ${near}`}`;
}

function pinsAt(lock: string): Pins {
  const pins = readPins(readFileSync(lock), lock);
  if (!pins.ok) throw new Failure(pins.message, pins.help);
  return pins.pins;
}

/** A bundle that `sepal build` wrote. */
export interface Bundle {
  readonly module: PolicyModule;
  readonly manifest: BundleManifest;
}

export const isBundle = (path: string): boolean => path.endsWith('.js') || path.endsWith(MANIFEST);
const MANIFEST = '.manifest.json';

/**
 * Loads NAME.js or NAME.manifest.json, checking the one against the other, and both (with NAME.ts, where it is there) against their
 * signature.
 */
export async function openBundle(path: string, trust: Trust): Promise<Bundle> {
  const base = path.endsWith(MANIFEST) ? path.slice(0, -MANIFEST.length) : path.slice(0, -'.js'.length);
  const file = `${base}${MANIFEST}`;
  const parsed = parseStrict(
    readText(file, 'a bundle is NAME.js and NAME.manifest.json, as `sepal build` writes them'),
  );
  if (!parsed.ok) throw new Failure(`${file} is not JSON: ${parsed.error.message}`, 'build the policy again');
  const js = readText(
    `${base}.js`,
    'a bundle is NAME.js and NAME.manifest.json, as `sepal build` writes them',
  );
  try {
    const bundle = await loadPolicy(js, parsed.value, trust);
    const readable = readTextIfThere(`${base}.ts`);
    const { signature } = bundle.manifest;
    if (signature === null || readable === null || digest(readable) === signature.readable) return bundle;
  } catch (error) {
    throw new Failure(`${path}: ${why(error)}`, 'build the policy again with `sepal build`');
  }
  throw new Failure(
    `${base}.ts is not the text that was signed`,
    'build the policy again with `sepal build`',
  );
}

/** Where publishers are named, what nobody signed is not loaded: a policy that is compiled on the spot is such. */
export function requireBundle(path: string, publishers: readonly string[]): void {
  if (publishers.length === 0 || isBundle(path)) return;
  throw new Failure(
    `${path} is not signed, and \`trustedPublishers\` is set`,
    'name the bundle that `sepal build --sign` made as `policy`',
  );
}

/** The two files of a bundle. */
export function bundleFiles(path: string): readonly string[] {
  const base = path.endsWith(MANIFEST) ? path.slice(0, -MANIFEST.length) : path.slice(0, -'.js'.length);
  return [`${base}.js`, `${base}${MANIFEST}`];
}

/** The lock of a bundle stands beside it, or one folder up. */
export function bundleLock(path: string): string | null {
  const places = [dirname(path), dirname(dirname(path))].map((dir) => join(dir, 'sepal.lock'));
  return places.find(exists) ?? null;
}

export const misfitBy = misfitOf;
