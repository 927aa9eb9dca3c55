/** The sender with the real SDK over HTTP, against a stream that misbehaves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectKinesis } from '../../base/aws.ts';
import { Sender, type SenderOptions } from '../../sender/index.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeKinesis, type ReadRecord } from '../fakes/kinesis/fake.ts';
import { internalFailure, kms, throttled, unavailable, type Fault } from '../fakes/kinesis/faults.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { accessLog, accessLogId, seededRandom } from '../fakes/access-log.ts';

let fake: FakeKinesis;
let simulator: RunningSimulator;

beforeEach(async () => {
  fake = new FakeKinesis();
  fake.createStream('s', 2);
  simulator = await startSimulator(fake);
});

afterEach(() => simulator.close());

/** On a busy machine an answer takes its time, and a request that is given up goes again. */
const PATIENCE_MS = 30_000;

function open(options: Partial<SenderOptions> = {}, requestTimeout = PATIENCE_MS) {
  const kinesis = connectKinesis({
    endpoint: simulator.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
    requestHandler: new NodeHttpHandler({ requestTimeout, throwOnRequestTimeout: true, socketTimeout: requestTimeout }),
  });
  return new Sender({ kinesis, stream: 's', flushAfterMs: 20, random: () => 0, ...options });
}

function eventsOf({ data }: ReadRecord): string[] {
  const lines = gunzipSync(data).toString().trimEnd().split('\n').slice(1);
  return lines.map((line) => Buffer.from((JSON.parse(line) as { data: string }).data, 'base64').toString());
}

const arrived = (): string[] => fake.records('s').flatMap(eventsOf);

describe('nothing is lost and nothing but the refused goes again when', () => {
  const exact: [string, Fault, number][] = [
    ['the stream throttles', throttled(), 3],
    ['the service fails', internalFailure(), 2],
    ['the service is away', unavailable(), 2],
    ['the connection ends before anything was done', { kind: 'reset' }, 2],
    ['the answer never comes and nothing was done', { kind: 'hang' }, 1],
    ['some entries are refused', { kind: 'reject-entries', entries: [0, 2] }, 3],
    ['all entries are refused', { kind: 'reject-entries', entries: 'all', type: 'InternalFailure' }, 2],
    ['the key service throttles', kms('KMSThrottlingException'), 1],
  ];

  it.each(exact)('%s', async (_what, fault, times) => {
    fake.next('PutRecords', fault, { times });
    const lines = [...accessLog({ seed: 21, lines: 300 })];
    const options = { partitionKey: (event: { data: unknown }) => String(event.data).slice(0, 6) };
    const sender = fault.kind === 'hang' ? open(options, 3000) : open(options);
    const writes = lines.map((data) => sender.write({ data }));
    await Promise.all([...writes, sender.close()]);
    expect(arrived().sort()).toEqual([...lines].sort());
    expect(fake.faults.left).toBe(0);
  });

  it.each([
    ['the answer is lost after everything was stored', { kind: 'lost-answer' } as const],
    ['the answer breaks off', { kind: 'half-body' } as const],
  ])('%s: what may be stored already arrives twice', async (_what, fault) => {
    fake.next('PutRecords', fault);
    const lines = [...accessLog({ seed: 22, lines: 100 })];
    const sender = open({ partitionKey: { fixed: 'k' } });
    const writes = lines.map((data) => sender.write({ data }));
    await Promise.all([...writes, sender.close()]);
    expect(new Set(arrived())).toEqual(new Set(lines));
    expect([...new Set(arrived())]).toEqual(lines);
    expect(arrived()).toHaveLength(200);
  });
});

it('real write limits: refused records go again until the shard takes them, and stay in order', async () => {
  await simulator.close();
  const clock = new FakeClock();
  fake = new FakeKinesis({ clock, writeLimits: true });
  fake.createStream('s', 2);
  simulator = await startSimulator(fake);
  const sender = open({ partitionKey: { fixed: 'hot' }, compression: 'gzip' });
  const random = seededRandom(24);
  const noise = Buffer.from(Array.from({ length: 150_000 }, () => 33 + Math.floor(random() * 90)));
  const writes = Array.from({ length: 14 }, (_, n) => sender.write({ data: `${n} ${noise.toString('latin1', n)}` }));
  const sent = Promise.all([...writes, sender.close()]);
  // The stream's time stands still until it has refused something: a busy machine would need longer for these than the shard does.
  await vi.waitFor(() => expect(sender.stats().throttles).toBeGreaterThan(0), PATIENCE_MS);
  const seconds = setInterval(() => void clock.advance(1000), 50);
  await sent.finally(() => clearInterval(seconds));
  expect(arrived().map((event) => Number(event.split(' ')[0]))).toEqual(Array.from({ length: 14 }, (_, n) => n));
});

it.each([
  [
    { kind: 'error', type: 'AccessDeniedException', message: 'denied' },
    'KINLOG_PERMISSION_REFUSED',
    /kinesis:PutRecords/,
  ],
  [{ kind: 'error', type: 'ResourceNotFoundException', message: 'none' }, 'KINLOG_STREAM_NOT_FOUND', /\bs\b/],
  [kms('KMSDisabledException'), 'KINLOG_KMS_REFUSED', /key/],
  [{ kind: 'error', type: 'NeverHeardOf', message: '?' }, 'KINLOG_UNEXPECTED', /NeverHeardOf/],
] as [Fault, string, RegExp][])('%j reaches the writer as %s and is not repeated', async (fault, code, message) => {
  fake.next('PutRecords', fault, { times: 9 });
  const sender = open();
  const error: unknown = await sender.write({ data: 'x' }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(fake.callsOf('PutRecords')).toHaveLength(1);
  await sender.close();
});

it('told to wait, a permission that comes back later loses nothing', async () => {
  fake.next('PutRecords', { kind: 'error', type: 'AccessDeniedException', message: 'denied' });
  const waits: number[] = [];
  const clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms: number) => {
      waits.push(ms);
      return new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 30)));
    },
  };
  const sender = open({ whenRefused: 'wait', clock });
  await Promise.all([sender.write({ data: 'kept' }), sender.close()]);
  expect(arrived()).toEqual(['kept']);
  expect(Math.max(...waits)).toBeGreaterThanOrEqual(15_000);
});

it('a full buffer holds back a fast writer, and memory stays bounded while the stream hangs', async () => {
  fake.next('PutRecords', { kind: 'hang', ms: 200 }, { times: 3 });
  const sender = open({ maxBufferedBytes: 200_000 });
  let most = 0;
  for (const data of accessLog({ seed: 23, lines: 8000, prefix: 'full' })) {
    if (!sender.tryWrite({ data })) {
      await sender.ready();
      expect(sender.tryWrite({ data })).toBe(true);
    }
    most = Math.max(most, sender.stats().bufferedBytes);
  }
  await sender.close();
  expect(most).toBeLessThan(210_000);
  expect(new Set(arrived().map(accessLogId)).size).toBe(8000);
});

it('whatever a killed sender was told is stored, is stored', async () => {
  for (let round = 0; round < 3; round++) {
    fake.next('PutRecords', throttled(), { times: 2 });
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'sender-child.ts'), simulator.url, 's']);
    let acknowledged = '';
    child.stdout.on('data', (chunk: Buffer) => {
      acknowledged += chunk.toString();
      if (acknowledged.length > 2000 * (round + 1)) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const told = acknowledged.slice(0, acknowledged.lastIndexOf('\n')).split('\n');
    const stored = new Set(arrived());
    expect(told.filter((n) => !stored.has(n))).toEqual([]);
    expect(told.length).toBeGreaterThan(100);
  }
});
