/** What polling does with every way in which a call to Kinesis can end. */
import { describe, expect, it } from 'vitest';
import { isKinlogError, type ErrorCode } from '../../base/errors.ts';
import {
  accessDenied,
  expiredIterator,
  expiredToken,
  internalFailure,
  kms,
  throttled,
  unavailable,
  type Fault,
} from '../fakes/kinesis/faults.ts';
import { PollingScene } from './polling-scene.ts';
import { HORIZON, STREAM } from './source-scene.ts';

const codeOf = (error: unknown): ErrorCode | undefined => (isKinlogError(error) ? error.code : undefined);

describe('what heals by itself', () => {
  const passing: [string, Fault][] = [
    ['a throttle', throttled()],
    ['a failure of the service', internalFailure()],
    ['a service that is not there', unavailable()],
    ['a lost connection', { kind: 'reset' }],
    ['a lost answer', { kind: 'lost-answer' }],
    ['half an answer', { kind: 'half-body' }],
    ['no answer within the time limit', { kind: 'hang' }],
    ['throttles of KMS', kms('KMSThrottlingException')],
    ['refused permission', accessDenied('GetRecords')],
    ['a disabled key', kms('KMSDisabledException')],
    ['a refused key', kms('KMSAccessDeniedException')],
    ['a key in the wrong state', kms('KMSInvalidStateException')],
    ['a missing key', kms('KMSNotFoundException')],
    ['a key service that is not subscribed to', kms('KMSOptInRequired')],
    ['an expired token', expiredToken()],
  ];

  it.each(passing)('%s delays records and loses none, and the same iterator is used again', async (_, fault) => {
    const scene = await new PollingScene().start();
    scene.put('a', 'b');
    scene.fake.next('GetRecords', fault, { times: 3 });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 2);
    expect(reading.data).toEqual(['a', 'b']);
    expect(scene.fake.callsOf('GetShardIterator')).toHaveLength(1);
    await reading.stop();
  });

  it.each(passing)('%s of GetShardIterator delays records and loses none', async (_, fault) => {
    const scene = await new PollingScene().start();
    scene.put('a');
    scene.fake.next('GetShardIterator', fault, { times: 3 });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    expect(reading.data).toEqual(['a']);
    await reading.stop();
  });

  it('an answer with its fields in another order is read all the same', async () => {
    const scene = await new PollingScene().start();
    scene.put('a', 'b');
    scene.fake.next('GetRecords', { kind: 'reordered' });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 2);
    expect(reading.data).toEqual(['a', 'b']);
    await reading.stop();
  });

  it('200 empty pages behind the tip are asked through without idling', async () => {
    const scene = await new PollingScene().start();
    scene.put('a');
    await scene.clock.advance(60_000);
    scene.fake.next('GetRecords', { kind: 'empty-page' }, { times: 200 });
    const begun = scene.clock.monotonic();
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    expect(reading.pages).toHaveLength(201);
    expect(scene.clock.monotonic() - begun).toBeLessThan(201 * 201);
    await reading.stop();
  });
});

describe('what waits for somebody', () => {
  it.each([
    ['permission', accessDenied('GetRecords'), 'KINLOG_PERMISSION_REFUSED'],
    ['the key', kms('KMSDisabledException'), 'KINLOG_KMS_REFUSED'],
    ['the credentials', expiredToken(), 'KINLOG_CREDENTIALS_REFUSED'],
  ])('asks for %s every half minute or slower, says so once, and says when it is over', async (_, fault, code) => {
    const scene = await new PollingScene().start();
    scene.put('a');
    scene.fake.next('GetRecords', fault, { times: 5 });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    const calls = scene.fake.callsOf('GetRecords').slice(0, 6);
    const waits = calls.slice(1).map((call, i) => call.at - calls[i]!.at);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(15_000);
    expect(scene.named('shard.stalled').map((line) => line.fields['code'])).toEqual([code]);
    expect(scene.named('shard.recovered')).toHaveLength(1);
    await reading.stop();
  });

  it('a service that stays away is reported once and not only in the debug log', async () => {
    const scene = await new PollingScene().start();
    scene.put('a');
    scene.fake.next('GetRecords', unavailable(), { times: 20 });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    expect(scene.named('shard.stalled')).toHaveLength(1);
    expect(scene.named('shard.recovered')).toHaveLength(1);
    await reading.stop();
  });

  it('a shard that is missing while the stream is there waits and keeps its position', async () => {
    const scene = await new PollingScene().start();
    scene.put('a');
    const missing: Fault = { kind: 'error', type: 'ResourceNotFoundException', message: 'Shard does not exist' };
    scene.fake.next('GetRecords', missing, { times: 2 });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    expect(scene.named('shard.stalled').map((line) => line.fields['code'])).toEqual(['KINLOG_STREAM_NOT_FOUND']);
    await reading.stop();
  });

  it('a stream that cannot be asked for is not taken for deleted', async () => {
    const scene = await new PollingScene().start();
    scene.put('a');
    scene.fake.next('GetRecords', { kind: 'error', type: 'ResourceNotFoundException' });
    scene.fake.next('DescribeStreamSummary', accessDenied('DescribeStreamSummary'));
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    expect(reading.data).toEqual(['a']);
    await reading.stop();
  });
});

