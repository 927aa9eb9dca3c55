/** Whose positions lie in the same rows, and which streams are one, as far as LogStreams say. */
import { describe, expect, it } from 'vitest';
import { haveSameRows, haveSameStream, placeOf } from '../../../../operator/desired/place.ts';
import type { Checkpoint, LogStreamSpec, Source } from '../../../../operator/logstream.ts';
import { logStream } from './scene.ts';

const { source, checkpoint } = logStream().spec;
type Table = NonNullable<Checkpoint['dynamoDB']>;

const at = (spec: Partial<LogStreamSpec>) => placeOf(logStream(spec));
const reading = (more: Partial<Source>) => ({ source: { ...source, ...more } });
const table = (more: Partial<Table>, from: Partial<Source> = {}, spec: Partial<LogStreamSpec> = {}) =>
  at({
    ...reading(from),
    checkpoint: {
      ...checkpoint,
      dynamoDB: { createTable: 'IfMissing', keys: 'Shard', tableName: 'positions', ...more },
    },
    ...spec,
  });
const collection = (url: string, name?: string, from: Partial<Source> = {}) =>
  at({
    ...reading(from),
    checkpoint: {
      ...checkpoint,
      type: 'SplunkKVStore',
      splunkKVStore: {
        url,
        app: 'kinloader',
        tokenSecretRef: { name: 's', key: 't' },
        ...(name === undefined ? {} : { collection: name }),
      },
    },
  });
const folder = (existingClaim: string | undefined, applicationName: string, name = 'orders') =>
  placeOf(
    logStream(
      {
        checkpoint: {
          ...checkpoint,
          type: 'LevelDB',
          applicationName,
          levelDB: existingClaim === undefined ? {} : { existingClaim },
        },
      },
      name,
    ),
  );

const other = { streamName: 'other' };
const roleOf = (account: string) => ({
  serviceAccount: {
    create: true,
    annotations: { 'eks.amazonaws.com/role-arn': `arn:aws:iam::${account}:role/reader` },
  },
});

describe('positions are in the same rows', () => {
  it.each([
    ['of one table that holds one stream, whatever the stream', table({}), table({}, other)],
    ['of one table of which one of the two says that it holds one stream', table({}), table({ keys: 'Stream' }, other)],
    ['of one stream in a table that holds several', table({ keys: 'Stream' }), table({ keys: 'Stream' })],
    [
      'of a name that two regions have',
      table({ keys: 'Stream', region: 'eu-west-1' }),
      table({ keys: 'Stream', region: 'eu-west-1' }, { region: 'us-east-1' }),
    ],
    [
      'in a table that one names by an address of AWS',
      table({}),
      table({ endpoint: 'https://dynamodb-fips.eu-west-1.api.aws' }),
    ],
    [
      'of a stream that one names by its ARN',
      table({ keys: 'Stream' }),
      table({ keys: 'Stream' }, { streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/access-logs' }),
    ],
    ['of one collection', collection('https://splunk:8089'), collection('https://SPLUNK:8089/', 'kinlog_rows')],
    ['of one folder', folder('claim', 'orders'), folder('claim', 'orders')],
    [
      'on a claim of another LogStream',
      folder(undefined, 'orders', 'orders'),
      folder('orders-reader-positions', 'orders', 'b'),
    ],
  ])('%s', (_, one, two) => {
    expect(haveSameRows(one, two)).toBe(true);
    expect(haveSameRows(two, one)).toBe(true);
  });
});

describe('positions lie apart', () => {
  it.each([
    ['in two tables', table({}), table({ tableName: 'mine' })],
    ['in tables of two regions', table({}), table({ region: 'us-east-1' })],
    ['behind two addresses', table({}), table({ endpoint: 'http://localhost:8000' })],
    ['in two accounts', table({}, {}, roleOf('111111111111')), table({}, {}, roleOf('222222222222'))],
    [
      'in two accounts by the role of the table',
      table({ roleArn: 'arn:aws:iam::111111111111:role/a' }),
      table({ roleArn: 'arn:aws:iam::222222222222:role/a' }),
    ],
    ['of two streams in a table for several', table({ keys: 'Stream' }), table({ keys: 'Stream' }, other)],
    [
      'of streams of two accounts in a table for several',
      table({ keys: 'Stream' }, { streamArn: 'arn:aws:kinesis:eu-west-1:111111111111:stream/access-logs' }),
      table({ keys: 'Stream' }, { auth: { type: 'WorkloadIdentity', roleArn: 'arn:aws:iam::222222222222:role/a' } }),
    ],
    ['in two collections', collection('https://splunk:8089'), collection('https://splunk:8089', 'mine')],
    [
      'of two streams in one collection',
      collection('https://splunk:8089'),
      collection('https://splunk:8089', 'kinlog_rows', other),
    ],
    ['of two search heads', collection('https://splunk:8089'), collection('https://splunk-2:8089')],
    ['in two folders of a claim', folder('claim', 'orders'), folder('claim', 'invoices')],
    ['on two claims of the operator', folder(undefined, 'orders', 'orders'), folder(undefined, 'orders', 'b')],
  ])('%s', (_, one, two) => {
    expect(haveSameRows(one, two)).toBe(false);
    expect(haveSameRows(two, one)).toBe(false);
  });
});

it('an access key says nothing of the account, whatever the service account is annotated with', () => {
  const auth = {
    type: 'Secret',
    secretRef: { name: 'aws', accessKeyIdKey: 'id', secretAccessKeyKey: 'key' },
  } as const;
  const keyed = (account: string) => table({}, { auth }, roleOf(account));
  expect(haveSameRows(keyed('111111111111'), keyed('222222222222'))).toBe(true);
});

it('streams are one by name, region, address and what is known of their account', () => {
  const same = (from: Partial<Source>) => haveSameStream(table({}), table({}, from));
  expect(same({ streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/access-logs' })).toBe(true);
  expect(same({ endpoint: 'https://kinesis.eu-west-1.amazonaws.com' })).toBe(true);
  expect([other, { region: 'us-east-1' }, { endpoint: 'http://localhost:4568' }].map(same)).toEqual([
    false,
    false,
    false,
  ]);
});
