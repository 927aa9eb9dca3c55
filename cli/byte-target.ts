/** Bytes to stdout or to a file, with back-pressure and errors that name the place. */
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { KinlogError } from '../base/errors.ts';

export class ByteTarget {
  readonly #stream: Writable;
  readonly #owned: boolean;
  #failure: KinlogError | undefined;

  private constructor(stream: Writable, place: string, owned: boolean) {
    this.#stream = stream;
    this.#owned = owned;
    if (!owned) return;
    stream.on('error', (error) => {
      this.#failure = new KinlogError('KINLOG_OUTPUT_FAILED', `${place} could not be written: ${error.message}`, {
        cause: error,
      });
    });
  }

  /** Appends to the file, whose folders are made as needed; stdout without one. */
  static open(file: string | undefined, stdout: Writable): ByteTarget {
    if (file === undefined) return new ByteTarget(stdout, 'stdout', false);
    try {
      mkdirSync(path.dirname(file), { recursive: true });
    } catch (error) {
      throw new KinlogError('KINLOG_OUTPUT_FAILED', `the folder of ${file} could not be made: ${String(error)}`, {
        cause: error,
      });
    }
    return new ByteTarget(createWriteStream(file, { flags: 'a' }), file, true);
  }

  /** Settles when the system has taken the bytes, which must not change until then; rejects when the signal aborts first. */
  async write(bytes: Uint8Array | string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (bytes.length > 0)
      await new Promise<void>((resolve, reject) => {
        const abort = () => reject(signal!.reason as Error);
        signal?.addEventListener('abort', abort, { once: true });
        this.#stream.write(bytes, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
      });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Settles when the file is closed; stdout stays open. */
  async close(): Promise<void> {
    if (!this.#owned) return;
    await new Promise<void>((resolve) => {
      this.#stream.once('close', resolve).end();
    });
    if (this.#failure !== undefined) throw this.#failure;
  }
}
