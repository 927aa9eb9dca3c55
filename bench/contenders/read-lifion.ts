/** A whole stream by lifion-kinesis, its shards in its own hands and its checkpoints in DynamoDB (dynalite), each record parsed as JSON. */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { startPeer } from '../../test/fakes/peers/process.ts';
import type { Contender, Options } from '../contender.ts';

interface Consumer extends Readable {
  startConsumer(): Promise<void>;
  stopConsumer(): void;
}
type LifionKinesis = new (options: object) => Consumer;

const require = createRequire(import.meta.url);
const DYNALITE_PORT = 4567;

export async function open(options: Options): Promise<Contender> {
  const { endpoint, stream, records } = options as { endpoint: string; stream: string; records: number };
  process.env['AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE'] = '1';
  const Lifion = require('lifion-kinesis') as LifionKinesis;
  const dynamo = await startPeer({
    name: 'dynalite',
    entry: path.join(path.dirname(require.resolve('dynalite')), 'cli.js'),
    args: ['--createTableMs', '0'],
    port: DYNALITE_PORT,
  });
  const aws = { region: 'us-east-1', accessKeyId: 'bench', secretAccessKey: 'bench' };
  let rounds = 0;
  return {
    round: () => {
      const begin = new Begin();
      const consumer = new Lifion({
        ...aws,
        logger: begin,
        endpoint,
        streamName: stream,
        // A group of its own, or it would go on where the last round ended.
        consumerGroup: `bench-${++rounds}`,
        createStreamIfNeeded: false,
        dynamoDb: { ...aws, endpoint: dynamo.url, tableName: 'bench' },
        initialPositionInStream: 'TRIM_HORIZON',
        pollDelay: 0,
        shouldParseJson: true,
        useAutoShardAssignment: false,
      });
      return readAll(consumer, begin, records);
    },
    close: () => dynamo.close(),
  };
}

/** When the first shard is read: before that it waits seconds for tables and leases, which are not what is measured. Its log is the only one who tells. */
class Begin {
  at: number | undefined;

  debug(text: string): void {
    if (text.startsWith('Starting to read shard')) this.at ??= performance.now();
  }
}

/** Thousands of records a second, from the first iterator to the last record. */
async function readAll(consumer: Consumer, begin: Begin, expected: number): Promise<number> {
  let records = 0;
  const all = Promise.withResolvers<undefined>();
  consumer.on('data', ({ records: page }: { records: readonly unknown[] }) => {
    records += page.length;
    if (records >= expected) all.resolve(undefined);
  });
  const failed = once(consumer, 'error').then(([error]) => {
    throw error;
  });
  await consumer.startConsumer();
  await Promise.race([all.promise, failed]);
  const ms = performance.now() - begin.at!;
  consumer.stopConsumer();
  if (records !== expected) throw new Error(`lifion-kinesis gave ${records} records instead of ${expected}`);
  return records / ms;
}
