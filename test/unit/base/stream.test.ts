/** A stream by its name and by its ARN. */
import { describe, expect, it } from 'vitest';
import { arnRegion, streamAddress, streamId } from '../../../base/stream.ts';

const ARN = 'arn:aws-us-gov:kinesis:us-gov-west-1:123456789012:stream/logs';

describe('a stream', () => {
  it('has one id, by whichever it is named', () => {
    expect([streamId(ARN), streamId('logs')]).toEqual(['logs', 'logs']);
  });

  it('says its region only in its ARN', () => {
    expect([arnRegion(ARN), arnRegion('logs'), arnRegion(undefined)]).toEqual(['us-gov-west-1', undefined, undefined]);
  });

  it('is called by what it is named by', () => {
    expect([streamAddress(ARN), streamAddress('logs')]).toEqual([{ StreamARN: ARN }, { StreamName: 'logs' }]);
  });
});
