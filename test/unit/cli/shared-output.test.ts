/** What is told of an output that streams share. */
import { expect, it } from 'vitest';
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
