// SPDX-License-Identifier: Apache-2.0
/** Figures of the scanner: what it finds on labelled samples, beside what others were measured to find, and how fast. */
import { join } from 'node:path';
import { scanText } from '../../runtime/scan/index.js';
import { findUp } from '../paths.js';
import { table } from '../table.js';
import {
  type Counts,
  count,
  crossValidated,
  DETECTORS,
  ofSource,
  precision,
  readCorpus,
  recall,
  scanAll,
  sources,
} from './corpus.js';
import { countPeer, peers } from './peers.js';
import { timeRules } from './rules.js';
import { HOSTILE, PLAIN, repeated } from './texts.js';

const percent = (n: number): string => `${n.toFixed(1)} %`;
const of = (c: Counts): string => (c.positives === 0 ? '' : `${percent(recall(c))} of ${c.positives}`);
const wrong = (c: Counts): string => (c.benign === 0 ? '' : `${c.false} of ${c.benign}`);

/** Of the notes on the field, on samples of the same sources (half of them not in this set): given, not measured here. */
const PUBLISHED = [
  ['secret', 'Aegis 0.5.0', '76.6 %', '30.7 %', '5.7 %', '12 % of 26'],
  ['pii', 'Aegis 0.5.0', '78.7 %', '52.2 %', '4.7 %', '13 % of 16'],
  ['injection', 'Aegis 0.5.0', '80.6 %', '7.0 %', '1.0 %', '17 % of 48'],
  ['exfiltration', 'Aegis 0.5.0', '66.7 %', '4.0 %', '0.4 %', ''],
  ['code-safety', 'Aegis 0.5.0', '100 %', '45.8 %', '0 %', ''],
];

const samples = readCorpus(join(findUp('package.json'), '../shared/corpus/scan-dev.jsonl.gz'));
if (samples === null) console.log('The labelled samples are not there: figures of quality are skipped.\n');
else {
  const all = scanAll(samples);
  console.log(
    table(
      ['detector', 'precision', 'recall', 'false positives', 'in five folds by source', 'evasions'],
      DETECTORS.map((d) => {
        const plain = count(all, d);
        const folds = crossValidated(all, d);
        return [
          d.name,
          percent(precision(plain)),
          of(plain),
          wrong(plain),
          `P ${percent(precision(folds))}, R ${percent(recall(folds))}`,
          of(count(all, d, 'evasions')),
        ];
      }),
    ),
  );
  const { found, missing } = await peers();
  const others = await Promise.all(
    found.map(async (peer) => {
      const { plain, evasions } = await countPeer(peer, samples);
      const benign = `${percent((100 * plain.false) / Math.max(1, plain.benign))}`;
      return [peer.of, `${peer.name}, run here`, percent(precision(plain)), of(plain), benign, of(evasions)];
    }),
  );
  console.log('\nOthers:\n');
  if (missing.length > 0)
    console.log(`${missing.join(' and ')} not run: \`npm ci\` in bench/peers installs them.\n`);
  console.log(
    table(
      ['detector', 'scanner', 'precision', 'recall', 'false positives', 'evasions'],
      [...others, ...PUBLISHED],
    ),
  );
  const args = all.filter(({ sample }) => sample.category.startsWith('benign/arg-'));
  const taken = args.filter((one) => DETECTORS.some((d) => count([one], d).false > 0)).length;
  console.log(
    `\nBenign arguments of tools taken for anything: ${taken} of ${args.length} (${percent((100 * taken) / args.length)}; aim: at most 0.5 %).`,
  );
  const turned = DETECTORS.map((d) => count(all, d, 'evasions'));
  const hits = turned.reduce((n, c) => n + c.hits, 0);
  const tried = turned.reduce((n, c) => n + c.positives, 0);
  console.log(`Evasions found: ${hits} of ${tried} (${percent((100 * hits) / tried)}; aim: at least 70 %).`);
  console.log('\nBy source (precision, recall; false positives):\n');
  console.log(
    table(
      ['source', ...DETECTORS.map((d) => d.name)],
      sources(all).map((source) => [
        source,
        ...DETECTORS.map((d) => {
          const c = count(ofSource(all, source), d);
          const found = c.positives === 0 ? '' : `P ${percent(precision(c))}, R ${of(c)}`;
          return [found, wrong(c)].filter((s) => s !== '').join('; ');
        }),
      ]),
    ),
  );
}

const MEGABYTE = 1_000_000;
/** Of the processor: what else runs on the machine does not count. */
const milliseconds = (work: () => void): number => {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
};

console.log('\nSpeed in processor time, 1 MB each (aim on clean text: at least 20 MB/s):\n');
console.log(
  table(
    ['text', 'MB/s'],
    Object.entries(PLAIN).map(([name, unit]) => {
      const text = repeated(unit, MEGABYTE);
      scanText(text);
      const best = Math.min(...Array.from({ length: 5 }, () => milliseconds(() => scanText(text))));
      return [name, (1000 / best).toFixed(1)];
    }),
  ),
);

const small = repeated(Object.values(PLAIN).join('\n'), 400_000);
const times = Array.from({ length: 2000 }, (_, i) => {
  const from = (i * 977) % (small.length - 4096);
  const text = small.slice(from, from + 4096);
  return milliseconds(() => scanText(text));
}).sort((a, b) => a - b);
const at = (q: number): string => `${(times[Math.floor(q * times.length)] ?? 0).toFixed(2)} ms`;
console.log(`\n4 KB: p50 ${at(0.5)}, p99 ${at(0.99)} (aim: p99 at most 2 ms)\n`);

console.log('Texts made to be slow, 1 MB each:\n');
const slow = Object.entries(HOSTILE).map(([name, unit]) => {
  const text = repeated(unit, MEGABYTE);
  let incomplete = '';
  const time = milliseconds(() => {
    incomplete = scanText(text).incomplete ?? '';
  });
  return { name, time, incomplete };
});
console.log(
  table(
    ['repeated', 'time', 'result'],
    slow
      .sort((a, b) => b.time - a.time)
      .slice(0, 10)
      .map(({ name, time, incomplete }) => [
        `\`${name}\``,
        `${time.toFixed(0)} ms`,
        incomplete === '' ? 'complete' : `unknown: ${incomplete}`,
      ]),
  ),
);

console.log('\nEach rule alone on 1 MB made for it, the slowest (aim: at most 100 ms):\n');
console.log(
  table(
    ['rule', 'repeated', 'processor time'],
    timeRules(milliseconds)
      .slice(0, 8)
      .map(({ rule, text, ms }) => [rule, `\`${JSON.stringify(text).slice(1, -1)}\``, `${ms.toFixed(0)} ms`]),
  ),
);
