/** What a Kinesis server does, told as plain values without anything that must differ: what three servers are compared by. */
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  ListShardsCommand,
  type Shard,
} from '@aws-sdk/client-kinesis';
import { ACTIVE_MS, HALF, LOW, named, shardId, short, texts, type ObservedStream } from './observed-stream.ts';

const lineage = (shards: Shard[]) =>
  shards.map((shard) => ({
    id: short(shard.ShardId),
    parent: short(shard.ParentShardId),
    adjacent: short(shard.AdjacentParentShardId),
    closed: shard.SequenceNumberRange?.EndingSequenceNumber !== undefined,
  }));

/** Every page of a closed shard: its records, and whether it said that the shard ends. */
async function pagesOf(stream: ObservedStream, shard: number) {
  const pages: { records: string[]; ended: boolean; behind?: number; children?: unknown }[] = [];
  let token: string | undefined = await stream.iterator(shard);
  while (token !== undefined && pages.length < 10) {
    const page = await stream.read(token, 2);
    token = page.NextShardIterator;
    pages.push({ records: texts(page), ended: token === undefined });
    if (token === undefined) pages.at(-1)!.behind = Math.sign(page.MillisBehindLatest ?? -1);
    const children = page.ChildShards?.map((child) => [short(child.ShardId), child.ParentShards?.map(short)]);
    if (children !== undefined) pages.at(-1)!.children = children;
  }
  return pages;
}

const KEYS = ['a', 'key', 'é', '漢字', '\u{1f600}', '"quoted"', '0', '1234567890', 'x'.repeat(256)];

export type Observation = (stream: ObservedStream) => Promise<unknown>;

