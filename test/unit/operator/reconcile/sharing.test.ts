/** Two LogStreams that keep positions in the same rows: the first goes on, the other one waits and is told, and nothing is lost by it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import type { Checkpoint, LogStream, LogStreamSpec, Output } from '../../../../operator/logstream.ts';
import { NAMESPACE, SPEC, World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.secret();
});

const checkpoint = { ...SPEC.checkpoint, dynamoDB: { createTable: 'IfMissing', keys: 'Shard', tableName: 'one' } };
const shared = { checkpoint: checkpoint as Checkpoint };
const elsewhere = {
  checkpoint: { ...shared.checkpoint, dynamoDB: { ...shared.checkpoint.dynamoDB!, tableName: 'b' } },
};
const audit: Output[] = [{ ...SPEC.outputs[0]!, splunkHEC: { ...SPEC.outputs[0]!.splunkHEC!, index: 'audit' } }];

const keyOf = (name: string, namespace = NAMESPACE) => `${namespace}/${name}`;
const get = (name: string, namespace = NAMESPACE) =>
  world.kube.get(KINDS.logStream, namespace, name) as LogStream | undefined;
const configValid = (name: string, namespace = NAMESPACE) =>
  get(name, namespace)?.status?.conditions?.find(({ type }) => type === 'ConfigValid');
const verdict = (name: string, namespace = NAMESPACE) => configValid(name, namespace)?.reason;
const deploymentOf = (name: string) => world.child(KINDS.deployment, `${name}-reader`);

function create(name: string, spec: Partial<LogStreamSpec> = {}, namespace = NAMESPACE): void {
  world.create({ ...shared, ...spec }, { name, namespace });
}

/** All are made within one second unless a test says otherwise. */
function createLater(name: string, spec: Partial<LogStreamSpec> = {}): void {
  create(name, spec);
  const metadata = { ...get(name)!.metadata, creationTimestamp: '2026-01-01T00:00:01Z' };
  world.kube.put(KINDS.logStream, { ...get(name), metadata });
}

function edit(name: string, spec: Partial<LogStreamSpec>): void {
  world.kube.put(KINDS.logStream, { ...get(name), spec: { ...get(name)!.spec, ...spec } });
}

/** The caches catch up, and each of these is looked at, as often as one still changes something. */
async function settle(...keys: string[]): Promise<void> {
  for (let before = -1; before !== world.kube.writes.length;) {
    before = world.kube.writes.length;
    for (const key of keys) {
      world.operator.look();
      await world.operator.pass(key);
    }
  }
}

const both = () => settle(keyOf('a'), keyOf('b'));

describe('a LogStream whose positions would be those of another one', () => {
  it('is not started, and says whose they are and what to do, while the other one goes on', async () => {
    create('a');
    create('b', { outputs: audit });
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['Valid', 'PositionsShared']);
    expect(configValid('b')?.message).toBe(
      'spec.checkpoint.dynamoDB.tableName: the DynamoDB table one has the positions of LogStream logs/a, which reads the same stream for other outputs: ' +
        'each would get a part of the events. Name another place for these; or, to share the work, give both the same outputs and format in one namespace.',
    );
    const stalled = get('b')!.status!.conditions!.find(({ type }) => type === 'Stalled');
    expect(stalled).toMatchObject({ status: 'True', reason: 'PositionsShared' });
    expect([deploymentOf('a'), deploymentOf('b')].map(Boolean)).toEqual([true, false]);
  });

  it('is the younger one, whichever is looked at first', async () => {
    createLater('a');
    create('b', { outputs: audit });
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['PositionsShared', 'Valid']);
  });

  it('is the one that came to a place where somebody reads already, whatever their age', async () => {
    createLater('b', { outputs: audit });
    await settle(keyOf('b'));
    create('a', elsewhere);
    await both();
    edit('a', { ...shared, paused: true });
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['PositionsShared', 'Valid']);
    edit('a', { paused: false });
    world.restart();
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['PositionsShared', 'Valid']);
  });

  it('is the one whose cache was late when both were made within one second', async () => {
    create('b', { outputs: audit });
    world.operator.look();
    await world.operator.pass(keyOf('b'));
    create('a');
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['PositionsShared', 'Valid']);
  });

  it('keeps the reader that runs as it is', async () => {
    create('a');
    create('b', { ...elsewhere, outputs: audit });
    await both();
    const before = deploymentOf('b');
    edit('b', { ...shared, replicas: 1, logLevel: 'Debug' });
    await both();
    expect(verdict('b')).toBe('PositionsShared');
    expect(deploymentOf('b')).toEqual(before);
  });

  it('is looked at when the other one goes or makes room, and starts', async () => {
    create('a');
    create('b', { outputs: audit });
    await both();
    world.woken.length = 0;
    edit('a', { logLevel: 'Debug' });
    world.operator.look();
    expect(world.woken).toEqual([]);
    edit('a', elsewhere);
    world.operator.look();
    expect(world.woken).toEqual([keyOf('b')]);
    edit('a', shared);
    world.operator.look();
    world.woken.length = 0;
    world.kube.remove(KINDS.logStream, NAMESPACE, 'a');
    world.operator.look();
    expect(world.woken).toEqual([keyOf('b')]);
    await settle(keyOf('b'));
    expect([verdict('b'), deploymentOf('b') !== undefined]).toEqual(['Valid', true]);
  });

  it('waits for one that is paused, too: its positions are where they were', async () => {
    create('a', { paused: true });
    create('b', { outputs: audit });
    await both();
    expect(verdict('b')).toBe('PositionsShared');
  });

  it('may be in another namespace, where the same output is another one', async () => {
    create('a');
    create('b', {}, 'other');
    await settle(keyOf('a'), keyOf('b', 'other'));
    expect(verdict('b', 'other')).toBe('PositionsShared');
  });

  it('may read another stream: a table of one stream takes no second one, and one for several does', async () => {
    create('a');
    create('b', { source: { ...SPEC.source, streamName: 'payments' } });
    await both();
    expect(configValid('b')?.message).toMatch(/with keys: Shard those of one stream\. .* keys: Stream in both/);
    const keys = { checkpoint: { ...shared.checkpoint, dynamoDB: { ...shared.checkpoint.dynamoDB!, keys: 'Stream' } } };
    edit('a', keys as typeof shared);
    edit('b', keys as typeof shared);
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['Valid', 'Valid']);
  });

  it('with the same folder of a claim would never get the lock, whatever its outputs', async () => {
    const levelDB = { ...SPEC.checkpoint, type: 'LevelDB', applicationName: 'all', levelDB: { existingClaim: 'c' } };
    create('a', { checkpoint: levelDB as Checkpoint });
    create('b', { checkpoint: levelDB as Checkpoint });
    await both();
    expect(configValid('b')?.message).toMatch(/one reader alone can have it open/);
  });
});

