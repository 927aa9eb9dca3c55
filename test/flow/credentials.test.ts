/** How AWS is reached, over real connections: roles, tokens and profiles, proxies, private authorities, and what is said when it fails. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as forward, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListShardsCommand, type KinesisClient } from '@aws-sdk/client-kinesis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { connectKinesis, type KinesisConnection } from '../../base/aws.ts';
import { awsClientConfig } from '../../base/aws-access.ts';
import { fromAws } from '../../base/aws-errors.ts';
import type { KinlogError } from '../../base/errors.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { FakeSts } from '../fakes/sts.ts';
import { until } from './cli-process.ts';

const READER = 'arn:aws:iam::123456789012:role/reader';
const TABLE = 'arn:aws:iam::210987654321:role/table';
const BASE = { accessKeyId: 'AKIABASE', secretAccessKey: 'SECRET-OF-BASE' };

let folder: string;
let fake: FakeKinesis;
let sts: FakeSts;
let simulator: RunningSimulator;
const clients: { destroy(): void }[] = [];
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kinlog-credentials-'));
  vi.stubEnv('AWS_CONFIG_FILE', path.join(folder, 'config'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', path.join(folder, 'credentials'));
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  fake = new FakeKinesis();
  fake.createStream('s', 1);
  simulator = await startSimulator(fake);
  sts = await new FakeSts().start();
  sts.roles.set(READER, { trusts: new Set([BASE.accessKeyId]) });
  fake.settings.accessKeys = sts.liveKeys;
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const client of clients.splice(0)) client.destroy();
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  await sts.stop();
  await simulator.close();
  await rm(folder, { recursive: true });
});

function connection(access: Partial<KinesisConnection>): KinesisClient {
  const client = connectKinesis({ region: 'us-east-1', endpoint: simulator.url, ...access });
  clients.push(client);
  return client;
}

const asReader = (access: Partial<KinesisConnection> = {}): KinesisClient =>
  connection({ credentials: BASE, roleArn: READER, stsEndpoint: sts.url, ...access });

/** Undefined when the stream answered. */
async function failureOf(client: KinesisClient): Promise<KinlogError | undefined> {
  const call = { operation: 'ListShards', resource: 's', region: 'us-east-1' };
  return client.send(new ListShardsCommand({ StreamName: 's' })).then(
    () => undefined,
    (error: unknown) => fromAws(error, call),
  );
}

/** The simulator behind a check of the time of signing, with a clock that runs ahead of ours. */
async function skewed(aheadMs: number): Promise<string> {
  const made = createServer((request, response) => {
    const now = Date.now() + aheadMs;
    response.setHeader('date', new Date(now).toUTCString());
    const signed = String(request.headers['x-amz-date']).replace(/^(.{4})(..)(..T..)(..)/, '$1-$2-$3:$4:');
    if (Math.abs(Date.parse(signed) - now) > 300_000) {
      request.resume();
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
      response.end('{"__type":"InvalidSignatureException","message":"Signature expired: it is too early"}');
      return;
    }
    const { method, headers } = request;
    const onward = forward(simulator.url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, { 'content-type': 'application/x-amz-json-1.1' });
      answer.pipe(response);
    });
    request.pipe(onward);
  }).listen(0, '127.0.0.1');
  servers.push(made);
  await once(made, 'listening');
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

async function server(answer: (authorization: string) => string): Promise<string> {
  const made = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/x-amz-json-1.0');
    response.end(answer(request.headers.authorization ?? ''));
  }).listen(0, '127.0.0.1');
  servers.push(made);
  await once(made, 'listening');
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

it('a role is assumed once for many calls, with its external id and session name', async () => {
  sts.roles.set(READER, { trusts: new Set([BASE.accessKeyId]), externalId: 'ours' });
  const client = asReader({ externalId: 'ours', sessionName: 'indexer-7' });
  sts.hold();
  const failures = Promise.all(Array.from({ length: 100 }, () => failureOf(client)));
  await until(() => sts.calls.length > 0, 'STS is asked');
  sts.release();
  expect(await failures).toEqual(Array.from({ length: 100 }, () => undefined));
  expect(sts.calls).toEqual([
    { action: 'AssumeRole', roleArn: READER, sessionName: 'indexer-7', accessKey: BASE.accessKeyId },
  ]);
});

it('credentials that end are renewed before, and none that has ended is ever used', async () => {
  sts.sessionMs = 6000;
  const client = asReader();
  await until(async () => {
    expect(await failureOf(client)).toBeUndefined();
    return sts.calls.length >= 3;
  }, 'two renewals');
});

