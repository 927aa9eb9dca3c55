/** The whole way: `kubectl apply` of a LogStream, and what is put into the stream is in Splunk, whatever is killed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numbered } from '../flow/run-scene.ts';
import { Scene } from './scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.start();
});
afterAll(() => scene.stop());

describe('from kubectl apply to Splunk', () => {
  it('everything that was put into the stream is accepted, and nothing twice', async () => {
    const namespace = await scene.namespace('whole');
    const stream = await scene.newStream();
    const texts = numbered('whole', 300);
    await scene.put(stream, texts);
    await scene.apply(scene.logStream(namespace, stream));
    await scene.waitFor('condition=Ready', 'logstream/logs', namespace);
    expect(await scene.arrived(texts, 'whole ')).toBe(0);
  });
});
