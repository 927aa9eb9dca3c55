/** kinlog and the real KCL hand a stream over to each other, while it is split and merged, on Amazon's own DynamoDB Local. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDynamoLocal } from '../fakes/peers/dynamodb-local.ts';
import { startKinesisLocal } from '../fakes/peers/kinesis-local.ts';
import { until } from '../flow/cli-process.ts';
import { shardId } from '../fakes/peers/observed-stream.ts';
import type { KclVersion } from './kcl-worker.ts';
import type { KinlogReader } from './kinlog-reader.ts';
import { leaseForm, recordedForms } from './lease-form.ts';
import { storedPositions, type LeaseTableItems } from './lease-table.ts';
import { HALF_WAY, type Scene } from './scene.ts';
import { Stage, type Reader, type Servers } from './stage.ts';
import { behind, disordered, duplicates, lost } from './tally.ts';

const VERSIONS: readonly KclVersion[] = ['kcl2', 'kcl3'];
let servers: Servers;

beforeAll(async () => {
  const [kinesis, dynamo] = await Promise.all([
    startKinesisLocal(),
    startDynamoLocal(process.env['KINLOG_DYNAMODB_LOCAL']!),
  ]);
  servers = { kinesis, dynamo };
});
afterAll(() => Promise.all([servers.kinesis.close(), servers.dynamo.close()]));

/** Ends where the first reader is stuck: in the middle of an aggregate of shard 2, with more behind it. */
async function readHalf({ scene, say, taken }: Stage, first: Reader): Promise<void> {
  await scene.put(3);
  await taken(scene.all, first);
  say('took what was there; the stream is split');
  await scene.split();
  await scene.put(2);
  await taken(scene.all, first);
  say('took what came after the split');
  await scene.putHalfWay();
  await scene.put(1);
  await taken(scene.in(0, 1, 3), first);
}

/** Leases that no real KCL would have written so at any time of the scenario. */
function odd({ leases }: LeaseTableItems, version: KclVersion): string[] {
  const recorded = recordedForms(version);
  return [...leases.values()].map(leaseForm).filter((form) => ![...recorded.values()].some((forms) => forms.has(form)));
}

/** Shards with something left to read that are still somebody's. */
function owned({ leases }: LeaseTableItems): string[] {
  const unfinished = [...leases].filter(([, item]) => item['checkpoint']?.S !== 'SHARD_END');
  return unfinished.filter(([, item]) => 'leaseOwner' in item).map(([key]) => key);
}

async function refused(reader: KinlogReader): Promise<void> {
  await until(() => reader.failure !== undefined, 'the KCL is noticed', 60_000);
  expect(reader.failure).toMatch(/KCL worker worker-1 .*\(KINLOG_KCL_ALIVE\)/);
}

/** What lies behind the stored positions: all that a next reader may deliver again. */
function open({ sent }: Scene, table: LeaseTableItems): Set<string> {
  return behind(sent, storedPositions(table));
}

function expectEverythingOnce({ sent }: Scene, taken: readonly string[]): void {
  expect(lost(sent, taken)).toEqual([]);
  expect(duplicates(taken)).toEqual([]);
  expect(disordered(sent, taken)).toEqual([]);
}

