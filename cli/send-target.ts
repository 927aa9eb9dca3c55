/** Where `log2kinesis send` puts its events: the stream, or stdout to see how they were cut. */
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { isKinlogError, asKinlogError, type KinlogError } from '../base/errors.ts';
import type { EventMeta, OutgoingEvent } from '../record/event.ts';
import { Sender } from '../sender/index.ts';
import { connect } from './connection.ts';
import { commandLog, EXIT, reported, type Surroundings } from './exit.ts';
import type { SendValues } from './send-options.ts';

/** How long what was read may take to be sent after a signal asked to stop. */
const STOP_WITHIN_MS = 30_000;

export interface Target {
  /** Aborts when no further event can be sent. */
  readonly broken: AbortSignal;
  readonly full: boolean;
  take(event: OutgoingEvent): void;
  /** Settles when there is room, or at once when nobody may wait any more. */
  ready(hurry: AbortSignal): Promise<void>;
  /** Exit status once everything taken is settled, or given up some time after `hurry`; says on stderr what was not sent. */
  finish(hurry: AbortSignal): Promise<number>;
  summary(): string;
}

export class StreamTarget implements Target {
  readonly #around: Surroundings;
  readonly #kinesis: KinesisClient;
  readonly #sender: Sender;
  readonly #broken = new AbortController();
  #fatal: KinlogError | undefined;
  #unsent = 0;
  #tooLarge: KinlogError | undefined;

  constructor(values: SendValues, meta: EventMeta, around: Surroundings) {
    this.#around = around;
    this.#kinesis = connect(values);
    this.#sender = new Sender({
      kinesis: this.#kinesis,
      stream: values.streamName,
      format: values.recordFormat,
      compression: values.compression,
      partitionKey: values.partitionKey,
      meta,
      giveUpAfterMs: values.failAfter ?? Infinity,
      log: commandLog(around, values.verbose ? 'debug' : 'warn'),
    });
  }

  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  get full(): boolean {
    return this.#fatal === undefined && this.#sender.full;
  }

  take(event: OutgoingEvent): void {
    if (this.#fatal === undefined) this.#sender.write(event).catch(this.#failed);
    else this.#unsent++;
  }

  async ready(hurry: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([hurry, this.broken]);
    if (stop.aborted) return;
    const stopped = Promise.withResolvers<undefined>();
    const release = () => stopped.resolve(undefined);
    stop.addEventListener('abort', release, { once: true });
    await Promise.race([this.#sender.ready(), stopped.promise]);
    stop.removeEventListener('abort', release);
  }

  async finish(hurry: AbortSignal): Promise<number> {
    const bound = () => this.#sender.close(STOP_WITHIN_MS).catch(() => undefined);
    hurry.addEventListener('abort', () => void bound(), { once: true });
    if (hurry.aborted) void bound();
    await this.#sender.close();
    this.#kinesis.destroy();
    const error = this.#fatal ?? this.#tooLarge;
    if (error === undefined) return EXIT.ok;
    const status = reported(this.#around, error);
    this.#around.stderr.write(`kinlog: not sent: ${counted(this.#unsent, 'event')}\n`);
    return this.#fatal === undefined ? EXIT.partly : status;
  }

  summary(): string {
    const { eventsSent, recordsSent, retries } = this.#sender.stats();
    const again = retries === 0 ? '' : `, ${counted(retries, 'record')} sent again`;
    const unsent = this.#unsent === 0 ? '' : `, ${counted(this.#unsent, 'event')} not sent`;
    return `sent ${counted(eventsSent, 'event')} in ${counted(recordsSent, 'record')}${again}${unsent}`;
  }

  /** One event that is too large concerns nobody else; whatever else Kinesis refuses, it will refuse the next event too. */
  readonly #failed = (error: unknown): void => {
    this.#unsent++;
    if (isKinlogError(error, 'KINLOG_RECORD_TOO_LARGE')) {
      this.#tooLarge ??= error;
      return;
    }
    this.#fatal ??= asKinlogError(error, 'sending');
    this.#broken.abort(new DOMException('sending failed', 'AbortError'));
  };
}

/** Prints each event under a line that tells where it begins. */
export class PrintTarget implements Target {
  readonly broken: AbortSignal = new AbortController().signal;
  readonly #around: Surroundings;
  #events = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get full(): boolean {
    return this.#around.stdout.writableNeedDrain;
  }

  take({ data }: OutgoingEvent): void {
    const text = Buffer.from(data);
    const lines = text.filter((byte) => byte === 10).length || 1;
    const ending = text.at(-1) === 10 ? '' : '\n';
    this.#around.stdout.write(`--- event ${++this.#events}: ${counted(lines, 'line')}, ${text.length} bytes\n`);
    this.#around.stdout.write(Buffer.concat([text, Buffer.from(ending)]));
  }

  ready(): Promise<void> {
    return new Promise((resolve) => this.#around.stdout.once('drain', resolve));
  }

  finish(): Promise<number> {
    return Promise.resolve(EXIT.ok);
  }

  summary(): string {
    return `${counted(this.#events, 'event')}, nothing was sent`;
  }
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
