/** Enhanced fan-out over real HTTP/2 connections. */
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { EventLog, silentLog, type LogLine } from '../../base/events.ts';
import type { KinlogError } from '../../base/errors.ts';
import { FanOutApi } from '../../reader/fetch/fan-out-api.ts';
import { FanOutSource } from '../../reader/fetch/fan-out.ts';
import { KinesisApi } from '../../reader/fetch/kinesis.ts';
import { SERVER_CERTIFICATE, SERVER_KEY } from '../fakes/certificates.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { startReading, STREAM } from './source-scene.ts';

const MIB = 1024 * 1024;
const SHARD = 'shardId-000000000000';
const shard = { shardId: SHARD, parents: [], startingHashKey: '0', endingHashKey: '0', closed: false };
const HORIZON = { kind: 'horizon' } as const;

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function connect(endpoint: string, log = silentLog()): { source: FanOutSource; pushing: FanOutApi } {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' };
  const connection = { stream: STREAM, region: 'us-east-1', endpoint, credentials };
  const api = new KinesisApi(connection);
  const pushing = new FanOutApi(connection);
  closing.push(() => {
    api.close();
    pushing.close();
  });
  return { source: new FanOutSource({ api, pushing, log, consumer: 'splunk', register: true }), pushing };
}

async function stream(): Promise<{ fake: FakeKinesis; url: string; simulator: RunningSimulator }> {
  const fake = new FakeKinesis({ readLimits: false });
  fake.createStream(STREAM, 1);
  const simulator = await startSimulator(fake);
  closing.push(() => simulator.close());
  return { fake, url: simulator.url, simulator };
}

const until = (fact: () => boolean) => expect.poll(fact, { timeout: 30_000, interval: 5 }).toBe(true);

it('brings every record of a shard, large and small, to its end', async () => {
  const { fake, url } = await stream();
  const put = Array.from({ length: 40 }, (_, i) => `${i} `.padEnd(i % 10 === 0 ? MIB - 3 : i, 'x'));
  for (const data of put) fake.put(STREAM, { data, key: 'key' });
  const reading = startReading(connect(url).source, { shard, from: HORIZON });
  await until(() => reading.data.length === 40);
  fake.put(STREAM, { data: 'last' });
  fake.split(STREAM, SHARD);
  await until(() => reading.ended);
  expect(reading.data).toEqual([...put, 'last']);
});

it('goes on after the last record when the service was gone for a while', async () => {
  const { fake, url, simulator } = await stream();
  const lines: LogLine[] = [];
  fake.put(STREAM, { data: 'a' });
  const log = new EventLog((line) => lines.push(line), 'debug');
  const reading = startReading(connect(url, log).source, { shard, from: HORIZON });
  await until(() => reading.data.length === 1);
  await simulator.close();
  closing.shift();
  await until(() => lines.some(({ name }) => name === 'fetch.retried'));
  fake.put(STREAM, { data: 'b' });
  const again = await startSimulator(fake, { port: Number(new URL(url).port) });
  closing.unshift(() => again.close());
  await until(() => reading.data.length === 2);
  expect(reading.data).toEqual(['a', 'b']);
  await reading.stop();
});

it('what the reader does not take stays with the service', async () => {
  const { fake, url } = await stream();
  for (let i = 0; i < 50; i++) fake.put(STREAM, { data: 'x'.repeat(MIB - 3), key: 'key' });
  const gate = Promise.withResolvers<undefined>();
  const reading = startReading(connect(url).source, { shard, from: HORIZON, take: () => gate.promise });
  const pushed = () => fake.callsOf('SubscribeToShard')[0]?.bytes ?? 0;
  let seen = -1;
  let unchanged = 0;
  await until(() => {
    unchanged = reading.pages.length === 1 && pushed() === seen ? unchanged + 1 : 0;
    seen = pushed();
    return unchanged > 40;
  });
  expect(pushed()).toBeLessThan(8 * MIB);
  gate.resolve(undefined);
  await until(() => reading.data.length === 50);
  await reading.stop();
});

it('closes the connection of the subscription when it is left', async () => {
  const { fake, url } = await stream();
  fake.put(STREAM, { data: 'a' });
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  const reading = startReading(connect(url).source, { shard, from: HORIZON });
  await until(() => reading.data.length === 1);
  const open = sockets();
  await reading.stop();
  // Both ends of it are in this process.
  await until(() => sockets() === open - 2);
});

it.each([
  ['nobody listens', undefined],
  ['somebody answers that speaks no HTTP/2', 'http/1.1'],
])('is told that the service is not there when %s', async (_, speaks) => {
  const server = createServer((_request, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  if (speaks === undefined) server.close();
  else
    closing.push(() => {
      server.close();
      server.closeAllConnections();
    });
  expect(await refusal(`http://127.0.0.1:${port}`)).toMatchObject({
    code: 'KINLOG_SERVICE_UNAVAILABLE',
    retry: 'soon',
  });
});

it('a certificate that nobody vouches for waits for somebody, who is told how to trust it', async () => {
  const server = createSecureServer({ key: SERVER_KEY, cert: SERVER_CERTIFICATE }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const error = await refusal(`https://127.0.0.1:${port}`);
  expect(error).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'slow' });
  expect((error as KinlogError).remedy).toContain('AWS_CA_BUNDLE');
});

/** What a subscription fails with there. */
function refusal(endpoint: string): Promise<unknown> {
  const target = { consumerArn: 'arn', shardId: SHARD, start: HORIZON };
  return connect(endpoint)
    .pushing.subscribe(target, new AbortController().signal)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
}
