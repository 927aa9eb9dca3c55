/** A Kinesis endpoint full of data, as a process: the simulator of the tests without its read limits. Ends with its parent's channel. */
import { FakeKinesis } from '../test/fakes/kinesis/fake.ts';
import { startSimulator } from '../test/fakes/kinesis/server.ts';
import { corpus, eventCount, totalBytes, type Form } from './data/corpus.ts';

export const STREAM = 'bench';

export interface ServerOrder {
  /** Nothing in the stream without it. */
  readonly form?: Form;
  /** Bytes of data that one shard holds at most. Below 9 MiB a shard is one page of one call, and the pace of the reader never holds it up. */
  readonly shardBytes?: number;
  /** Records that one shard holds at most. */
  readonly shardRecords?: number;
}

export interface ServerReady {
  readonly endpoint: string;
  readonly stream: string;
  readonly shards: number;
  readonly records: number;
  readonly events: number;
  /** Of the events as HEC lines, whatever the records look like. */
  readonly payloadBytes: number;
}

if (process.send !== undefined) {
  process.on('disconnect', () => process.exit(0));
  const ready = await serve(JSON.parse(process.argv[2]!) as ServerOrder);
  process.send(ready);
}

async function serve(order: ServerOrder): Promise<ServerReady> {
  const fake = new FakeKinesis({ readLimits: false });
  const records = order.form === undefined ? [] : corpus(order.form);
  const groups = grouped(records, order);
  const shards = Math.max(1, groups.length);
  fake.createStream(STREAM, shards);
  groups.forEach((group, shard) => {
    const explicitHashKey = String((2n ** 128n / BigInt(shards)) * BigInt(shard));
    for (const data of group) fake.put(STREAM, { data, explicitHashKey });
  });
  const { url } = await startSimulator(fake);
  const payloadBytes = order.form === undefined ? 0 : totalBytes(corpus('lines'));
  return { endpoint: url, stream: STREAM, shards, records: records.length, events: eventCount(), payloadBytes };
}

/** Whole records in order, a group for each shard. */
function grouped(
  records: readonly Buffer[],
  { shardBytes = Infinity, shardRecords = Infinity }: ServerOrder,
): Buffer[][] {
  const groups: Buffer[][] = [];
  let bytes = Infinity;
  for (const record of records) {
    const last = groups.at(-1);
    if (last === undefined || bytes + record.length > shardBytes || last.length >= shardRecords) {
      groups.push([record]);
      bytes = record.length;
    } else {
      last.push(record);
      bytes += record.length;
    }
  }
  return groups;
}
