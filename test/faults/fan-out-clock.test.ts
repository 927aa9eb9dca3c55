/** Enhanced fan-out on a host whose clock is wrong. */
import { expect, it } from 'vitest';
import { FanOutApi } from '../../reader/fetch/fan-out-api.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import { STREAM } from './source-scene.ts';

interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>;
}

it('a subscription is signed with the time of the service, which the calls before it told', async () => {
  const clock = new FakeClock(Date.now() + 7 * 3_600_000);
  const fake = new FakeKinesis({ clock });
  fake.createStream(STREAM, 1);
  const signed = new Map<string, string>();
  const simulator = simulatorHandler(fake) as {
    handle: (request: SignedRequest, options?: object) => Promise<unknown>;
  };
  const requestHandler = {
    ...simulator,
    handle: (request: SignedRequest, options?: object) => {
      signed.set(request.headers['x-amz-target']!.split('.')[1]!, request.headers['x-amz-date']!);
      return simulator.handle(request, options);
    },
  } as unknown as ReturnType<typeof simulatorHandler>;
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' };
  const api = new FanOutApi({ stream: STREAM, region: 'us-east-1', credentials, requestHandler }, clock);
  const { signal } = new AbortController();
  const StreamARN = fake.stream(STREAM).arn;
  await api.find({ StreamARN, ConsumerName: 'nobody' }, signal);
  const consumerArn = `${StreamARN}/consumer/nobody:1`;
  const target = { consumerArn, shardId: 'shardId-000000000000', start: { kind: 'horizon' } } as const;
  await expect(api.subscribe(target, signal)).rejects.toMatchObject({ code: 'KINLOG_STREAM_NOT_FOUND' });
  api.close();
  const time = signed.get('SubscribeToShard')!.replace(/^(.{4})(..)(..T..)(..)/, '$1-$2-$3:$4:');
  expect(Math.abs(Date.parse(time) - clock.now())).toBeLessThan(60_000);
});
