/** Tries what a stanza needs, all of it side by side and without changing anything: the stream, the position store, the HTTP Event Collector. */
import { unlessAborted } from '../../base/clock.ts';
import { asKinlogError, isKinlogError, type ErrorCode, type KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import { LeaseTable } from '../../reader/checkpoint/dynamodb-table.ts';
import { FanOutApi } from '../../reader/fetch/fan-out-api.ts';
import { KinesisApi } from '../../reader/fetch/kinesis.ts';
import { awsAccess } from './access.ts';
import { collectorFaults } from './check-collector.ts';
import type { StanzaOptions } from './options.ts';
import type { Secrets } from './secrets.ts';
import type { Splunkd } from './splunkd.ts';
import { streamRegion } from './store-place.ts';

export interface CheckContext {
  readonly options: StanzaOptions;
  readonly secrets: Secrets;
  readonly splunkd: Splunkd;
  readonly log: EventLog;
  /** For each part, milliseconds. */
  readonly withinMs: number;
}

/** Every fault with the options that it hangs on; empty when all is well. No message holds a secret. */
export async function connectionFaults(context: CheckContext, signal: AbortSignal): Promise<string[]> {
  const parts = [
    within(context, signal, { option: 'stream_name', work: streamFaults }),
    within(context, signal, { option: 'checkpoint_store', work: storeFaults }),
    ...(context.options.hecUrl ?? []).map((url) =>
      within(context, signal, { option: 'hec_url', work: (_, limit) => collectorFaults(url, context, limit) }),
    ),
  ];
  return [...new Set((await Promise.all(parts)).flat())];
}

type Work = (context: CheckContext, signal: AbortSignal) => Promise<string[]>;

async function within(
  context: CheckContext,
  signal: AbortSignal,
  { option, work }: { readonly option: string; readonly work: Work },
): Promise<string[]> {
  const over = new AbortController();
  const end = () => over.abort();
  const timer = setTimeout(end, context.withinMs);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await unlessAborted(work(context, over.signal), over.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!over.signal.aborted) throw error;
    return [`${option}: no answer within ${context.withinMs / 1000} s; ${way(context.options)}`];
  } finally {
    end();
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}

/** What lies between this host and a service that does not answer. */
const way = ({ proxy }: StanzaOptions): string =>
  proxy === undefined ? 'check firewall and DNS, or whether a proxy is needed' : 'check proxy, firewall and DNS';

/** What was refused to this identity, one action after the other, so that all that is not allowed is told at once. */
class Refusals {
  readonly faults: string[] = [];
  readonly #options: StanzaOptions;

  constructor(options: StanzaOptions) {
    this.#options = options;
  }

  /** Undefined when it is not allowed; any other failure ends the part. */
  async allowed<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      if (!isKinlogError(error, 'KINLOG_PERMISSION_REFUSED')) throw error;
      this.faults.push(faultOf(error, this.#options));
      return undefined;
    }
  }

  /** Everything, with the failure that ended the part. */
  with(error: unknown, options: readonly string[] = []): string[] {
    // Who is asked to slow down has reached the service.
    if (isKinlogError(error, 'KINLOG_THROTTLED')) return this.faults;
    return [...this.faults, faultOf(asKinlogError(error, 'checking the connection'), this.#options, options)];
  }
}

async function streamFaults({ options, secrets }: CheckContext, signal: AbortSignal): Promise<string[]> {
  const refusals = new Refusals(options);
  const connection = {
    ...awsAccess(options, secrets),
    endpoint: options.kinesisEndpoint,
    stream: options.streamName,
  };
  try {
    const api = new KinesisApi(connection);
    try {
      const description = await refusals.allowed(api.describe(signal));
      const listed = await refusals.allowed(api.shards(undefined, signal));
      if (options.fanOutConsumer !== undefined) {
        await consumerFaults({ options, connection, refusals, streamArn: description?.arn }, signal);
        return refusals.faults;
      }
      const [shard] = listed?.items ?? [];
      if (shard === undefined) return refusals.faults;
      const iterator = await refusals.allowed(api.iterator(shard.shardId, { kind: 'horizon' }, signal));
      if (iterator !== undefined) (await refusals.allowed(api.records(iterator, 1, signal)))?.recycle?.();
      return refusals.faults;
    } finally {
      api.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return refusals.with(error);
  }
}

interface ConsumerCheck {
  readonly options: StanzaOptions;
  readonly connection: ConstructorParameters<typeof FanOutApi>[0];
  readonly refusals: Refusals;
  readonly streamArn: string | undefined;
}

/** SubscribeToShard is not tried: it would take the subscription from whoever reads. */
async function consumerFaults(check: ConsumerCheck, signal: AbortSignal): Promise<void> {
  const { options, connection, refusals, streamArn } = check;
  const name = options.fanOutConsumer ?? '';
  const address = name.startsWith('arn:')
    ? { ConsumerARN: name }
    : streamArn === undefined
      ? undefined
      : { StreamARN: streamArn, ConsumerName: name };
  // What keeps us from knowing the stream has been told.
  if (address === undefined) return;
  const api = new FanOutApi(connection);
  try {
    const before = refusals.faults.length;
    const found = await refusals.allowed(api.find(address, signal));
    const missing = found === undefined && refusals.faults.length === before;
    if (missing && !options.fanOutRegister)
      refusals.faults.push(`fan_out_consumer: ${name} does not exist; register it, or choose fan_out_register`);
  } finally {
    api.close();
  }
}

async function storeFaults(context: CheckContext, signal: AbortSignal): Promise<string[]> {
  switch (context.options.checkpointStore) {
    case 'local':
      return [];
    case 'kvstore':
      return kvStoreFaults(context, signal);
    case 'dynamodb':
      return tableFaults(context, signal);
  }
}

async function kvStoreFaults({ options, splunkd }: CheckContext, signal: AbortSignal): Promise<string[]> {
  try {
    const status = await splunkd.kvStoreStatus(signal);
    return status === 'ready' ? [] : [`checkpoint_store: the KV store of this Splunk is not ready (${status})`];
  } catch (error) {
    signal.throwIfAborted();
    return new Refusals(options).with(error, ['checkpoint_store']);
  }
}

async function tableFaults({ options, secrets, log }: CheckContext, signal: AbortSignal): Promise<string[]> {
  const { checkpointTable: table = '', dynamodbEndpoint: endpoint } = options;
  const access = awsAccess(options, secrets);
  const region = streamRegion(options);
  try {
    const leases = new LeaseTable({ table, client: { ...access, region, endpoint }, create: false });
    try {
      await leases.ready(signal);
    } finally {
      leases.close();
    }
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (!isKinlogError(error, 'KINLOG_CHECKPOINT_MISSING')) return new Refusals(options).with(error, TABLE);
    // Whether it may be made shows only when it is made.
    log.emit('check.open', { table });
    return [];
  }
}

const TABLE = ['checkpoint_table', 'dynamodb_endpoint'];
const KEYS = ['aws_credential', 'aws_access_key_id', 'aws_role_arn'];

/** The options that failures hang on; of those that the stanza has. */
const OPTIONS_OF: Partial<Record<ErrorCode, readonly string[]>> = {
  KINLOG_CREDENTIALS_MISSING: KEYS,
  KINLOG_CREDENTIALS_REFUSED: KEYS,
  KINLOG_PERMISSION_REFUSED: KEYS,
  KINLOG_STREAM_NOT_FOUND: ['stream_name', 'aws_region'],
  KINLOG_SERVICE_UNAVAILABLE: ['proxy', 'kinesis_endpoint', 'sts_endpoint', 'aws_region'],
  KINLOG_TLS_UNTRUSTED: ['ca_file'],
  // All else that is wrong by itself was told before anything was tried.
  KINLOG_CONFIG_INVALID: ['ca_file', 'proxy'],
};

function faultOf({ code, message, remedy }: KinlogError, options: StanzaOptions, more: readonly string[] = []): string {
  const given = (name: string) => (options as Readonly<Record<string, unknown>>)[camel(name)] !== undefined;
  const known = OPTIONS_OF[code] ?? [];
  const set = [...more, ...known].filter(given);
  const named = set.length > 0 ? set : [...more, ...known].slice(0, 1);
  const what = code === 'KINLOG_CONFIG_INVALID' ? message : `${message} (${code}). ${remedy}`;
  return `${named.length === 0 ? 'stream_name' : named.join(', ')}: ${what}`;
}

const camel = (name: string): string => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
