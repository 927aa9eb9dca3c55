/** The table of the DynamoDB store: made when missing and allowed, waited for, and refused when it is not a lease table. */
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  ResourceNotFoundException,
  type CreateTableCommandInput,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { awsClientConfig, type AwsAccess } from '../../base/aws-access.ts';
import { fromAws } from '../../base/aws-errors.ts';
import { systemClock, unlessAborted, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';

export interface NewTable {
  /** Both: provisioned capacity. Neither: on-demand billing. */
  readonly readCapacity?: number | undefined;
  readonly writeCapacity?: number | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

export interface LeaseTableOptions {
  readonly table: string;
  /** How the table is reached; may differ from how the stream is. */
  readonly client?: AwsAccess | undefined;
  /** How a missing table is made; false: it is an error. */
  readonly create?: false | NewTable | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: EventLog | undefined;
}

/** Under way for one caller, on whose signal it ends. */
interface Verifying {
  readonly work: Promise<void>;
  readonly signal: AbortSignal;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;
/** A new table takes seconds. Whoever waits longer should hear of it. */
const READY_WITHIN_MS = 300_000;
const KEY = 'leaseKey';

export class LeaseTable {
  readonly name: string;
  readonly #options: LeaseTableOptions;
  readonly #client: DynamoDBClient;
  readonly #clock: Clock;
  #verified = false;
  #verifying: Verifying | undefined;

  constructor(options: LeaseTableOptions) {
    refuseFaults(options);
    this.#options = options;
    this.name = options.table;
    this.#clock = options.clock ?? systemClock;
    this.#client = new DynamoDBClient(awsClientConfig(options.client ?? {}));
  }

  /** Settles once the table may be used. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!this.#verified) {
      signal.throwIfAborted();
      if (this.#verifying === undefined) {
        const work = this.#verify(signal).finally(() => {
          this.#verifying = undefined;
        });
        this.#verifying = { work, signal };
        await work;
      } else await awaited(this.#verifying, signal);
    }
  }

  /** A call about the table. Its failures become ours, but for a condition that does not hold. With a signal it can be stopped half-way: only for reading. */
  async call<T>(operation: string, work: (client: DynamoDBClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work(this.#client);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ConditionalCheckFailedException) throw error;
      throw await this.#failure(error, operation);
    }
  }

  close(): void {
    this.#client.destroy();
  }

  async #verify(signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.monotonic() + READY_WITHIN_MS;
    let made = false;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, 2 * waitMs)) {
      const table = await this.#describe(signal);
      if (table !== undefined && this.#usable(table)) break;
      // Right after it was made it may not be found yet.
      if (table === undefined && !made) {
        await this.#create(signal);
        made = true;
      }
      if (this.#clock.monotonic() > deadline) throw this.#late(table);
      await this.#clock.sleep(waitMs, signal);
    }
    this.#verified = true;
  }

  async #describe(signal: AbortSignal): Promise<TableDescription | undefined> {
    const command = new DescribeTableCommand({ TableName: this.name });
    try {
      return (await this.#client.send(command, { abortSignal: signal })).Table;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ResourceNotFoundException) return undefined;
      throw await this.#failure(error, 'DescribeTable');
    }
  }

  async #create(signal: AbortSignal): Promise<void> {
    const { create = {}, log } = this.#options;
    if (create === false) throw this.#missing();
    signal.throwIfAborted();
    try {
      await this.#client.send(new CreateTableCommand(tableRequest(this.name, create)));
      log?.emit('checkpoint.table-made', { table: this.name });
    } catch (error) {
      // Another reader was faster.
      if (!(error instanceof ResourceInUseException)) throw await this.#failure(error, 'CreateTable');
    }
  }

  #usable(table: TableDescription): boolean {
    const { TableStatus: status } = table;
    if (status === 'CREATING') return false;
    if (status === 'DELETING')
      throw new KinlogError('KINLOG_CHECKPOINT_MISSING', `the table ${this.name} is being deleted`, {
        // Asked again, it would be made anew, empty.
        retry: 'never',
      });
    // "The table/index remains available for data operations when UPDATING" (API reference, TableDescription); it can last an hour.
    if (status !== 'ACTIVE' && status !== 'UPDATING')
      throw new KinlogError(
        'KINLOG_CHECKPOINT_UNAVAILABLE',
        `the table ${this.name} is ${status ?? 'in no known state'}`,
        { retry: 'slow', remedy: 'Restore the table, or the key that it is encrypted with.' },
      );
    this.#refuseOtherKeys(table);
    return true;
  }

  #refuseOtherKeys({ KeySchema: keys = [], AttributeDefinitions: attributes = [] }: TableDescription): void {
    const typeOf = (name = '?') => attributes.find(({ AttributeName }) => AttributeName === name)?.AttributeType ?? '?';
    if (keys.length === 1 && keys[0]?.AttributeName === KEY && typeOf(KEY) === 'S') return;
    const found = keys
      .map(({ AttributeName, KeyType }) => `${AttributeName ?? '?'} (${KeyType ?? '?'}, ${typeOf(AttributeName)})`)
      .join(', ');
    throw new KinlogError(
      'KINLOG_CHECKPOINT_FOREIGN',
      `the table ${this.name} has the key ${found}, not ${KEY} (HASH, S) as a lease table has`,
    );
  }

  #late(table: TableDescription | undefined): KinlogError {
    return new KinlogError(
      'KINLOG_CHECKPOINT_UNAVAILABLE',
      `the table ${this.name} is still ${table?.TableStatus ?? 'not found'} after ${READY_WITHIN_MS / 1000} s`,
      { remedy: 'Look at the table in the AWS console; nothing is read before it is ACTIVE.' },
    );
  }

  #missing(): KinlogError {
    return new KinlogError('KINLOG_CHECKPOINT_MISSING', `there is no table ${this.name}`);
  }

  async #failure(error: unknown, operation: string): Promise<KinlogError> {
    if (error instanceof ResourceNotFoundException) return this.#missing();
    const region = await this.#client.config.region().catch(() => undefined);
    const known = fromAws(error, { operation, service: 'dynamodb', resource: `the table ${this.name}`, region });
    const passing = known.code === 'KINLOG_THROTTLED' || known.code === 'KINLOG_SERVICE_UNAVAILABLE';
    if (!passing && !(error instanceof Error && PASSING.has(error.name))) return known;
    return new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', known.message, {
      cause: error,
      retry: known.retry === 'slow' ? 'slow' : 'soon',
      ...(passing ? { remedy: known.code === 'KINLOG_THROTTLED' ? THROTTLED : known.remedy } : {}),
    });
  }
}