describe('LogStreams with the same outputs and format', () => {
  it('share the work, also after one was made as the other one is', async () => {
    create('a');
    create('b');
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['Valid', 'Valid']);
    edit('a', { outputs: audit });
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['PositionsShared', 'Valid']);
    edit('b', { outputs: audit });
    await both();
    expect([verdict('a'), verdict('b')]).toEqual(['Valid', 'Valid']);
  });

  it('three of them do, whatever a fourth one waits for', async () => {
    create('a');
    create('b', { outputs: audit });
    create('c');
    await settle(keyOf('a'), keyOf('b'), keyOf('c'));
    expect(['a', 'b', 'c'].map((name) => verdict(name))).toEqual(['Valid', 'PositionsShared', 'Valid']);
  });
});

describe('deleting the positions with the LogStream', () => {
  const deletes = { deletionPolicy: 'Delete' } as const;
  const ask = async (name: string) => {
    const { metadata } = get(name)!;
    const going = { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    world.kube.put(KINDS.logStream, { ...get(name), metadata: going });
    await settle(keyOf(name));
  };

  it('is not done while they are those of another one, too', async () => {
    create('a', deletes);
    create('b', deletes);
    await both();
    await ask('b');
    expect(get('b')).toBeUndefined();
    expect(world.kube.all(KINDS.job)).toEqual([]);
    expect(world.told.find(({ reason }) => reason === 'PositionsKept')?.note).toContain('LogStream logs/a, too');
  });

  it('is not done by one that was refused, for they were never its', async () => {
    create('a');
    create('b', { ...elsewhere, ...deletes, outputs: audit });
    await both();
    edit('b', shared);
    await both();
    world.restart();
    await ask('b');
    expect(get('b')).toBeUndefined();
    expect(world.kube.all(KINDS.job)).toEqual([]);
  });

  it('is done although another one waits for the place', async () => {
    create('a', deletes);
    create('b', { outputs: audit });
    await both();
    await ask('a');
    expect(get('a')).toBeDefined();
    expect(world.kube.all(KINDS.job)).toHaveLength(1);
  });

  it('is done by the last one when all of them go', async () => {
    create('a', deletes);
    create('b', deletes);
    await both();
    await Promise.all([ask('a'), ask('b')]);
    expect(world.kube.all(KINDS.job).length).toBeGreaterThan(0);
  });
});

it('one that the CRD of another version let through harms no other one', async () => {
  create('a');
  world.kube.put(KINDS.logStream, { ...get('a'), metadata: { namespace: NAMESPACE, name: 'b', uid: 'odd' }, spec: {} });
  await settle(keyOf('a'));
  expect(verdict('a')).toBe('Valid');
});
