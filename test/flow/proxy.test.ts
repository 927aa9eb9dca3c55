/** The way to AWS through proxies and past private authorities. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createServer } from 'node:tls';
import { inspect } from 'node:util';
import { ListShardsCommand } from '@aws-sdk/client-kinesis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { connectKinesis, type KinesisConnection } from '../../base/aws.ts';
import { fromAws } from '../../base/aws-errors.ts';
import type { KinlogError } from '../../base/errors.ts';
import { silentLog } from '../../base/events.ts';
import { FanOutApi } from '../../reader/fetch/fan-out-api.ts';
import { FanOutSource } from '../../reader/fetch/fan-out.ts';
import { KinesisApi } from '../../reader/fetch/kinesis.ts';
import { SERVER_CERTIFICATE, SERVER_KEY, TEST_CA } from '../fakes/certificates.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator } from '../fakes/kinesis/server.ts';
import { FakeProxy } from '../fakes/proxy.ts';
import { FakeSts } from '../fakes/sts.ts';
import { startReading } from '../faults/source-scene.ts';
import { until } from './cli-process.ts';

const ROLE = 'arn:aws:iam::123456789012:role/reader';
const SECURE = 'https://kinesis.kinlog.test';
const PLAIN = 'http://plain.kinlog.test';

let folder: string;
let ca: string;
let sts: FakeSts;
let proxy: FakeProxy;
let securePort: number;
let fake: FakeKinesis;
let stop: (() => Promise<unknown>)[];

beforeEach(async () => {
  for (const name of ['https_proxy', 'http_proxy', 'no_proxy']) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toUpperCase(), undefined);
  }
  folder = await mkdtemp(path.join(os.tmpdir(), 'kinlog-proxy-'));
  ca = path.join(folder, 'ca.pem');
  await writeFile(ca, TEST_CA);
  fake = new FakeKinesis();
  fake.createStream('s', 1);
  const simulator = await startSimulator(fake);
  sts = await new FakeSts().start();
  sts.roles.set(ROLE, { trusts: new Set(['AKIABASE']) });
  const port = Number(new URL(simulator.url).port);
  const secure = secureFront(port);
  secure.listen(0, '127.0.0.1');
  await once(secure, 'listening');
  securePort = (secure.address() as AddressInfo).port;
  const stsPort = Number(new URL(sts.url).port);
  proxy = await new FakeProxy({
    'kinesis.kinlog.test': securePort,
    'plain.kinlog.test': port,
    'sts.kinlog.test': stsPort,
  }).start();
  stop = [
    () => proxy.stop(),
    () => Promise.resolve(secure.close()),
    () => sts.stop(),
    () => simulator.close(),
    () => rm(folder, { recursive: true }),
  ];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const part of stop) await part();
});

/** TLS before a plain server. */
function secureFront(port: number) {
  return createServer({ key: SERVER_KEY, cert: SERVER_CERTIFICATE, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    const onward = connect(port, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('error', () => onward.destroy());
    socket.on('close', () => onward.destroy());
    socket.pipe(onward);
    onward.pipe(socket);
  });
}

/** Undefined when the stream answered. */
async function failureOf(access: KinesisConnection): Promise<KinlogError | undefined> {
  const credentials = { accessKeyId: 'AKIABASE', secretAccessKey: 'x' };
  const client = connectKinesis({ region: 'us-east-1', credentials, ...access });
  try {
    await client.send(new ListShardsCommand({ StreamName: 's' }));
    return undefined;
  } catch (error) {
    return fromAws(error, { operation: 'ListShards', resource: 's', region: 'us-east-1' });
  } finally {
    client.destroy();
  }
}

it('a private authority is trusted by its file, by AWS_CA_BUNDLE, and not otherwise', async () => {
  const endpoint = `https://127.0.0.1:${securePort}`;
  const refused = await failureOf({ endpoint });
  expect(refused).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'slow' });
  expect(refused?.remedy).toMatch(/AWS_CA_BUNDLE/);
  expect(await failureOf({ endpoint, ca })).toBeUndefined();
  vi.stubEnv('AWS_CA_BUNDLE', ca);
  expect(await failureOf({ endpoint })).toBeUndefined();
});

it('every call goes through the proxy that is named, those to STS too', async () => {
  const role = { roleArn: ROLE, stsEndpoint: 'http://sts.kinlog.test' };
  expect(await failureOf({ endpoint: SECURE, ca, proxy: proxy.url, ...role })).toBeUndefined();
  expect(await failureOf({ endpoint: PLAIN, proxy: proxy.url })).toBeUndefined();
  expect(proxy.seen).toEqual([
    { method: 'POST', target: 'http://sts.kinlog.test/' },
    { method: 'CONNECT', target: 'kinesis.kinlog.test:443' },
    { method: 'POST', target: 'http://plain.kinlog.test/' },
  ]);
});

