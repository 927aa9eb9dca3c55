/** Real files on a disk that can be slow, full or broken. */
import { open } from 'node:fs/promises';
import type { OpenFile } from '../../reader/output/rotating-file.ts';

export class FaultyDisk {
  /** Writes and syncs that wait at this moment. */
  waiting = 0;
  syncs = 0;
  #held: 'all' | 'syncs' = 'all';
  #gate: PromiseWithResolvers<void> | undefined;
  #broken: NodeJS.ErrnoException | undefined;
  #free = Infinity;
  #brokenSync: NodeJS.ErrnoException | undefined;

  readonly open: OpenFile = async (file) => {
    const handle = await open(file, 'a+');
    return {
      appendFile: async (bytes) => {
        await this.#turn(this.#held === 'all');
        const whole = Buffer.from(bytes as Uint8Array);
        const fits = whole.subarray(0, Math.min(whole.length, this.#free));
        this.#free -= fits.length;
        await handle.appendFile(fits);
        if (fits.length < whole.length) throw failure('ENOSPC');
      },
      truncate: (size) => handle.truncate(size),
      datasync: async () => {
        this.syncs++;
        await this.#turn(true);
        if (this.#brokenSync !== undefined) throw this.#brokenSync;
        await handle.datasync();
      },
      stat: handle.stat.bind(handle),
      read: handle.read.bind(handle),
      close: () => handle.close(),
    };
  };

  /** Every call, or every sync, waits until `release`. */
  hold(what: 'all' | 'syncs' = 'all'): void {
    this.#gate ??= Promise.withResolvers();
    this.#held = what;
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Every write fails from now on, also those that wait. */
  fail(code: string): void {
    this.#broken = failure(code);
    this.release();
  }

  failSync(code: string): void {
    this.#brokenSync = failure(code);
  }

  /** So many bytes fit, and then no more. */
  leave(bytes: number): void {
    this.#free = bytes;
  }

  async #turn(isHeld: boolean): Promise<void> {
    this.waiting++;
    if (isHeld) await this.#gate?.promise;
    this.waiting--;
    if (this.#broken !== undefined) throw this.#broken;
  }
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: as the test wants it`), { code });
}
