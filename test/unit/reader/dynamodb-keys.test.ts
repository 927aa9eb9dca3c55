/** Lease keys of one stream and of several: KCL's own for AWS's names, and one key for every name. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  currentPlace,
  isPlaceOf,
  keyAttributes,
  leaseKeyFrom,
  leaseKeyText,
  placeOf,
  streamMark,
} from '../../../reader/checkpoint/dynamodb-keys.ts';

const ARN = 'arn:aws:kinesis:eu-west-1:123456789012:stream/logs';
const LOGS = { id: 'logs', createdMs: 1_700_000_000_999, arn: ARN };
const place = (account: string, createdS: string) => ({ account, name: 'logs', createdS });

describe('a lease key', () => {
  it('is the shard id alone in a table for one stream', () => {
    expect(leaseKeyText({ shardId: 'shardId-000000000001' })).toBe('shardId-000000000001');
    expect(keyAttributes({ shardId: 'shardId-000000000001' })).toEqual({});
  });

  it("is KCL's account:stream:second:shard in a table for several, and its parts are attributes", () => {
    const key = { shardId: 'shardId-000000000001', stream: placeOf(LOGS) };
    expect(leaseKeyText(key)).toBe('123456789012:logs:1700000000:shardId-000000000001');
    expect(keyAttributes(key)).toEqual({
      streamName: '123456789012:logs:1700000000',
      shardId: 'shardId-000000000001',
    });
  });

  it('has zeros for what may not be asked', () => {
    expect(leaseKeyText({ shardId: 's', stream: placeOf({ id: 'logs', createdMs: 0 }) })).toBe('0:logs:0:s');
  });

  it('says the same names again, whatever they hold', () => {
    const names = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
    fc.assert(
      fc.property(names, names, (shardId, id) => {
        const one = { shardId, stream: undefined };
        expect(leaseKeyFrom(leaseKeyText(one), 'shard')).toEqual(one);
        const several = { shardId, stream: placeOf({ ...LOGS, id }) };
        expect(leaseKeyFrom(leaseKeyText(several), 'stream')).toEqual(several);
        expect(leaseKeyText(several)).toContain(streamMark({ ...LOGS, id }));
      }),
    );
  });

  it.each([
    ['shard', '123456789012:logs:1700000000:shardId-000000000001'],
    ['shard', ''],
    ['shard', 'a b'],
    ['shard', '%zz'],
    ['shard', '%0061'],
    ['stream', 'shardId-000000000001'],
    ['stream', '123:logs:shardId-000000000001'],
    ['stream', 'abc:logs:1700000000:s'],
    ['stream', '123:logs:1700000000:s:t'],
    ['stream', '123::1700000000:s'],
  ] as const)('of the form %s is not %j', (form, text) => {
    expect(leaseKeyFrom(text, form)).toBeUndefined();
  });
});

describe('rows in a table for several streams', () => {
  it('belong to the stream of that name, whatever its account, as long as one of the two is unknown', () => {
    expect(isPlaceOf(place('123456789012', '1'), LOGS)).toBe(true);
    expect(isPlaceOf(place('0', '1'), LOGS)).toBe(true);
    expect(isPlaceOf(place('999999999999', '1'), LOGS)).toBe(false);
    expect(isPlaceOf(place('999999999999', '1'), { id: 'logs', createdMs: 0 })).toBe(true);
    expect(isPlaceOf({ ...place('0', '1'), name: 'logs-2' }, LOGS)).toBe(false);
  });

  it('are those of the stream as it is now, otherwise those of the latest one of its name', () => {
    const older = place('123456789012', '1600000000');
    const now = place('123456789012', '1700000000');
    const later = place('123456789012', '1800000000');
    expect(currentPlace([older, later, now], LOGS)).toEqual(now);
    expect(currentPlace([older, later], LOGS)).toEqual(later);
    expect(currentPlace([], LOGS)).toBeUndefined();
  });

  it('are the same to a reader that may not ask when the stream was made', () => {
    const [known, unknown] = [place('123456789012', '1700000000'), place('0', '0')];
    for (const stream of [LOGS, { id: 'logs', createdMs: 0 }])
      expect(currentPlace([unknown, known], stream)).toEqual(known);
    expect(currentPlace([unknown], LOGS)).toEqual(unknown);
  });
});
