// SPDX-License-Identifier: Apache-2.0
/**
 * A disk that can fail, over real files: each operation may be made to fail at its n-th call, writes may be cut short, and the
 * power may go. What was not flushed is then there or not, page by page; what a failed flush left behind is gone, although until
 * then it could be read (as on Linux, where such pages count as clean).
 */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type FileLayer, realFiles } from '../../runtime/log/files.js';

export const OPERATIONS = [
  'open',
  'size',
  'write',
  'flush',
  'truncate',
  'rename',
  'remove',
  'flushFolder',
] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface Fault {
  readonly operation: Operation;
  /** Which call of the operation, from 0. */
  readonly at: number;
  /** Count only calls on paths that hold this. */
  readonly on?: string;
  /** `short`: the write takes a part and goes on; `torn`: it takes a part and fails; `crash`: so, and nothing works any more. */
  readonly kind: 'ENOSPC' | 'EIO' | 'short' | 'torn' | 'crash';
  /** How much of a write is taken, from 0 to 1. */
  readonly part: number;
}

interface Shadow {
  /** What the disk holds of pages that were written since the last flush, by their place. */
  dirty: Map<number, Buffer>;
  /** The same of pages whose flush failed: nobody will write them out. */
  readonly ghosts: Map<number, Buffer>;
  /** On the disk. */
  size: number;
}

export class Disk {
  readonly calls = new Map<Operation, number>();
  /** The fault has struck. */
  hit = false;
  /** The operation that it struck. */
  struckBy: Operation | null = null;
  /** The file or folder that it was about. */
  struckAt = '';
  private dead = false;
  private fault: Fault | null = null;
  private readonly paths = new Map<number, string>();
  private readonly shadows = new Map<string, Shadow>();
  private readonly made = new Set<string>();
  /** Renames whose folder was not flushed, with what stood in their place before. */
  private moved: { readonly from: string; readonly to: string; readonly replaced: Buffer | null }[] = [];

  /** What reaches the disk or does not, as a whole: a page, or a sector of an unlucky write. */
  private readonly page: number;

  constructor(page = 4096) {
    this.page = page;
  }

  /** A process starts on this disk, and this is what will go wrong. */
  start(fault: Fault | null): void {
    this.fault = fault;
    this.hit = false;
    this.dead = false;
    this.calls.clear();
    this.paths.clear();
  }

  /** From here on, calls are counted anew until this goes wrong. */
  arm(fault: Fault): void {
    if (this.hit) return;
    this.fault = fault;
    this.calls.clear();
  }

  /** Counts the call; true when this is the one that fails and the operation has not thrown. */
  private meet(operation: Operation, path: string): boolean {
    if (this.dead) throw new Error('the machine is down');
    const { fault } = this;
    if (fault?.on !== undefined && !path.includes(fault.on)) return false;
    const n = this.calls.get(operation) ?? 0;
    this.calls.set(operation, n + 1);
    if (fault === null || fault.operation !== operation || fault.at !== n) return false;
    this.hit = true;
    this.struckBy = operation;
    this.struckAt = path;
    if (operation === 'write' || operation === 'flush') return true;
    this.break();
    return false;
  }

  private break(): never {
    const kind = this.fault?.kind ?? 'EIO';
    if (kind === 'crash') this.dead = true;
    const code = kind === 'ENOSPC' ? 'ENOSPC' : 'EIO';
    throw Object.assign(new Error(`${code}: ${code === 'EIO' ? 'i/o error' : 'no space left on device'}`), {
      code,
    });
  }

  private shadow(path: string): Shadow {
    const found = this.shadows.get(path);
    if (found !== undefined) return found;
    const size = existsSync(path) ? statSync(path).size : 0;
    const made = { dirty: new Map(), ghosts: new Map(), size };
    this.shadows.set(path, made);
    return made;
  }

  /** Keeps what the disk holds of the pages from `from` to `to`, unless it is kept already. */
  private keep(path: string, from: number, to: number): void {
    const { dirty, ghosts, size } = this.shadow(path);
    for (let at = from - (from % this.page); at < to; at += this.page) {
      const ghost = ghosts.get(at);
      ghosts.delete(at);
      if (!dirty.has(at)) dirty.set(at, ghost ?? pageOf(path, at, Math.min(this.page, size - at)));
    }
  }

  private pathOf(fd: number): string {
    return this.paths.get(fd) ?? '';
  }

