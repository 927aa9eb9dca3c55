/** One stream with a log of what was put into it: plain records and KPL aggregates, three keys, through a split and a merge. */
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { aggregate } from '../fakes/kpl-aggregate.ts';
import { HALF, ObservedStream, shardId } from '../fakes/peers/observed-stream.ts';
import type { Sent } from './tally.ts';

/** Where the keys lie: `a` and `b` share shard 0 until it is split into 2 and 3, and again once those are merged into 4; `c` stays in shard 1. */
const HASHES = { a: 1n << 125n, b: 3n << 125n, c: 3n << 126n };
type Key = keyof typeof HASHES;
const KEYS = Object.keys(HASHES) as Key[];
const IN_AGGREGATE = 6;

/** An event in the middle of an aggregate: where the first of two readers stops. */
export const HALF_WAY = 'a-half-way';

export class Scene {
  readonly sent: Sent[] = [];
  readonly name: string;
  readonly #stream: ObservedStream;
  #next = 1;

  private constructor(stream: ObservedStream) {
    this.#stream = stream;
    this.name = stream.name;
  }

  static async make(url: string, name: string): Promise<Scene> {
    const client = new KinesisClient({
      endpoint: url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      requestHandler: new NodeHttpHandler(),
    });
    return new Scene(await ObservedStream.make(client, name));
  }

  close(): void {
    this.#stream.client.destroy();
  }

  /** As KCL's StreamIdentifier has it: `account:name:second of creation`. */
  async identifier(): Promise<string> {
    const { StreamARN = '', StreamCreationTimestamp } = (await this.#stream.describe())!;
    return `${StreamARN.split(':')[4]}:${this.name}:${Math.floor(StreamCreationTimestamp!.getTime() / 1000)}`;
  }

  /** `rounds` times, of every key: plain records and aggregates, an aggregate last, so that it is what a stored position is about. */
  async put(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++)
      for (const key of KEYS) {
        for (const events of [1, IN_AGGREGATE, 1, 1, IN_AGGREGATE]) await this.#put(key, this.#texts(key, events));
      }
  }

  /** An aggregate of key `a` with HALF_WAY in its middle. */
  putHalfWay(): Promise<void> {
    const texts = this.#texts('a', IN_AGGREGATE);
    texts[IN_AGGREGATE / 2 - 1] = HALF_WAY;
    return this.#put('a', texts);
  }

  split(): Promise<void> {
    return this.#stream.split(0, HALF);
  }

  merge(): Promise<void> {
    return this.#stream.merge(2, 3);
  }

  /** Texts of all events. */
  get all(): string[] {
    return this.sent.map(({ text }) => text);
  }

  /** Texts of the events in these shards. */
  in(...shards: number[]): string[] {
    const ids = new Set(shards.map(shardId));
    return this.sent.filter(({ shard }) => ids.has(shard)).map(({ text }) => text);
  }

  #texts(key: Key, count: number): string[] {
    return Array.from({ length: count }, () => `${key}${String(this.#next++).padStart(5, '0')}`);
  }

  async #put(key: Key, texts: readonly string[]): Promise<void> {
    const explicit = String(HASHES[key]);
    // A KCL drops a whole aggregate in which one hash lies outside of the shard.
    const many = () => aggregate(texts.map((data) => ({ key, explicit, data })));
    const Data = texts.length === 1 ? Buffer.from(texts[0]!) : many();
    const entry = { Data, PartitionKey: key, ExplicitHashKey: explicit };
    const answer = await this.#stream.client.send(new PutRecordsCommand({ StreamName: this.name, Records: [entry] }));
    const { ShardId: shard, SequenceNumber: sequence } = answer.Records![0]!;
    if (shard === undefined || sequence === undefined) throw new Error(`${this.name} refused a record`);
    this.sent.push(...texts.map((text, subSequence) => ({ text, shard, sequence, subSequence })));
  }
}