describe.concurrent.each(VERSIONS)('%s', (version) => {
  it('is left alone while it lives, and once it has stopped kinlog goes on in the middle of its aggregate', async () => {
    await using stage = await Stage.open('kcl-first', version, servers);
    const { scene } = stage;
    const kcl = stage.kcl('worker-1', HALF_WAY);
    await readHalf(stage, kcl);
    await stage.taken([HALF_WAY], kcl);

    stage.say('kinlog tries while the KCL lives');
    const early = stage.kinlog('early');
    await refused(early);
    expect(early.taken).toEqual([]);
    expect(kcl.troubles).toEqual([]);
    await kcl.stop();
    const left = await stage.table();
    expect(odd(left, version)).toEqual([]);
    expect([...left.leases.values()].filter((item) => 'kinlog' in item)).toEqual([]);
    // What it took is stored, to the event: whoever goes on has nothing to deliver twice.
    expect(kcl.taken.filter((text) => open(scene, left).has(text))).toEqual([]);

    stage.say('the KCL has stopped; the stream is merged, and kinlog watches the leases');
    await scene.merge();
    await scene.put(2);
    const kinlog = stage.kinlog('next');
    await stage.taken(scene.all, kcl, kinlog);
    await scene.put(1);
    await stage.taken(scene.all, kcl, kinlog);
    await until(async () => open(scene, await stage.table()).size === 0, 'kinlog has stored what it took');
    expectEverythingOnce(scene, [...kcl.taken, ...kinlog.taken]);
    const end = await stage.table();
    expect(odd(end, version)).toEqual([]);
    expect(end.others).toEqual(left.others);

    stage.say('kinlog took the rest; the KCL is started beside it');
    const back = stage.kcl('worker-1');
    await refused(kinlog);
    await scene.put(1);
    await stage.taken(scene.all, kcl, kinlog, back);
    expectEverythingOnce(scene, [...kcl.taken, ...kinlog.taken, ...back.taken]);
    stage.say('the KCL goes on alone');
  });

  it('goes on where kinlog stopped, and once it was killed kinlog goes on where it had stored', async () => {
    await using stage = await Stage.open('kinlog-first', version, servers);
    const { scene } = stage;
    const first = stage.kinlog('first', HALF_WAY);
    await readHalf(stage, first);
    await scene.merge();
    await scene.put(2);
    await first.stop();
    expect(odd(await stage.table(), 'kcl2')).toEqual([]);

    stage.say('kinlog has stopped; a KCL begins');
    const kcl = stage.kcl('worker-1');
    await stage.taken(scene.all, first, kcl);
    await scene.put(1);
    await stage.taken(scene.all, first, kcl);
    expectEverythingOnce(scene, [...first.taken, ...kcl.taken]);
    await kcl.kill();
    expect(kcl.troubles).toEqual([]);
    const killed = await stage.table();
    expect(odd(killed, 'kcl2')).toEqual([]);

    stage.say('the KCL was killed; kinlog watches its leases');
    await scene.put(1);
    const again = stage.kinlog('again');
    await stage.taken(scene.all, first, kcl, again);
    const taken = [...first.taken, ...kcl.taken, ...again.taken];
    expect(lost(scene.sent, taken)).toEqual([]);
    expect(disordered(scene.sent, taken)).toEqual([]);
    expect(duplicates(taken).filter((text) => !open(scene, killed).has(text))).toEqual([]);

    await again.stop();
    stage.say('kinlog took the rest');
    const end = await stage.table();
    expect(odd(end, 'kcl2')).toEqual([]);
    expect(owned(end)).toEqual([]);
  });

  it('and kinlog find each other in a table for several streams', async () => {
    await using stage = await Stage.openForSeveral(version, servers);
    const { scene, identifier } = stage;
    await scene.put(2);
    const first = stage.kinlog('first');
    await stage.taken(scene.all, first);
    await first.stop();

    stage.say('kinlog has stopped; a KCL begins');
    const kcl = stage.kcl('worker-1');
    await scene.put(1);
    await stage.taken(scene.all, first, kcl);
    await scene.split();
    await scene.put(1);
    await stage.taken(scene.all, first, kcl);
    expectEverythingOnce(scene, [...first.taken, ...kcl.taken]);
    await kcl.kill();
    const killed = await stage.table();
    const keys = [...killed.leases.keys()].sort();
    expect(keys).toEqual([0, 1, 2, 3].map((shard) => `${identifier}:${shardId(shard)}`));
    for (const [key, item] of killed.leases)
      expect(item).toMatchObject({ streamName: { S: identifier }, shardId: { S: key.split(':')[3] } });

    stage.say('the KCL was killed; kinlog watches its leases');
    await scene.put(1);
    const again = stage.kinlog('again');
    await stage.taken(scene.all, first, kcl, again);
    await again.stop();
    stage.say('kinlog took the rest');
    const taken = [...first.taken, ...kcl.taken, ...again.taken];
    expect(duplicates(taken).filter((text) => !open(scene, killed).has(text))).toEqual([]);
    const end = await stage.table();
    expect([...end.leases.keys()].sort()).toEqual(keys);
    expect(owned(end)).toEqual([]);
  });
});
