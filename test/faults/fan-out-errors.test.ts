/** What enhanced fan-out does with every way in which a subscription can fail, at the call and in the middle. */
import { describe, expect, it } from 'vitest';
import { isKinlogError, type ErrorCode } from '../../base/errors.ts';
import {
  accessDenied,
  expiredToken,
  internalFailure,
  kms,
  unavailable,
  type Fault,
  type FaultPoint,
} from '../fakes/kinesis/faults.ts';
import { CONSUMER, FanOutScene } from './fan-out-scene.ts';
import { HORIZON, STREAM } from './source-scene.ts';

const codeOf = (error: unknown): ErrorCode | undefined => (isKinlogError(error) ? error.code : undefined);
const exception = (type: string): Fault => ({ kind: 'error', type });

const CALL: FaultPoint = 'SubscribeToShard';
const EVENT: FaultPoint = 'SubscribeToShardEvent';

describe('what heals by itself delays records, loses none and brings none twice:', () => {
  it.each<[string, FaultPoint, Fault]>([
    ['a failure of the service at the call', CALL, internalFailure()],
    ['a service that is not there', CALL, unavailable()],
    ['a lost connection at the call', CALL, { kind: 'reset' }],
    ['a subscription whose answer was lost', CALL, { kind: 'lost-answer' }],
    ['no answer within the time limit', CALL, { kind: 'hang' }],
    ['too many calls', CALL, exception('LimitExceededException')],
    ['refused permission', CALL, accessDenied('SubscribeToShard')],
    ['a disabled key at the call', CALL, kms('KMSDisabledException')],
    ['an expired token', CALL, expiredToken()],
    ['a failure of the service in the middle', EVENT, exception('InternalFailureException')],
    ['throttles of KMS', EVENT, kms('KMSThrottlingException')],
    ['a disabled key', EVENT, kms('KMSDisabledException')],
    ['a refused key', EVENT, kms('KMSAccessDeniedException')],
    ['a key in the wrong state', EVENT, kms('KMSInvalidStateException')],
    ['a missing key', EVENT, kms('KMSNotFoundException')],
    ['a key service that is not subscribed to', EVENT, kms('KMSOptInRequired')],
    ['a lost connection in the middle', EVENT, { kind: 'reset' }],
    ['half an event', EVENT, { kind: 'half-body' }],
    ['silence', EVENT, { kind: 'hang' }],
    ['a late event', EVENT, { kind: 'delay', ms: 30_000 }],
    ['an end before the first event', EVENT, { kind: 'end' }],
    ['events without records', EVENT, { kind: 'empty-page' }],
    ['an event with its fields in another order', EVENT, { kind: 'reordered' }],
    ['an end without children of a shard that is open', EVENT, { kind: 'null-iterator' }],
  ])('%s', async (_, point, fault) => {
    const scene = await new FanOutScene().start();
    scene.put('a', 'b');
    scene.fake.next(point, fault, { times: 3 });
    const reading = scene.read();
    await scene.until(() => reading.data.length >= 2);
    scene.put('c');
    await scene.until(() => reading.data.length >= 3);
    await scene.clock.advance(20_000);
    expect(reading.data).toEqual(['a', 'b', 'c']);
    expect(scene.fake.faults.left).toBe(0);
    await reading.stop();
  });

  it('a connection that has died without a word is found after a minute', async () => {
    const scene = await new FanOutScene().start();
    scene.put('a');
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    const heardMs = scene.clock.monotonic();
    scene.fake.next(EVENT, { kind: 'hang' });
    scene.put('b');
    await scene.until(() => reading.data.length === 2);
    expect(scene.clock.monotonic() - heardMs).toBeGreaterThanOrEqual(60_000);
    expect(scene.clock.monotonic() - heardMs).toBeLessThan(61_000);
    await reading.stop();
  });

  it('a time in the future of the service becomes its present, once', async () => {
    const scene = await new FanOutScene({ service: { clockOffsetMs: -60_000 } }).start();
    const reading = scene.read({ from: { kind: 'timestamp', ms: scene.clock.now() } });
    await scene.until(() => reading.pages.length > 0);
    scene.put('a');
    await scene.until(() => reading.data.length === 1);
    expect(scene.subscribes.map(({ answer }) => answer)).toEqual(['InvalidArgumentException', 'ok']);
    await reading.stop();
  });
});

