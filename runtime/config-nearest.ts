// SPDX-License-Identifier: Apache-2.0
/** What may have been meant by a key that there is not. */

export function nearest(word: string, known: readonly string[]): string | null {
  const scored = known.map((name) => ({
    name,
    distance: editDistance(word.toLowerCase(), name.toLowerCase()),
  }));
  const best = scored.sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.name : null;
}

function editDistance(a: string, b: string): number {
  if (a.length > 100) return a.length;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? b.length;
}
