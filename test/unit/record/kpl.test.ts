/** KPL aggregates: the grammar, and everything that only looks like one. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deaggregate, hashOf } from '../../../record/kpl.ts';
import { aggregate, bytesField, sealAggregate, varintField } from '../../fakes/kpl-aggregate.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

function usersOf(data: Uint8Array): string[] | undefined {
  const found = deaggregate(data);
  return found && Array.from({ length: found.length }, (_, i) => Buffer.from(found.data(i)).toString());
}

describe('known aggregates', () => {
  it('one whose records all use the second key, as Fluentd writes it', () => {
    const data = hex('f3899ac20a01610a036b65791a0708011a03666f6f1a0708011a0362617260d7044d96db922f4db12f940751dab5');
    expect(usersOf(data)).toEqual(['foo', 'bar']);
    expect(deaggregate(data)?.partitionKey(1)).toBe('key');
    expect(deaggregate(data)?.hash(1, 'a')).toBe(80325066489831061459460196859901989661n);
  });

  it('one with a key for each record', () => {
    const data = hex(
      'f3899ac20a026b310a026b321a0808001a046c6f67311a0808011a046c6f67323ba3da4a787f1e30ffbd4bc04e6c703c',
    );
    const found = deaggregate(data);
    expect(usersOf(data)).toEqual(['log1', 'log2']);
    expect([found?.partitionKey(0), found?.partitionKey(1)]).toEqual(['k1', 'k2']);
    expect(found?.explicitHashKey(0)).toBeUndefined();
  });
});

describe('hash keys', () => {
  it('an explicit hash key goes before the partition key', () => {
    const data = aggregate([{ key: 'a', explicit: '340282366920938463463374607431768211455', data: 'x' }]);
    expect(deaggregate(data)?.hash(0, 'outer')).toBe(2n ** 128n - 1n);
  });

  it('an index outside the table falls back to the key of the Kinesis record', () => {
    const data = sealAggregate([
      bytesField(1, 'only'),
      bytesField(3, Buffer.concat([varintField(1, 7), varintField(2, 9), bytesField(3, 'x')])),
    ]);
    const found = deaggregate(data);
    expect(found?.partitionKey(0)).toBeUndefined();
    expect(found?.hash(0, 'outer')).toBe(hashOf('outer'));
  });

  it('an explicit hash key that is no number is ignored', () => {
    const data = aggregate([{ key: 'a', explicit: '-5', data: 'x' }]);
    expect(deaggregate(data)?.hash(0, 'outer')).toBe(hashOf('a'));
  });
});

describe('the grammar', () => {
  const record = bytesField(3, Buffer.concat([varintField(1, 0), bytesField(3, 'data')]));
  const key = bytesField(1, 'k');

  it('unknown fields and tags are skipped', () => {
    const fixed64 = Buffer.concat([Buffer.from([(9 << 3) | 1]), Buffer.alloc(8)]);
    const fixed32 = Buffer.concat([Buffer.from([(10 << 3) | 5]), Buffer.alloc(4)]);
    const tagged = bytesField(
      3,
      Buffer.concat([bytesField(4, 'tag'), fixed64, varintField(1, 0), varintField(300, 5), bytesField(3, 'data')]),
    );
    expect(usersOf(sealAggregate([fixed32, key, varintField(8, 1), tagged, bytesField(77, 'x'), record]))).toEqual([
      'data',
      'data',
    ]);
  });

  it('an absent index and absent data are their defaults', () => {
    const found = deaggregate(sealAggregate([key, bytesField(3, bytesField(3, 'x')), bytesField(3, '')]));
    expect(found?.length).toBe(2);
    expect(found?.partitionKey(0)).toBe('k');
    expect(found?.data(1)).toHaveLength(0);
  });

  it('an aggregate may hold keys and no record', () => {
    expect(usersOf(sealAggregate([key]))).toEqual([]);
  });

  it.each([
    ['a length beyond the end', Buffer.from([(3 << 3) | 2, 0xff, 0xff, 0xff, 0x7f])],
    ['a length of 2^63', Buffer.from([0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['a varint that never ends', Buffer.from([0x08, ...Array<number>(12).fill(0xff)])],
    ['a tag that never ends', Buffer.alloc(11, 0x80)],
    ['a cut tag', Buffer.from([0x80])],
    ['field number zero', Buffer.from([0x02, 0x00])],
    ['a group', Buffer.from([(3 << 3) | 3])],
    ['a cut fixed value', Buffer.from([(3 << 3) | 1, 1, 2])],
    ['a record with a length beyond its end', bytesField(3, Buffer.from([(3 << 3) | 2, 40, 1]))],
    ['a record with a field that reaches over its end', Buffer.concat([bytesField(3, Buffer.from([0x08])), key])],
  ])('with %s it is no aggregate', (_, broken) => {
    expect(deaggregate(sealAggregate([key, record]))).toBeDefined();
    expect(deaggregate(sealAggregate([key, record, broken]))).toBeUndefined();
  });

  it('with a wrong checksum, a wrong magic or nothing inside it is no aggregate', () => {
    const good = sealAggregate([key, record]);
    for (let i = 0; i < good.length; i++) {
      const bad = Buffer.from(good);
      bad[i]! ^= 0x10;
      expect(deaggregate(bad), `byte ${i}`).toBeUndefined();
    }
    for (let cut = 0; cut < good.length; cut++) expect(deaggregate(good.subarray(0, cut))).toBeUndefined();
    expect(deaggregate(sealAggregate([]))).toBeUndefined();
  });

  it('user records are views, not copies', () => {
    const data = sealAggregate([key, record]);
    expect(deaggregate(data)?.data(0).buffer).toBe(data.buffer);
  });
});

it('the hash of a key is its MD5 as a big-endian number', () => {
  expect(hashOf('key')).toBe(BigInt(`0x${createHash('md5').update('key').digest('hex')}`));
});
