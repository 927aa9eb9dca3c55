import { expect, test } from 'vitest';
import { Deadline } from '../../../base/deadline.ts';
import { FakeClock } from '../../fakes/clock.ts';

test('time that is up aborts, and says that it was time', async () => {
  const clock = new FakeClock();
  const deadline = new Deadline(clock, 100);
  await clock.advance(99);
  expect(deadline.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(deadline.signal.aborted).toBe(true);
  expect(deadline.passed).toBe(true);
});

test('the outer signal aborts with its reason, now or before', () => {
  const reason = new Error('why');
  const outer = new AbortController();
  const during = new Deadline(new FakeClock(), 100, outer.signal);
  outer.abort(reason);
  const after = new Deadline(new FakeClock(), 100, outer.signal);
  for (const deadline of [during, after]) {
    expect(deadline.signal.reason).toBe(reason);
    expect(deadline.passed).toBe(false);
  }
});

test('time that begins anew is whole again', async () => {
  const clock = new FakeClock();
  const deadline = new Deadline(clock, 100);
  for (let i = 0; i < 5; i++) {
    await clock.advance(90);
    deadline.again();
  }
  await clock.advance(99);
  expect(deadline.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(deadline.signal.aborted).toBe(true);
});

test('the end leaves neither a timer nor a listener', async () => {
  const clock = new FakeClock();
  const outer = new AbortController();
  const deadline = new Deadline(clock, 100, outer.signal);
  deadline.end();
  outer.abort();
  await clock.advance(1000);
  expect(clock.sleeping).toBe(0);
  expect(deadline.signal.aborted).toBe(false);
});