export const OBSERVATIONS: Readonly<Record<string, Observation>> = {
  'a new stream is described': async (stream) => {
    const summary = await stream.describe();
    const { StreamName, StreamStatus, OpenShardCount, RetentionPeriodHours, EncryptionType } = summary!;
    return { named: StreamName === stream.name, StreamStatus, OpenShardCount, RetentionPeriodHours, EncryptionType };
  },
  'shards share the hash range evenly': async (stream) =>
    (await stream.list()).map(({ ShardId, HashKeyRange }) => [ShardId, HashKeyRange]),
  'keys find their shards': async (stream) => {
    const places = [];
    for (const key of KEYS) places.push((await stream.put('x', { key })).shard);
    return places;
  },
  'explicit hashes find their shards': async (stream) => {
    const hashes = ['0', '1', String(1n << 126n), String(1n << 127n), String((1n << 128n) - 1n)];
    const places = [];
    for (const hash of hashes) places.push((await stream.put('x', { hash })).shard);
    return places;
  },
  'records come back as they were put': async (stream) => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const entries = KEYS.map((key, i) => ({ data: Buffer.concat([Buffer.from([i]), all]), key, ...LOW }));
    const put = await stream.putMany(entries);
    const page = await stream.read(await stream.iterator(0));
    return {
      failed: put.FailedRecordCount,
      same: page.Records?.map((record, i) => [
        record.PartitionKey === entries[i]!.key,
        Buffer.from(record.Data!).equals(entries[i]!.data),
        record.SequenceNumber === put.Records?.[i]?.SequenceNumber,
        record.ApproximateArrivalTimestamp instanceof Date,
      ]),
    };
  },
  'sequence numbers grow within a shard': async (stream) => {
    const numbers = [];
    for (let i = 0; i < 5; i++) numbers.push((await stream.put('x', LOW)).sequence);
    const start = (await stream.list())[0]?.SequenceNumberRange?.StartingSequenceNumber ?? '0';
    return [start, ...numbers].map(BigInt).every((number, i, list) => i === 0 || number > list[i - 1]!);
  },
  'TRIM_HORIZON, AT_ and AFTER_SEQUENCE_NUMBER': async (stream) => {
    const { sequence } = await stream.put('one', LOW);
    await stream.put('two', LOW);
    const StartingSequenceNumber = sequence;
    return [
      await stream.texts(0),
      await stream.texts(0, { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber }),
      await stream.texts(0, { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber }),
      await stream.texts(1),
    ];
  },
  LATEST: async (stream) => {
    await stream.put('before', LOW);
    const token = await stream.iterator(0, { ShardIteratorType: 'LATEST' });
    const first = await stream.read(token);
    await stream.put('after', LOW);
    return [texts(first), texts(await stream.read(first.NextShardIterator!))];
  },
  'AT_TIMESTAMP of a record and of long ago': async (stream) => {
    await stream.put('one', LOW);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await stream.put('two', LOW);
    const { Records } = await stream.read(await stream.iterator(0));
    const at = (Timestamp: Date) => stream.texts(0, { ShardIteratorType: 'AT_TIMESTAMP', Timestamp });
    return [await at(Records![1]!.ApproximateArrivalTimestamp!), await at(new Date(Date.now() - 3_600_000))];
  },
  'AT_TIMESTAMP in the future': async (stream) => {
    await stream.put('x', LOW);
    return named(stream.iterator(0, { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(Date.now() + 60_000) }));
  },
  'the same iterator again gives the same page': async (stream) => {
    await stream.put('one', LOW);
    const token = await stream.iterator(0);
    return [texts(await stream.read(token)), texts(await stream.read(token))];
  },
  'Limit pages through in order': async (stream) => {
    for (const text of ['one', 'two', 'three']) await stream.put(text, LOW);
    const first = await stream.read(await stream.iterator(0), 2);
    return [texts(first), texts(await stream.read(first.NextShardIterator!, 2))];
  },
  'how far behind': async (stream) => {
    for (const text of ['one', 'two']) await stream.put(text, LOW);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const token = await stream.iterator(0);
    const [half, whole] = [await stream.read(token, 1), await stream.read(token, 2)];
    return [half, whole].map(({ MillisBehindLatest }) => Math.sign(MillisBehindLatest ?? -1));
  },
  'a split closes the parent and names it': async (stream) => {
    await stream.split(0, HALF);
    return lineage(await stream.list());
  },
  'after a split keys go to the children': async (stream) => {
    await stream.split(0, HALF);
    const at = async (hash: bigint) => (await stream.put('x', { hash: hash.toString() })).shard;
    return [await at(0n), await at(HALF - 1n), await at(HALF), await at((1n << 128n) - 1n)];
  },
  'a split shard is read to its end': async (stream) => {
    for (const text of ['one', 'two', 'three']) await stream.put(text, LOW);
    await stream.split(0, HALF);
    await stream.put('child', LOW);
    return { parent: await pagesOf(stream, 0), child: await stream.texts(2) };
  },
  'an empty split shard ends at once': async (stream) => {
    await stream.split(0, HALF);
    return pagesOf(stream, 0);
  },
  'LATEST of a closed shard': async (stream) => {
    await stream.put('one', LOW);
    await stream.split(0, HALF);
    const page = await stream.read(await stream.iterator(0, { ShardIteratorType: 'LATEST' }));
    return [texts(page), page.NextShardIterator === undefined];
  },
  'a merge closes both parents, and the child names them': async (stream) => {
    await stream.put('left', LOW);
    await stream.merge(0, 1);
    await stream.put('merged', LOW);
    return [lineage(await stream.list()), await pagesOf(stream, 0), await pagesOf(stream, 1), await stream.texts(2)];
  },
  'a split of a split, then a merge of grandchild and neighbour': async (stream) => {
    await stream.split(0, HALF);
    await stream.split(3, HALF + HALF / 2n);
    await stream.merge(5, 1);
    return lineage(await stream.list());
  },
  'the ending sequence number lies after every record': async (stream) => {
    const { sequence } = await stream.put('one', LOW);
    await stream.split(0, HALF);
    const [closed] = await stream.list();
    return BigInt(closed?.SequenceNumberRange?.EndingSequenceNumber ?? 0) > BigInt(sequence);
  },
  'ListShards in pages': async (stream) => {
    const first = await stream.client.send(new ListShardsCommand({ StreamName: stream.name, MaxResults: 1 }));
    const token = first.NextToken;
    const second =
      token === undefined ? undefined : await stream.client.send(new ListShardsCommand({ NextToken: token }));
    return [first.Shards?.length, second?.Shards?.length];
  },
  'ListShards after a shard': async (stream) => lineage(await stream.list({ ExclusiveStartShardId: shardId(0) })),
  'the filters AT_LATEST and FROM_TRIM_HORIZON': async (stream) => {
    await stream.split(0, HALF);
    const filtered = async (Type: 'AT_LATEST' | 'FROM_TRIM_HORIZON') =>
      (await stream.list({ ShardFilter: { Type } })).map((shard) => short(shard.ShardId));
    return [await filtered('AT_LATEST'), await filtered('FROM_TRIM_HORIZON')];
  },
  'the filter AT_TRIM_HORIZON': async (stream) => {
    await stream.split(0, HALF);
    const shards = await stream.list({ ShardFilter: { Type: 'AT_TRIM_HORIZON' } });
    return shards.map((shard) => short(shard.ShardId));
  },
  'by ARN': async (stream) => {
    const { StreamARN } = (await stream.describe())!;
    return named(stream.client.send(new ListShardsCommand({ StreamARN })));
  },
  'too many records in a put': (stream) =>
    named(stream.putMany(Array.from({ length: 501 }, () => ({ data: Buffer.from('x') })))),
  'a record of more than 1 MiB': (stream) => named(stream.putMany([{ data: Buffer.alloc(1024 * 1024 + 1) }])),
  'Limit 0': async (stream) => named(stream.read(await stream.iterator(0), 0)),
  'Limit 10,001': async (stream) => named(stream.read(await stream.iterator(0), 10_001)),
  'an iterator that was never handed out': (stream) => named(stream.read('AAAAAAAA')),
  'a sequence number that was never handed out': async (stream) => {
    await stream.put('x', LOW);
    return named(stream.iterator(0, { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: '123' }));
  },
  'a sequence number of another shard': async (stream) => {
    const { sequence } = await stream.put('x', LOW);
    return named(stream.iterator(1, { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: sequence }));
  },
  'an unknown stream or shard': async (stream) => {
    const other = { StreamName: 'nobody-made-this' };
    return [
      await named(stream.client.send(new ListShardsCommand(other))),
      await named(stream.client.send(new DescribeStreamSummaryCommand(other))),
      await named(stream.iterator(7)),
      await named(stream.split(7, HALF)),
    ];
  },
  'a stream twice, and one that was deleted': async (stream) => {
    const again = await named(stream.client.send(new CreateStreamCommand({ StreamName: stream.name, ShardCount: 1 })));
    await stream.delete();
    const deadline = performance.now() + ACTIVE_MS;
    let after = 'accepted';
    while (after === 'accepted' && performance.now() < deadline) after = await named(stream.describe());
    return [again, after];
  },
  'a split of a closed shard': async (stream) => {
    await stream.split(0, HALF);
    return named(stream.split(0, HALF));
  },
  'splits and merges that make no sense': async (stream) => {
    await stream.split(0, HALF);
    return [await named(stream.split(1, 5n)), await named(stream.merge(2, 1)), await named(stream.merge(1, 2))];
  },
};
