// SPDX-License-Identifier: Apache-2.0
/**
 * The keys that a writer signs with, and their way out: a new epoch key is on the disk before an entry names it, and the old one is
 * overwritten and removed once a checkpoint covers its last entry. What a disk keeps of blocks that were given back, and what
 * JavaScript keeps of a key object until it is collected, is out of reach from here.
 *
 * ```
 * epoch.next.pem written → entries durable → checkpoint → epoch.pem to epoch.old.pem, epoch.next.pem to epoch.pem → epoch.old.pem erased
 * ```
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateText } from '../verify/format/approval.js';
import { fingerprint, keyBody } from '../verify/format/keys.js';
import { printVerifierKey, type VerifierKey } from '../verify/format/note.js';
import { LogFailure } from './failure.js';
import { type FileLayer, flushed, writeAll } from './files.js';
import {
  EPOCH,
  freshKey,
  KeyFailure,
  loadEpoch,
  type LogKeys,
  NEXT_CERTIFICATE,
  NEXT_EPOCH,
  NEXT_LOG,
  nextKey,
  OLD_EPOCH,
  renamed,
  type SigningKey,
} from './keys.js';
import type { Draft } from './types.js';

export interface Signers {
  readonly log: SigningKey;
  readonly epoch: SigningKey;
}

/** The keys that a log names as in force. */
export interface InForce {
  readonly log: VerifierKey;
  /** Null where the log ends before its first `key` entry. */
  readonly epoch: EpochInForce | null;
}
export interface EpochInForce {
  readonly key: VerifierKey;
  /** The `key` entry that brought it, and its time in milliseconds. */
  readonly seq: number;
  readonly time: number;
  readonly sealed: boolean;
}

/** An entry of a change of keys, and who signs from it on. */
export interface Step {
  readonly draft: (seq: number) => Draft;
  /** Signs this entry and what follows. */
  readonly by: Signers;
}

export class Keyring {
  readonly root: VerifierKey;
  readonly certificate: string | null;
  readonly seal: Buffer;
  /** Signs what is appended now. */
  now: Signers;
  /** Signs what follows the entries that are on the disk. */
  durable: Signers;
  private readonly origin: string;
  /** The log key that was loaded. */
  private readonly given: SigningKey;
  private readonly dir: string;
  private readonly files: FileLayer;
  /** The epoch key in force in the log has no private part here, or is sealed. */
  private lost: boolean;
  /** The log key in force has no private part here: the next one takes over before anything else is written. */
  private stale: boolean;
  private number: number;

  /** Finds the private keys of what the log names as in force; throws a `LogFailure` where they are others. */
  constructor(dir: string, origin: string, keys: LogKeys, inForce: InForce | null, files: FileLayer) {
    this.dir = dir;
    this.origin = origin;
    this.files = files;
    this.given = keys.log;
    this.root = keys.root;
    this.certificate = keys.certificate;
    this.seal = keys.seal;
    const found = logKey(keys, inForce);
    const log = found ?? lostKey(inForce?.log ?? keys.log);
    this.stale = found === null;
    const epoch = inForce?.epoch ?? null;
    const own = epoch === null ? keys.epoch : privateOf(dir, epoch.key, keys.epoch);
    if (own === null && epoch === null)
      throw new LogFailure(`${join(dir, EPOCH)} is missing, and the log has no epoch yet; restore the file`);
    this.lost = own === null || epoch?.sealed === true;
    this.number = Math.max(1, numberOf(origin, (own ?? epoch?.key)?.name ?? ''));
    // Signs nothing where it is lost: a new epoch begins first.
    this.now = { log, epoch: own ?? lostKey(epoch?.key ?? log) };
    this.durable = this.now;
  }

  /** Must a new epoch begin before anything else is written? */
  get isLost(): boolean {
    return this.lost;
  }

  /** Must the next log key take over before anything else is written? */
  get isStale(): boolean {
    return this.stale;
  }

  /** Is there a log key that waits to take over? */
  get hasNextLogKey(): boolean {
    return this.waiting() !== null;
  }

  private waiting(): LogKeys['next'] {
    const { log } = this.now;
    const next = nextKey(this.dir, this.origin, this.root, this.stale ? this.given : log);
    return next?.key.vkey === log.vkey ? null : next;
  }

  /** The first `key` entry, of the epoch key that signed genesis. */
  firstEpoch(): Draft {
    return epochDraft(this.origin, this.now);
  }

