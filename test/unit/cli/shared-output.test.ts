/** What is told of an output that streams share. */
import { expect, it } from 'vitest';
import { describeError, KinlogError } from '../../../base/errors.ts';
import type { LogLine } from '../../../base/events.ts';
import { SharedOutput } from '../../../cli/shared-output.ts';

function opened() {
  const lines: LogLine[] = [];
  return { lines, output: new SharedOutput('hec:splunk:8088', (line) => lines.push(line)) };
}

it('takes events as long as it says nothing else, whatever single calls meet', () => {
  const { output, lines } = opened();
  output.log.emit('output.retried', { reason: 'busy' });
  expect(output.stalled).toBeUndefined();
  expect(lines).toMatchObject([{ name: 'output.retried', fields: { output: 'hec:splunk:8088', reason: 'busy' } }]);
});

it('is stalled for the last reason it met, which its line names, and for a newer one from then on', () => {
  const { output, lines } = opened();
  output.log.emit('output.retried', { reason: 'busy' });
  output.log.emit('output.stalled', { seconds: 30 });
  expect(output.stalled).toBe('busy');
  expect(lines.at(-1)!.fields).toEqual({ output: 'hec:splunk:8088', seconds: 30, error: 'busy' });
  output.log.emit('output.refused', { error: 'the token is refused' });
  expect(output.stalled).toBe('the token is refused');
  output.log.emit('output.resumed');
  expect(output.stalled).toBeUndefined();
});

it('that waits for acknowledgements says so', () => {
  const { output } = opened();
  output.log.emit('output.resent', { events: 5, reason: 'not acknowledged in time' });
  output.log.emit('output.stalled', { seconds: 30 });
  expect(output.stalled).toBe('not acknowledged in time');
});

it('forgets the reason with the stall, and says what it can without one', () => {
  const { output } = opened();
  output.log.emit('output.stalled', { error: 'the disk is full' });
  expect(output.stalled).toBe('the disk is full');
  output.log.emit('output.resumed');
  output.log.emit('output.stalled');
  expect(output.stalled).toBe('the output takes nothing; reading waits');
});

const ENDPOINTS = ['a:8088', 'b:8088'];

function answered() {
  const output = new SharedOutput('hec:a:8088,b:8088', () => undefined, ENDPOINTS);
  expect(output.notReady).toBe('has not answered yet');
  output.log.emit('output.opened');
  expect(output.notReady).toBeUndefined();
  const refuses = (by: string) =>
    output.log.emit('output.refused', {
      by,
      error: describeError(new KinlogError('KINLOG_SPLUNK_REFUSED', `${by} refuses`)),
    });
  return { output, refuses, recovers: (by: string) => output.log.emit('output.recovered', { by }) };
}

it('is ready while one of its endpoints takes events, whatever the others refuse', () => {
  const { output, refuses, recovers } = answered();
  refuses('a:8088');
  expect(output.notReady).toBeUndefined();
  expect(output.errors(0)).toMatchObject([{ message: 'a:8088 refuses' }]);
  refuses('b:8088');
  expect(output.notReady).toBe('is refused: a:8088 refuses');
  recovers('a:8088');
  expect(output.notReady).toBeUndefined();
  expect(output.errors(0)).toMatchObject([{ message: 'b:8088 refuses' }]);
});

it('is not ready from the first refusal of an index to the last, however often each is said', () => {
  const { output, refuses, recovers } = answered();
  for (const by of ['index web', 'index os', 'index web']) {
    refuses(by);
    expect(output.notReady).toBe('is refused: index web refuses');
  }
  recovers('index web');
  expect(output.notReady).toBe('is refused: index os refuses');
  recovers('index os');
  expect(output.notReady).toBeUndefined();
});

it('that refuses before it has ever taken an event says so, and is ready with its first answer', () => {
  const output = new SharedOutput('hec:a:8088', () => undefined, ['a:8088']);
  const error = describeError(new KinlogError('KINLOG_SPLUNK_REFUSED', 'the token is refused'));
  output.log.emit('output.refused', { by: 'a:8088', error });
  expect(output.notReady).toBe('is refused: the token is refused');
  output.log.emit('output.recovered', { by: 'a:8088' });
  output.log.emit('output.opened');
  expect(output.notReady).toBeUndefined();
});
