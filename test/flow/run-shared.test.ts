/** Several kinlog run that share a stream by a table, and one that is pushed its records. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';
import { until } from './cli-process.ts';
import { numbered, runScene, type RunProcess } from './run-scene.ts';

const scenes = runScene();
let dynamo: Peer;

beforeAll(async () => {
  dynamo = await startDynalite();
});
afterAll(() => dynamo.close());

const reading = async (reader: RunProcess, stream: string) =>
  (await reader.metrics()).get(`kinlog_shards{stream="${stream}",state="reading"}`) ?? 0;

it('two processes share a stream by a DynamoDB table; when one is killed the other reads everything, and nothing is lost', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(4);
  const other = await scene.newStream(1);
  const table = `store: { kind: dynamodb, table: "leases-${stream}", keys: stream, endpoint: "${dynamo.url}", region: us-east-1 }`;
  const streams = [stream, other].map((name) => scene.stream(name, ', leasePeriodMs: 1000'));
  const start = (name: string) =>
    scene.start(scene.configure(`name: ${name}\noutput: { kind: ndjson }\nstreams: [${streams.join(', ')}]`, table));
  const first = start('first');
  await until(async () => (await reading(first, stream)) === 4, 'the first to read all shards');
  const second = start('second');
  await until(
    async () => (await reading(first, stream)) === 2 && (await reading(second, stream)) === 2,
    'both to share',
  );
  const put = async (texts: readonly string[]) => {
    for (const [n, data] of texts.entries())
      await scene.simulator.control({ do: 'put', stream, key: `key ${n % 50}`, data });
  };
  await put(numbered('a', 200));
  await until(() => first.events.length + second.events.length >= 200, 'the events of both');
  expect(first.events.length).toBeGreaterThan(0);
  expect(second.events.length).toBeGreaterThan(0);
  first.child.kill('SIGKILL');
  await first.finished();
  await put(numbered('b', 200));
  await until(async () => (await reading(second, stream)) === 4, 'the second to read all shards');
  const arrived = () => new Set([...first.events, ...second.events]);
  await until(() => arrived().size === 400, 'all events');
  const { streams: told } = (await (await second.get('/status')).json()) as {
    streams: { reader: { owner: string; shards: { owner?: string }[] } }[];
  };
  expect(told[0]!.reader.owner).toContain('second');
  expect(new Set(told[0]!.reader.shards.map(({ owner }) => owner))).toEqual(new Set([told[0]!.reader.owner]));
  second.child.kill('SIGTERM');
  expect(await second.finished()).toMatchObject({ status: 0 });
});

it('is pushed its records by enhanced fan-out when told so, and registers the consumer', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(2);
  const before = (await scene.simulator.calls()).length;
  const fanOut = ', fanOut: { consumer: kinlog, register: true }';
  const reader = scene.start(scene.configure(`output: { kind: ndjson }\nstreams: [${scene.stream(stream, fanOut)}]`));
  await scene.send(stream, numbered('a', 500));
  await until(() => reader.events.length === 500, '500 events');
  expect(reader.events).toEqual(numbered('a', 500));
  const names = new Set((await scene.simulator.calls(before)).map(({ operation }) => operation));
  expect([names.has('GetRecords'), names.has('RegisterStreamConsumer')]).toEqual([false, true]);
  reader.child.kill('SIGTERM');
  expect(await reader.finished()).toMatchObject({ status: 0 });
});
