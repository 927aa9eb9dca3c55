/** How a row and an item of KCL's lease table say the same, and what is believed after another program wrote the item. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { leaseAttributes, rowOf, type Item } from '../../../reader/checkpoint/dynamodb-item.ts';
import type { Position } from '../../../reader/checkpoint/position.ts';
import type { ShardRow } from '../../../reader/checkpoint/store.ts';

const DIGITS = '49680418282655701284749336035839762101216333250384887810';
const after = (partial: boolean, subSequence = 4): Position => ({
  kind: 'after',
  sequenceNumber: DIGITS,
  subSequence,
  partial,
});
const row = (over: Partial<ShardRow> = {}): ShardRow => ({
  shardId: 's',
  position: after(false),
  owner: 'me',
  successor: 'you',
  parents: [],
  streamCreatedMs: 1,
  arrivalMs: 2,
  readToMs: 3,
  ...over,
});

/** The item after kinlog put the row, and after others did what `over` says. */
function itemOf(put: ShardRow, over: Item = {}): Item {
  const attributes = leaseAttributes(put, { streamId: 'logs', nonce: 'n', version: 8 });
  const present = Object.entries(attributes).filter((pair): pair is [string, AttributeValue] => pair[1] !== undefined);
  return { ...Object.fromEntries(present), ...over };
}

const read = (item: Item, untimedStartMs?: number) =>
  rowOf(item, { shardId: 's', where: 'the item', createdMs: 77, untimedStartMs });

describe('a position', () => {
  it.each<[Position, string, string]>([
    [after(false), DIGITS, '4'],
    [after(true), DIGITS, '4'],
    [{ kind: 'end' }, 'SHARD_END', '0'],
    [{ kind: 'horizon' }, 'TRIM_HORIZON', '0'],
    [{ kind: 'timestamp', ms: 1_700_000_000_123 }, 'AT_TIMESTAMP', '0'],
  ])('%j is what a KCL calls %s, and comes back as it was', (position, checkpoint, sub) => {
    const item = itemOf(row({ position }));
    expect(item).toMatchObject({ checkpoint: { S: checkpoint }, checkpointSubSequenceNumber: { N: sub } });
    expect(read(item).position).toEqual(position);
  });

  it.each(['AT_TIMESTAMP', 'LATEST'])('%s of a KCL carries no time: only the given one is believed', (checkpoint) => {
    const item = { leaseCounter: { N: '0' }, checkpoint: { S: checkpoint }, checkpointSubSequenceNumber: { N: '0' } };
    expect(() => read(item)).toThrow(
      expect.objectContaining({
        code: 'KINLOG_CHECKPOINT_UNREADABLE',
        message: expect.stringContaining(checkpoint) as string,
        remedy: expect.stringContaining('untimedStart') as string,
      }),
    );
    expect(read(item, 5).position).toEqual({ kind: 'timestamp', ms: 5 });
  });
});

describe('after a KCL', () => {
  it('renewed the lease, the position is still complete and nobody is asked to hand over', () => {
    const found = read(itemOf(row(), { leaseCounter: { N: '9' }, leaseOwner: { S: 'worker' } }));
    const { successor: _successor, ...rest } = row({ owner: 'worker' });
    expect(found).toStrictEqual({ ...rest, version: 10, foreign: true });
  });

  it.each<[string, Item]>([
    ['another record', { checkpoint: { S: `${DIGITS}1` } }],
    ['another user record of the aggregate', { checkpointSubSequenceNumber: { N: '5' } }],
  ])('moved the checkpoint to %s, what kinlog knew of the old one is forgotten', (_, moved) => {
    const found = read(itemOf(row({ children: [] }), { ...moved, leaseCounter: { N: '9' } }));
    expect(found).toMatchObject({ foreign: true, position: { partial: true }, arrivalMs: 0, streamCreatedMs: 77 });
    for (const name of ['readToMs', 'children', 'successor']) expect(found).not.toHaveProperty(name);
  });

  it('of version 3 began a hand-over, which moves no counter, the row is not ours', () => {
    expect(read(itemOf(row(), { checkpointOwner: { S: 'worker-1' } })).foreign).toBe(true);
  });

  it('told the children of a shard, they count', () => {
    const item = itemOf(row({ position: { kind: 'end' }, children: [] }), { childShardIds: { SS: ['c', 'b'] } });
    expect(read(item).children).toEqual(['b', 'c']);
  });
});

describe('an item is refused', () => {
  it.each<[string, Item, string]>([
    ['without a counter', { checkpoint: { S: 'TRIM_HORIZON' } }, 'KINLOG_CHECKPOINT_FOREIGN'],
    ['without a checkpoint', { leaseCounter: { N: '1' } }, 'KINLOG_CHECKPOINT_FOREIGN'],
    ['with a counter that is none', itemOf(row(), { leaseCounter: { N: '1.5' } }), 'KINLOG_CHECKPOINT_FOREIGN'],
    ['with a checkpoint of no meaning', itemOf(row(), { checkpoint: { S: 'x' } }), 'KINLOG_CHECKPOINT_UNREADABLE'],
    ['with a mark of ours that is damaged', itemOf(row(), { kinlog: { S: '{' } }), 'KINLOG_CHECKPOINT_UNREADABLE'],
    [
      'of a later schema, also when a KCL has moved its checkpoint',
      itemOf(row(), { kinlog: { S: '{"schema":2}' }, checkpoint: { S: DIGITS } }),
      'KINLOG_CHECKPOINT_NEWER',
    ],
  ])('%s', (_, item, code) => {
    expect(() => read(item)).toThrow(expect.objectContaining({ code }));
  });
});
