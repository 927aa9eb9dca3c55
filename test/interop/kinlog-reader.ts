/** A reader of ours on a DynamoDB table, which remembers what its output accepted. */
import { asKinlogError, describeError } from '../../base/errors.ts';
import { EventLog, formatLine } from '../../base/events.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { Reader, type Output } from '../../reader/index.ts';
import type { EventBatch } from '../../record/batch.ts';

export interface KinlogOptions {
  readonly name: string;
  readonly stream: string;
  readonly table: string;
  readonly keys: 'shard' | 'stream';
  readonly kinesisUrl: string;
  readonly dynamoUrl: string;
  /** The output accepts nothing of a batch that holds this event, nor anything more of its key, as an output does that hangs. */
  readonly holdAt?: string;
}

/** The servers take any. */
const access = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

export class KinlogReader {
  /** Texts of the events, in the order in which they were accepted. */
  readonly taken: string[] = [];
  /** What ended it before its time. */
  failure: string | undefined;
  readonly #lines: string[] = [];
  /** Settles as `Reader.run` does. */
  readonly done: Promise<void>;
  readonly #stop = new AbortController();

  constructor(options: KinlogOptions) {
    this.done = this.#run(options);
    // Who waits for it sees the failure; nobody else may be ended by it.
    this.done.catch((error: unknown) => (this.failure = describeError(asKinlogError(error, 'reading'))));
  }

  get log(): string {
    return this.#lines.slice(-30).join('\n');
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.done;
  }

  async #run({ name, stream, table, keys, kinesisUrl, dynamoUrl, holdAt }: KinlogOptions): Promise<void> {
    const store = openDynamoStore({ table, keys, client: { ...access, endpoint: dynamoUrl } });
    try {
      await new Reader({
        ...{ name, stream, store, start: { kind: 'horizon' }, listEveryMs: 2000, leasePeriodMs: 3000 },
        kinesis: { ...access, endpoint: kinesisUrl },
        output: new TakingOutput(this.taken, holdAt),
        log: new EventLog((line) => void this.#lines.push(formatLine(line)), 'debug'),
      }).run(this.#stop.signal);
    } finally {
      await store.close();
    }
  }
}

class TakingOutput implements Output {
  readonly #taken: string[];
  readonly #holdAt: string | undefined;
  #holding = false;

  constructor(taken: string[], holdAt: string | undefined) {
    this.#taken = taken;
    this.#holdAt = holdAt;
  }

  async write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    const texts = [...batch].map(({ text }) => text);
    this.#holding ||= texts.some((text) => text === this.#holdAt);
    if (this.#holding && texts.some((text) => text.startsWith(this.#holdAt!.charAt(0)))) await aborted(signal);
    this.#taken.push(...texts);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
