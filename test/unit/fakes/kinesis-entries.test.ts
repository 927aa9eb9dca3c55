/** The two other ways into the simulator: the virtual clock's, where waiting takes no time, and a process that outlives the readers. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetRecordsOutput,
  type KinesisClient,
} from '@aws-sdk/client-kinesis';
import { describe, expect, test } from 'vitest';
import { FakeClock, settle } from '../../fakes/clock.ts';
import { startSimulatorProcess } from '../../fakes/kinesis/child.ts';
import { httpClient, simulatorClient } from '../../fakes/kinesis/client.ts';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';

const SHARD = 'shardId-000000000000';

async function iterator(client: KinesisClient): Promise<string> {
  const start = { StreamName: 'logs', ShardId: SHARD, ShardIteratorType: 'TRIM_HORIZON' as const };
  return (await client.send(new GetShardIteratorCommand(start))).ShardIterator!;
}

const read = async (client: KinesisClient, token: string): Promise<GetRecordsOutput> =>
  client.send(new GetRecordsCommand({ ShardIterator: token }));

describe('on a virtual clock', () => {
  test('a delay and a request time-out take no real time', async () => {
    const clock = new FakeClock();
    const fake = new FakeKinesis({ clock });
    fake.createStream('logs', 1);
    const client = simulatorClient(fake, { requestTimeoutMs: 30_000 });
    const token = await iterator(client);
    fake.next('GetRecords', { kind: 'delay', ms: 20_000 });
    let page: GetRecordsOutput | undefined;
    const slow = read(client, token).then((answer) => (page = answer));
    await settle();
    await clock.advance(19_999);
    expect(page).toBeUndefined();
    await clock.advance(1);
    await slow;
    fake.next('GetRecords', { kind: 'hang' });
    const hanging = expect(read(client, token)).rejects.toMatchObject({ name: 'TimeoutError' });
    await settle();
    await clock.advance(30_000);
    await hanging;
    expect(clock.sleeping).toBe(0);
  });
});

describe('as a process', () => {
  test('takes commands over HTTP, and is gone after close', async () => {
    const simulator = await startSimulatorProcess({ streams: { logs: 1 }, settings: { endOfShard: 'empty-page' } });
    const client = httpClient(simulator.url);
    try {
      await simulator.control({ do: 'put', stream: 'logs', key: 'k', data: 'one' });
      await simulator.control({ do: 'next', operation: 'GetRecords', fault: { kind: 'reset' } });
      const token = await iterator(client);
      await expect(read(client, token)).rejects.toMatchObject({ code: 'ECONNRESET' });
      await simulator.control({ do: 'split', stream: 'logs', shardId: SHARD });
      const page = await read(client, token);
      expect(page.Records).toHaveLength(1);
      expect((await read(client, page.NextShardIterator!)).ChildShards).toHaveLength(2);
      expect(await simulator.control({ do: 'faults-left' })).toEqual({ left: 0 });
      expect((await simulator.calls(1)).map(({ answer }) => answer)).toEqual(['reset', 'ok', 'ok']);
      await expect(simulator.control({ do: 'split', stream: 'logs', shardId: SHARD })).rejects.toThrow(
        'already been merged or split',
      );
    } finally {
      client.destroy();
      await simulator.close();
    }
    const port = Number(new URL(simulator.url).port);
    const taken = createServer().listen(port, '127.0.0.1');
    await once(taken, 'listening');
    taken.close();
  });
});
