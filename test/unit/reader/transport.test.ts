/** Calls over real sockets: the SDK, our protocol and our connections together. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { GetRecordsCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterEach, describe, expect, it } from 'vitest';
import { connectKinesis } from '../../../base/aws.ts';
import { KinesisApi } from '../../../reader/fetch/kinesis.ts';
import { answerOf, KinesisProtocol } from '../../../reader/fetch/protocol.ts';

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

const DATA = 'ein Logsatz, größer als nichts';
const BODY = JSON.stringify({
  MillisBehindLatest: 7,
  NextShardIterator: 'next',
  Records: [
    {
      ApproximateArrivalTimestamp: 1767225600.123,
      Data: Buffer.from(DATA).toString('base64'),
      PartitionKey: 'schlüssel',
      SequenceNumber: '49590338271490256608559692538361571095921575989136588898',
    },
  ],
});

const answer: Respond = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(BODY);
};

let server: Server | undefined;
let api: KinesisApi | undefined;

async function listen(respond: Respond): Promise<{ endpoint: string; connections: Socket[] }> {
  const connections: Socket[] = [];
  server = createServer(respond);
  server.on('connection', (socket) => connections.push(socket));
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' };

function connect(endpoint: string, more: object = {}): KinesisApi {
  api = new KinesisApi({ stream: 'logs', region: 'us-east-1', endpoint, credentials, ...more });
  return api;
}

const signal = new AbortController().signal;

afterEach(async () => {
  api?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

describe('calls to Kinesis', () => {
  it('read GetRecords by our protocol; this fails when the SDK stops calling it', async () => {
    const { endpoint } = await listen(answer);
    const page = await connect(endpoint).records('iterator', 10, signal);
    expect(Buffer.from(page.records[0]!.data).toString()).toBe(DATA);
    expect(page).toMatchObject({ next: 'next', millisBehindLatest: 7, children: [] });
  });

  it('give whoever uses the client the same shape as the SDK itself', async () => {
    const { endpoint } = await listen(answer);
    const ours = connectKinesis({ region: 'us-east-1', endpoint, credentials, protocol: KinesisProtocol });
    const plain = new KinesisClient({
      region: 'us-east-1',
      endpoint,
      credentials,
      requestHandler: new NodeHttpHandler(),
    });
    const mine = await ours.send(new GetRecordsCommand({ ShardIterator: 'x' }));
    const theirs = await plain.send(new GetRecordsCommand({ ShardIterator: 'x' }));
    const shape = ({ Records, NextShardIterator, MillisBehindLatest }: typeof theirs) => ({
      Records: Records?.map(({ Data, ...rest }) => ({ Data: Buffer.from(Data!).toString(), ...rest })),
      NextShardIterator,
      MillisBehindLatest,
    });
    expect(shape(mine)).toEqual(shape(theirs));
    expect(answerOf(theirs)).toBeUndefined();
    ours.destroy();
    plain.destroy();
  });

  it('use one connection one after the other', async () => {
    const { endpoint, connections } = await listen(answer);
    const kinesis = connect(endpoint);
    for (let i = 0; i < 20; i++) await kinesis.records('iterator', 10, signal);
    expect(connections).toHaveLength(1);
  });

  it('read bodies of unknown length', async () => {
    const { endpoint } = await listen((_, response) => {
      response.writeHead(200);
      for (const letter of BODY) response.write(letter);
      response.end();
    });
    const page = await connect(endpoint).records('iterator', 10, signal);
    expect(page.records).toHaveLength(1);
  });

  it('report a body that is cut off as a service that may be asked again', async () => {
    const { endpoint } = await listen((_, response) => {
      response.writeHead(200, { 'content-length': BODY.length * 2 });
      response.write(BODY, () => response.destroy());
    });
    const page = connect(endpoint).records('iterator', 10, signal);
    await expect(page).rejects.toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'soon' });
  });

  it('report a page of a proxy as a service that may be asked again', async () => {
    const { endpoint } = await listen((_, response) => void response.end('<html>please log in</html>'));
    const page = connect(endpoint).records('iterator', 10, signal);
    await expect(page).rejects.toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE' });
  });

  it('report refusals by their names', async () => {
    const { endpoint } = await listen((_, response) => {
      response.writeHead(400).end(JSON.stringify({ __type: 'ExpiredIteratorException', message: 'Iterator expired.' }));
    });
    const page = connect(endpoint).records('iterator', 10, signal);
    await expect(page).rejects.toMatchObject({ code: 'KINLOG_ITERATOR_EXPIRED' });
  });

  it('are made once, whatever the answer', async () => {
    let calls = 0;
    const { endpoint } = await listen((_, response) => {
      calls++;
      response.writeHead(500).end('{}');
    });
    await expect(connect(endpoint).records('iterator', 10, signal)).rejects.toMatchObject({
      code: 'KINLOG_SERVICE_UNAVAILABLE',
    });
    expect(calls).toBe(1);
  });

  it('are left at once on abort, and closing ends what still runs', async () => {
    const arrived = Promise.withResolvers<undefined>();
    const gone = Promise.withResolvers<undefined>();
    const { endpoint } = await listen((request) => {
      request.socket.on('close', () => gone.resolve(undefined));
      arrived.resolve(undefined);
    });
    const stop = new AbortController();
    const kinesis = connect(endpoint);
    const page = kinesis.records('iterator', 10, stop.signal);
    await arrived.promise;
    stop.abort();
    await expect(page).rejects.toBe(stop.signal.reason);
    kinesis.close();
    await gone.promise;
  });

  it('name the stream by its ARN when that is what is known, and take the region from it', async () => {
    const bodies: string[] = [];
    const scopes: string[] = [];
    const { endpoint } = await listen((request, response) => {
      scopes.push(request.headers.authorization ?? '');
      request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
      request.on('end', () => response.end(BODY));
    });
    const stream = 'arn:aws:kinesis:ap-south-1:123456789012:stream/logs';
    await connect(endpoint, { stream, region: undefined }).records('iterator', 10, signal);
    expect(JSON.parse(bodies.join(''))).toEqual({ ShardIterator: 'iterator', Limit: 10, StreamARN: stream });
    expect(scopes[0]).toContain('/ap-south-1/kinesis/');
  });
});
