/** Rows about stores that readers share, about fan-out, and KCL beside us. */
import { prepareJava, prepareKcl } from './java.ts';
import { eventCount } from './data/corpus.ts';
import { ratio, ratioAtMost, type Row } from './row.ts';
import type { ServerOrder } from './server.ts';

const BARE = { post: 'bare POST of a document', 'update-item': 'bare conditional UpdateItem' } as const;

const put = (name: string, where: string, store: NonNullable<ServerOrder['store']>): Row => {
  const [ours, bare] = store === 'splunkd' ? (['kv-store', 'post'] as const) : (['dynamodb', 'update-item'] as const);
  return {
    name,
    title: `one position stored in ${where}, p50`,
    unit: 'ms',
    digits: 2,
    server: { store },
    ours: { label: `${ours} store`, module: 'checkpoint', options: { by: ours } },
    baselines: [{ label: BARE[bare], module: 'checkpoint', options: { by: bare }, goal: ratioAtMost(3) }],
    rounds: 5,
    limitS: 90,
  };
};

const reading = (by: 'polling' | 'fan-out') => ({
  label: `kinlog reader, ${by}`,
  module: 'read-kinlog',
  options: { measure: 'payload', by },
});

export const SHARED_ROWS: readonly Row[] = [
  put('put-dynamodb', 'DynamoDB (dynalite)', 'dynalite'),
  { ...put('put-dynamodb-local', 'DynamoDB (DynamoDB Local)', 'dynamodb-local'), prepare: prepareJava },
  put('put-kv-store', 'the KV store (fake splunkd)', 'splunkd'),
  {
    name: 'fan-out',
    title: 'reader end to end by enhanced fan-out, uncompressed HEC lines to XML on a pipe',
    unit: 'MB/s',
    digits: 0,
    server: { form: 'lines', shardBytes: 4_000_000 },
    ours: reading('fan-out'),
    baselines: [{ ...reading('polling'), goal: ratio(0.8) }],
    rounds: 5,
    limitS: 90,
  },
  {
    name: 'small-kcl',
    title: 'small records (480 B) of 2 shards, leases in DynamoDB, without a pace',
    unit: 'k records/s',
    digits: 0,
    prepare: prepareKcl,
    server: { form: 'single', shardRecords: Math.ceil(eventCount() / 2), store: 'dynalite' },
    ours: { label: 'kinlog reader', module: 'read-shared' },
    baselines: [{ label: 'KCL 2.7.2, data thrown away', module: 'read-kcl', goal: ratio(1) }],
    fresh: true,
    rounds: 2,
    limitS: 300,
  },
];
