/** Enhanced fan-out against a server that other people wrote. kinesis-local pushes over HTTP/1.1 only, about once a second, and never ends a closed shard. */
import { CreateStreamCommand, PutRecordsCommand, SplitShardCommand, type KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EventLog, type LogLine } from '../../base/events.ts';
import { FanOutApi } from '../../reader/fetch/fan-out-api.ts';
import { FanOutSource } from '../../reader/fetch/fan-out.ts';
import { KinesisApi } from '../../reader/fetch/kinesis.ts';
import type { Shard } from '../../reader/fetch/source.ts';
import { startReading } from '../faults/source-scene.ts';
import { httpClient } from '../fakes/kinesis/client.ts';
import { startKinesisLocal } from '../fakes/peers/kinesis-local.ts';
import { untilActive } from '../fakes/peers/ready.ts';
import type { Peer } from '../fakes/peers/process.ts';

const STREAM = 'pushed';
const SHARD = 'shardId-000000000000';
const shard: Shard = { shardId: SHARD, parents: [], startingHashKey: '0', endingHashKey: '0', closed: false };

let peer: Peer;
let client: KinesisClient;
let api: KinesisApi;
let pushing: FanOutApi;

beforeAll(async () => {
  peer = await startKinesisLocal();
  client = httpClient(peer.url);
  await client.send(new CreateStreamCommand({ StreamName: STREAM, ShardCount: 1 }));
  await untilActive(peer, [STREAM]);
  const connection = {
    stream: STREAM,
    region: 'us-east-1',
    endpoint: peer.url,
    credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
  };
  api = new KinesisApi(connection);
  pushing = new FanOutApi({ ...connection, requestHandler: new NodeHttpHandler() });
});

afterAll(async () => {
  pushing.close();
  api.close();
  client.destroy();
  await peer.close();
});

const put = (...data: readonly string[]) =>
  client.send(
    new PutRecordsCommand({
      StreamName: STREAM,
      Records: data.map((text) => ({ Data: Buffer.from(text), PartitionKey: 'key' })),
    }),
  );

const until = (fact: () => boolean) => expect.poll(fact, { timeout: 60_000, interval: 20 }).toBe(true);

it('registers a consumer when asked, brings every record in order, and goes on after a position', async () => {
  const lines: LogLine[] = [];
  const log = new EventLog((line) => lines.push(line), 'debug');
  const first = Array.from({ length: 50 }, (_, i) => `record ${i}`);
  await put(...first);
  const source = new FanOutSource({ api, pushing, log, consumer: 'kinlog', register: true });
  const reading = startReading(source, { shard, from: { kind: 'horizon' } });
  await until(() => reading.data.length === 50);
  await put('later');
  await until(() => reading.data.length === 51);
  expect(reading.data).toEqual([...first, 'later']);
  await reading.stop();
  expect(lines.map(({ name }) => name)).not.toContain('shard.stalled');
  const { sequenceNumber } = reading.pages.flatMap(({ records }) => records)[24]!;
  const from = { kind: 'after', sequenceNumber, subSequence: 0, partial: false } as const;
  const other = new FanOutSource({ api, pushing, log, consumer: 'second', register: true });
  const again = startReading(other, { shard, from });
  await until(() => again.data.length === 26);
  expect(again.data).toEqual([...first.slice(25), 'later']);
  await again.stop();
});

it('brings what a shard holds that was split', async () => {
  await put('before the split');
  await client.send(
    new SplitShardCommand({ StreamName: STREAM, ShardToSplit: SHARD, NewStartingHashKey: (2n ** 127n).toString() }),
  );
  const log = new EventLog(() => undefined);
  const source = new FanOutSource({ api, pushing, log, consumer: 'third', register: true });
  const reading = startReading(source, { shard, from: { kind: 'horizon' } });
  await until(() => reading.data.length === 52);
  expect(reading.data.at(-1)).toBe('before the split');
  await reading.stop();
});
