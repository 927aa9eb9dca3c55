/** Amazon Kinesis Data Streams as a deterministic state machine on an injected clock, with faults on demand. */
import { abortReason, type Clock } from '../../../base/clock.ts';
import { FaultQueue, deniedText, type Fault, type FaultPoint, type FaultTarget } from './faults.ts';
import { ConnectionReset, KinesisFailure, notFound } from './failure.ts';
import { OPERATIONS, isOperation, type Operation } from './operations.ts';
import { emptyPage, shardOf } from './read.ts';
import { Service, type Input, type Output, type ServiceOptions, type Settings } from './service.ts';
import type { FakeShard } from './shard.ts';
import type { FakeStream } from './stream.ts';
import {
  parseRecord,
  renderAnswer,
  renderFailure,
  renderSubscription,
  type WireAnswer,
  type WireRequest,
} from './wire.ts';
import { putRecords, shardFor, store } from './write.ts';

export interface Call {
  /** Monotonic milliseconds of the clock. */
  readonly at: number;
  readonly operation: string;
  readonly shardId: string | undefined;
  /** Of GetShardIterator and SubscribeToShard: type and start. */
  readonly start: string | undefined;
  /** `pending`, `ok`, the type of the error, or the kind of the fault that ended the connection. */
  answer: string;
  records: number;
  bytes: number;
}

export interface PutOptions {
  readonly data: string | Uint8Array;
  readonly key?: string;
  readonly explicitHashKey?: string;
}

export interface ReadRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string | undefined;
  readonly data: Buffer;
  readonly arrivalMs: number;
}

/** Test code that runs inside the service just before a call is carried out. `nth` counts the calls of this operation (and shard) from 1. */
export type Hook = (call: Call, nth: number) => void | Promise<void>;

interface Listener {
  readonly operation: Operation;
  readonly hook: Hook;
  readonly shardId: string | undefined;
  seen: number;
}

export class FakeKinesis {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly calls: Call[] = [];
  readonly faults = new FaultQueue();
  readonly #service: Service;
  readonly #listeners = new Set<Listener>();

  constructor(options: ServiceOptions = {}) {
    this.#service = new Service(options);
    this.clock = this.#service.clock;
    this.settings = this.#service.settings;
  }

  // What tests do behind the API's back: no limits, no faults, no log, no duration.

  createStream(name: string, shardCount = 1): FakeStream {
    return this.#service.create(name, shardCount);
  }

  deleteStream(name: string): void {
    this.#service.bury(this.stream(name));
  }

  stream(name: string): FakeStream {
    return this.#service.named({ StreamName: name });
  }

