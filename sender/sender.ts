/** Sends events to a stream: group, encode, put, and tell each writer when Kinesis has its event. */
import type { Writable } from 'node:stream';
import { systemClock, type Clock } from '../base/clock.ts';
import { asKinlogError, describeError, KinlogError } from '../base/errors.ts';
import { silentLog, type EventLog } from '../base/events.ts';
import { retry } from '../base/retry.ts';
import type { EventMeta, OutgoingEvent } from '../record/event.ts';
import { OpenBatches, type Batch, type EventSettle, type PartitionKey } from './batch.ts';
import type { Compression } from './compress.ts';
import { recordEncoder, type Encoded, type RecordEncoder, type SendFormat } from './encode.ts';
import { EncodeLine } from './encode-line.ts';
import { PutQueue } from './put-queue.ts';
import { openPut, type PutApi, type PutTarget, type Stored } from './put.ts';
import { Room } from './room.ts';
import { eventWritable } from './stream.ts';

export interface SenderOptions {
  /** How to reach Kinesis: region, endpoint, credentials of a connection of its own (the SDK's defaults without them), a client, or a port. */
  readonly kinesis?: PutTarget;
  /** Name or ARN. */
  readonly stream: string;
  readonly format?: SendFormat;
  readonly compression?: Compression;
  readonly partitionKey?: PartitionKey;
  /** For events that do not say their own. */
  readonly meta?: EventMeta;
  /** The oldest event waits no longer than this for company, milliseconds. */
  readonly flushAfterMs?: number;
  /** No event is taken while so many bytes wait for Kinesis. */
  readonly maxBufferedBytes?: number;
  /** The stream's limit for data and partition key of one record. */
  readonly maxRecordBytes?: number;
  /** PutRecords calls at the same time. */
  readonly concurrency?: number;
  /** What `write` does when the buffer is full. */
  readonly whenFull?: 'wait' | 'error';
  /** What a person must heal (permission, missing stream, encryption key): `reject` the events at once, or `wait` and ask again slowly. */
  readonly whenRefused?: 'reject' | 'wait';
  /** Events that Kinesis did not take for so long are rejected; never by default. */
  readonly giveUpAfterMs?: number;
  readonly log?: EventLog;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface SenderStats {
  readonly eventsAccepted: number;
  readonly eventsSent: number;
  readonly eventsFailed: number;
  readonly recordsSent: number;
  /** Of acknowledged record data. */
  readonly bytesSent: number;
  readonly bufferedBytes: number;
  /** PutRecords calls, records sent again, and records that a throttle refused. */
  readonly calls: number;
  readonly retries: number;
  readonly throttles: number;
}

/** What an event costs beside its bytes until it is settled: its place in a batch, and the promise of a writer who waits for it (measured: 0.4 to 0.5 kB). */
const EVENT_COST = { told: 512, untold: 64 } as const;
const CHECK_ATTEMPTS = 3;
/** No record limit of Kinesis is within reach of this, however well it compresses. */
const MAX_EVENT_BYTES = 64 * 1024 * 1024;

const defaults = () => ({
  kinesis: {},
  format: 'kinlog' as const,
  compression: 'gzip' as const,
  partitionKey: 'random' as const,
  meta: {},
  flushAfterMs: 1000,
  maxBufferedBytes: 64 * 1024 * 1024,
  maxRecordBytes: 1024 * 1024,
  concurrency: 3,
  whenFull: 'wait' as const,
  whenRefused: 'reject' as const,
  giveUpAfterMs: Infinity,
  log: silentLog(),
  clock: systemClock,
  random: Math.random,
});

export class Sender {
  readonly #stream: string;
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #api: PutApi;
  readonly #disconnect: () => void;
  readonly #encoder: RecordEncoder;
  readonly #open: OpenBatches;
  readonly #line = new EncodeLine();
  readonly #queue: PutQueue;
  readonly #room: Room;
  readonly #stop = new AbortController();
  readonly #flushAfterMs: number;
  readonly #whenFull: 'wait' | 'error';
  /** One promise for each batch that was closed and is not settled. */
  readonly #unsettled = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;
  #ticking = false;
  /** Failures that no writer was told about, for the next flush. */
  #untold: { count: number; first: KinlogError } | undefined;
  readonly #totals = { eventsAccepted: 0, eventsSent: 0, eventsFailed: 0, recordsSent: 0, bytesSent: 0 };