it('stream and table have roles of their own', async () => {
  sts.roles.set(TABLE, { trusts: new Set([BASE.accessKeyId]) });
  const keys: string[] = [];
  const endpoint = await server((authorization) => {
    keys.push(/Credential=(\w+)/.exec(authorization)?.[1] ?? '');
    return '{"TableNames":[]}';
  });
  const access = { region: 'eu-west-1', endpoint, credentials: BASE, roleArn: TABLE, stsEndpoint: sts.url };
  const table = new DynamoDBClient(awsClientConfig(access));
  clients.push(table);
  expect(await failureOf(asReader())).toBeUndefined();
  await table.send(new ListTablesCommand({}));
  expect(sts.calls.map(({ roleArn }) => roleArn)).toEqual([READER, TABLE]);
  expect(keys).toEqual(['ASIA0002']);
});

it('a web identity token is read again at every renewal', async () => {
  const token = path.join(folder, 'token');
  sts.sessionMs = 1000;
  sts.roles.set(READER, { trusts: new Set(['token 2']) });
  const client = connection({ roleArn: READER, webIdentityTokenFile: token, stsEndpoint: sts.url });
  const missing = await failureOf(client);
  expect(missing).toMatchObject({ code: 'KINLOG_CREDENTIALS_MISSING' });
  expect(missing?.message).toContain(token);
  await writeFile(token, 'token 1');
  expect(await failureOf(client)).toMatchObject({ code: 'KINLOG_CREDENTIALS_REFUSED' });
  await writeFile(token, 'token 2');
  expect(await failureOf(client)).toBeUndefined();
});

it('the credentials of a profile, with its region, open the stream; a role is asked for with them', async () => {
  await writeFile(path.join(folder, 'config'), '[profile shop]\nregion = us-east-1\n');
  const program = `${process.execPath} -e "console.log(JSON.stringify({Version:1,AccessKeyId:'AKIABASE',SecretAccessKey:'s'}))"`;
  await writeFile(path.join(folder, 'credentials'), `[shop]\ncredential_process = ${program}\n`);
  const shop = { profile: 'shop', region: undefined };
  expect(await failureOf(connection({ ...shop, roleArn: READER, stsEndpoint: sts.url }))).toBeUndefined();
  fake.settings.accessKeys = new Set([BASE.accessKeyId]);
  expect(await failureOf(connection(shop))).toBeUndefined();
});

it('the container service of the environment opens the stream', async () => {
  const answer = { AccessKeyId: 'ASIACONTAINER', SecretAccessKey: 's', Token: 't', Expiration: '2099-01-01T00:00:00Z' };
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', await server(() => JSON.stringify(answer)));
  fake.settings.accessKeys = new Set(['ASIACONTAINER']);
  expect(await failureOf(connection({}))).toBeUndefined();
});

it('what STS refuses is said with action, role and remedy, and without a secret', async () => {
  const denied = await failureOf(asReader({ externalId: 'not the one' }));
  expect(denied).toMatchObject({ code: 'KINLOG_PERMISSION_REFUSED', retry: 'slow' });
  expect(denied?.message).toContain(`AssumeRole on ${READER}`);
  expect(denied?.remedy).toMatch(/sts:AssumeRole.*trust policy.*external id/);
  sts.failNext(403, 'ExpiredToken', 'The security token included in the request is expired');
  const expired = await failureOf(asReader());
  expect(expired).toMatchObject({ code: 'KINLOG_CREDENTIALS_REFUSED', retry: 'slow' });
  sts.failNext(403, 'RegionDisabledException', 'STS is not activated in this region for account:1.');
  const disabled = await failureOf(asReader());
  expect(disabled).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
  for (const error of [denied, expired, disabled]) expect(inspect(error)).not.toMatch(/SECRET|not the one/);
});

it('an STS that is away is asked again soon', async () => {
  const failure = await failureOf(asReader({ stsEndpoint: 'http://127.0.0.1:1' }));
  expect(failure).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'soon' });
  expect(failure?.message).toContain(`AssumeRole on ${READER}`);
});

it('a role without credentials to ask for it, and a stream without a region, are called so', async () => {
  const none = await failureOf(connection({ roleArn: READER, stsEndpoint: sts.url }));
  expect(none).toMatchObject({ code: 'KINLOG_CREDENTIALS_MISSING' });
  expect(none?.message).toContain(`AssumeRole on ${READER}`);
  const nowhere = await failureOf(connection({ region: undefined, credentials: BASE }));
  expect(nowhere).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
});

it('a clock that is an hour off costs one call, which is tried again soon', async () => {
  const skew = 3_600_000;
  const url = await skewed(skew);
  fake.settings.accessKeys = new Set([BASE.accessKeyId]);
  const client = connection({ credentials: BASE, endpoint: url });
  const first = await failureOf(client);
  expect(first).toMatchObject({ code: 'KINLOG_CREDENTIALS_REFUSED', retry: 'soon' });
  expect(first?.remedy).toMatch(/clock/);
  expect(await failureOf(client)).toBeUndefined();
  const wrong = connection({ credentials: { ...BASE, accessKeyId: 'AKIAWRONG' }, endpoint: url });
  expect(await failureOf(wrong)).toMatchObject({ retry: 'soon' });
  expect(await failureOf(wrong)).toMatchObject({ code: 'KINLOG_CREDENTIALS_REFUSED', retry: 'slow' });
});