describe('a subscription that somebody else holds', () => {
  it('is waited for five seconds after the other began, with one refused call', async () => {
    const scene = await new FanOutScene().start();
    scene.put('a');
    scene.takeOver();
    await scene.clock.advance(2_000);
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    expect(scene.subscribes.map(({ answer }) => answer)).toEqual(['ResourceInUseException', 'ok']);
    expect(scene.clock.monotonic()).toBeLessThan(9_000);
    expect(scene.named('shard.stalled')).toEqual([]);
    await reading.stop();
  });

  it('taken from us is said aloud, and taken back after a while without a record lost or twice', async () => {
    const scene = await new FanOutScene().start();
    scene.put('a');
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    await scene.clock.advance(10_000);
    scene.takeOver();
    scene.put('b');
    const takenMs = scene.clock.monotonic();
    await scene.until(() => reading.data.length === 2);
    expect(scene.clock.monotonic() - takenMs).toBeGreaterThanOrEqual(15_000);
    expect(reading.data).toEqual(['a', 'b']);
    expect(scene.named('shard.stalled').map(({ fields }) => fields['code'])).toEqual(['KINLOG_SUBSCRIPTION_TAKEN']);
    expect(scene.named('shard.recovered')).toHaveLength(1);
    await reading.stop();
  });
});

describe('what waits for somebody', () => {
  it.each<[string, FaultPoint, Fault, ErrorCode]>([
    ['permission', CALL, accessDenied('SubscribeToShard'), 'KINLOG_PERMISSION_REFUSED'],
    ['the credentials', CALL, expiredToken(), 'KINLOG_CREDENTIALS_REFUSED'],
    ['the key', EVENT, kms('KMSDisabledException'), 'KINLOG_KMS_REFUSED'],
  ])('asks for %s every half minute, says so once, and says when it is over', async (_, point, fault, code) => {
    const scene = await new FanOutScene().start();
    scene.put('a');
    scene.fake.next(point, fault, { times: 5 });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    const waits = scene.subscribes.slice(1, 6).map((call, i) => call.at - scene.subscribes[i]!.at);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(15_000);
    expect(scene.named('shard.stalled').map(({ fields }) => fields['code'])).toEqual([code]);
    expect(scene.named('shard.recovered')).toHaveLength(1);
    await reading.stop();
  });

  it.each<[string, FaultPoint, Fault, ErrorCode]>([
    ['refused permission', CALL, accessDenied('SubscribeToShard'), 'KINLOG_PERMISSION_REFUSED'],
    ['a disabled key', EVENT, kms('KMSDisabledException'), 'KINLOG_KMS_REFUSED'],
    ['a subscription taken by another', EVENT, exception('ResourceInUseException'), 'KINLOG_SUBSCRIPTION_TAKEN'],
  ])('ends with the error instead when told to stop: %s', async (_, point, fault, code) => {
    const scene = await new FanOutScene({ source: { whenRefused: 'stop' } }).start();
    scene.fake.next(point, fault);
    const reading = scene.read();
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe(code);
  });

  it('a consumer that was deregistered is named, and found again when it is registered under its name', async () => {
    const scene = await new FanOutScene().start();
    scene.put('a');
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    scene.fake.call('DeregisterStreamConsumer', { ConsumerARN: scene.fake.stream(STREAM).consumers[0]!.arn });
    await scene.until(() => scene.named('fetch.retried').length > 2);
    expect(scene.named('fetch.retried').at(-1)!.fields).toMatchObject({ code: 'KINLOG_CONSUMER_UNAVAILABLE' });
    scene.put('b');
    scene.register();
    await scene.until(() => reading.data.length === 2);
    expect(reading.data).toEqual(['a', 'b']);
    await reading.stop();
  });
});

