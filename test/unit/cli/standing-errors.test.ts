/** What stands in the way of a stream now, from the lines that its reader and its output say. */
import { expect, it } from 'vitest';
import { partOf } from '../../../base/error-parts.ts';
import { describeError, KinlogError, readDescription, type ErrorCode } from '../../../base/errors.ts';
import type { EventName, Fields } from '../../../base/events.ts';
import { SharedOutput } from '../../../cli/shared-output.ts';
import { StreamErrors } from '../../../cli/stream-errors.ts';
import type { ReaderStatus, ShardState } from '../../../reader/index.ts';

const statusOf = (shards: Readonly<Record<string, ShardState>>): ReaderStatus => ({
  stream: 'logs',
  owner: 'me',
  state: 'reading',
  shards: Object.entries(shards).map(([shardId, state]) => ({
    shardId,
    state,
    position: 'horizon',
    parents: [],
    arrivalMs: 0,
  })),
});

function noting() {
  const errors = new StreamErrors();
  let nowMs = 0;
  return {
    errors,
    say: (name: EventName, fields: Fields = {}) =>
      errors.note({ name, level: 'info', text: '', fields }, (nowMs += 1000)),
    list: (shards: Readonly<Record<string, ShardState>> = {}, at = nowMs) => errors.list(at, statusOf(shards)),
  };
}

const said = (code: ErrorCode, message: string) => describeError(new KinlogError(code, message));
const stalled = (shard: string, code: ErrorCode) => ({ shard, code, error: 'no', remedy: 'mend it' });

it('a shard that stalls is an error of the source until it is read again, with the time since when', () => {
  const { say, list } = noting();
  say('shard.stalled', stalled('s-1', 'KINLOG_KMS_REFUSED'));
  say('shard.stalled', stalled('s-1', 'KINLOG_KMS_REFUSED'));
  expect(list({ 's-1': 'reading' })).toEqual([
    {
      part: 'source',
      code: 'KINLOG_KMS_REFUSED',
      message: 's-1 can not be read for now: no',
      remedy: 'mend it',
      since: '1970-01-01T00:00:01.000Z',
    },
  ]);
  say('shard.recovered', { shard: 's-1' });
  expect(list({ 's-1': 'reading' })).toEqual([]);
});

it('a shard that another reader has taken meanwhile is its error', () => {
  const { say, list } = noting();
  say('shard.failed', { shard: 's-1', error: said('KINLOG_POSITION_REFUSED', 'no') });
  expect(list({ 's-1': 'failed' })).toMatchObject([{ code: 'KINLOG_POSITION_REFUSED', part: 'source' }]);
  expect(list({ 's-1': 'elsewhere' })).toEqual([]);
});

it('a thousand shards with one trouble are one error', () => {
  const { say, list } = noting();
  const shards = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`s-${n}`, 'reading' as const]));
  for (const shard of Object.keys(shards)) say('shard.stalled', stalled(shard, 'KINLOG_STREAM_NOT_FOUND'));
  expect(list(shards)).toMatchObject([{ message: 's-0 can not be read for now: no; and 999 more' }]);
});

it('throttling is no error', () => {
  const { say, list } = noting();
  say('reader.stalled', { doing: 'listing', error: said('KINLOG_THROTTLED', 'slow down') });
  say('shard.stalled', stalled('s-1', 'KINLOG_THROTTLED'));
  expect(list({ 's-1': 'reading' })).toEqual([]);
});

it('a call that reading waits for is an error until it is answered, or reading begins', () => {
  const { say, list } = noting();
  say('reader.stalled', { doing: 'a', error: said('KINLOG_CHECKPOINT_UNAVAILABLE', 'the store is away') });
  say('reader.stalled', { doing: 'b', error: said('KINLOG_CREDENTIALS_REFUSED', 'GetRecords on logs: no') });
  expect(list().map(({ part, code }) => [part, code])).toEqual([
    ['store', 'KINLOG_CHECKPOINT_UNAVAILABLE'],
    ['source', 'KINLOG_CREDENTIALS_REFUSED'],
  ]);
  say('reader.resumed', { doing: 'b' });
  expect(list()).toHaveLength(1);
  say('reader.started');
  expect(list()).toEqual([]);
});

it('a position that can not be stored is an error of the store until it is', () => {
  const { say, list } = noting();
  say('checkpoint.delayed', { shard: 's-1', error: said('KINLOG_PERMISSION_REFUSED', 'no') });
  expect(list()).toMatchObject([{ part: 'store', code: 'KINLOG_PERMISSION_REFUSED' }]);
  say('checkpoint.stored', { shard: 's-1' });
  expect(list()).toEqual([]);
});

