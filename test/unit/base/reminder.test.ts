/** base/reminder.ts: what lasts is said at once, and not again before five minutes are over. */
import { expect, it } from 'vitest';
import { Reminder } from '../../../base/reminder.ts';
import { FakeClock } from '../../fakes/clock.ts';

it('what lasts is due at once and then every five minutes, however often it is asked', async () => {
  const clock = new FakeClock();
  const reminder = new Reminder(clock);
  const due: number[] = [];
  for (let second = 0; second <= 601; second++) {
    if (reminder.due()) due.push(second);
    await clock.advance(1000);
  }
  expect(due).toEqual([0, 300, 600]);
});

it('what is over is due at once when it comes back', () => {
  const reminder = new Reminder(new FakeClock());
  expect(reminder.over()).toBe(false);
  expect(reminder.due()).toBe(true);
  expect(reminder.over()).toBe(true);
  expect(reminder.over()).toBe(false);
  expect(reminder.due()).toBe(true);
});
