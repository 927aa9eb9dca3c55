/** The texts of errors, which kinesalite recorded from the service: what the simulator's texts are compared by. */
import { CreateStreamCommand, DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import type { Observation } from './observations.ts';
import { ACTIVE_MS, HALF, LOW, errorOf, named } from './observed-stream.ts';

const message = async (work: Promise<unknown>) =>
  (await errorOf(work)).message
    .replaceAll(/\b\d{13}\b/g, '<time>')
    .replaceAll(/\bobserved-\d+\b/g, '<stream>')
    .replaceAll(/\b\d{56}\b/g, '<sequence>');

export const TEXTS: Readonly<Record<string, Observation>> = {
  'a sequence number that is none': async (stream) =>
    message(stream.iterator(0, { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: '9'.repeat(60) })),
  'a sequence number of another shard': async (stream) => {
    const { sequence } = await stream.put('x', LOW);
    return message(stream.iterator(1, { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: sequence }));
  },
  'a sequence number of an earlier stream': async (stream) => {
    const { sequence } = await stream.put('x', LOW);
    await stream.delete();
    const deadline = performance.now() + ACTIVE_MS;
    while ((await named(stream.describe())) === 'accepted' && performance.now() < deadline);
    // The peer tells streams apart by whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1001));
    await stream.client.send(new CreateStreamCommand({ StreamName: stream.name, ShardCount: 2 }));
    await stream.active();
    const start = { ShardIteratorType: 'AT_SEQUENCE_NUMBER' as const, StartingSequenceNumber: sequence };
    return message(stream.iterator(0, start));
  },
  'a timestamp in the future': (stream) =>
    message(stream.iterator(0, { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(Date.now() + 60_000) })),
  'no timestamp': (stream) => message(stream.iterator(0, { ShardIteratorType: 'AT_TIMESTAMP' })),
  'a sequence number where none belongs': async (stream) => {
    const { sequence } = await stream.put('x', LOW);
    return message(stream.iterator(0, { ShardIteratorType: 'LATEST', StartingSequenceNumber: sequence }));
  },
  'no sequence number where one belongs': (stream) =>
    message(stream.iterator(0, { ShardIteratorType: 'AT_SEQUENCE_NUMBER' })),
  'an iterator that was never handed out': (stream) => message(stream.read('AAAAAAAA')),
  'an unknown stream': (stream) =>
    message(stream.client.send(new DescribeStreamSummaryCommand({ StreamName: 'nobody-made-this' }))),
  'an unknown shard to read': (stream) => message(stream.iterator(7)),
  'an unknown shard to split': (stream) => message(stream.split(7, HALF)),
  'a split outside the range': (stream) => message(stream.split(1, 5n)),
  'a merge of shards that are no neighbours': (stream) => message(stream.merge(1, 0)),
  'a stream twice': (stream) =>
    message(stream.client.send(new CreateStreamCommand({ StreamName: stream.name, ShardCount: 1 }))),
};
