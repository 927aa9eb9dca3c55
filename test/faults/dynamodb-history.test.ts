/** Two readers with the same rows, answers lost and calls refused at random: whatever they are told must agree with what is stored. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isKinlogError } from '../../base/errors.ts';
import type { Version } from '../../reader/checkpoint/store.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { freshTable } from '../contract/dynamodb-store.ts';
import { all, live, row, STREAM } from '../contract/store-rows.ts';
import { seededRandom } from '../fakes/access-log.ts';
import { accessTo, startDynalite } from '../fakes/peers/dynalite.ts';
import { FaultyNetwork } from '../fakes/peers/dynamodb-network.ts';
import type { Peer } from '../fakes/peers/process.ts';

const SHARDS = ['a', 'b', 'c'];
const ROUNDS = 60;

let dynalite: Peer;

beforeAll(async () => {
  dynalite = await startDynalite();
});

afterAll(() => dynalite.close());

/** One writer of one shard: what it believes, and the put that it tries until it is told. */
interface Writer {
  readonly shardId: string;
  readonly store: ReturnType<typeof openDynamoStore>;
  readonly network: FaultyNetwork;
  expected: Version | 'absent';
  trying: boolean;
}

it.each([1, 2].map((n) => Math.floor(Math.random() * 2 ** 31) + n))('with the seed %i', async (seed) => {
  const random = seededRandom(seed);
  const table = freshTable();
  const networks = [new FaultyNetwork(), new FaultyNetwork()];
  const stores = networks.map((network) =>
    openDynamoStore({ table, client: { ...accessTo(dynalite.url), requestHandler: network } }),
  );
  for (const store of stores) await all(store);
  const writers = SHARDS.flatMap((shardId) =>
    stores.map((store, n): Writer => ({ shardId, store, network: networks[n]!, expected: 'absent', trying: false })),
  );
  /** By shard: every number that was put and that nobody was told to be refused. */
  const possible = new Map(SHARDS.map((shardId) => [shardId, new Set<number>()]));
  /** Every version that somebody was told to have written, and to have replaced: nobody shares one. */
  const won: string[] = [];
  const replaced: string[] = [];
  let number = 0;

  const step = async (writer: Writer) => {
    const { shardId, store, network } = writer;
    disturb(network, random);
    const arrivalMs = ++number;
    const first = !writer.trying;
    possible.get(shardId)!.add(arrivalMs);
    try {
      const version = await store.put(STREAM, row(shardId, { arrivalMs }), writer.expected, live());
      won.push(`${shardId} ${version}`);
      replaced.push(`${shardId} ${writer.expected}`);
      writer.expected = version;
      writer.trying = false;
    } catch (error) {
      writer.trying = isKinlogError(error, 'KINLOG_CHECKPOINT_UNAVAILABLE');
      if (writer.trying) return;
      expect(error).toMatchObject({ code: 'KINLOG_CHECKPOINT_CONFLICT' });
      // Refused at the first try, so it never happened.
      if (first) possible.get(shardId)!.delete(arrivalMs);
      writer.expected = 'absent';
    }
  };

  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(writers.filter(() => random() < 0.6).map(step));
    for (const network of networks) {
      network.loseAnswers(0);
      network.refuse(0);
    }
    const rows = new Map((await all(stores[round % 2]!)).map((one) => [one.shardId, one]));
    for (const { shardId, arrivalMs } of rows.values()) expect([...possible.get(shardId)!]).toContain(arrivalMs);
    for (const writer of writers.filter(({ trying }) => !trying && random() < 0.7))
      writer.expected = rows.get(writer.shardId)?.version ?? 'absent';
  }
  expect(new Set(won).size).toBe(won.length);
  expect(new Set(replaced).size).toBe(replaced.length);
  expect(won.length).toBeGreaterThan(ROUNDS / 2);
  for (const store of stores) await store.close();
});

function disturb(network: FaultyNetwork, random: () => number): void {
  if (random() < 0.25) network.loseAnswers(1 + Math.floor(random() * 3));
  if (random() < 0.15) network.refuse(1 + Math.floor(random() * 3));
}
