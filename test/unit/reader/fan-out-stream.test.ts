/** Frames as a connection may bring them: in any pieces, damaged, cut off, or made up. */
import { Readable } from 'node:stream';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromAws } from '../../../base/aws-errors.ts';
import { isKinlogError } from '../../../base/errors.ts';
import { PushedFrames } from '../../../reader/fetch/fan-out-stream.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { eventFrame, exceptionFrame, frame } from '../../fakes/kinesis/frames.ts';

const { config } = new KinesisClient({ region: 'us-east-1' });
const call = { operation: 'SubscribeToShard', resource: 'logs shardId-0' };

function pushed(body: Readable, signal = new AbortController().signal): PushedFrames {
  return new PushedFrames(body, {
    marshaller: config.eventStreamMarshaller,
    clock: new FakeClock(),
    signal,
    explain: (error) => fromAws(error, call),
    about: call.resource,
  });
}

const EVENT = (data: string, continuation = '7') =>
  eventFrame('SubscribeToShardEvent', [
    Buffer.from(
      JSON.stringify({
        Records: [{ Data: Buffer.from(data).toString('base64'), SequenceNumber: '1', PartitionKey: 'k' }],
        ContinuationSequenceNumber: continuation,
        MillisBehindLatest: 5,
      }),
    ),
  ]);
const INITIAL = eventFrame('initial-response', [Buffer.from('{}')]);

/** What all its frames bring, or the code of the error. */
async function readAll(frames: PushedFrames): Promise<unknown[]> {
  const read: unknown[] = [];
  try {
    for (let next = await frames.next(); next !== undefined; next = await frames.next()) {
      const event = await next.event();
      if (event !== undefined) read.push(...event.records.map(({ data }) => Buffer.from(data).toString()), event.next);
    }
  } catch (error) {
    read.push(isKinlogError(error) ? error.code : error);
  }
  return read;
}

const bodyOf = (...frames: Buffer[][]) => Buffer.concat(frames.flat());

describe('a subscription', () => {
  it('is read the same in whatever pieces it arrives', async () => {
    const body = bodyOf(INITIAL, EVENT('one'), EVENT('two', '8'));
    const cuts = fc.uniqueArray(fc.nat(body.length), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        const places = [0, ...at, body.length].sort((a, b) => a - b);
        const pieces = places.slice(1).map((end, i) => body.subarray(places[i], end));
        const source = Readable.from(
          pieces.filter(({ length }) => length > 0),
          { objectMode: false },
        );
        expect(await readAll(pushed(source))).toEqual(['one', '7', 'two', '8']);
      }),
    );
  });

  it('leaves out frames that it does not know', async () => {
    const body = bodyOf(INITIAL, eventFrame('SomethingNew', [Buffer.from('{}')]), EVENT('one'));
    expect(await readAll(pushed(Readable.from([body])))).toEqual(['one', '7']);
  });

  it.each<[string, Buffer, string]>([
    ['an exception frame', bodyOf(exceptionFrame('KMSDisabledException', 'off')), 'KINLOG_KMS_REFUSED'],
    [
      'an exception frame with a namespace',
      bodyOf(exceptionFrame('aws#KMSDisabledException', '')),
      'KINLOG_KMS_REFUSED',
    ],
    [
      'an error frame',
      bodyOf(frame({ ':message-type': 'error', ':error-code': 'InternalFailure', ':error-message': 'no' }, [])),
      'KINLOG_SERVICE_UNAVAILABLE',
    ],
    ['an end in the middle of a length', bodyOf(EVENT('two')).subarray(0, 3), 'KINLOG_SERVICE_UNAVAILABLE'],
    ['an end in the middle of a frame', bodyOf(EVENT('two')).subarray(0, 100), 'KINLOG_SERVICE_UNAVAILABLE'],
    ['a frame shorter than a frame can be', Buffer.from([0, 0, 0, 15]), 'KINLOG_SERVICE_UNAVAILABLE'],
    ['a frame of 4 GiB', Buffer.from([255, 255, 255, 255, 0]), 'KINLOG_SERVICE_UNAVAILABLE'],
    ['a frame without headers', bodyOf(frame({}, [])), 'KINLOG_SERVICE_UNAVAILABLE'],
    [
      'an event that is no JSON',
      bodyOf(eventFrame('SubscribeToShardEvent', [Buffer.from('<html>')])),
      'KINLOG_SERVICE_UNAVAILABLE',
    ],
  ])('ends with an error after what came before: %s', async (_, bytes, code) => {
    const body = Buffer.concat([bodyOf(EVENT('one')), bytes]);
    expect(await readAll(pushed(Readable.from([body])))).toEqual(['one', '7', code]);
  });

  it('never takes a damaged frame for a good one', async () => {
    const good = bodyOf(EVENT('one'));
    const damage = fc.record({ at: fc.nat(good.length - 1), by: fc.integer({ min: 1, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, by }) => {
        const body = Buffer.from(good);
        body[at] = body[at]! ^ by;
        expect(await readAll(pushed(Readable.from([body])))).toEqual(['KINLOG_SERVICE_UNAVAILABLE']);
      }),
    );
  });

  it('ends with the reason of the signal while it listens', async () => {
    const stop = new AbortController();
    const frames = pushed(new Readable({ read: () => undefined }), stop.signal);
    const listening = frames.next();
    stop.abort();
    await expect(listening).rejects.toBe(stop.signal.reason);
  });

  it('tells what broke while nobody listened', async () => {
    const body = new Readable({ read: () => undefined });
    const frames = pushed(body);
    body.push(bodyOf(EVENT('one')));
    await (await frames.next())!.event();
    body.destroy(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
    await expect(frames.next()).rejects.toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE' });
  });
});