  constructor(options: SenderOptions) {
    const settings = { ...defaults(), ...options };
    const { stream, meta } = settings;
    this.#stream = stream;
    this.#clock = settings.clock;
    this.#log = settings.log;
    this.#flushAfterMs = settings.flushAfterMs;
    this.#room = new Room(settings.maxBufferedBytes);
    this.#whenFull = settings.whenFull;
    const { api, close } = openPut(settings.kinesis, stream);
    this.#api = api;
    this.#disconnect = close;
    this.#encoder = recordEncoder(settings);
    const grouping = { partitionKey: settings.partitionKey, oneMeta: this.#encoder.oneMeta, meta };
    this.#open = new OpenBatches(grouping, (batch) => this.#send(batch));
    this.#queue = new PutQueue({ ...settings, api: this.#api });
  }

  /** Settles when Kinesis has the event and rejects when it never will: KINLOG_RECORD_TOO_LARGE, _BUFFER_FULL, _SEND_FAILED, _CLOSED, or what AWS refused.
   *  Bytes given must not change until then. */
  write(event: OutgoingEvent): Promise<void> {
    const { promise, settle } = settlement();
    if (this.#whenFull === 'error' && this.#closing === undefined && !this.#room.free) {
      this.#log.emit('sender.dropped', { stream: this.#stream, bufferedBytes: this.#room.held });
      settle(new KinlogError('KINLOG_BUFFER_FULL', `${this.#room.held} bytes wait for ${this.#stream} already`));
    } else this.#enqueue(event, settle, accepted);
    return promise;
  }

  /** False: the buffer is full and the event was not taken; `ready` tells when to try again. Failures of taken events come out at the next flush.
   *  Bytes given must not change any more. */
  tryWrite(event: OutgoingEvent): boolean {
    if (this.#closing !== undefined) throw this.#wasClosed();
    if (!this.#room.free) return false;
    this.#take(event, undefined);
    return true;
  }

  /** The buffer takes nothing at the moment. */
  get full(): boolean {
    return !this.#room.free;
  }

  /** Settles when there is room in the buffer. */
  async ready(): Promise<void> {
    while (!this.#room.free) await this.#roomForOne();
  }

  /** A Writable of events (text, bytes or OutgoingEvent, one a write) with back-pressure; it finishes when Kinesis has them all. */
  createWriteStream(meta?: EventMeta): Writable {
    const enqueue = this.#enqueue.bind(this);
    return eventWritable({ enqueue, hurry: () => this.#open.close() }, meta);
  }

  /** Settles when everything written before is settled; rejects when some of it failed without a writer being told. */
  async flush(): Promise<void> {
    if (this.#room.crowded) await this.#roomForOne();
    this.#open.close();
    await Promise.all(this.#unsettled);
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold === undefined) return;
    const { count, first } = untold;
    throw new KinlogError(
      first.code,
      `${count} ${count === 1 ? 'event was' : 'events were'} not sent: ${first.message}`,
      {
        remedy: first.remedy,
        cause: first,
      },
    );
  }

  /** Flushes and ends. What Kinesis has not taken within `withinMs` is rejected with KINLOG_SEND_FAILED; without it close waits as long as it takes, or
   *  until a later call gives it a bound. */
  close(withinMs?: number): Promise<void> {
    if (withinMs !== undefined) void this.#giveUpAfter(withinMs);
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  /** Puts a record without an event, as the original sender does at its start: the answer tells whether sending would work. */
  async check(signal: AbortSignal = this.#stop.signal): Promise<Stored> {
    const entry = await this.#encoder.nullRecord();
    const put = async (): Promise<Stored> => {
      const [answer] = await this.#api.put([entry], signal).catch((error: unknown) => {
        throw notLater(asKinlogError(error, 'PutRecords'));
      });
      if (answer instanceof KinlogError) throw notLater(answer);
      return answer!;
    };
    return retry(put, { signal, clock: this.#clock, attempts: CHECK_ATTEMPTS, doing: 'PutRecords' });
  }

  stats(): SenderStats {
    return { ...this.#totals, ...this.#queue.totals, bufferedBytes: this.#room.held };
  }

  #enqueue(event: OutgoingEvent, settle: EventSettle, accepted: () => void): void {
    const admit = () => {
      this.#take(event, settle);
      accepted();
    };
    if (this.#closing !== undefined) settle(this.#wasClosed());
    else if (this.#room.free) admit();
    else {
      this.#room.wait(admit);
      this.#hurryWhenIdle();
    }
  }

  #take(event: OutgoingEvent, settle: EventSettle | undefined): void {
    this.#totals.eventsAccepted++;
    this.#room.take(costOf(settle));
    // Whoever gave this event may be long gone: what it, or the function that finds its key, throws must not reach whoever makes room.
    try {
      this.#add(event, settle);
    } catch (error) {
      this.#fail([settle], asKinlogError(error, 'taking an event'));
    }
  }

  #add(event: OutgoingEvent, settle: EventSettle | undefined): void {
    const bytes = Buffer.byteLength(event.data);
    if (bytes > MAX_EVENT_BYTES) throw new KinlogError('KINLOG_RECORD_TOO_LARGE', `an event has ${bytes} bytes`);
    this.#open.add(event, bytes, settle, this.#clock.monotonic());
    this.#room.take(bytes);
    if (!this.#ticking && this.#open.size > 0) void this.#tick();
  }

  #roomForOne(): Promise<void> {
    return new Promise((resolve) => {
      this.#room.wait(resolve);
      this.#hurryWhenIdle();
    });
  }

  // Open batches may fill the whole buffer; waiting for their company would then be waiting for nobody.
  #hurryWhenIdle(): void {
    if (this.#unsettled.size === 0) this.#open.close();
  }

  async #tick(): Promise<void> {
    this.#ticking = true;
    for (let oldest = this.#open.oldest(); oldest !== undefined; oldest = this.#open.oldest()) {
      const waitMs = Math.max(0, oldest + this.#flushAfterMs - this.#clock.monotonic());
      const ended = await this.#clock.sleep(waitMs, this.#stop.signal).then(
        () => false,
        () => true,
      );
      if (ended) break;
      this.#open.close(this.#clock.monotonic() - this.#flushAfterMs);
    }
    this.#ticking = false;
  }

  #send(batch: Batch): void {
    const settled = new Promise<void>((resolve) => {
      void this.#line.run(batch.key, async () => {
        const parts = await this.#encode(batch);
        void Promise.all(parts.map((part) => this.#put(part, batch.key !== undefined))).then(() => resolve());
      });
    });
    this.#unsettled.add(settled);
    void settled.then(() => {
      this.#unsettled.delete(settled);
      if (this.#room.crowded) this.#hurryWhenIdle();
    });
  }

  async #encode(batch: Batch): Promise<readonly Encoded[]> {
    const parts = await this.#encoder.encode(batch).catch((error: unknown): Encoded[] => {
      return [{ settles: batch.settles, error: asKinlogError(error, 'encoding a record') }];
    });
    // From here on the record is held instead of the bytes of its events.
    for (const part of parts) if ('entry' in part) this.#room.take(part.entry.data.length);
    this.#room.give(batch.bytes);
    return parts;
  }

  async #put(part: Encoded, ordered: boolean): Promise<void> {
    if ('error' in part) {
      this.#fail(part.settles, part.error);
      return;
    }
    const { entry, settles } = part;
    const error = await new Promise<KinlogError | undefined>((resolve) => this.#queue.add(entry, ordered, resolve));
    this.#room.give(entry.data.length);
    if (error === undefined) this.#succeed(settles, entry.data.length);
    else this.#fail(settles, error);
  }

  #succeed(settles: Encoded['settles'], bytes: number): void {
    this.#totals.recordsSent++;
    this.#totals.eventsSent += settles.length;
    this.#totals.bytesSent += bytes;
    this.#log.count('records_sent');
    this.#log.count('events_sent', settles.length);
    for (const settle of settles) settle?.();
    this.#release(settles);
  }

  #fail(settles: Encoded['settles'], error: KinlogError): void {
    this.#totals.eventsFailed += settles.length;
    this.#log.emit('sender.failed', { stream: this.#stream, events: settles.length, error: describeError(error) });
    const told = settles.filter((settle) => settle !== undefined);
    for (const settle of told) settle(error);
    this.#release(settles);
    const count = settles.length - told.length;
    if (count > 0) this.#untold = { count: count + (this.#untold?.count ?? 0), first: this.#untold?.first ?? error };
  }

  #release(settles: Encoded['settles']): void {
    this.#room.give(settles.reduce((sum, settle) => sum + costOf(settle), 0));
  }

  async #giveUpAfter(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#stop.signal).catch(() => undefined);
    this.#queue.stop();
  }

  async #shutDown(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#stop.abort(new DOMException('the sender was closed', 'AbortError'));
      this.#queue.stop();
      this.#disconnect();
    }
  }

  #wasClosed(): KinlogError {
    return new KinlogError('KINLOG_CLOSED', `the sender for ${this.#stream} is closed`);
  }
}

const accepted = (): void => undefined;

const costOf = (settle: EventSettle | undefined): number =>
  settle === undefined ? EVENT_COST.untold : EVENT_COST.told;

/** A function of its own, because a closure keeps everything that its surroundings know: made beside the event, the promise would hold the event's bytes
 *  until Kinesis has answered, long after they were encoded. */
function settlement(): { promise: Promise<void>; settle: EventSettle } {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const settle: EventSettle = (error) => {
    if (error === undefined) resolve(undefined);
    else reject(error);
  };
  return { promise, settle };
}

/** Whoever waits for a check wants to know now what only a person can heal. */
function notLater(error: KinlogError): KinlogError {
  if (error.retry !== 'slow') return error;
  return new KinlogError(error.code, error.message, { retry: 'never', remedy: error.remedy, cause: error });
}
