/** A connection of a client, which can be cut behind any byte, in either direction. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Direction, Faults } from './faults.ts';

export class Connection extends Duplex {
  readonly #socket: Socket;
  readonly #faults: Faults;
  /** Bytes until the cut. */
  readonly #left = new Map<Direction, number>();
  #reading = false;
  #wanted = false;

  constructor(socket: Socket, faults: Faults) {
    super();
    this.#socket = socket;
    this.#faults = faults;
    // As a server of node:http does by itself; otherwise each answer waits 40 ms for an acknowledgement.
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => void this.#arrived(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
  }

  /** What is under way in either direction is lost. */
  cut(): void {
    // TLS knows no reset of its own.
    if ('encrypted' in this.#socket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
    this.destroy();
  }

  override _read(): void {
    this.#wanted = true;
    if (!this.#reading) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const passed = this.#passing('answer', chunk);
    if (passed === chunk) this.#socket.write(chunk, done);
    else this.#socket.write(passed, () => this.cut());
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  async #arrived(chunk: Buffer): Promise<void> {
    this.#reading = true;
    this.#socket.pause();
    const passed = this.#passing('request', chunk);
    this.#wanted = this.push(passed);
    if (passed !== chunk) {
      // What has passed is read first.
      await new Promise(setImmediate);
      this.cut();
      return;
    }
    if (this.#faults.readDelayMs > 0) await sleep(this.#faults.readDelayMs, undefined, { ref: false });
    this.#reading = false;
    if (this.#wanted) this.#socket.resume();
  }

  #passing(direction: Direction, chunk: Buffer): Buffer {
    const left = this.#left.get(direction) ?? this.#faults.takeCut(direction);
    if (left === undefined) return chunk;
    this.#left.set(direction, left - chunk.length);
    return left > chunk.length ? chunk : chunk.subarray(0, left);
  }
}
