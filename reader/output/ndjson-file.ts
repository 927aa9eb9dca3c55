/** Events as NDJSON in a file: a batch is accepted when the disk has it, and no line is ever cut in two. */
import { Buffer } from 'node:buffer';
import { abortReason, unlessAborted } from '../../base/clock.ts';
import { isKinlogError, KinlogError } from '../../base/errors.ts';
import type { EventBatch } from '../../record/batch.ts';
import { NdjsonWriter } from './ndjson.ts';
import type { Output } from './output.ts';
import { RotatingFile, type RotatingFileOptions } from './rotating-file.ts';
import { Turns } from '../../base/turns.ts';

const CHUNK_BYTES = 256 * 1024;

export class NdjsonFileOutput implements Output {
  readonly #file: RotatingFile;
  readonly #turns = new Turns();
  readonly #lines = new NdjsonWriter();
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #failure: KinlogError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(file: RotatingFile) {
    this.#file = file;
  }

  static async open(options: RotatingFileOptions): Promise<NdjsonFileOutput> {
    return new NdjsonFileOutput(await RotatingFile.open(options));
  }

  async write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    if (this.#closing !== undefined) throw new KinlogError('KINLOG_CLOSED', 'the output file was closed');
    if (batch.length === 0) return;
    await this.#turns.take(signal);
    // The system may keep us waiting longer than the signal does; the turn lasts until it is done with the file.
    await unlessAborted(
      this.#append(batch, signal).finally(() => this.#turns.leave()),
      signal,
    );
    await unlessAborted(this.#remembered(this.#file.safe()), signal);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#turns.take(NEVER);
    try {
      await this.#file.close();
    } catch (error) {
      // Whoever wrote has been told.
      if (this.#failure === undefined) throw error;
    }
  }

  /** All lines of the batch, or none. */
  async #append(batch: EventBatch, signal: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const size = await this.#remembered(this.#file.begin(signal));
    try {
      this.#lines.begin(batch);
      for (;;) {
        if (signal.aborted) throw abortReason(signal);
        const length = this.#lines.fill(this.#chunk);
        if (length === 0) return;
        await this.#remembered(this.#file.append(this.#chunk.subarray(0, length), signal));
      }
    } catch (error) {
      await this.#remembered(this.#file.cutBack(size));
      throw error;
    }
  }

  /** What failed once may have left anything behind: nothing is written after it. */
  async #remembered<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (isKinlogError(error)) this.#failure ??= error;
      throw error;
    }
  }
}

const NEVER = new AbortController().signal;
