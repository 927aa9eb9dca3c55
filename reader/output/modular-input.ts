/** Hands event batches to splunkd as XML on the stdout of a modular input, and tells which of them its pipe has taken. */
import { Buffer } from 'node:buffer';
import type { Writable } from 'node:stream';
import { abortReason, systemClock, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import type { EventBatch } from '../../record/batch.ts';
import type { Output } from './output.ts';
import { Turns } from '../../base/turns.ts';
import { XmlWriter } from './xml.ts';

export interface EventPipeOptions {
  readonly log: EventLog;
  readonly clock?: Clock;
  /** Memory of the pipe is three of these, whatever the batches hold. */
  readonly chunkBytes?: number;
  /** Without a byte taken for so long, `output.stalled` is told once. */
  readonly stalledAfterMs?: number;
  /** Default: Splunk's XML event stream. */
  readonly format?: PipeFormat;
}

/** How events become bytes, what stands before and after all of them, and who reads the pipe. */
export interface PipeFormat {
  /** `begin` a batch, then `fill` chunk after chunk until it answers 0. */
  readonly writer: { begin(batch: EventBatch, stanza: string): void; fill(chunk: Buffer): number };
  readonly open: Uint8Array;
  readonly close: Uint8Array;
  readonly receiver: string;
}

/** One chunk that the pipe is taking, one that waits behind it, one that is being filled. */
const RING = 3;
const CHUNK_BYTES = 256 * 1024;
const STALLED_AFTER_MS = 30_000;

interface Waiter {
  /** Settles once so many chunks were taken. */
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The one document on the stdout of a process, shared by its stanzas or streams: batches come out whole, one after the other. */
export class EventPipe {
  readonly #pipe: Writable;
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #chunkBytes: number;
  readonly #stalledAfterMs: number;
  readonly #format: PipeFormat;
  readonly #ring: Buffer[] = [];
  /** Chunks handed to the pipe, and chunks that it has taken; their callbacks come in order. */
  #sent = 0;
  #taken = 0;
  #waiters: Waiter[] = [];
  /** Of rendering: what follows may be rendered while the pipe still takes. */
  readonly #turns = new Turns();
  #watching = false;
  #stalled = false;
  #closing: Promise<void> | undefined;
  readonly #failed = new AbortController();
  /** Closed or failed: nothing is watched any more. */
  readonly #over = new AbortController();

  constructor(pipe: Writable, options: EventPipeOptions) {
    this.#pipe = pipe;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.#stalledAfterMs = options.stalledAfterMs ?? STALLED_AFTER_MS;
    this.#format = options.format ?? splunkFormat();
    pipe.on('error', (cause) => this.#fail(cause));
  }

  /** Aborts, with the reason as KinlogError, when nothing can be written any more. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** As Output.write. An abort that comes in the middle of a batch may cut an event in two, and then ends the document for all: first wait as long as you can. */
  async write(batch: EventBatch, stanza: string, signal: AbortSignal): Promise<void> {
    if (this.#closing !== undefined) throw new KinlogError('KINLOG_CLOSED', 'the event stream was closed');
    this.#failed.signal.throwIfAborted();
    if (batch.length === 0) return;
    await this.#turns.take(signal);
    await this.#until(await this.#render(batch, stanza, signal), signal);
  }

  /** Ends the document after everything accepted; rejects with KINLOG_OUTPUT_CLOSED when it was cut off before. */
  close(): Promise<void> {
    return (this.#closing ??= this.#end());
  }

  async #end(): Promise<void> {
    await this.#turns.take(NEVER);
    try {
      if (this.#sent > 0) this.#send(this.#format.close);
      await this.#until(this.#sent, NEVER);
    } finally {
      this.#over.abort();
      this.#turns.leave();
    }
  }

  /** How many chunks must have been taken for this batch to be; the next write may begin before that. */
  async #render(batch: EventBatch, stanza: string, stop: AbortSignal): Promise<number> {
    if (this.#sent === 0) this.#send(this.#format.open);
    const before = this.#sent;
    try {
      this.#format.writer.begin(batch, stanza);
      for (;;) {
        await this.#until(this.#sent - RING + 1, stop);
        const chunk = (this.#ring[this.#sent % RING] ??= Buffer.allocUnsafeSlow(this.#chunkBytes));
        const size = this.#format.writer.fill(chunk);
        if (size === 0) return this.#sent;
        this.#send(chunk.subarray(0, size));
      }
    } catch (cause) {
      // An event may be cut in two: then nothing may follow it in this document.
      if (this.#sent > before) this.#fail(cause);
      throw cause;
    } finally {
      this.#turns.leave();
    }
  }

  #send(bytes: Uint8Array): void {
    this.#sent++;
    this.#pipe.write(bytes, (error) => {
      if (error) this.#fail(error);
      else this.#took();
    });
    if (!this.#watching) void this.#watch();
  }

  #took(): void {
    this.#taken++;
    if (this.#stalled) {
      this.#stalled = false;
      this.#log.emit('output.resumed');
    }
    const ready = this.#waiters.filter(({ count }) => count <= this.#taken);
    this.#waiters = this.#waiters.filter(({ count }) => count > this.#taken);
    for (const { resolve } of ready) resolve();
  }

  #until(count: number, stop: AbortSignal): Promise<void> {
    if (this.#failed.signal.aborted) return Promise.reject(abortReason(this.#failed.signal));
    if (count <= this.#taken) return Promise.resolve();
    // An abort that came before the listener would never be heard.
    if (stop.aborted) return Promise.reject(abortReason(stop));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        count,
        resolve: () => {
          stop.removeEventListener('abort', abort);
          resolve();
        },
        reject: (error) => {
          stop.removeEventListener('abort', abort);
          reject(error);
        },
      };
      const abort = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(abortReason(stop));
      };
      this.#waiters.push(waiter);
      stop.addEventListener('abort', abort, { once: true });
    });
  }

  #fail(cause: unknown): void {
    if (this.#failed.signal.aborted) return;
    const error = new KinlogError('KINLOG_OUTPUT_CLOSED', `the pipe to ${this.#format.receiver} is closed`, { cause });
    this.#failed.abort(error);
    this.#over.abort();
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  /** Alive only while the pipe owes an answer. */
  async #watch(): Promise<void> {
    this.#watching = true;
    while (this.#taken < this.#sent) {
      const before = this.#taken;
      if (!(await this.#clock.sleep(this.#stalledAfterMs, this.#over.signal).then(yes, no))) break;
      if (this.#taken > before || this.#taken === this.#sent || this.#stalled) continue;
      this.#stalled = true;
      this.#log.emit('output.stalled', { seconds: Math.round(this.#stalledAfterMs / 1000) });
    }
    this.#watching = false;
  }
}

/** The events of one stanza. Closing it leaves the pipe, which others share, open. */
export class ModularInputOutput implements Output {
  readonly #pipe: EventPipe;
  readonly #stanza: string;
  #closed = false;

  /** `stanza`: its full name, such as `kinesis_log://prod`. */
  constructor(pipe: EventPipe, stanza: string) {
    this.#pipe = pipe;
    this.#stanza = stanza;
  }

  async write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    if (this.#closed) throw new KinlogError('KINLOG_CLOSED', `the output of ${this.#stanza} was closed`);
    await this.#pipe.write(batch, this.#stanza, signal);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}

const splunkFormat = (): PipeFormat => ({
  writer: new XmlWriter(),
  open: Buffer.from('<stream>\n'),
  close: Buffer.from('</stream>\n'),
  receiver: 'splunkd',
});
const yes = () => true;
const no = () => false;
const NEVER = new AbortController().signal;
