/** Bytes to stdout or to a file, with back-pressure and errors that name the place. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { KinlogError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';

export class ByteTarget {
  readonly #stream: Writable;
  readonly #place: string;
  readonly #owned: boolean;
  #failure: KinlogError | undefined;

  private constructor(stream: Writable, place: string, owned: boolean) {
    this.#stream = stream;
    this.#place = place;
    this.#owned = owned;
    // Whoever runs the process watches stdout.
    if (owned) stream.on('error', (error) => (this.#failure ??= writeFailure(place, error)));
  }

  static stdout(stdout: Writable): ByteTarget {
    return new ByteTarget(stdout, 'stdout', false);
  }

  /** Appends to the file, whose folders are made as needed. */
  static async file(file: string): Promise<ByteTarget> {
    try {
      await makeFolder(path.dirname(file));
    } catch (error) {
      throw new KinlogError(
        'KINLOG_OUTPUT_FAILED',
        `the folder of ${file} could not be made: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
    const stream = createWriteStream(file, { flags: 'a' });
    await once(stream, 'open').catch((error: unknown) => {
      throw writeFailure(file, error as Error);
    });
    return new ByteTarget(stream, file, true);
  }

  /** Settles when the system has taken the bytes, which must not change until then; rejects when it will not, or when the signal aborts first. */
  async write(bytes: Uint8Array | string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (bytes.length > 0)
      await new Promise<void>((resolve, reject) => {
        const abort = () => reject(signal!.reason as Error);
        signal?.addEventListener('abort', abort, { once: true });
        this.#stream.write(bytes, (error) => {
          signal?.removeEventListener('abort', abort);
          if (error) reject((this.#failure ??= writeFailure(this.#place, error)));
          else resolve();
        });
      });
  }

  /** Settles when the file is closed; stdout stays open. */
  async close(): Promise<void> {
    if (!this.#owned) return;
    // A stream that failed has closed itself.
    if (!this.#stream.closed)
      await new Promise<void>((resolve) => {
        this.#stream.once('close', resolve).end();
      });
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** The system names the path in some of its errors and not in others. */
export function writeFailure(place: string, error: Error): KinlogError {
  return new KinlogError('KINLOG_OUTPUT_FAILED', `${place} could not be written: ${error.message}`, { cause: error });
}