it('HTTPS_PROXY and HTTP_PROXY count without an option, and with a password; NO_PROXY and loopback go past them', async () => {
  proxy.password = 'reader:p@ss';
  vi.stubEnv('HTTPS_PROXY', `http://reader:p%40ss@127.0.0.1:${proxy.port}`);
  expect(await failureOf({ endpoint: SECURE, ca })).toBeUndefined();
  expect(proxy.seen).toHaveLength(1);
  expect(await failureOf({ endpoint: `https://127.0.0.1:${securePort}`, ca })).toBeUndefined();
  vi.stubEnv('NO_PROXY', '.kinlog.test');
  const unreachable = await failureOf({ endpoint: SECURE, ca });
  expect(unreachable).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE' });
  expect(proxy.seen).toHaveLength(1);
});

it('a proxy that refuses is said to, without its password; one that is away or overloaded is tried again soon', async () => {
  const endpoint = SECURE;
  proxy.password = 'reader:right';
  const wrong = await failureOf({ endpoint, ca, proxy: `http://reader:SECRET@127.0.0.1:${proxy.port}` });
  expect(wrong).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'slow' });
  expect(wrong?.message).toMatch(/407/);
  expect(wrong?.remedy).toMatch(/user and password/);
  expect(inspect(wrong)).not.toContain('SECRET');
  const plain = await failureOf({ endpoint: PLAIN, proxy: `http://reader:SECRET@127.0.0.1:${proxy.port}` });
  expect(plain).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'slow' });
  proxy.password = undefined;
  proxy.refusing = 503;
  expect(await failureOf({ endpoint, ca, proxy: proxy.url })).toMatchObject({ retry: 'soon' });
  expect(await failureOf({ endpoint, ca, proxy: 'http://127.0.0.1:1' })).toMatchObject({ retry: 'soon' });
});

/** Reads the four records of the stream by enhanced fan-out. */
async function pushed(consumer: string, access: Omit<KinesisConnection, 'stream'>): Promise<string[]> {
  const credentials = { accessKeyId: 'AKIABASE', secretAccessKey: 'x' };
  const connection = { region: 'us-east-1', credentials, stream: 's', ...access };
  const api = new KinesisApi(connection);
  const pushing = new FanOutApi(connection);
  const shard = {
    shardId: 'shardId-000000000000',
    parents: [],
    startingHashKey: '0',
    endingHashKey: '0',
    closed: false,
  };
  const source = new FanOutSource({ api, pushing, log: silentLog(), consumer, register: true });
  const reading = startReading(source, { shard, from: { kind: 'horizon' } });
  try {
    await until(() => reading.data.length === 4, 'all records are pushed');
    return reading.data;
  } finally {
    await reading.stop();
    api.close();
    pushing.close();
  }
}

it('enhanced fan-out takes the same way, past a private authority and through the proxy', async () => {
  const records = ['first', ...Array.from({ length: 3 }, () => 'x'.repeat(900_000))];
  for (const data of records) fake.put('s', { data });
  const loopback = `https://127.0.0.1:${securePort}`;
  expect(await pushed('a', { endpoint: loopback, ca })).toEqual(records);
  expect(await pushed('b', { endpoint: loopback, ca, proxy: proxy.url })).toEqual(records);
  expect(proxy.seen).toEqual([]);
  expect(await pushed('c', { endpoint: SECURE, ca, proxy: proxy.url })).toEqual(records);
  // One connection for the calls, one for the subscription.
  expect(proxy.seen.length).toBeGreaterThanOrEqual(2);
});

it('enhanced fan-out says so when the proxy refuses', async () => {
  proxy.refusing = 403;
  const connection = { region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'x' }, stream: 's' };
  const pushing = new FanOutApi({ ...connection, endpoint: SECURE, ca, proxy: proxy.url });
  const consumerArn = 'arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/kinlog:1';
  const target = { consumerArn, shardId: 'shardId-000000000000', start: { kind: 'horizon' } } as const;
  const refused = await pushing.subscribe(target, new AbortController().signal).catch((error: unknown) => error);
  pushing.close();
  expect(refused).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'slow' });
  expect((refused as KinlogError).remedy).toMatch(/proxy/);
});
