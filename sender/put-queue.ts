/** Sends records until Kinesis has each of them: only refused ones again, those of one partition key one after the other. */
import { isAbort, type Clock } from '../base/clock.ts';
import { asKinlogError, describeError, KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { backoffMs } from '../base/retry.ts';
import { CALL_LIMIT, type PutApi, type PutEntry } from './put.ts';

/** Called once: without an error when Kinesis has the record. */
export type Settle = (error?: KinlogError) => void;

export interface PutQueueOptions {
  readonly api: PutApi;
  readonly stream: string;
  readonly concurrency: number;
  /** What a person must heal (permission, stream, key): `reject` the records at once, or `wait` and ask again slowly. */
  readonly whenRefused: 'reject' | 'wait';
  /** A record that was not taken for so long is rejected; Infinity = never. */
  readonly giveUpAfterMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EventLog;
}

interface Queued {
  readonly entry: PutEntry;
  readonly settle: Settle;
  readonly ordered: boolean;
  readonly number: number;
  readonly since: number;
  /** A call with this record in it was refused as malformed: it goes alone, so that it takes no other with it. */
  alone: boolean;
}

const STALLED_AFTER_MS = 10_000;

export class PutQueue {
  readonly #options: PutQueueOptions;
  readonly #stop = new AbortController();
  /** Refused before, in their original order; they go first. */
  #again: Queued[] = [];
  #ready: Queued[] = [];
  /** Records behind the first unsettled one of their key. A key is here as long as one of its records is unsettled. */
  readonly #lanes = new Map<string, Queued[]>();
  /** Everything that is not settled. */
  readonly #unsettled = new Set<Queued>();
  #calls = 0;
  #number = 0;
  #attempt = 0;
  /** The wait that holds back everything; undefined = go on. */
  #pause: object | undefined;
  #progressAt = 0;
  #stalled = false;
  #scheduled = false;
  readonly totals = { calls: 0, retries: 0, throttles: 0 };

  constructor(options: PutQueueOptions) {
    this.#options = options;
  }

  /** `ordered`: the record is not sent before every earlier ordered one of its partition key is settled. */
  add(entry: PutEntry, ordered: boolean, settle: Settle): void {
    const since = this.#options.clock.monotonic();
    if (this.#unsettled.size === 0) this.#progressAt = since;
    const queued = { entry, settle, ordered, number: this.#number++, since, alone: false };
    if (this.#stop.signal.aborted) {
      settle(stopped(this.#options.stream));
      return;
    }
    this.#unsettled.add(queued);
    const lane = ordered ? this.#lanes.get(entry.partitionKey) : undefined;
    if (lane !== undefined) {
      lane.push(queued);
      return;
    }
    if (ordered) this.#lanes.set(entry.partitionKey, []);
    this.#ready.push(queued);
    this.#schedule();
  }

  /** Rejects what is not settled yet. */
  stop(): void {
    this.#stop.abort(new DOMException('stopped', 'AbortError'));
    for (const queued of [...this.#unsettled]) this.#settle(queued, stopped(this.#options.stream));
    this.#again = [];
    this.#ready = [];
  }

  // Records that become ready in one turn go in one call.
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#pause === undefined && !this.#stop.signal.aborted && this.#calls < this.#options.concurrency) {
      const records = this.#take();
      if (records.length === 0) return;
      this.#calls++;
      void this.#call(records).finally(() => {
        this.#calls--;
        this.#schedule();
      });
    }
  }

  /** Refused ones first; new ones top their call up. */
  #take(): Queued[] {
    const call: Queued[] = [];
    let bytes = 0;
    for (const source of [this.#again, this.#ready]) {
      bytes = fill(call, source, bytes);
      if (source.length > 0) break;
    }
    return call;
  }

  async #call(records: readonly Queued[]): Promise<void> {
    const { api } = this.#options;
    this.totals.calls++;
    const put = async () =>
      api.put(
        records.map(({ entry }) => entry),
        this.#stop.signal,
      );
    const answers = await put().catch((error: unknown) => {
      const known = isAbort(error) ? stopped(this.#options.stream) : asKinlogError(error, 'PutRecords');
      return records.map(() => known);
    });
    const refused: Queued[] = [];
    let first: KinlogError | undefined;
    records.forEach((queued, i) => {
      const answer = answers[i] ?? unanswered(this.#options.stream);
      if (answer instanceof KinlogError) {
        if (this.#mayRetry(queued, answer, records.length)) refused.push(queued);
        else this.#settle(queued, this.#final(queued, answer));
        first ??= answer;
      } else this.#settle(queued);
    });
    const progress = answers.some((answer) => !(answer instanceof KinlogError));
    if (progress) this.#progressed();
    if (first !== undefined && refused.length > 0) this.#sendAgain(refused, first, progress);
  }

  #mayRetry(queued: Queued, error: KinlogError, inCall: number): boolean {
    if (this.#stop.signal.aborted) return false;
    if (error.code === 'KINLOG_THROTTLED') this.totals.throttles++;
    if (error.code === 'KINLOG_REQUEST_REFUSED' && inCall > 1) {
      queued.alone = true;
      return true;
    }
    if (error.retry === 'never' || (error.retry === 'slow' && this.#options.whenRefused === 'reject')) return false;
    return this.#options.clock.monotonic() - queued.since < this.#options.giveUpAfterMs;
  }

  #final(queued: Queued, error: KinlogError): KinlogError {
    if (error.retry !== 'soon') return error;
    const seconds = Math.round((this.#options.clock.monotonic() - queued.since) / 1000);
    return new KinlogError('KINLOG_SEND_FAILED', `gave up after ${seconds} s: ${error.message}`, {
      remedy: error.remedy,
      cause: error,
    });
  }

  /** Whatever got through proves that the stream takes records: the next wait starts small again. Without any progress nothing else is tried meanwhile. */
  #sendAgain(refused: readonly Queued[], error: KinlogError, progress: boolean): void {
    const { log, random, stream } = this.#options;
    this.totals.retries += refused.length;
    if (this.#pause === undefined) this.#attempt++;
    const waitMs = error.retry === 'never' ? 0 : backoffMs(error, this.#attempt, random);
    log.emit('sender.retried', { stream, records: refused.length, waitMs, error: describeError(error) });
    this.#warnWhenStalled(error);
    const pause = {};
    if (!progress) this.#pause ??= pause;
    void this.#wait(waitMs).then(() => {
      if (this.#pause === pause) this.#pause = undefined;
      if (this.#stop.signal.aborted) return;
      this.#again = [...this.#again, ...refused].sort((a, b) => a.number - b.number);
      this.#schedule();
    });
  }

  async #wait(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stop.signal).catch(() => undefined);
  }

  #warnWhenStalled(error: KinlogError): void {
    if (this.#stalled || this.#options.clock.monotonic() - this.#progressAt < STALLED_AFTER_MS) return;
    this.#stalled = true;
    const { log, stream } = this.#options;
    log.emit('sender.stalled', { stream, records: this.#unsettled.size, error: describeError(error) });
  }

  #progressed(): void {
    this.#attempt = 0;
    this.#pause = undefined;
    this.#progressAt = this.#options.clock.monotonic();
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#options.log.emit('sender.resumed', { stream: this.#options.stream });
  }

  #settle(queued: Queued, error?: KinlogError): void {
    if (!this.#unsettled.delete(queued)) return;
    if (queued.ordered) this.#next(queued.entry.partitionKey);
    queued.settle(error);
  }

  #next(partitionKey: string): void {
    const next = this.#lanes.get(partitionKey)?.shift();
    if (next === undefined) this.#lanes.delete(partitionKey);
    else {
      this.#ready.push(next);
      this.#schedule();
    }
  }
}

/** Moves records from the head of `source` into the call as long as they fit; the bytes in the call afterwards. */
function fill(call: Queued[], source: Queued[], used: number): number {
  let bytes = used;
  let count = 0;
  for (; count < source.length && call.length < CALL_LIMIT.records; count++) {
    const queued = source[count]!;
    const size = queued.entry.data.length + Buffer.byteLength(queued.entry.partitionKey);
    if (call.length > 0 && (queued.alone || call[0]!.alone || bytes + size > CALL_LIMIT.bytes)) break;
    bytes += size;
    call.push(queued);
  }
  source.splice(0, count);
  return bytes;
}

function unanswered(stream: string): KinlogError {
  return new KinlogError('KINLOG_UNEXPECTED', `PutRecords on ${stream}: fewer records were answered than sent`);
}

function stopped(stream: string): KinlogError {
  return new KinlogError('KINLOG_SEND_FAILED', `sending to ${stream} was stopped before Kinesis took the record`);
}