describe('what needs a decision', () => {
  it('a deleted stream ends the shard with its own code', async () => {
    const scene = await new FanOutScene().start();
    const reading = scene.read();
    await scene.until(() => reading.pages.length > 0);
    scene.fake.deleteStream(STREAM);
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_STREAM_DELETED');
  });

  it('a stream that was made anew under the name is told by its creation while it is read', async () => {
    const createdMs = new FanOutScene().clock.now();
    const scene = await new FanOutScene({ source: { createdMs } }).start();
    const reading = scene.read();
    await scene.until(() => reading.pages.length > 0);
    await scene.clock.advance(2_000);
    scene.fake.deleteStream(STREAM);
    scene.fake.createStream(STREAM, 1);
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_STREAM_RECREATED');
  });

  it.each([
    ['that is no sequence number', '123', 'KINLOG_POSITION_REFUSED'],
    ['of another shard', undefined, 'KINLOG_POSITION_REFUSED'],
  ])('a position %s is refused and never replaced', async (_, given, code) => {
    const scene = await new FanOutScene({ shards: 2 }).start();
    const other = scene.fake.put(STREAM, { data: 'a', explicitHashKey: (2n ** 128n - 1n).toString() });
    const sequenceNumber = given ?? other.sequenceNumber;
    const reading = scene.read({ from: { kind: 'after', sequenceNumber, subSequence: 0, partial: false } });
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe(code);
    expect(reading.pages).toEqual([]);
  });

  it('a shard that is missing while stream and consumer are there is gone after three answers', async () => {
    const scene = await new FanOutScene().start();
    scene.fake.next(CALL, exception('ResourceNotFoundException'), { times: 3 });
    const reading = scene.read();
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_SHARD_GONE');
  });

  it.each<[string, FaultPoint]>([
    ['at the call', CALL],
    ['in the middle', EVENT],
  ])('an exception that nobody knows is not retried, %s', async (_, point) => {
    const scene = await new FanOutScene().start();
    scene.fake.next(point, exception('BrandNewException'));
    const reading = scene.read();
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_UNEXPECTED');
    expect(scene.subscribes).toHaveLength(1);
  });

  it('an event without records and continuation is no end of a shard', async () => {
    const scene = await new FanOutScene().start();
    scene.put('a');
    scene.fake.next(EVENT, { kind: 'edit', edit: () => ({ MillisBehindLatest: 0 }) });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1 || reading.ended);
    expect(reading.data).toEqual(['a']);
    await reading.stop();
  });
});

describe('the consumer', () => {
  it('is asked for once, however many shards there are', async () => {
    const scene = await new FanOutScene({ shards: 20 }).start();
    const readings = scene.fake.stream(STREAM).shards.map(({ shardId }) => scene.read({ shard: scene.shard(shardId) }));
    await scene.until(() => readings.every(({ pages }) => pages.length > 0));
    expect(scene.fake.callsOf('DescribeStreamConsumer')).toHaveLength(1);
    for (const reading of readings) await reading.stop();
  });

  it('is asked for by another shard when the one that asked is left, for whatever reason', async () => {
    const scene = await new FanOutScene({ shards: 2 }).start();
    scene.fake.next('DescribeStreamConsumer', { kind: 'delay', ms: 10_000 });
    const [first, second] = scene.fake.stream(STREAM).shards.map(({ shardId }) => scene.shard(shardId));
    const stop = new AbortController();
    const asking = scene.source.open(first!, HORIZON, stop.signal).next();
    await scene.until(() => scene.fake.callsOf('DescribeStreamConsumer').length === 1);
    const reading = scene.read({ shard: second! });
    await scene.clock.advance(1_000);
    const reason = new Error('the lease is lost');
    stop.abort(reason);
    await expect(asking).rejects.toBe(reason);
    await scene.until(() => reading.pages.length > 0 || reading.error !== undefined);
    expect(reading.error).toBe(undefined);
    await reading.stop();
  });

  it(`is named ${CONSUMER} by its ARN as well`, async () => {
    const named = new FanOutScene();
    const scene = await new FanOutScene({ source: { consumer: named.fake.stream(STREAM).consumers[0]!.arn } }).start();
    scene.put('a');
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    await reading.stop();
  });
});
