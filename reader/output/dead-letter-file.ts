/** Refused events as lines of JSON in a file that is durable, bounded, and never overwritten. */
import { Buffer, isUtf8 } from 'node:buffer';
import { abortReason, systemClock, unlessAborted, type Clock } from '../../base/clock.ts';
import { isKinlogError, KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import type { DeadLetter, DeadLetters } from './dead-letter.ts';
import { RotatingFile, type OpenFile } from './rotating-file.ts';
import { Turns } from '../../base/turns.ts';

export interface DeadLetterFileOptions {
  readonly file: string;
  /** A file that holds so much takes no more. Default 100 MiB. */
  readonly maxBytes?: number;
  readonly log: EventLog;
  readonly clock?: Clock;
  /** Takes the place of node:fs in tests. */
  readonly openFile?: OpenFile;
}

const MAX_BYTES = 100 * 1024 * 1024;

/** Shared by the shards of a process; each process has a file of its own. Whoever moves the file away, also while it is written, makes room. */
export class DeadLetterFile implements DeadLetters {
  readonly #file: RotatingFile;
  readonly #options: DeadLetterFileOptions;
  readonly #turns = new Turns();
  #failure: KinlogError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(file: RotatingFile, options: DeadLetterFileOptions) {
    this.#file = file;
    this.#options = options;
  }

  static async open(options: DeadLetterFileOptions): Promise<DeadLetterFile> {
    return new DeadLetterFile(await RotatingFile.open(options), options);
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      await this.#begin(signal);
    }, signal);
  }

  put(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void> {
    const { clock = systemClock } = this.#options;
    return this.#inTurn(async () => {
      const size = await this.#begin(signal);
      try {
        for (const letter of letters) {
          if (signal.aborted) throw abortReason(signal);
          await this.#file.append(lineOf(letter, clock.now()), signal);
        }
      } catch (error) {
        await this.#file.cutBack(size);
        throw error;
      }
      await this.#file.safe();
    }, signal);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#turns.take(NEVER);
    this.#failure ??= new KinlogError('KINLOG_CLOSED', `the dead letters in ${this.#options.file} were closed`);
    await this.#file.close().finally(() => this.#turns.leave());
  }

  async #begin(signal: AbortSignal): Promise<number> {
    const { file, maxBytes = MAX_BYTES } = this.#options;
    const size = await this.#file.begin(signal);
    if (size < maxBytes) return size;
    throw new KinlogError('KINLOG_DEAD_LETTERS_FULL', `the dead letters in ${file} have reached ${maxBytes} bytes`);
  }

  async #inTurn(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    await this.#turns.take(signal);
    // The system may keep us waiting longer than the signal does; the turn lasts until it is done with the file.
    await unlessAborted(this.#guarded(work), signal);
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await work();
    } catch (error) {
      // What failed once may have left anything behind: nothing is written after it.
      if (isKinlogError(error, 'KINLOG_OUTPUT_FAILED')) this.#failure ??= error;
      throw error;
    } finally {
      this.#turns.leave();
    }
  }
}

const NEVER = new AbortController().signal;

/** The event's bytes are `text` when they are valid UTF-8, `base64` otherwise. */
function lineOf(letter: DeadLetter, nowMs: number): Buffer {
  const { stream, shard, record, index, event, reason } = letter;
  const { data, timeMs, meta, fields, mark } = event;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  const line = {
    ...{ refused: new Date(nowMs).toISOString(), reason, stream, shard, ...record, index },
    ...{ timeMs, meta, fields, mark },
    ...(isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') }),
  };
  return Buffer.from(`${JSON.stringify(line)}\n`);
}
