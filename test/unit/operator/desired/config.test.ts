/** Every branch of a LogStream ends in a configuration that `kinlog run` takes, with the meaning that the LogStream has. */
import { describe, expect, it } from 'vitest';
import { readerConfig } from '../../../../operator/desired/config.ts';
import type { LogStreamSpec } from '../../../../operator/logstream.ts';
import { accepted, hec, logStream } from './scene.ts';

const source = logStream().spec.source;
const checkpoint = logStream().spec.checkpoint;
const sourceOf = (more: Partial<LogStreamSpec['source']>) =>
  accepted(logStream({ source: { ...source, ...more } })).streams[0]!;
const storeOf = (more: Partial<LogStreamSpec['checkpoint']>, rest: Partial<LogStreamSpec> = {}) =>
  accepted(logStream({ ...rest, checkpoint: { ...checkpoint, ...more } })).streams[0]!;

it('the smallest LogStream reads from the tip into HEC, with positions in a table of its own', () => {
  expect(readerConfig(logStream())).toBe(`logLevel: info
status:
  listen: 0.0.0.0:9464
store:
  kind: dynamodb
  table: shop.orders
  region: eu-west-1
output:
  kind: hec
  endpoints:
    - https://splunk.example.com:8088
  tokenFile: /var/run/kinlog/secrets/hec-token
  ack: false
streams:
  - stream: access-logs
    region: eu-west-1
    start: tip
    checkpointEveryMs: 1000
    leasePeriodMs: 10000
`);
  expect(accepted(logStream()).streams[0]).toMatchObject({ stream: 'access-logs', start: { kind: 'tip' } });
});

describe('the source', () => {
  it('can be an ARN, whose region counts for the table too', () => {
    const { region: _region, ...named } = source;
    const { streamName: _name, ...rest } = named;
    const streamArn = 'arn:aws:kinesis:us-west-2:123456789012:stream/a.b';
    const { streams } = accepted(logStream({ source: { ...rest, streamArn } }));
    expect(streams[0]).toMatchObject({ stream: streamArn, region: 'us-west-2', store: { region: 'us-west-2' } });
  });

  it.each([
    [{ type: 'Latest' }, { kind: 'tip' }],
    [{ type: 'TrimHorizon' }, { kind: 'horizon' }],
    [
      { type: 'AtTimestamp', timestamp: '2026-01-31T10:00:00.123456789+01:30' },
      { kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 8, 30, 0, 123) },
    ],
  ] as const)('begins at %j', (startPosition, start) => expect(sourceOf({ startPosition }).start).toEqual(start));

  it.each([
    [{ type: 'Stop' }, 'stop'],
    [{ type: 'TrimHorizon' }, 'horizon'],
    [
      { type: 'AtTimestamp', timestamp: '2026-01-31T10:00:00Z' },
      { kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 10) },
    ],
  ] as const)('goes on after a loss as %j', (onLostPosition, meant) =>
    expect(sourceOf({ onLostPosition }).onLostPosition).toEqual(meant),
  );

  it('is reached by a role, other addresses, a proxy and authorities, as is its table', () => {
    const reach = {
      endpoint: 'https://kinesis.example.com',
      auth: {
        type: 'WorkloadIdentity',
        roleArn: 'arn:aws:iam::123456789012:role/reader',
        externalId: 'x-1',
        sessionName: 'orders',
      },
      stsEndpoint: 'https://sts.example.com',
      proxy: 'http://proxy.example.com:3128',
      tls: { ca: { configMapRef: { name: 'authorities', key: 'ca.crt' } } },
      polling: { idleMilliseconds: 2500 },
    } as const;
    const found = sourceOf(reach);
    expect(found).toMatchObject({
      ...{ endpoint: reach.endpoint, roleArn: reach.auth.roleArn, externalId: 'x-1', sessionName: 'orders' },
      ...{ stsEndpoint: reach.stsEndpoint, proxy: reach.proxy, ca: '/var/run/kinlog/secrets/source-ca', idleMs: 2500 },
      store: { proxy: reach.proxy, ca: '/var/run/kinlog/secrets/source-ca' },
    });
    expect(found.store).not.toHaveProperty('roleArn');
  });

  it('is read by enhanced fan-out when its mode says so', () => {
    const enhancedFanOut = { consumerName: 'splunk', register: 'IfMissing' } as const;
    expect(sourceOf({ mode: 'EnhancedFanOut', enhancedFanOut }).fanOut).toEqual({ consumer: 'splunk', register: true });
    const consumerArn = 'arn:aws:kinesis:eu-west-1:123456789012:stream/a/consumer/splunk:1700000000';
    expect(sourceOf({ mode: 'EnhancedFanOut', enhancedFanOut: { consumerArn, register: 'Never' } }).fanOut).toEqual({
      consumer: consumerArn,
      register: false,
    });
  });

  it.each([
    ['Auto', 'auto'],
    ['Kinlog', 'kinlog'],
    ['CloudWatchLogs', 'cloudwatch'],
    ['Hec', 'hec'],
    ['Json', 'json'],
    ['Text', 'text'],
  ] as const)('has records of the format %s', (codec, format) =>
    expect(accepted(logStream({ format: { codec, lines: 'Split' } })).streams[0]).toMatchObject({
      format,
      lines: true,
    }),
  );
});

