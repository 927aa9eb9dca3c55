/** One stream of `kinlog run`: its reader, which may be started anew with other options, and what is known of it. */
import type { AwsAccess } from '../base/aws-access.ts';
import { isAbort, systemClock } from '../base/clock.ts';
import { asKinlogError, describeError, type KinlogError } from '../base/errors.ts';
import { EventLog, type LogLine } from '../base/events.ts';
import { Reader, type ByteBudget, type ReaderStatus } from '../reader/index.ts';
import { StalledShards } from '../reader/stalled-shards.ts';
import type { StreamConfig } from './run-config.ts';
import type { SharedParts } from './run-parts.ts';
import type { StandingError } from './standing-errors.ts';
import { storeName } from './store.ts';
import { StreamErrors } from './stream-errors.ts';

export interface StreamContext {
  readonly name: string | undefined;
  readonly budget: ByteBudget;
  readonly parts: SharedParts;
  readonly sink: (line: LogLine) => void;
}

/** Leaves time for the output and the store within the time a stop may take. */
const DRAIN_MS = 8000;

export class StreamRun {
  readonly log: EventLog;
  /** Wall-clock milliseconds; undefined = not since the start. */
  positionStoredMs: number | undefined;
  eventsDeliveredMs: number | undefined;
  /** The last position that was due is stored. */
  storeOk = true;
  failure: KinlogError | undefined;
  readonly #context: StreamContext;
  readonly #stalled = new StalledShards(systemClock);
  readonly #errors = new StreamErrors();
  #config: StreamConfig;
  #reader: Reader | undefined;
  /** Kept over restarts: positions in memory must not be lost. */
  #store: Awaited<ReturnType<SharedParts['store']>> | undefined;
  #again = new AbortController();

  constructor(config: StreamConfig, context: StreamContext) {
    this.#config = config;
    this.#context = context;
    this.log = new EventLog((line) => this.#note(line), 'debug');
  }

  get config(): StreamConfig {
    return this.#config;
  }

  get status(): ReaderStatus | undefined {
    const status = this.#reader?.status();
    return status && this.#stalled.in(status);
  }

  /** Why its events do not flow as they should; undefined when they do. */
  get notReady(): string | undefined {
    if (this.failure !== undefined) return describeError(this.failure);
    const status = this.status;
    if (status === undefined) return `waits for the store ${storeName(this.#config.store)} or the output`;
    if (status.state !== 'reading') return `is ${status.state}`;
    return status.lastError ?? this.#stalled.reason(status);
  }

  /** What stands in the way of its events now, bounded however many shards there are. */
  get errors(): readonly StandingError[] {
    const nowMs = systemClock.now();
    const { output, deadLetters } = this.#config;
    const outputs = this.#context.parts.outputsOf(output, deadLetters);
    return [...this.#errors.list(nowMs, this.status), ...outputs.flatMap((each) => each.errors(nowMs))];
  }

  /** Settles after the signal has aborted and everything accepted is stored, or with `failure` set when reading became impossible. */
  async run(signal: AbortSignal): Promise<void> {
    do {
      this.#again = new AbortController();
      const stop = AbortSignal.any([signal, this.#again.signal]);
      await this.#read(stop).catch((error: unknown) => {
        if (!stop.aborted || !isAbort(error)) this.#fail(error);
      });
    } while (this.failure === undefined && this.#again.signal.aborted && !signal.aborted);
  }

  /** Stores what was accepted and goes on there with these options. */
  restartWith(config: StreamConfig): void {
    this.#config = config;
    this.#again.abort(new DOMException('the configuration was read again', 'AbortError'));
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { name, budget, parts } = this.#context;
    const { stream, store, output, deadLetters, start, onLostPosition, fanOut, format, lines, ...rest } = this.#config;
    this.#reader = new Reader({
      stream,
      kinesis: accessOf(rest),
      output: await parts.output(output),
      deadLetters: deadLetters && (await parts.deadLetters(deadLetters)),
      store: (this.#store ??= await parts.store(store, this.log)),
      log: this.log,
      budget,
      drainMs: DRAIN_MS,
      decode: { ...(format === undefined ? {} : { format }), ...(lines === undefined ? {} : { lines }) },
      ...defined({ name, start, onLostPosition, fanOut }),
      ...defined({
        checkpointEveryMs: rest.checkpointEveryMs,
        idleMs: rest.idleMs,
        leasePeriodMs: rest.leasePeriodMs,
      }),
    });
    await this.#reader.run(signal);
  }

  #fail(error: unknown): void {
    this.failure = asKinlogError(error, `reading ${this.#config.id}`);
    if (this.log.total('reader_failures') === 0) this.log.emit('reader.failed', { error: describeError(error) });
  }

  #note(line: LogLine): void {
    this.#stalled.note(line);
    this.#errors.note(line, systemClock.now());
    if (line.name === 'checkpoint.stored') {
      this.positionStoredMs = Date.now();
      this.storeOk = true;
    } else if (line.name === 'checkpoint.delayed') this.storeOk = false;
    else if (line.name === 'batch.written') this.eventsDeliveredMs = Date.now();
    this.#context.sink({ ...line, fields: { ...line.fields, stream: this.#config.id } });
  }
}

function accessOf(config: AwsAccess): AwsAccess {
  const { region, profile, endpoint, roleArn, externalId } = config;
  const { sessionName, webIdentityTokenFile, stsEndpoint, ca, proxy } = config;
  return {
    ...{ region, profile, endpoint, roleArn, externalId },
    ...{ sessionName, webIdentityTokenFile, stsEndpoint, ca, proxy },
  };
}

/** Without the members that are undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
