/** What a writer, a port or an outage can do to the sender: every event still has its answer, and nobody waits for ever. */
import { describe, expect, it } from 'vitest';
import { KinlogError } from '../../base/errors.ts';
import { Sender, type OutgoingEvent, type PutApi, type SenderOptions } from '../../sender/index.ts';
import { FakeClock, settle } from '../fakes/clock.ts';
import { FakePut } from '../fakes/put.ts';

function open(kinesis: PutApi, options: Partial<SenderOptions> = {}) {
  const clock = new FakeClock();
  const plain = { stream: 's', format: 'raw', compression: 'none' } as const;
  const sender = new Sender({ kinesis, clock, random: () => 1, ...plain, ...options });
  const fates: string[] = [];
  const write = (event: OutgoingEvent, n = fates.push('open') - 1): void =>
    void sender.write(event).then(
      () => (fates[n] = 'stored'),
      (error: unknown) => (fates[n] = (error as KinlogError).code),
    );
  const closed = async (withinMs?: number): Promise<void> => {
    let over = false;
    void sender.close(withinMs).finally(() => (over = true));
    await clock.until(() => over);
    await settle();
  };
  return { clock, sender, fates, write, closed };
}

describe('an event that can not be taken', () => {
  it.each([
    ['at once', 1_000_000],
    ['after it waited for room', 1],
  ])('is reported to its writer and to nobody else: %s', async (_, maxBufferedBytes) => {
    const api = new FakePut();
    const partitionKey = ({ data }: OutgoingEvent): string => {
      if (data === 'bad') throw new TypeError('no user in this event');
      return 'key';
    };
    const { sender, fates, write, closed } = open(api, { partitionKey, maxBufferedBytes });
    for (const data of ['one', 'bad', 'two', 7, undefined, 'three']) write({ data } as OutgoingEvent);
    await closed();
    const refused = 'KINLOG_UNEXPECTED';
    expect(fates).toEqual(['stored', refused, 'stored', refused, refused, 'stored']);
    expect(api.text()).toBe('one\ntwo\nthree\n');
    expect(sender.stats()).toMatchObject({ bufferedBytes: 0, eventsAccepted: 6, eventsSent: 3, eventsFailed: 3 });
  });
});

describe('a port', () => {
  it('that answers fewer records than it was given has not acknowledged the others', async () => {
    const { fates, write, closed } = open({ put: () => Promise.resolve([]) });
    write({ data: 'one' });
    await closed();
    expect(fates).toEqual(['KINLOG_UNEXPECTED']);
  });

  it('that throws instead of rejecting fails the events of the call', async () => {
    const put = (): never => {
      throw new TypeError('not a promise');
    };
    const { fates, write, closed } = open({ put });
    write({ data: 'one' });
    await closed();
    expect(fates).toEqual(['KINLOG_UNEXPECTED']);
  });
});

describe('closing during an outage', () => {
  const away = () => new FakePut(() => ({ failBefore: new KinlogError('KINLOG_SERVICE_UNAVAILABLE', 'away') }));

  it('may be given a bound later, when somebody is in a hurry', async () => {
    const { clock, sender, fates, write, closed } = open(away());
    write({ data: 'one' });
    let over = false;
    void sender.close().finally(() => (over = true));
    await clock.advance(3_600_000);
    expect(over).toBe(false);
    const asked = clock.monotonic();
    await closed(30_000);
    expect(clock.monotonic() - asked).toBeLessThanOrEqual(30_000);
    expect(fates).toEqual(['KINLOG_SEND_FAILED']);
    expect(clock.sleeping).toBe(0);
  });

  it('answers also who still waits for room', async () => {
    const { clock, sender, fates, write, closed } = open(away(), { maxBufferedBytes: 1000 });
    for (let n = 0; n < 20; n++) write({ data: `${n}`.padEnd(300) });
    await clock.advance(60_000);
    await closed(1000);
    expect(fates).toEqual(Array(20).fill('KINLOG_SEND_FAILED'));
    expect(sender.stats().bufferedBytes).toBe(0);
    expect(clock.sleeping).toBe(0);
  });
});