/** Who waits for another caller's work fails as it fails, but goes on when only that caller was stopped. */
async function awaited({ work, signal: theirs }: Verifying, signal: AbortSignal): Promise<void> {
  try {
    await unlessAborted(work, signal);
  } catch (error) {
    if (signal.aborted || !theirs.aborted) throw error;
  }
}

const THROTTLED = 'Nothing, if it is rare. Otherwise give the table more write capacity, or on-demand billing.';
/** Refusals of DynamoDB alone that ask for the same call again (API reference, UpdateItem). */
const PASSING = new Set(['TransactionConflictException', 'ReplicatedWriteConflictException']);

function tableRequest(
  TableName: string,
  { readCapacity, writeCapacity, tags = {} }: NewTable,
): CreateTableCommandInput {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  return {
    TableName,
    KeySchema: [{ AttributeName: KEY, KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: KEY, AttributeType: 'S' }],
    ...(readCapacity === undefined || writeCapacity === undefined
      ? { BillingMode: 'PAY_PER_REQUEST' }
      : {
          BillingMode: 'PROVISIONED',
          ProvisionedThroughput: { ReadCapacityUnits: readCapacity, WriteCapacityUnits: writeCapacity },
        }),
    ...(Tags.length === 0 ? {} : { Tags }),
  };
}

/** Names and ARNs, which reach tables of other accounts (API reference, TableName). */
const TABLE = /^(?:[a-zA-Z0-9_.-]{3,255}|arn:[^:]+:dynamodb:[^:]+:\d+:table\/[a-zA-Z0-9_.-]{3,255})$/;

function refuseFaults({ table, create }: LeaseTableOptions): void {
  const faults: string[] = [];
  if (!TABLE.test(table)) faults.push(`table: ${JSON.stringify(table)} is no name of a DynamoDB table`);
  const { readCapacity: read, writeCapacity: write } = create === false ? {} : (create ?? {});
  for (const [name, units] of Object.entries({ readCapacity: read, writeCapacity: write }))
    if (units !== undefined && !(Number.isSafeInteger(units) && units > 0))
      faults.push(`${name}: ${units} is not a whole number from 1 on`);
  if ((read === undefined) !== (write === undefined)) faults.push('readCapacity, writeCapacity: give both or neither');
  if (faults.length > 0) throw new KinlogError('KINLOG_CONFIG_INVALID', faults.join('; '));
}