  put(stream: string, { data, key = 'key', explicitHashKey }: PutOptions): { shardId: string; sequenceNumber: string } {
    const found = this.stream(stream);
    const entry = {
      Data: Buffer.from(data as Uint8Array).toString('base64'),
      PartitionKey: key,
      ...(explicitHashKey === undefined ? {} : { ExplicitHashKey: explicitHashKey }),
    };
    const shard = shardFor(found, entry);
    return { shardId: shard.shardId, sequenceNumber: store(this.#service, found, shard, entry).sequenceNumber };
  }

  /** In the middle unless told where; the children's names. */
  split(stream: string, shardId: string, at?: bigint): readonly string[] {
    const found = this.stream(stream);
    const parent = found.shard(shardId, this.#service.now());
    const middle = (parent.shape.firstHash + parent.shape.lastHash + 1n) / 2n;
    found.checkSplit(parent, at ?? middle);
    return found.split(parent, at ?? middle, this.#service.now()).map((shard) => shard.shardId);
  }

  /** The child's name. `left` covers the lower hashes. */
  merge(stream: string, left: string, right: string): string {
    const found = this.stream(stream);
    const nowMs = this.#service.now();
    const parents: [FakeShard, FakeShard] = [found.shard(left, nowMs), found.shard(right, nowMs)];
    found.checkMerge(...parents);
    return found.merge(...parents, nowMs).shardId;
  }

  /** What is still in the stream, shard after shard. */
  records(stream: string): ReadRecord[] {
    return this.stream(stream).shards.flatMap((shard) =>
      shard.records.map((record) => {
        const { Data, PartitionKey } = parseRecord(record);
        const { sequenceNumber, arrivalMs } = record;
        const data = Buffer.from(Data, 'base64');
        return { shardId: shard.shardId, sequenceNumber, partitionKey: PartitionKey, data, arrivalMs };
      }),
    );
  }

  /** The next calls of an operation (`*` = any), or the next pushed events, meet this fault. */
  next(point: FaultPoint, fault: Fault, target: FaultTarget = {}): void {
    this.faults.add(point, fault, target);
  }

  /** Returns what takes the hook away again. */
  on(operation: Operation, hook: Hook, shardId?: string): () => void {
    const listener = { operation, hook, shardId, seen: 0 };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  callsOf(operation: Operation, shardId?: string): readonly Call[] {
    return this.calls.filter(
      (call) => call.operation === operation && (shardId === undefined || call.shardId === shardId),
    );
  }

  /** One call of the API without a wire; throws KinesisFailure. Knows no faults, hooks or credentials. */
  call(operation: Operation, input: Input): Output {
    return OPERATIONS[operation](this.#service, input);
  }

  /** One request of the wire. Rejects with ConnectionReset, or with the signal's reason. */
  async answer(request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    const { operation } = request;
    if (!isOperation(operation))
      return this.#fail(undefined, new KinesisFailure('UnknownOperationException', operation));
    let input: Input;
    try {
      input = JSON.parse(request.body === '' ? '{}' : request.body) as Input;
    } catch {
      return this.#fail(undefined, new KinesisFailure('SerializationException', 'not JSON'));
    }
    const call = this.#log(operation, input);
    await this.#runHooks(operation, call);
    const fault = this.faults.take(operation, call.shardId);
    if (fault !== undefined) await this.#before(fault, call, signal);
    try {
      this.#authorise(request, operation);
      const output = this.#perform(operation, input, fault);
      call.answer = 'ok';
      call.records = output.records?.length ?? 0;
      call.bytes = output.bytes ?? 0;
      return this.#send(output, fault, call);
    } catch (error) {
      if (error instanceof KinesisFailure) return this.#fail(call, error);
      throw error;
    }
  }

  #log(operation: Operation, input: Input): Call {
    const start = startText(operation, input);
    const at = this.#service.clock.monotonic();
    const call: Call = { at, operation, shardId: shardOf(input), start, answer: 'pending', records: 0, bytes: 0 };
    this.calls.push(call);
    return call;
  }

  async #runHooks(operation: Operation, call: Call): Promise<void> {
    for (const listener of this.#listeners) {
      if (listener.operation !== operation) continue;
      if (listener.shardId !== undefined && listener.shardId !== call.shardId) continue;
      await listener.hook(call, ++listener.seen);
    }
  }

  async #before(fault: Fault, call: Call, signal: AbortSignal): Promise<void> {
    if (fault.kind === 'delay') await this.clock.sleep(fault.ms, signal);
    if (fault.kind !== 'hang' && fault.kind !== 'reset') return;
    call.answer = fault.kind;
    if (fault.kind === 'hang') await (fault.ms === undefined ? aborted(signal) : this.clock.sleep(fault.ms, signal));
    throw new ConnectionReset();
  }

  #perform(operation: Operation, input: Input, fault: Fault | undefined): Output {
    if (fault?.kind === 'error') throw new KinesisFailure(fault.type, fault.message ?? fault.type, fault.status);
    if (fault?.kind === 'empty-page') return emptyPage(this.#service, input);
    if (fault?.kind !== 'reject-entries') return OPERATIONS[operation](this.#service, input);
    const { entries, type = 'InternalFailure', message = 'Internal service failure.' } = fault;
    return putRecords(this.#service, input, (index) =>
      entries === 'all' || entries.includes(index) ? { type, message } : undefined,
    );
  }

  #send(output: Output, fault: Fault | undefined, call: Call): WireAnswer {
    if (fault !== undefined && fault.kind !== 'delay') call.answer = fault.kind;
    if (fault?.kind === 'lost-answer') throw new ConnectionReset();
    const { subscription } = output;
    if (subscription !== undefined) {
      const context = { service: this.#service, faults: this.faults, call };
      return renderSubscription((signal) => subscription.push(context, signal), this.#service.now());
    }
    return renderAnswer(edited(output, fault), this.#service.now(), {
      reordered: fault?.kind === 'reordered',
      cut: fault?.kind === 'half-body',
    });
  }

  #fail(call: Call | undefined, failure: KinesisFailure): WireAnswer {
    if (call !== undefined) call.answer = failure.type;
    return renderFailure(failure, this.#service.now());
  }

  #authorise({ accessKey, region }: WireRequest, operation: Operation): void {
    const { accessKeys, allow, checkRegion } = this.settings;
    if (accessKeys?.has(accessKey ?? '') === false)
      throw new KinesisFailure('UnrecognizedClientException', 'The security token included in the request is invalid.');
    if (allow?.has(operation) === false)
      throw new KinesisFailure(
        'AccessDeniedException',
        deniedText(operation, `arn:aws:kinesis:${this.#service.region}:${this.#service.account}:stream/*`),
      );
    if (checkRegion && region !== this.#service.region)
      throw notFound(`Stream under account ${this.#service.account} not found in ${region ?? 'an unknown region'}.`);
  }
}

function startText(operation: Operation, input: Input): string | undefined {
  const { Type, SequenceNumber, Timestamp } = input.StartingPosition ?? {};
  if (operation === 'SubscribeToShard') return [Type, SequenceNumber ?? Timestamp].filter(Boolean).join(' ');
  if (operation !== 'GetShardIterator') return undefined;
  return [input.ShardIteratorType, input.StartingSequenceNumber ?? input.Timestamp].filter(Boolean).join(' ');
}

function edited(output: Output, fault: Fault | undefined): Output {
  if (fault?.kind === 'edit') return { ...output, fields: fault.edit(output.fields) };
  if (fault?.kind !== 'null-iterator') return output;
  const { ChildShards: _, ...fields } = output.fields;
  return { ...output, fields: { ...fields, NextShardIterator: null } };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => {
      reject(abortReason(signal));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
