// SPDX-License-Identifier: Apache-2.0
/** The little of the DOM that the page uses, typed by hand: the rest of the house has no browser. Text enters as text only. */
export interface Elem {
  id: string;
  className: string;
  textContent: string | null;
  hidden: boolean;
  tabIndex: number;
  value: string;
  disabled: boolean;
  readonly files: Iterable<FileLike> | null;
  append(...children: readonly (Elem | string)[]): void;
  replaceChildren(...children: readonly (Elem | string)[]): void;
  setAttribute(name: string, value: string): void;
  addEventListener(kind: string, handler: (event: Event_) => void): void;
  scrollIntoView(options: { readonly block: string }): void;
  focus(): void;
  click(): void;
}
export interface FileLike {
  readonly name: string;
  readonly webkitRelativePath?: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}
export interface Entry {
  readonly isFile: boolean;
  readonly fullPath: string;
  file(done: (file: FileLike) => void, failed: (error: unknown) => void): void;
  createReader(): {
    readEntries(done: (entries: readonly Entry[]) => void, failed: (error: unknown) => void): void;
  };
}
export interface Event_ {
  readonly key: string;
  readonly dataTransfer: { readonly items: Iterable<{ webkitGetAsEntry(): Entry | null }> } | null;
  preventDefault(): void;
}
interface Doc {
  createElement(tag: string): Elem;
  getElementById(id: string): Elem | null;
  readonly body: Elem;
}
declare const document: Doc;

type Child = Elem | string;

/** An element with classes (`tag.class.class`) and children. */
export function el(tag: string, ...children: readonly Child[]): Elem {
  const [name = 'div', ...classes] = tag.split('.');
  const made = document.createElement(name);
  if (classes.length > 0) made.className = classes.join(' ');
  made.append(...children);
  return made;
}

export function byId(id: string): Elem {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

export const body = (): Elem => document.body;

/** All files below what was dropped. */
export async function filesOf(
  entries: readonly Entry[],
): Promise<readonly { readonly path: string; readonly file: FileLike }[]> {
  const found: { readonly path: string; readonly file: FileLike }[] = [];
  const walk = async (entry: Entry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<FileLike>((done, failed) => entry.file(done, failed));
      found.push({ path: entry.fullPath.replace(/^\//, ''), file });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise<readonly Entry[]>((done, failed) => reader.readEntries(done, failed));
      if (some.length === 0) return;
      for (const one of some) await walk(one);
    }
  };
  for (const entry of entries) await walk(entry);
  return found;
}
