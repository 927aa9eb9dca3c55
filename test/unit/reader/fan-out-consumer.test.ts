/** How the stream consumer of enhanced fan-out is found, registered, and named when it can not be used. */
import { describe, expect, it } from 'vitest';
import { isKinlogError } from '../../../base/errors.ts';
import { StreamConsumer, type FanOutOptions } from '../../../reader/fetch/consumer.ts';
import { accessDenied, expiredToken } from '../../fakes/kinesis/faults.ts';
import { CONSUMER, FanOutScene } from '../../faults/fan-out-scene.ts';
import { STREAM } from '../../faults/source-scene.ts';

const consumerOf = (scene: FanOutScene, options: Partial<FanOutOptions> = {}) =>
  new StreamConsumer(
    { api: scene.api, consumers: scene.pushing, clock: scene.clock },
    { consumer: CONSUMER, ...options },
  );

const { signal } = new AbortController();

/** What it settles with while virtual time passes. */
async function outcome(scene: FanOutScene, work: Promise<string>): Promise<unknown> {
  let settled: unknown;
  work.then(
    (arn) => (settled = arn),
    (error: unknown) => (settled = error),
  );
  await scene.until(() => settled !== undefined);
  return settled;
}

describe('a consumer', () => {
  it('that exists is found by its name and asked for once', async () => {
    const scene = await new FanOutScene().start();
    const consumer = consumerOf(scene);
    const arn = await outcome(scene, consumer.arn(signal));
    expect(arn).toBe(scene.fake.stream(STREAM).consumers[0]!.arn);
    expect(await consumer.arn(signal)).toBe(arn);
    expect(scene.fake.callsOf('DescribeStreamConsumer')).toHaveLength(1);
    expect(scene.fake.callsOf('RegisterStreamConsumer')).toEqual([]);
  });

  it('that does not exist is not registered unless asked for', async () => {
    const scene = await new FanOutScene({ registered: false }).start();
    const error = await outcome(scene, consumerOf(scene).arn(signal));
    expect(error).toMatchObject({ code: 'KINLOG_CONSUMER_UNAVAILABLE', retry: 'slow' });
    expect((error as Error).message).toContain(`${CONSUMER} does not exist`);
    expect(scene.fake.callsOf('RegisterStreamConsumer')).toEqual([]);
  });

  it('is registered when asked for, and waited for until it is active', async () => {
    const scene = await new FanOutScene({ registered: false, service: { changeMs: 7_000 } }).start();
    const arn = await outcome(scene, consumerOf(scene, { register: true }).arn(signal));
    expect(arn).toBe(scene.fake.stream(STREAM).consumers[0]!.arn);
    expect(scene.clock.monotonic()).toBeGreaterThanOrEqual(7_000);
    expect(scene.fake.callsOf('RegisterStreamConsumer')).toHaveLength(1);
  });

  it('that is being deleted is named as such', async () => {
    const scene = await new FanOutScene().start();
    scene.fake.settings.changeMs = 60_000;
    scene.fake.call('DeregisterStreamConsumer', { ConsumerARN: scene.fake.stream(STREAM).consumers[0]!.arn });
    const error = await outcome(scene, consumerOf(scene).arn(signal));
    expect(error).toMatchObject({ code: 'KINLOG_CONSUMER_UNAVAILABLE' });
    expect((error as Error).message).toContain('is DELETING');
  });

  it('that never becomes active is given up after two minutes', async () => {
    const scene = await new FanOutScene({ registered: false, service: { changeMs: 3_600_000 } }).start();
    const error = await outcome(scene, consumerOf(scene, { register: true }).arn(signal));
    expect((error as Error).message).toContain('has been CREATING for 120 s');
  });

  it('beyond the limit of the stream is named with what to do about it', async () => {
    const scene = await new FanOutScene().start();
    for (let i = 1; i < 20; i++) scene.register(`other-${i}`);
    const error = await outcome(scene, consumerOf(scene, { consumer: 'one-more', register: true }).arn(signal));
    expect(error).toMatchObject({ code: 'KINLOG_CONSUMER_UNAVAILABLE' });
    expect((error as { remedy: string }).remedy).toContain('Deregister a consumer that nobody uses');
  });

  it.each(['DescribeStreamConsumer', 'RegisterStreamConsumer'] as const)(
    'without the permission for %s names the IAM action',
    async (operation) => {
      const scene = await new FanOutScene({ registered: false }).start();
      scene.fake.next(operation, accessDenied(operation));
      const error = await outcome(scene, consumerOf(scene, { register: true }).arn(signal));
      expect(error).toMatchObject({ code: 'KINLOG_PERMISSION_REFUSED' });
      expect((error as { remedy: string }).remedy).toContain(`kinesis:${operation}`);
    },
  );

  it('is asked for again after a failure', async () => {
    const scene = await new FanOutScene().start();
    const consumer = consumerOf(scene);
    scene.fake.next('DescribeStreamConsumer', expiredToken());
    expect(isKinlogError(await outcome(scene, consumer.arn(signal)), 'KINLOG_CREDENTIALS_REFUSED')).toBe(true);
    expect(await outcome(scene, consumer.arn(signal))).toBe(scene.fake.stream(STREAM).consumers[0]!.arn);
  });

  it('stops being looked up as soon as the signal aborts', async () => {
    const scene = await new FanOutScene().start();
    scene.fake.next('DescribeStreamConsumer', { kind: 'hang' });
    const stop = new AbortController();
    const looking = consumerOf(scene).arn(stop.signal);
    await scene.until(() => scene.fake.callsOf('DescribeStreamConsumer').length === 1);
    stop.abort();
    expect(await outcome(scene, looking)).toBe(stop.signal.reason);
  });
});

describe('an option that can not be meant', () => {
  const scene = new FanOutScene();

  it.each(['', 'with space', 'arn:aws:kinesis:us-east-1:000000000000:stream/access-logs', 'x'.repeat(129)])(
    'is refused at once: %s',
    (consumer) => {
      expect(() => consumerOf(scene, { consumer })).toThrow(
        expect.objectContaining({ code: 'KINLOG_CONFIG_INVALID', message: expect.stringContaining('fanOut.consumer') }),
      );
    },
  );

  it('is refused when an ARN should be registered', () => {
    const { arn } = scene.fake.stream(STREAM).consumers[0]!;
    expect(() => consumerOf(scene, { consumer: arn, register: true })).toThrow(/fanOut.register/);
  });
});