  readonly files: FileLayer = {
    open: (path) => {
      this.meet('open', path);
      if (!existsSync(path)) this.made.add(path);
      const fd = realFiles.open(path);
      this.paths.set(fd, path);
      this.shadow(path);
      return fd;
    },
    size: (fd) => {
      this.meet('size', this.pathOf(fd));
      return realFiles.size(fd);
    },
    write: (fd, bytes, offset, position) => {
      const failing = this.meet('write', this.pathOf(fd));
      const { kind = 'EIO', part = 1 } = this.fault ?? {};
      const taken = failing && kind !== 'EIO' && kind !== 'ENOSPC';
      const length = failing
        ? taken
          ? Math.max(1, Math.floor((bytes.length - offset) * part))
          : 0
        : bytes.length - offset;
      this.keep(this.pathOf(fd), position, position + length);
      const piece = bytes.subarray(0, offset + length);
      const written = length === 0 ? 0 : realFiles.write(fd, piece, offset, position);
      if (failing && kind !== 'short') this.break();
      return written;
    },
    flush: async (fd) => {
      const failing = this.meet('flush', this.pathOf(fd));
      const shadow = this.shadow(this.pathOf(fd));
      if (failing) {
        for (const [page, old] of shadow.dirty) shadow.ghosts.set(page, old);
        shadow.dirty = new Map();
        this.break();
      }
      // What is written while the flush is under way is not part of it.
      const flushed = shadow.dirty;
      shadow.dirty = new Map();
      const size = realFiles.size(fd);
      await new Promise((resolve) => setImmediate(resolve));
      if (this.dead) {
        for (const [page, old] of flushed) shadow.dirty.set(page, old);
        throw new Error('the machine is down');
      }
      shadow.size = size;
      // The length of a file is no page: once it is on the disk, nothing stands behind it, whatever failed before.
      for (const [page, old] of shadow.ghosts) {
        if (page >= size) shadow.ghosts.delete(page);
        else if (page + old.length > size) shadow.ghosts.set(page, old.subarray(0, size - page));
      }
    },
    truncate: (fd, size) => {
      this.meet('truncate', this.pathOf(fd));
      this.keep(this.pathOf(fd), size, realFiles.size(fd));
      realFiles.truncate(fd, size);
    },
    close: (fd) => {
      this.paths.delete(fd);
      realFiles.close(fd);
    },
    rename: (from, to) => {
      this.meet('rename', to);
      const shadow = this.shadow(from);
      const replaced = existsSync(to) ? readFileSync(to) : null;
      realFiles.rename(from, to);
      this.moved.push({ from, to, replaced });
      // What takes the place of a file that was there cannot be missing: it is this one or that one.
      if (this.made.delete(from) && replaced === null) this.made.add(to);
      this.shadows.set(to, shadow);
      this.shadows.delete(from);
      for (const [fd, path] of this.paths) if (path === from) this.paths.set(fd, to);
    },
    remove: (path) => {
      this.meet('remove', path);
      realFiles.remove(path);
      this.made.delete(path);
      this.shadows.delete(path);
    },
    makeFolder: (path) => realFiles.makeFolder(path),
    flushFolder: (dir) => {
      this.meet('flushFolder', dir);
      for (const path of this.made) if (dirname(path) === dir) this.made.delete(path);
      this.moved = this.moved.filter(({ to }) => dirname(to) !== dir);
    },
  };

  /** The power goes: `chance` says of each thing that was not flushed whether it reached the disk. */
  powerLoss(chance: () => boolean): void {
    this.dead = true;
    for (const [path, { dirty, ghosts, size }] of this.shadows) {
      if (!existsSync(path)) continue;
      const lost = new Map([...dirty].filter(() => !chance()));
      restore(path, new Map([...lost, ...ghosts]), chance() ? null : size, this.page);
    }
    for (const { from, to, replaced } of this.moved.toReversed()) {
      if (chance() || !existsSync(to)) continue;
      renameSync(to, from);
      if (replaced !== null) writeFileSync(to, replaced, { mode: 0o600 });
      if (replaced !== null || this.made.delete(to)) this.made.add(from);
    }
    for (const path of this.made) if (!chance()) rmSync(path, { force: true });
    this.shadows.clear();
    this.moved = [];
    this.made.clear();
  }
}

/** A page as it can be read now. */
function pageOf(path: string, at: number, length: number): Buffer {
  if (length <= 0) return Buffer.alloc(0);
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, at));
  } finally {
    closeSync(fd);
  }
}

function restore(
  path: string,
  pages: ReadonlyMap<number, Buffer>,
  size: number | null,
  pageSize: number,
): void {
  const fd = realFiles.open(path);
  try {
    for (const [at, old] of pages) {
      const whole = Buffer.alloc(pageSize);
      old.copy(whole);
      const length = Math.max(old.length, Math.min(pageSize, realFiles.size(fd) - at));
      if (length > 0) realFiles.write(fd, whole.subarray(0, length), 0, at);
    }
  } finally {
    realFiles.close(fd);
  }
  if (size !== null) truncateSync(path, size);
}
