// SPDX-License-Identifier: Apache-2.0
/**
 * A Map for what comes and goes with each call. A long-lived Map makes itself a new table every few calls, and V8 lets each old one hold on to
 * what stood in it until the next full collection; here that is an emptied box.
 */
interface Box<Value> {
  value: Value | undefined;
}

export class Passing<Key, Value extends object> {
  private readonly boxes = new Map<Key, Box<Value>>();

  get size(): number {
    return this.boxes.size;
  }

  has(key: Key): boolean {
    return this.boxes.has(key);
  }

  get(key: Key): Value | undefined {
    return this.boxes.get(key)?.value;
  }

  set(key: Key, value: Value): void {
    const box = this.boxes.get(key);
    if (box === undefined) this.boxes.set(key, { value });
    else box.value = value;
  }

  delete(key: Key): boolean {
    const box = this.boxes.get(key);
    if (box !== undefined) box.value = undefined;
    return this.boxes.delete(key);
  }

  clear(): void {
    for (const box of this.boxes.values()) box.value = undefined;
    this.boxes.clear();
  }

  keys(): Iterable<Key> {
    return this.boxes.keys();
  }

  /** In the order in which they came; what goes or comes meanwhile is as in a Map. */
  *values(): Iterable<Value> {
    for (const { value } of this.boxes.values()) if (value !== undefined) yield value;
  }
}