describe('what needs a decision', () => {
  it('a deleted stream ends the shard with its own code', async () => {
    const scene = await new PollingScene().start();
    const reading = scene.read();
    await scene.until(() => reading.pages.length > 0);
    scene.fake.deleteStream(STREAM);
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_STREAM_DELETED');
  });

  it('a stream that was made anew under the name is told by its creation while it is read', async () => {
    const createdMs = new PollingScene().clock.now();
    const scene = await new PollingScene({ source: { createdMs } }).start();
    const reading = scene.read();
    await scene.until(() => reading.pages.length > 0);
    await scene.clock.advance(2_000);
    scene.fake.deleteStream(STREAM);
    scene.fake.createStream(STREAM, 1);
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_STREAM_RECREATED');
  });

  it('a position of a stream that was made anew is refused with its own code', async () => {
    const scene = await new PollingScene().start();
    const { sequenceNumber } = scene.fake.put(STREAM, { data: 'a' });
    await scene.clock.advance(2_000);
    scene.fake.deleteStream(STREAM);
    scene.fake.createStream(STREAM, 1);
    const reading = scene.read({ from: { kind: 'after', sequenceNumber, subSequence: 0, partial: false } });
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_STREAM_RECREATED');
  });

  it.each([
    ['that is no sequence number', '123'],
    ['of another shard', undefined],
  ])('a position %s is refused and never replaced', async (_, given) => {
    const scene = await new PollingScene({ shards: 2 }).start();
    const other = scene.fake.put(STREAM, { data: 'a', explicitHashKey: (2n ** 128n - 1n).toString() });
    const sequenceNumber = given ?? other.sequenceNumber;
    const reading = scene.read({ from: { kind: 'after', sequenceNumber, subSequence: 0, partial: false } });
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_POSITION_REFUSED');
    expect(reading.pages).toEqual([]);
  });

  it('an iterator that is refused is renewed once; a second refusal without a page is an error', async () => {
    const refused: Fault = { kind: 'error', type: 'InvalidArgumentException', message: 'Invalid ShardIterator.' };
    const scene = await new PollingScene().start();
    scene.put('a');
    scene.fake.next('GetRecords', refused);
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    scene.fake.next('GetRecords', refused, { times: 2 });
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_REQUEST_REFUSED');
  });

  it('what nobody knows is not retried', async () => {
    const scene = await new PollingScene().start();
    scene.fake.next('GetRecords', { kind: 'error', type: 'BrandNewException' });
    const reading = scene.read();
    await scene.until(() => reading.error !== undefined);
    expect(codeOf(reading.error)).toBe('KINLOG_UNEXPECTED');
    expect(scene.fake.callsOf('GetRecords')).toHaveLength(1);
  });

  it('an answer without records and iterator is no end of a shard', async () => {
    const scene = await new PollingScene().start();
    scene.put('a');
    const bare: Fault = { kind: 'error', type: 'Bare', status: 200 };
    scene.fake.next('GetRecords', bare);
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1 || reading.ended);
    expect(reading.ended).toBe(false);
    await reading.stop();
  });
});

describe('where an iterator begins', () => {
  it('after the last record read when one expires, also when the reader has stored none', async () => {
    const scene = await new PollingScene().start();
    scene.put('a', 'b');
    const reading = scene.read();
    await scene.until(() => reading.data.length === 2);
    scene.fake.next('GetRecords', expiredIterator());
    scene.put('c');
    await scene.until(() => reading.data.length === 3);
    expect(reading.data).toEqual(['a', 'b', 'c']);
    expect(scene.fake.callsOf('GetShardIterator').at(-1)!.start).toBe(
      `AFTER_SEQUENCE_NUMBER ${reading.pages.find((page) => page.records.length === 2)!.records[1]!.sequenceNumber}`,
    );
    await reading.stop();
  });

  it('a time ahead of the server is moved to its present once and stays there when iterators expire', async () => {
    const scene = await new PollingScene({ service: { clockOffsetMs: -60_000 } }).start();
    const reading = scene.read({ from: { kind: 'timestamp', ms: scene.clock.now() } });
    await scene.until(() => reading.pages.length > 1);
    scene.put('between two iterators');
    scene.fake.next('GetRecords', expiredIterator(), { times: 20 });
    await scene.until(() => reading.data.length === 1);
    expect(reading.data).toEqual(['between two iterators']);
    await reading.stop();
  });

  it('never at the tip', async () => {
    const scene = await new PollingScene().start();
    scene.fake.next('GetRecords', expiredIterator(), { times: 3 });
    const reading = scene.read({ from: HORIZON });
    await scene.until(() => reading.pages.length > 3);
    expect(scene.fake.callsOf('GetShardIterator').map((call) => call.start)).toEqual(Array(4).fill('TRIM_HORIZON'));
    await reading.stop();
  });
});
