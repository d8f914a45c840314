// SPDX-License-Identifier: Apache-2.0
/** The scanner as the gateway uses it: loaded with the first policy that asks, each value scanned once for an evaluation. */
import type { Json } from '../../stdlib/abi.js';
import type { Scannable } from '../scan/facts.js';
import type { Masked } from '../scan/mask.js';
import type { ValueScan } from '../scan/walk.js';
import type { Classifier } from './classifier.js';
import type { LargeMessages } from './large/service.js';

/** What has been scanned in one evaluation, by the path of what it is about. */
export type Scans = Map<string, Promise<ValueScan | null>>;

export interface Scanner {
  /** The value of a fact whose source is `scan`; undefined when it cannot be had. */
  fact(path: readonly string[], of: Scannable, scans: Scans): Promise<Json | undefined>;
  /** A text of the definition or the answer. */
  text(source: 'pin' | 'result', path: readonly string[], of: Scannable): Promise<string | undefined>;
  /** Hash of the rule set (scan/rule-set.ts), which receipts name beside its results. */
  rules(): Promise<string>;
  mask(result: unknown, masks: readonly string[]): Promise<Masked>;
  close(): Promise<void>;
}

/** `packed`: see `LargeMessages`. */
export function lazyScanner(
  classifier: Classifier | null = null,
  packed: LargeMessages['packed'] = () => null,
): Scanner {
  let loaded: ReturnType<typeof load> | null = null;
  const scans = (): ReturnType<typeof load> => (loaded ??= load());
  return {
    fact: async (path, of, done) => {
      const { facts, service } = await scans();
      const { name, kind, subject } = facts.scanCall(path);
      const value = facts.subjectAt(of, subject);
      const [root, ...inside] = subject;
      const bytes = () => (root === 'args' ? packed(of.args as object, inside) : null);
      const key = JSON.stringify(subject);
      const scan =
        done.get(key) ?? Promise.resolve(facts.scanned(subject, value, () => service.scan(value, bytes)));
      done.set(key, scan);
      const found = await scan;
      const own = found === null ? undefined : facts.resultOf(name, kind, found);
      if (classifier === null || name !== 'injection_score' || typeof own !== 'number') return own;
      if (value === undefined) return own;
      const other = await classifier.score(value);
      return other === undefined ? undefined : Math.max(own, other);
    },
    text: async (source, path, of) => (await scans()).facts.hostText(source, path, of),
    rules: async () => (await scans()).rules.ruleSetHash(),
    mask: async (result, masks) => {
      const { mask, service } = await scans();
      return mask.maskResult(result, masks, (value) => service.scan(value));
    },
    close: async () => {
      if (loaded !== null) await (await loaded).service.close();
    },
  };
}

async function load() {
  const [facts, mask, rules, { scanService }] = await Promise.all([
    import('../scan/facts.js'),
    import('../scan/mask.js'),
    import('../scan/rule-set.js'),
    import('../scan/service.js'),
  ]);
  return { facts, mask, rules, service: scanService() };
}
