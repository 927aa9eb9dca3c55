/** What splunkd is answered when somebody saves a stanza, with and without a look at the services. */
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SCHEME } from '../../../splunk-app/input/options.ts';
import { MASK } from '../../../splunk-app/input/stanza.ts';
import { APP_ID, inputSecretName, REALMS } from '../../../splunk-app/input/stored.ts';
import { validate } from '../../../splunk-app/input/validate.ts';
import { FakeHec, TOKEN, type Port } from '../../fakes/hec/hec.ts';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';
import { throttled } from '../../fakes/kinesis/faults.ts';
import { startSimulator, type RunningSimulator } from '../../fakes/kinesis/server.ts';
import { dynamoClient, startDynalite } from '../../fakes/peers/dynalite.ts';
import { FakeProxy } from '../../fakes/proxy.ts';
import { GOOD, KEY, SecretsScene } from './secrets-scene.ts';

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const SILENT = { uri: '', key: '' };

function items(params: Readonly<Record<string, string>>, { uri, key } = SILENT): string {
  const inner = Object.entries(params).map(([name, value]) => `<param name="${name}">${escaped(value)}</param>`);
  return `<items><server_uri>${uri}</server_uri><session_key>${key}</session_key><item name="prod">${inner.join('')}</item></items>`;
}

let scene: SecretsScene;
beforeEach(async () => {
  scene = new SecretsScene();
  await scene.open();
});
afterEach(() => scene.close());

const answer = (params: Readonly<Record<string, string>>, withinMs?: number) =>
  validate(items(params, { uri: scene.port.url, key: KEY }), {
    log: scene.log,
    env: {},
    ...(withinMs === undefined ? {} : { withinMs }),
  });

describe('the answer to a validation', () => {
  it('is nothing for a good stanza, and nobody is asked', async () => {
    expect(await answer(GOOD)).toBe('');
    expect(scene.port.calls).toEqual([]);
  });

  it('is one escaped line with code and remedy for a bad one', async () => {
    expect(await answer({ stream_name: '<a>\n&' })).toMatch(
      /^<error><message>[^\n<>]*&lt;a&gt;[^\n<>]*KINLOG_CONFIG_INVALID[^\n<>]*<\/message><\/error>\n$/,
    );
  });

  it.each(['<items>', '<input><configuration/></input>'])('says what is wrong with the document %j', async (xml) => {
    expect(await validate(xml, { log: scene.log })).toContain('KINLOG_');
  });

  it.each([
    ['a mask', { aws_secret_access_key: MASK }],
    ['both masks and what every input has', { aws_secret_access_key: MASK, hec_token: MASK, disabled: '0' }],
    ['another setting', { log_level: 'DEBUG' }],
  ])('is nothing for an edit that tells only %s', async (_, params) => {
    expect(await answer(params)).toBe('');
  });

  it.each([
    ['a wrong value', { log_level: 'LOUD' }, 'log_level is "LOUD"'],
    ['an unknown setting', { log_levle: 'DEBUG' }, 'log_levle'],
    ['a part of the mask', { hec_token: `${MASK}x` }, 'hec_token holds a part of the mask'],
  ])('tells an edit of a single setting that it has %s', async (_, params, said) => {
    expect(await answer(params)).toContain(said);
  });
});

