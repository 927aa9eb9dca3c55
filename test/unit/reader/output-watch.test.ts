/** What people are told of an output, and when. */
import { expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { EventLog } from '../../../base/events.ts';
import { OutputWatch } from '../../../reader/output/output-watch.ts';
import { FakeClock } from '../../fakes/clock.ts';

const REFUSED = new KinlogError('KINLOG_SPLUNK_REFUSED', 'no');

function watched() {
  const clock = new FakeClock();
  const told: string[] = [];
  const log = new EventLog(({ name, fields }) => told.push(`${name} ${String(fields['by'])}`), 'info');
  const over = new AbortController().signal;
  return { clock, told, watch: new OutputWatch({ log, clock, over, stalledAfterMs: 1_000_000 }) };
}

it('a refusal is told again after five minutes, and its end always, whatever else was told meanwhile', async () => {
  const { clock, told, watch } = watched();
  watch.refused('index a', REFUSED);
  await clock.advance(299_000);
  watch.refused('index a', REFUSED);
  expect(told).toEqual(['output.refused index a']);
  await clock.advance(2000);
  watch.refused('index b', REFUSED);
  watch.wellAgain('index a');
  watch.refused('index b', REFUSED);
  await clock.advance(301_000);
  watch.refused('index b', REFUSED);
  expect(told.slice(1)).toEqual(['output.refused index b', 'output.recovered index a', 'output.refused index b']);
});
