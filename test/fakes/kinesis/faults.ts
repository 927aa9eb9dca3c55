/** What a test can make the service do: faults as data, waiting for the call they are meant for. */
import type { Operation } from './operations.ts';

/** A call of an operation, any call, or an event on its way over a subscription. */
export type FaultPoint = Operation | '*' | 'SubscribeToShardEvent';

export type Fault =
  /** Answered instead of doing anything; over a subscription an exception frame that ends it. */
  | { readonly kind: 'error'; readonly type: string; readonly message?: string; readonly status?: number }
  /** Answers, but later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Never answers; after `ms`, if given, the connection is reset. Over a subscription: silence from now on. */
  | { readonly kind: 'hang'; readonly ms?: number }
  /** The connection ends before anything was done. */
  | { readonly kind: 'reset' }
  /** Everything is done, and the connection ends before the answer. */
  | { readonly kind: 'lost-answer' }
  /** The answer breaks off in the middle. */
  | { readonly kind: 'half-body' }
  /** The subscription ends before the event, as it does after five minutes. */
  | { readonly kind: 'end' }
  /** GetRecords and events: no records though there may be some; reading goes on at the same place. */
  | { readonly kind: 'empty-page' }
  /** GetRecords and events: no next iterator (continuation) and no child shards, though the shard may be open. */
  | { readonly kind: 'null-iterator' }
  /** GetRecords and events: the fields of the answer and of its records come in another order. */
  | { readonly kind: 'reordered' }
  /** PutRecords: these entries are refused, the others stored. */
  | {
      readonly kind: 'reject-entries';
      readonly entries: readonly number[] | 'all';
      readonly type?: string;
      readonly message?: string;
    }
  /** The answer's fields (all but Records of GetRecords) as the test wants them. */
  | {
      readonly kind: 'edit';
      readonly edit: (fields: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
    };

export interface FaultTarget {
  /** How many calls it meets; 1 without it. */
  readonly times?: number;
  /** Only calls for this shard. */
  readonly shardId?: string;
}

export const throttled = (): Fault => ({
  kind: 'error',
  type: 'ProvisionedThroughputExceededException',
  message: 'Rate exceeded for shard.',
});
export const internalFailure = (): Fault => ({ kind: 'error', type: 'InternalFailure', status: 500 });
export const unavailable = (): Fault => ({ kind: 'error', type: 'ServiceUnavailable', status: 503 });
export const expiredIterator = (): Fault => ({
  kind: 'error',
  type: 'ExpiredIteratorException',
  message: 'The shard iterator has expired. Shard iterators are only valid for 300 seconds',
});
export const expiredToken = (): Fault => ({
  kind: 'error',
  type: 'ExpiredTokenException',
  message: 'The security token included in the request is expired',
});
export const accessDenied = (action: string): Fault => ({
  kind: 'error',
  type: 'AccessDeniedException',
  message: deniedText(action, '*'),
});
export const kms = (
  type:
    | 'KMSAccessDeniedException'
    | 'KMSDisabledException'
    | 'KMSInvalidStateException'
    | 'KMSNotFoundException'
    | 'KMSOptInRequired'
    | 'KMSThrottlingException',
): Fault => ({ kind: 'error', type, message: `The AWS KMS key of the stream can not be used (${type})` });

export const deniedText = (action: string, resource: string): string =>
  `User: arn:aws:iam::000000000000:user/reader is not authorized to perform: kinesis:${action} on resource: ${resource} ` +
  `because no identity-based policy allows the kinesis:${action} action`;

interface Waiting {
  readonly point: FaultPoint;
  readonly fault: Fault;
  readonly shardId: string | undefined;
  left: number;
}

/** First come, first served, per operation and shard. */
export class FaultQueue {
  #waiting: Waiting[] = [];

  add(point: FaultPoint, fault: Fault, { times = 1, shardId }: FaultTarget = {}): void {
    this.#waiting.push({ point, fault, shardId, left: times });
  }

  /** An event meets only what was meant for events. */
  take(point: Exclude<FaultPoint, '*'>, shardId: string | undefined): Fault | undefined {
    const found = this.#waiting.find(
      (entry) =>
        (entry.point === point || (entry.point === '*' && point !== 'SubscribeToShardEvent')) &&
        (entry.shardId === undefined || entry.shardId === shardId),
    );
    if (found === undefined) return undefined;
    found.left--;
    if (found.left <= 0) this.#waiting = this.#waiting.filter((entry) => entry !== found);
    return found.fault;
  }

  /** Faults that no call has met yet. */
  get left(): number {
    return this.#waiting.reduce((sum, entry) => sum + entry.left, 0);
  }

  clear(): void {
    this.#waiting = [];
  }
}
