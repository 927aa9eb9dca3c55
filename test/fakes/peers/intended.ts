/** Where the peers differ from the simulator on purpose, and why. */

import { shardId } from './observed-stream.ts';

export type PeerName = 'kinesis-local' | 'kinesalite';

export interface Difference {
  readonly theirs: unknown;
  readonly reason: string;
}

const FAULT = 'a gap of the peer: the API reference says otherwise';
const RECORDED = 'kinesalite answers what it recorded from the service, and our answer agrees with it';

export const INTENDED: Readonly<Record<PeerName, Readonly<Record<string, Difference>>>> = {
  'kinesis-local': {
    'shards share the hash range evenly': {
      theirs: [
        [shardId(0), { StartingHashKey: '0', EndingHashKey: String((1n << 127n) - 2n) }],
        [shardId(1), { StartingHashKey: String((1n << 127n) - 1n), EndingHashKey: String((1n << 128n) - 1n) }],
      ],
      reason: 'the peer cuts one hash lower; kinesalite and the even division of 2^128 agree with ours',
    },
    'the ending sequence number lies after every record': {
      theirs: false,
      reason: 'the peer ends every shard with 2^63 - 1, which is smaller than any of its sequence numbers',
    },
    'the filter AT_TRIM_HORIZON': {
      theirs: [0, 1, 2, 3],
      reason:
        'AT_TRIM_HORIZON means the shards that were open at the horizon (API reference of ShardFilter); the peer lists children too',
    },
    'too many records in a put': { theirs: 'accepted', reason: FAULT },
    'a record of more than 1 MiB': { theirs: 'accepted', reason: FAULT },
    'Limit 0': { theirs: 'InvalidArgumentException', reason: RECORDED },
    'an iterator that was never handed out': { theirs: 'Unknown', reason: 'the peer fails with HTTP 500 and no body' },
    'a sequence number that was never handed out': { theirs: 'ResourceNotFoundException', reason: RECORDED },
    'a sequence number of another shard': { theirs: 'accepted', reason: RECORDED },
    'a split of a closed shard': {
      theirs: 'ResourceInUseException',
      reason: 'the service answers InvalidArgumentException (mhart/kinesalite issue 109 quotes it)',
    },
  },
  kinesalite: {
    'how far behind': { theirs: [0, 0], reason: 'the peer says 0 for every open shard' },
    'an empty split shard ends at once': {
      theirs: [
        { records: [], ended: false },
        { records: [], ended: true, behind: 1 },
      ],
      reason:
        'the peer needs one more empty page when the shard never had a record; the fault empty-page does the same',
    },
    'a merge closes both parents, and the child names them': {
      theirs: [
        [
          { id: 0, closed: true },
          { id: 1, closed: true },
          { id: 2, parent: 0, adjacent: 1, closed: false },
        ],
        [
          { records: ['left'], ended: false },
          { records: [], ended: true, behind: 1 },
        ],
        [
          { records: [], ended: false },
          { records: [], ended: true, behind: 1 },
        ],
        ['merged'],
      ],
      reason: 'the same extra empty page for the parent that never had a record',
    },
    'ListShards in pages': { theirs: [2, undefined], reason: 'the peer ignores MaxResults' },
    'the filters AT_LATEST and FROM_TRIM_HORIZON': {
      theirs: [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
      reason: 'the peer ignores ShardFilter',
    },
    'the filter AT_TRIM_HORIZON': { theirs: [0, 1, 2, 3], reason: 'the peer ignores ShardFilter' },
    'by ARN': { theirs: 'InvalidArgumentException', reason: 'the peer is older than the StreamARN parameter' },
    'Limit 10,001': {
      theirs: 'ValidationException',
      reason:
        'the API reference of GetRecords says InvalidArgumentException, and kinesis-local agrees; neither is ever repeated',
    },
    'a split of a closed shard': {
      theirs: 'accepted',
      reason:
        'known in the peer (mhart/kinesalite issue 109), whose reporter quotes the answer of the service that ours gives',
    },
  },
};

/** Texts of errors that differ from kinesalite's. */
export const INTENDED_TEXTS: Readonly<Record<string, Difference>> = {};