describe('with the check of the connection', () => {
  const AWS_SECRET = 'secret-of-the-access-key';
  const PARTS = { aws_access_key_id: 'AKIAIOSFODNN7EXAMPLE', aws_secret_access_key: AWS_SECRET, check_connection: '1' };
  let fake: FakeKinesis;
  let simulator: RunningSimulator;
  let hec: FakeHec;
  let collector: Port;

  beforeEach(async () => {
    fake = new FakeKinesis();
    fake.createStream('access-logs');
    simulator = await startSimulator(fake);
    hec = new FakeHec();
    collector = await hec.open();
  });
  afterEach(async () => {
    await Promise.all([simulator.close(), hec.close()]);
  });

  const params = (more: Readonly<Record<string, string>> = {}) => ({
    ...GOOD,
    ...PARTS,
    kinesis_endpoint: simulator.url,
    ...more,
  });
  const toHec = (more: Readonly<Record<string, string>> = {}) =>
    params({ output: 'hec', hec_url: collector.url, hec_token: TOKEN, ...more });
  const asked = () => fake.calls.map(({ operation }) => operation);

  it('nothing is said when all is well, and nothing was changed', async () => {
    fake.put('access-logs', { data: Buffer.from('an event') });
    expect(await answer(toHec({ checkpoint_store: 'kvstore' }))).toBe('');
    expect(asked()).toEqual(['DescribeStreamSummary', 'ListShards', 'GetShardIterator', 'GetRecords']);
    expect(hec.events).toEqual([]);
    expect(scene.edits).toEqual([]);
    expect(scene.port.calls.filter((call) => !call.startsWith('GET'))).toEqual([]);
  });

  it('a stream, a position store and a collector that are all wrong are told in one message', async () => {
    scene.port.faults.kvStatus = 'disabled';
    const said = await answer(toHec({ stream_name: 'other', hec_token: 'wrong-token', checkpoint_store: 'kvstore' }));
    expect(said).toMatch(/stream_name, aws_region: .*KINLOG_STREAM_NOT_FOUND/);
    expect(said).toContain('checkpoint_store: the KV store of this Splunk is not ready (disabled)');
    expect(said).toMatch(/hec_token: .*HEC code 4: Invalid token/);
    expect(said).toMatch(/^<error><message>[^\n<>]*switch off check_connection[^\n<>]*<\/message><\/error>\n$/);
    expect(said).not.toMatch(new RegExp(`${AWS_SECRET}|wrong-token|${KEY}`));
  });

  it('every action that is not allowed is named at once', async () => {
    fake.settings.allow = new Set(['GetShardIterator']);
    const said = await answer(params());
    for (const action of ['DescribeStreamSummary', 'ListShards']) expect(said).toContain(action);
    expect(said).toContain('aws_access_key_id: ');
    fake.settings.allow = new Set(['DescribeStreamSummary', 'ListShards', 'GetShardIterator']);
    expect(await answer(params())).toContain('GetRecords');
  });

  it('a stream that others read as fast as it allows is no fault', async () => {
    fake.faults.add('GetRecords', throttled());
    expect(await answer(params())).toBe('');
    expect(fake.faults.left).toBe(0);
  });

  it('a key that AWS does not know is told with the options that hold it, and not with its secret', async () => {
    fake.settings.accessKeys = new Set(['AKIAOTHEROTHEROTHER']);
    scene.fake.passwords.put(
      APP_ID,
      REALMS.aws,
      'reader',
      JSON.stringify({ accessKeyId: PARTS.aws_access_key_id, secretAccessKey: AWS_SECRET }),
    );
    expect(await answer(params())).toMatch(/aws_access_key_id: .*KINLOG_CREDENTIALS_REFUSED/);
    const { aws_access_key_id: _, aws_secret_access_key: __, ...stored } = params({ aws_credential: 'reader' });
    const said = await answer(stored);
    expect(said).toMatch(/aws_credential: .*KINLOG_CREDENTIALS_REFUSED/);
    expect(said).not.toContain(AWS_SECRET);
  });

  it('a secret behind a mask is looked up, and one that is not there is told', async () => {
    expect(await answer(params({ aws_secret_access_key: MASK }))).toContain(
      'aws_secret_access_key of prod holds a mask',
    );
    const name = inputSecretName(`${SCHEME}://prod`, 'aws_secret_access_key');
    scene.fake.passwords.put(APP_ID, REALMS.input, name, AWS_SECRET);
    expect(await answer(params({ aws_secret_access_key: MASK }))).toBe('');
  });

  it('a consumer that does not exist is told unless it is to be registered, and records are not read past it', async () => {
    expect(await answer(params({ fan_out_consumer: 'splunk' }))).toContain('fan_out_consumer: splunk does not exist');
    expect(await answer(params({ fan_out_consumer: 'splunk', fan_out_register: '1' }))).toBe('');
    expect(asked()).not.toContain('RegisterStreamConsumer');
    expect(asked()).not.toContain('GetRecords');
  });

  it.each([
    ['is disabled', () => hec.tokens.set(TOKEN, { disabled: true }), {}, /hec_token: .*code 1/],
    ['has no acknowledgement', () => undefined, { hec_ack: '1' }, /hec_ack: .*code 14/],
    ['wants acknowledgement', () => hec.tokens.set(TOKEN, { ack: true }), {}, /hec_ack: the token wants .*code 10/],
  ])('a token that %s is told', async (_, arrange, more, said) => {
    arrange();
    expect(await answer(toHec(more))).toMatch(said);
  });

  it('a token that acknowledges is well', async () => {
    hec.tokens.set(TOKEN, { ack: true });
    expect(await answer(toHec({ hec_ack: '1' }))).toBe('');
  });

  it('a collector that is away, is none, or has a certificate that is not trusted is told, each with its option', async () => {
    const secure = await hec.open({ tls: true });
    expect(await answer(toHec({ hec_url: secure.url }))).toMatch(/hec_ca_file: .*KINLOG_TLS_UNTRUSTED/);
    expect(await answer(toHec({ hec_url: simulator.url }))).toMatch(/hec_url: .*as no HTTP Event Collector does/);
    collector.faults.state = 'shutting down';
    expect(await answer(toHec())).toMatch(/hec_url: .*is not well: HTTP 503, HEC code 23/);
    await collector.close();
    expect(await answer(toHec())).toMatch(/hec_url: .*KINLOG_SERVICE_UNAVAILABLE/);
  });

  it('a file of certificates that is not there is told with its option, and without a word about codes', async () => {
    const said = await answer(toHec({ ca_file: '/nowhere.pem', hec_ca_file: '/nowhere-else.pem' }));
    const faults = [
      'ca_file: ca: /nowhere.pem can not be used (ENOENT)',
      'hec_ca_file: HEC can not be reached as configured: ca: /nowhere-else.pem can not be read: ENOENT',
    ];
    expect(said).toContain(`<message>${faults.join(' | ')} (KINLOG_CONFIG_INVALID). To save`);
  });

  it('a proxy that refuses is told with its option, and without its password', async () => {
    const proxy = await new FakeProxy({}).start();
    proxy.password = 'reader:right';
    try {
      const address = `http://reader:wr0ng-pass@127.0.0.1:${proxy.port}`;
      scene.fake.passwords.put(APP_ID, REALMS.proxy, 'office', address);
      const { kinesis_endpoint: _, ...rest } = toHec({ hec_url: 'https://collector.example.com:8088' });
      const said = await answer({ ...rest, proxy: 'office' });
      expect(said).toMatch(/proxy, aws_region: .*KINLOG_SERVICE_UNAVAILABLE/);
      expect(said).toMatch(/hec_url, proxy: .*KINLOG_SERVICE_UNAVAILABLE/);
      expect(said).not.toContain('wr0ng-pass');
    } finally {
      await proxy.stop();
    }
  });

  it('a service that does not answer does not hold the others up, nor the answer for long', async () => {
    collector.faults.delayMs = 60_000;
    scene.port.faults.kvStatus = 'failed';
    const said = await answer(toHec({ checkpoint_store: 'kvstore' }), 1000);
    expect(said).toMatch(/hec_url: no answer within 0\.6 s/);
    expect(said).toContain('(failed)');
  });

  it('a splunkd that does not give the secrets in time is told', async () => {
    scene.port.faults.delayMs = 60_000;
    expect(await answer(params({ aws_secret_access_key: MASK }), 300)).toContain('splunkd did not answer within 0.3 s');
  });

  it('a table that does not exist yet is no fault but is told, and one that is something else is one', async () => {
    const dynamo = await startDynalite();
    try {
      const table = { checkpoint_store: 'dynamodb', checkpoint_table: 'positions', dynamodb_endpoint: dynamo.url };
      expect(await answer(params(table))).toBe('');
      expect(scene.lines).toMatchObject([{ name: 'check.open', fields: { table: 'positions' } }]);
      await makeTable(dynamo.url, 'positions', 'leaseKey');
      await makeTable(dynamo.url, 'orders', 'orderId');
      expect(await answer(params(table))).toBe('');
      expect(await answer(params({ ...table, checkpoint_table: 'orders' }))).toMatch(
        /checkpoint_table, dynamodb_endpoint: .*KINLOG_CHECKPOINT_FOREIGN/,
      );
    } finally {
      await dynamo.close();
    }
  });

  it('is not made for an edit that does not tell the stream', async () => {
    expect(await answer({ check_connection: '1' })).toBe('');
    expect(asked()).toEqual([]);
  });
});

async function makeTable(url: string, name: string, key: string): Promise<void> {
  const client = dynamoClient(url);
  try {
    await client.send(
      new CreateTableCommand({
        TableName: name,
        KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
  } finally {
    client.destroy();
  }
}
