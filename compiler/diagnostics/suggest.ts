// SPDX-License-Identifier: Apache-2.0
/** The candidate nearest to a misspelt name, or null when none is near (Damerau-Levenshtein, at most a third of the letters). */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  const bound = Math.max(1, Math.floor(Math.max(name.length, 3) / 3));
  let best: string | null = null;
  let least = bound + 1;
  for (const candidate of candidates) {
    if (candidate.length > 200 || Math.abs(candidate.length - name.length) > bound) continue;
    const d = candidate.toLowerCase() === name.toLowerCase() ? 0 : distance(name, candidate);
    if (d < least || (d === least && best !== null && candidate < best)) {
      best = candidate;
      least = d;
    }
  }
  return best;
}

export function didYouMean(name: string, candidates: Iterable<string>): string | null {
  const near = nearest(name, candidates);
  return near === null ? null : `did you mean \`${near}\`?`;
}

function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min(
        (previous[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (previous[j - 1] as number) + cost,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d = Math.min(d, (before[j - 2] as number) + 1);
      }
      row.push(d);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] as number;
}
