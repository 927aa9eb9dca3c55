/** The simulator against two servers that other people wrote: the same questions, and every difference either explained here or a fault. */
import { networkInterfaces } from 'node:os';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEXTS } from '../fakes/peers/error-texts.ts';
import { httpClient } from '../fakes/kinesis/client.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator } from '../fakes/kinesis/server.ts';
import { startKinesalite } from '../fakes/peers/kinesalite.ts';
import { startKinesisLocal } from '../fakes/peers/kinesis-local.ts';
import { INTENDED, INTENDED_TEXTS, type Difference, type PeerName } from '../fakes/peers/intended.ts';
import { OBSERVATIONS, type Observation } from '../fakes/peers/observations.ts';
import { ObservedStream } from '../fakes/peers/observed-stream.ts';

interface Server {
  readonly url: string;
  close(): Promise<void>;
}

const running: { server: Server; client: KinesisClient }[] = [];
let streams = 0;

async function open(starting: Promise<Server>): Promise<KinesisClient> {
  const server = await starting;
  const client = httpClient(server.url);
  running.push({ server, client });
  return client;
}

/** No peer limits reads, and each ends its shards in its own way, which the simulator takes over. */
const simulator = (endOfShard: 'together' | 'empty-page', childShards: boolean) =>
  open(startSimulator(new FakeKinesis({ readLimits: false, endOfShard, childShards })));

let peers: Record<PeerName, { peer: KinesisClient; ours: KinesisClient }>;

beforeAll(async () => {
  peers = {
    'kinesis-local': { peer: await open(startKinesisLocal()), ours: await simulator('together', true) },
    kinesalite: { peer: await open(startKinesalite()), ours: await simulator('empty-page', false) },
  };
});

afterAll(async () => {
  for (const { server, client } of running) {
    client.destroy();
    await server.close();
  }
});

async function observe(client: KinesisClient, observation: Observation): Promise<unknown> {
  return observation(await ObservedStream.make(client, `observed-${++streams}`));
}

/** What both do, and either it is the same, or it differs exactly as intended: a difference that is gone fails as well. */
async function compare(name: PeerName, observation: Observation, intended: Difference | undefined): Promise<void> {
  const [ours, theirs] = await Promise.all([
    observe(peers[name].ours, observation),
    observe(peers[name].peer, observation),
  ]);
  expect(theirs).toEqual(intended === undefined ? ours : intended.theirs);
  if (intended !== undefined) expect(ours).not.toEqual(theirs);
}

describe.each<PeerName>(['kinesis-local', 'kinesalite'])(
  '%s agrees with the simulator, or differs as intended:',
  (name) => {
    test.each(Object.keys(OBSERVATIONS))('%s', (title) => compare(name, OBSERVATIONS[title]!, INTENDED[name][title]));

    test('no intended difference is about an observation that is gone', () => {
      expect(Object.keys(INTENDED[name]).filter((title) => !(title in OBSERVATIONS))).toEqual([]);
    });
  },
);

describe("kinesalite's recorded error texts are the simulator's, or differ as intended:", () => {
  test.each(Object.keys(TEXTS))('%s', (title) => compare('kinesalite', TEXTS[title]!, INTENDED_TEXTS[title]));
});

describe('the peers as processes', () => {
  test('listen on loopback only, and are gone after close', async () => {
    const peer = await startKinesalite();
    const { port } = new URL(peer.url);
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of outside) await expect(fetch(`http://${address}:${port}`)).rejects.toThrow();
    await expect(fetch(peer.url)).resolves.toBeDefined();
    await peer.close();
    await peer.close();
    expect(() => process.kill(peer.pid, 0)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
  });
});