describe('positions', () => {
  it('are in a table that is made with capacity and tags, and reached by a role of its own', () => {
    const dynamoDB = {
      tableName: 'positions',
      region: 'eu-central-1',
      endpoint: 'https://dynamodb.example.com',
      createTable: 'IfMissing',
      keys: 'Stream',
      billing: { readCapacity: 5, writeCapacity: 6 },
      tags: { team: 'logs', 'a: b': '- c', yes: 'no' },
      roleArn: 'arn:aws:iam::123456789012:role/table',
      externalId: 'x-2',
    } as const;
    expect(storeOf({ dynamoDB }).store).toEqual({
      ...{ kind: 'dynamodb', table: 'positions', region: 'eu-central-1', endpoint: dynamoDB.endpoint, create: true },
      ...{ keys: 'stream', readCapacity: 5, writeCapacity: 6, tags: dynamoDB.tags },
      ...{ roleArn: dynamoDB.roleArn, externalId: 'x-2' },
    });
    expect(storeOf({ dynamoDB: { createTable: 'Never', keys: 'Shard' } }).store).toMatchObject({
      ...{ table: 'shop.orders', create: false, keys: 'shard' },
    });
  });

  it('are those of the application that is named, wherever they are', () => {
    expect(storeOf({ applicationName: 'logs' }).store).toMatchObject({ table: 'logs' });
    expect(storeOf({ type: 'LevelDB', applicationName: 'logs' }).store).toEqual({
      kind: 'leveldb',
      directory: '/var/lib/kinlog/positions/logs',
    });
  });

  it('are in a collection of Splunk, with a token and authorities out of files', () => {
    const splunkKVStore = {
      url: 'https://splunk.example.com:8089',
      app: 'kinloader',
      collection: 'rows',
      tokenSecretRef: { name: 'kv', key: 'token' },
      tls: { ca: { secretRef: { name: 'ca', key: 'ca.crt' } } },
    };
    expect(storeOf({ type: 'SplunkKVStore', splunkKVStore }).store).toEqual({
      ...{ kind: 'kv-store', url: splunkKVStore.url, app: 'kinloader', collection: 'rows' },
      ...{ tokenFile: '/var/run/kinlog/secrets/kv-store-token', caFile: '/var/run/kinlog/secrets/kv-store-ca' },
    });
  });

  it('are stored, and leases shown, as often as the LogStream says', () => {
    expect(storeOf({ intervalSeconds: 30, leasePeriodSeconds: 45 })).toMatchObject({
      checkpointEveryMs: 30_000,
      leasePeriodMs: 45_000,
    });
  });
});

describe('the output', () => {
  it('is HEC with everything that it can be told', () => {
    const splunkHEC = {
      ...hec.splunkHEC!,
      urls: ['https://a.example.com:8088', 'https://[2001:db8::1]:8088/', 'http://localhost:8088'],
      ...{ index: 'web', source: 's: #', sourcetype: 'no', host: '1' },
      acknowledgement: { mode: 'Required', timeoutSeconds: 60 },
      batch: { maxBodyBytes: 500_000, maxEventBytes: 1_000_000, maxInFlight: 12 },
      proxy: 'http://proxy.example.com:3128',
      tls: { ca: { secretRef: { name: 'splunk', key: 'ca.crt' } } },
    } as const;
    expect(accepted(logStream({ outputs: [{ ...hec, splunkHEC }] })).streams[0]!.output).toEqual({
      ...{ kind: 'hec', endpoints: splunkHEC.urls, tokenFile: '/var/run/kinlog/secrets/hec-token', ack: true },
      ...{ ca: '/var/run/kinlog/secrets/hec-ca', proxy: splunkHEC.proxy },
      defaults: { index: 'web', source: 's: #', sourcetype: 'no', host: '1' },
      ...{ maxInFlight: 12, maxBodyBytes: 500_000, maxEventBytes: 1_000_000, ackTimeoutMs: 60_000 },
    });
  });

  it('is the log of the pod, to try a stream out', () => {
    expect(accepted(logStream({ outputs: [{ name: 'log', type: 'Stdout' }] })).streams[0]!.output).toEqual({
      kind: 'ndjson',
    });
  });

  it('has dead letters in a file of the application, bounded', () => {
    const config = accepted(
      logStream({ deadLetters: { volume: {}, maxMegabytes: 5 }, maxMegabytesInFlight: 7, logLevel: 'Debug' }),
    );
    expect(config.streams[0]!.deadLetters).toEqual({
      file: '/var/lib/kinlog/dead-letters/shop.orders.ndjson',
      maxMb: 5,
    });
    expect(config).toMatchObject({ maxMbInFlight: 7, logLevel: 'debug' });
  });
});
