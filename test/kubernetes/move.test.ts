/** A LogStream that moves to another cluster goes on where it was, with its positions in DynamoDB: one after the other, and without a gap. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../flow/cli-process.ts';
import { numbered } from '../flow/run-scene.ts';
import { Scene } from './scene.ts';

let here: Scene;
let there: Scene;

beforeAll(async () => {
  here = await Scene.start();
  there = await Scene.start({ ends: here.ends });
});
afterAll(async () => {
  await there.stop();
  await here.stop();
});

/** Read here, with first events in Splunk; the namespace is in both clusters. */
async function moving(namespace: string) {
  await Promise.all([here.namespace(namespace), there.namespace(namespace)]);
  const stream = await here.newStream();
  const logs = here.logStream(namespace, stream);
  const texts: string[] = [];
  const put = async (): Promise<void> => {
    const some = numbered(namespace, 100, texts.length);
    texts.push(...some);
    await here.put(stream, some);
  };
  /** Everything is in Splunk; answers how much of it twice. */
  const arrived = () => here.arrived(texts, `${namespace} `);
  await here.apply(logs);
  await ready(here, namespace);
  await put();
  expect(await arrived()).toBe(0);
  return { namespace, logs, put, arrived };
}

const ready = (scene: Scene, namespace: string) => scene.waitFor('condition=Ready', 'logstream/logs', namespace);

async function removed(scene: Scene, namespace: string): Promise<void> {
  await scene.plane.kubectlAside(['-n', namespace, 'delete', 'logstream', 'logs', '--timeout=40s']);
  await until(async () => (await scene.readers(namespace)).length === 0, `no reader in ${namespace}`);
}

describe('a LogStream that moves to another cluster', () => {
  it('goes on there where it was deleted, with what came in between', async () => {
    const { namespace, logs, put, arrived } = await moving('after');
    await removed(here, namespace);
    await put();
    await there.apply(logs);
    await ready(there, namespace);
    expect(await arrived()).toBe(0);
    await put();
    expect(await arrived()).toBe(0);
  });

  it('reads beside the one that is left, everything once between them, and reads alone when that is deleted', async () => {
    const { namespace, logs, put, arrived } = await moving('beside');
    await there.apply(logs);
    await ready(there, namespace);
    await put();
    expect(await arrived()).toBe(0);
    await removed(here, namespace);
    await put();
    expect(await arrived()).toBe(0);
  });
});
