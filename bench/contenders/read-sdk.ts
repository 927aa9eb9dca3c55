/** A whole stream by the bare SDK: GetRecords until the tip of every shard. `then` throws the records away, or makes XML of them by strings. */
import { gunzipSync } from 'node:zlib';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { Contender, Options } from '../contender.ts';
import { measured } from './reading.ts';
import { iterators, nextPage, sdkClient } from './sdk.ts';
import { STANZA } from './stanza.ts';
import { StringXml } from './strings.ts';

/** Pages on their way at the same time: as many as the reader's default budget of bytes lets it ask for. */
const LANES = 4;

export function open(options: Options): Contender {
  const { endpoint, stream, then } = options as { endpoint: string; stream: string; then: 'nothing' | 'xml' };
  const client = sdkClient(endpoint);
  return {
    round: () =>
      measured(options, () => (then === 'xml' ? toXml(client, stream) : read(client, stream, () => undefined))),
    close: async () => client.destroy(),
  };
}

interface Found {
  readonly records: number;
  readonly events?: number;
}

/** May answer a promise to wait for. */
type Take = (data: Buffer) => Promise<void> | undefined;

async function read(client: KinesisClient, stream: string, take: Take): Promise<Found> {
  const waiting = await iterators(client, stream);
  let records = 0;
  const lane = async () => {
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
      const found = await readShard(client, first, take);
      records += found;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { records };
}

async function readShard(client: KinesisClient, first: string, take: Take): Promise<number> {
  let records = 0;
  for (let iterator: string | undefined = first; iterator !== undefined;) {
    const { Records = [], NextShardIterator, MillisBehindLatest } = await nextPage(client, iterator);
    records += Records.length;
    for (const { Data } of Records) {
      const taken = take(Buffer.from(Data!.buffer, Data!.byteOffset, Data!.length));
      if (taken !== undefined) await taken;
    }
    iterator = MillisBehindLatest === 0 ? undefined : NextShardIterator;
  }
  return records;
}

async function toXml(client: KinesisClient, stream: string): Promise<Found> {
  let writable = true;
  const xml = new StringXml(STANZA, (chunk) => (writable = process.stdout.write(chunk)));
  const { records } = await read(client, stream, (data) => {
    xml.add(data[0] === 0x1f ? gunzipSync(data) : data);
    return writable ? undefined : new Promise((resolve) => process.stdout.once('drain', resolve));
  });
  xml.flush();
  await new Promise((resolve) => process.stdout.write('', resolve));
  return { records, events: xml.events };
}