  /** Makes the next epoch key and has it on the disk; then the entries that bring it into force, to be appended in one go. */
  async prepare(): Promise<readonly Step[]> {
    const { now, origin } = this;
    // A log key is taken in by the epoch key in force.
    const waiting = this.lost ? null : this.waiting();
    const { pem, key } = freshKey(`${origin}/epoch-${++this.number}`);
    await this.write(NEXT_EPOCH, pem);
    const log = waiting?.key ?? now.log;
    const next: Signers = { log, epoch: key };
    const steps: Step[] = [];
    if (waiting !== null) {
      const body = keyBody('log', waiting.key, { certificate: waiting.certificate });
      steps.push({ draft: () => ({ type: 'key', key: body }), by: { log, epoch: now.epoch } });
    }
    if (!this.lost) {
      const own = fingerprint(now.epoch.key);
      steps.push({
        draft: (size) => ({ type: 'seal', seal: { key: own, size } }),
        by: { log, epoch: now.epoch },
      });
    }
    steps.push({ draft: () => epochDraft(origin, next), by: next });
    return steps;
  }

  /** After the checkpoint that covers the change: the files follow, and the old epoch key is erased. Safe to call again. */
  async settle(): Promise<void> {
    [this.lost, this.stale] = [false, false];
    const { dir, files, durable } = this;
    const path = (name: string): string => join(dir, name);
    const coming = comingKey(dir, this.origin);
    if (coming?.key.equals(durable.epoch.key) === true) {
      if (existsSync(path(EPOCH))) files.rename(path(EPOCH), path(OLD_EPOCH));
      files.rename(path(NEXT_EPOCH), path(EPOCH));
      files.flushFolder(dir);
    } else if (existsSync(path(NEXT_EPOCH))) await this.erase(NEXT_EPOCH);
    if (existsSync(path(OLD_EPOCH))) await this.erase(OLD_EPOCH);
    this.settleLogKey();
  }

  /** The new log key takes the place of the old one; where it does not lie in a file, only its certificate goes. */
  private settleLogKey(): void {
    const { dir, files } = this;
    const [pem, certificate] = [join(dir, NEXT_LOG), join(dir, NEXT_CERTIFICATE)];
    if (!existsSync(certificate)) return;
    const { key } = JSON.parse(readFileSync(certificate, 'utf8')) as { readonly key?: unknown };
    if (key !== this.durable.log.vkey) return;
    if (existsSync(pem)) files.rename(pem, join(dir, 'log.pem'));
    files.flushFolder(dir);
    files.remove(certificate);
    files.flushFolder(dir);
  }

  private async write(name: string, text: string): Promise<void> {
    const fd = this.files.open(join(this.dir, name));
    try {
      this.files.truncate(fd, 0);
      writeAll(this.files, fd, Buffer.from(text), 0);
      await flushed(this.files, fd);
    } finally {
      this.files.close(fd);
    }
    this.files.flushFolder(this.dir);
  }

  private async erase(name: string): Promise<void> {
    const path = join(this.dir, name);
    const fd = this.files.open(path);
    try {
      const size = this.files.size(fd);
      if (size > 0) writeAll(this.files, fd, Buffer.alloc(size), 0);
      await flushed(this.files, fd);
    } finally {
      this.files.close(fd);
    }
    this.files.remove(path);
    this.files.flushFolder(this.dir);
  }
}

function epochDraft(origin: string, { log, epoch }: Signers): Draft {
  const certificate = log.sign(certificateText(origin, 'epoch', epoch.vkey)).toString('base64');
  return { type: 'key', key: keyBody('epoch', epoch, { certificate }) };
}

/**
 * The private part of the log key in force: the one in use, or one whose take-over was not finished. Null where it is gone but the
 * root certified the one in use, which is then to take over.
 */
function logKey(keys: LogKeys, inForce: InForce | null): SigningKey | null {
  if (inForce === null) return keys.log;
  const vkey = printVerifierKey(inForce.log.name, inForce.log.key);
  const found = [keys.log, keys.next?.key].find((key) => key?.vkey === vkey);
  if (found !== undefined) return found;
  if (keys.next?.key.vkey === keys.log.vkey) return null;
  throw new LogFailure(
    `the log names the log key ${inForce.log.name}+${inForce.log.id}, not the one in use (${keys.log.id}): it was begun with others; restore the keys that belong to it`,
  );
}

function privateOf(dir: string, { name, key }: VerifierKey, own: SigningKey | null): SigningKey | null {
  const found = [own, comingKey(dir, name)].find((one) => one?.key.equals(key) === true);
  return found === undefined || found === null ? null : renamed(found, name);
}

/** The key that is coming into force; a file that was not written to its end never did. */
function comingKey(dir: string, name: string): SigningKey | null {
  try {
    return loadEpoch(dir, NEXT_EPOCH, name);
  } catch (error) {
    if (error instanceof KeyFailure) return null;
    throw error;
  }
}

const lostKey = (key: VerifierKey): SigningKey => ({
  ...key,
  vkey: printVerifierKey(key.name, key.key),
  sign: () => {
    throw new LogFailure('the epoch key in force is not here');
  },
});

function numberOf(origin: string, name: string): number {
  const digits = name.startsWith(`${origin}/epoch-`) ? name.slice(origin.length + 7) : '';
  return /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
}
