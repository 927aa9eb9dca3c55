/** A file that is appended to, is replaced by a new one when it is large or old enough, and says when its bytes are on the disk. */
import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { systemClock, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import { makeFolder } from '../../base/folder.ts';
import { retry } from '../../base/retry.ts';

export interface RotatingFileOptions {
  readonly file: string;
  /** Without it the file is never replaced. */
  readonly rotate?: Rotation | undefined;
  readonly log: EventLog;
  readonly clock?: Clock;
  /** Takes the place of node:fs in tests. */
  readonly openFile?: OpenFile;
}

export interface Rotation {
  /** A file that holds so much is followed by a new one; at least one of the two. */
  readonly maxBytes?: number | undefined;
  /** And one that is so old, milliseconds. */
  readonly maxAgeMs?: number | undefined;
  /** Older files `FILE.1` (the newest) to `FILE.<keep>`; at least 1. */
  readonly keep: number;
}

export type OpenFile = (
  file: string,
) => Promise<Pick<FileHandle, 'appendFile' | 'truncate' | 'datasync' | 'stat' | 'read' | 'close'>>;
type Handle = Awaited<ReturnType<OpenFile>>;

/** Free space can come back while we wait. */
const FULL = ['ENOSPC', 'EDQUOT'];
const TAIL_BYTES = 65_536;
const LF = 0x0a;
const BRACE = 0x7b;

/** One caller at a time, except for `safe`. */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #clock: Clock;
  #handle!: Handle;
  #inode = 0n;
  #createdMs = 0;
  #size = 0;
  /** Bytes handed to the system, and how many of them are on the disk; over all files. */
  #appended = 0;
  #safe = 0;
  #syncing: Promise<void> | undefined;
  #stalled = false;

  private constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Makes the file, and its folders, as needed. A last line that a crash left incomplete is cut off: no position has passed its events. */
  static async open(options: RotatingFileOptions): Promise<RotatingFile> {
    const self = new RotatingFile(options);
    await self.#named(async () => {
      await makeFolder(path.dirname(options.file));
      await self.#open();
      await self.#cutTornLine().catch(async (error: unknown) => {
        await self.#handle.close();
        throw error;
      });
    });
    return self;
  }

  /** Before a whole batch: follows the path to a new file when it is time, or when somebody moved the old one away. Answers the size to `cutBack` to. */
  async begin(signal: AbortSignal): Promise<number> {
    await this.#waitingForSpace(signal, async () => {
      if (this.#due()) await this.#shift();
      const found = await stat(this.#options.file, { bigint: true }).catch(absent);
      if (found?.ino !== this.#inode) await this.#replace();
      else this.#notice(Number(found.size));
    });
    return this.#size;
  }

  /** Settles when the system has all of the bytes; while the disk is full it waits. A piece that did not fit is cut off again. */
  async append(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#waitingForSpace(signal, async () => {
      try {
        await this.#handle.appendFile(bytes);
      } catch (error) {
        await this.#handle.truncate(this.#size);
        throw error;
      }
    });
    this.#size += bytes.length;
    this.#appended += bytes.length;
  }

  /** Takes back what was appended since `begin` answered `size`. */
  async cutBack(size: number): Promise<void> {
    if (this.#size === size) return;
    await this.#named(() => this.#handle.truncate(size));
    this.#size = size;
  }

  /** Settles when everything appended so far is on the disk; callers that wait at the same time share one sync. */
  async safe(): Promise<void> {
    const upTo = this.#appended;
    while (this.#safe < upTo) {
      this.#syncing ??= this.#sync().finally(() => (this.#syncing = undefined));
      await this.#syncing;
    }
  }

  async close(): Promise<void> {
    try {
      await this.safe();
    } finally {
      await this.#named(() => this.#handle.close());
    }
  }

  async #sync(): Promise<void> {
    const upTo = this.#appended;
    await this.#named(() => this.#handle.datasync());
    this.#safe = upTo;
  }

  #due(): boolean {
    const { maxBytes = Infinity, maxAgeMs = Infinity } = this.#options.rotate ?? {};
    return this.#size > 0 && (this.#size >= maxBytes || this.#clock.now() - this.#createdMs >= maxAgeMs);
  }

  /** FILE becomes FILE.1, FILE.1 becomes FILE.2, up to the first free name; without one the oldest goes. A crash in between leaves a gap and nothing else. */
  async #shift(): Promise<void> {
    const { file, log } = this.#options;
    const keep = this.#options.rotate!.keep;
    const name = (k: number) => (k === 0 ? file : `${file}.${k}`);
    const exists = async (k: number) => (await stat(name(k)).catch(absent)) !== undefined;
    let free = 1;
    while (free < keep && (await exists(free))) free++;
    const removed = (await exists(free)) ? name(free) : undefined;
    for (let k = free; k > 0; k--) await rename(name(k - 1), name(k));
    log.emit('output.rotated', { file, bytes: this.#size, removed });
  }

  /** What the old file holds is safe before anything is written to the new one. */
  async #replace(): Promise<void> {
    await this.safe();
    const old = this.#handle;
    await this.#open();
    await old.close();
  }

  async #open(): Promise<void> {
    const { file, openFile = openToAppend } = this.#options;
    const handle = await openFile(file);
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) {
      await handle.close();
      throw new KinlogError('KINLOG_OUTPUT_FAILED', `${file} is not a regular file`, { remedy: 'Name another file.' });
    }
    this.#handle = handle;
    this.#inode = found.ino;
    this.#size = Number(found.size);
    // Some file systems do not know when a file was made.
    this.#createdMs = this.#size === 0 ? this.#clock.now() : Number(found.birthtimeMs || found.mtimeMs);
    await syncFolder(path.dirname(file));
  }

  /** Cutting back is only ours to do while nobody else writes. */
  #notice(size: number): void {
    if (size > this.#size)
      throw new KinlogError('KINLOG_OUTPUT_FAILED', `another process writes to ${this.#options.file}`, {
        remedy: 'Give each process a file of its own.',
      });
    this.#size = size;
  }

  async #cutTornLine(): Promise<void> {
    const { file, log } = this.#options;
    const { end, first } = await lastLineEnd(this.#handle, this.#size);
    if (end === this.#size) return;
    // A machine that lost its power may leave zeros.
    if (first !== BRACE && first !== 0)
      throw new KinlogError('KINLOG_OUTPUT_FAILED', `the last line of ${file} is incomplete and is not one of kinlog`, {
        remedy: 'Name another file, or complete the line.',
      });
    log.emit('output.cut', { file, bytes: this.#size - end });
    await this.#handle.truncate(end);
    this.#size = end;
  }

  async #waitingForSpace(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { file, log } = this.#options;
    await retry(() => this.#named(work), {
      signal,
      clock: this.#clock,
      doing: `writing ${file}`,
      onRetry: (error) => {
        if (!this.#stalled) log.emit('output.stalled', { error: error.message });
        this.#stalled = true;
      },
    });
    if (this.#stalled) log.emit('output.resumed');
    this.#stalled = false;
  }

  async #named<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof KinlogError) throw error;
      const { code = '', message } = error as NodeJS.ErrnoException;
      throw new KinlogError('KINLOG_OUTPUT_FAILED', `${this.#options.file} could not be written: ${message}`, {
        retry: FULL.includes(code) ? 'soon' : 'never',
        cause: error,
      });
    }
  }
}

const openToAppend: OpenFile = (file) => open(file, 'a+');

/** A new name is only on the disk when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return undefined;
}

/** Behind the last LF, and the byte there. */
async function lastLineEnd(handle: Handle, size: number): Promise<{ end: number; first: number | undefined }> {
  const bytes = Buffer.alloc(TAIL_BYTES);
  let first: number | undefined;
  for (let to = size; to > 0;) {
    const from = Math.max(0, to - TAIL_BYTES);
    const { bytesRead } = await handle.read(bytes, 0, to - from, from);
    const lf = bytes.lastIndexOf(LF, bytesRead - 1);
    if (lf >= 0) return { end: from + lf + 1, first: lf + 1 < bytesRead ? bytes[lf + 1] : first };
    first = bytes[0];
    to = from;
  }
  return { end: 0, first };
}