it.each(['lease.lost', 'lease.given', 'shard.failed', 'shard.started'] as const)(
  'a position that can not be stored is nobody’s error after %s, for it is not stored here any more',
  (name) => {
    const { say, list } = noting();
    say('checkpoint.delayed', { shard: 's-1', error: said('KINLOG_CHECKPOINT_UNAVAILABLE', 'no') });
    say('checkpoint.delayed', { shard: 's-2', error: said('KINLOG_CHECKPOINT_UNAVAILABLE', 'no') });
    say(name, { shard: 's-1', error: said('KINLOG_POSITION_REFUSED', 'no') });
    expect(list()).toMatchObject([{ part: 'store', message: 'no' }]);
    say('checkpoint.stored', { shard: 's-2' });
    expect(list()).toEqual([]);
  },
);

it('records that are gone are an error for an hour, for nothing brings them back', () => {
  const { say, list } = noting();
  say('stream.data-loss', { shard: 's-1', from: 'then', to: 'later' });
  expect(list()).toMatchObject([{ code: 'KINLOG_POSITION_LOST', part: 'source' }]);
  expect(list({}, 3_602_000)).toEqual([]);
});

it('an output that refuses is one error, told apart from one that is away, until it takes events again', () => {
  const output = new SharedOutput('hec:splunk:8088', () => undefined);
  const refused = new KinlogError('KINLOG_SPLUNK_REFUSED', 'splunk:8088 does not take events: Invalid token');
  output.log.emit('output.refused', { by: 'splunk:8088', error: describeError(refused) });
  output.log.emit('output.retried', { reason: refused.message });
  output.log.emit('output.stalled', { seconds: 30 });
  expect(output.errors(Date.now())).toMatchObject([
    { part: 'output', code: 'KINLOG_SPLUNK_REFUSED', message: refused.message, remedy: refused.remedy },
  ]);
  output.log.emit('output.retried', { reason: 'connect ECONNREFUSED' });
  expect(output.errors(Date.now()).map(({ code }) => code)).toEqual([
    'KINLOG_SPLUNK_REFUSED',
    'KINLOG_SERVICE_UNAVAILABLE',
  ]);
  output.log.emit('output.resumed');
  output.log.emit('output.recovered', { by: 'splunk:8088' });
  expect(output.errors(Date.now())).toEqual([]);
});

it('an index that is refused is an error until it is taken, however long nobody names it', () => {
  const output = new SharedOutput('hec:splunk:8088', () => undefined);
  const error = said('KINLOG_SPLUNK_REFUSED', 'events for the index web are not taken');
  output.log.emit('output.refused', { by: 'index web', error });
  expect(output.errors(Date.now() + 3_600_000)).toHaveLength(1);
  output.log.emit('output.recovered', { by: 'index web' });
  expect(output.errors(Date.now())).toEqual([]);
});

it('a full disk is an error of the output that names its remedy', () => {
  const output = new SharedOutput('ndjson:/var/log/events', () => undefined);
  output.log.emit('output.stalled', { error: 'ENOSPC: no space left on device' });
  expect(output.errors(Date.now())).toMatchObject([{ part: 'output', code: 'KINLOG_OUTPUT_FAILED' }]);
});

it('what was described can be read back, and nothing else', () => {
  const error = new KinlogError('KINLOG_STREAM_NOT_FOUND', 'GetRecords on a (b): no (x). y', { remedy: 'Do (this).' });
  expect(readDescription(describeError(error))).toEqual({
    code: error.code,
    message: error.message,
    remedy: error.remedy,
  });
  for (const line of ['', 'no code', 'a (KINLOG_NOTHING). b', 'a (KINLOG_UNEXPECTED)'])
    expect(readDescription(line)).toBeUndefined();
});

it.each([
  ['KINLOG_PERMISSION_REFUSED', 'GetRecords on logs: this identity is not allowed kinesis:GetRecords', 'source'],
  ['KINLOG_PERMISSION_REFUSED', 'Query on the table leases in eu-west-1: not allowed', 'store'],
  ['KINLOG_SPLUNK_REFUSED', 'splunk:8088 does not take events: Invalid token (HEC code 4)', 'output'],
  ['KINLOG_SPLUNK_REFUSED', 'splunk:8089 does not accept the session key or token (HTTP 401)', 'store'],
  ['KINLOG_CHECKPOINT_FOREIGN', 'x', 'store'],
  ['KINLOG_UNEXPECTED', 'x', 'reader'],
] as const)('%s of "%s" is about the %s', (code, message, part) => {
  expect(partOf({ code, message })).toBe(part);
});
