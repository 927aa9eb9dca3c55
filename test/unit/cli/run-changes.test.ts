/** What a running process takes of a new configuration. */
import { expect, it } from 'vitest';
import { changesBetween } from '../../../cli/run-changes.ts';
import { parseRunConfig, type RunConfig } from '../../../cli/run-config.ts';

function config(top: string, ...streams: string[]): RunConfig {
  const parts = 'store: { kind: memory }\noutput: { kind: ndjson }';
  const parsed = parseRunConfig(
    `${parts}\n${top}\nstreams:\n${streams.map((stream) => `- { ${stream} }`).join('\n')}`,
    'f',
  );
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.config;
}

const now = config('', 'stream: a', 'stream: b, idleMs: 500');

it('nothing has changed when the same is read again, also a time that counts from now', () => {
  const relative = () => config('', 'stream: a, start: -15m', 'stream: b');
  expect(changesBetween(relative(), relative())).toEqual({ needRestart: [], harmless: [], streams: [] });
});

it('a log level concerns no reader; intervals concern only theirs', () => {
  expect(changesBetween(now, config('logLevel: debug', 'stream: a', 'stream: b, idleMs: 500'))).toEqual({
    needRestart: [],
    harmless: ['logLevel'],
    streams: [],
  });
  expect(changesBetween(now, config('', 'stream: a', 'stream: b, checkpointEveryMs: 200'))).toEqual({
    needRestart: [],
    harmless: ['streams[1].idleMs', 'streams[1].checkpointEveryMs'],
    streams: [1],
  });
});

it.each([
  ['name: x', ['name']],
  ['status: { listen: "127.0.0.1:1" }', ['status']],
  ['maxMbInFlight: 7', ['maxMbInFlight']],
])('%s needs a restart', (top, keys) => {
  expect(changesBetween(now, config(top, 'stream: a', 'stream: b, idleMs: 500')).needRestart).toEqual(keys);
});

it('so does everything else about a stream, and it is named beside what is harmless', () => {
  const next = config(
    'logLevel: debug',
    'stream: a, region: eu-west-1, start: horizon, idleMs: 700',
    'stream: b, idleMs: 500',
  );
  expect(changesBetween(now, next).needRestart).toEqual(['streams[0].region', 'streams[0].start']);
});

it('so do other streams, or the same in another order', () => {
  for (const next of [config('', 'stream: a'), config('', 'stream: b, idleMs: 500', 'stream: a')])
    expect(changesBetween(now, next).needRestart).toEqual(['streams']);
});
