/** Suite 1: whatever happens to a watch, the cache ends equal to what the server lists, every deletion is told, and the server is not asked in a tight loop. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { EventLog } from '../../base/events.ts';
import type { KubeApi } from '../../operator/kube/api.ts';
import { kubeClient } from '../../operator/kube/client.ts';
import { connect } from '../../operator/kube/connection.ts';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import { until } from '../flow/cli-process.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { answers, expired } from './fault-proxy.ts';
import { Follower } from './follower.ts';

let plane: ControlPlane;
/** Past the proxy. */
let direct: KubeApi;

beforeAll(async () => {
  plane = await ControlPlane.start({ binary: builtFile() });
  direct = kubeClient(await connect(plane.kubeconfig('admin')), { log: new EventLog(() => undefined) });
});
afterAll(async () => {
  await direct.close();
  await plane.stop();
});

let scene: Follower;
let namespaces = 0;
beforeEach(async () => {
  scene = await Follower.start(plane, direct, `watched-${++namespaces}`);
});
afterEach(() => scene.stop());

describe('connections', () => {
  it('that nobody closes and nobody hears of are given up, and the watch goes on', async () => {
    await scene.follow(['a', 'b']);
    scene.proxy.freeze();
    await scene.remove('a');
    await scene.put('c');
    await scene.converges();
    expect(scene.proxy.count('list')).toBe(1);
  });

  it('that are reset within a line lose nothing', async () => {
    await scene.follow(['a', 'b']);
    for (const name of ['c', 'd', 'e']) {
      await scene.put(name);
      await scene.remove(name === 'c' ? 'a' : name);
      scene.proxy.reset();
      await scene.converges();
    }
    expect(scene.proxy.count('list')).toBe(1);
  });

  it('that are slower than any deadline for a whole event lose nothing', async () => {
    await scene.follow(['a']);
    // One event takes longer than the silence that is allowed.
    scene.proxy.pieces = { bytes: 20, everyMs: 100 };
    await scene.put('b', { text: 'x'.repeat(1_000) });
    await scene.remove('a');
    await scene.converges();
    expect(scene.proxy.count('watch')).toBe(1);
  });

  it('that split characters and lines anywhere keep every byte', async () => {
    await scene.follow();
    scene.proxy.pieces = { bytes: 1, everyMs: 0 };
    const text = 'Grüße, 世界 😀\u2028';
    await scene.put('a', { text });
    await scene.converges();
    expect(scene.cache.get(scene.namespace, 'a')).toMatchObject({ data: { text } });
  });

  it('that end cleanly each second lose nothing and cost about a call a second', async () => {
    await scene.follow(['a']);
    const before = scene.proxy.seen.length;
    for (let i = 0; i < 8; i++) {
      await scene.put(`round-${i}`);
      if (i > 1) await scene.remove(`round-${i - 2}`);
      await systemClock.sleep(1_000);
      scene.proxy.end();
    }
    await scene.converges();
    expect(scene.proxy.seen.length - before).toBeLessThan(14);
    expect(scene.proxy.count('list')).toBe(1);
  });
});

describe('a moment that the server has forgotten', () => {
  it('told by HTTP leads to a listing', async () => {
    await scene.follow(['a', 'b']);
    scene.proxy.answer = ({ what }) => (what === 'watch' ? answers(410, expired) : undefined);
    scene.proxy.reset();
    await scene.remove('a');
    await scene.put('c');
    await scene.converges();
    expect(scene.proxy.count('list')).toBeGreaterThan(1);
    scene.proxy.heal();
    await scene.put('d');
    await scene.converges();
  });

  it('told within the watch leads to a listing', async () => {
    await scene.follow(['a', 'b']);
    scene.proxy.lines = () => [JSON.stringify({ type: 'ERROR', object: expired })];
    await scene.remove('a');
    await until(() => scene.told.includes('deleted a'), 'the deletion told');
    scene.proxy.heal();
    await scene.put('c');
    await scene.converges();
    expect(scene.proxy.count('list')).toBeGreaterThan(1);
  });

  it('in the middle of a listing makes it begin anew, and nothing is told twice', async () => {
    await Promise.all(Array.from({ length: 520 }, (_, i) => scene.put(`many-${i}`)));
    let refused = 0;
    scene.proxy.answer = ({ query }) => (query.has('continue') && refused++ === 0 ? answers(410, expired) : undefined);
    await scene.begin().synced;
    await scene.converges();
    expect(refused).toBe(2);
    expect(new Set(scene.told).size).toBe(scene.told.length);
  });

  it('because etcd was compacted and the server restarted while nobody watched', async () => {
    await scene.follow(['kept', 'changed', 'gone', 'replaced']);
    scene.proxy.answer = () => answers(503);
    scene.proxy.reset();
    await scene.put('changed');
    for (const name of ['gone', 'replaced']) await scene.remove(name);
    for (const name of ['replaced', 'new']) await scene.put(name);
    await compact();
    await plane.kill('kube-apiserver');
    await plane.run('kube-apiserver');
    scene.told.length = 0;
    scene.proxy.heal();
    await scene.converges();
    const news = ['added new', 'added replaced', 'deleted gone', 'deleted replaced', 'modified changed'];
    expect(scene.told.toSorted()).toEqual(news);
    // The real server said it, not the proxy.
    expect(scene.proxy.count('list')).toBeGreaterThan(1);
  });
});

/** As etcd itself does every five minutes for the API server. */
async function compact(): Promise<void> {
  const post = async (path: string, body: object) => {
    const answer = await fetch(plane.etcdUrl + path, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { header: { revision: string } };
  };
  const { header } = await post('/v3/kv/range', { key: btoa('none') });
  await post('/v3/kv/compaction', { revision: header.revision, physical: true });
}

describe('a server', () => {
  it('that starts says 500, 503, 404 and 429 before it lists, and nothing is synced before', async () => {
    await scene.put('a');
    const queue = [answers(500), answers(503, 'no'), answers(404, '404 page not found\n'), answers(429)];
    scene.proxy.answer = () => queue[0];
    const { synced } = scene.begin();
    let settled = false;
    void synced.then(() => (settled = true));
    while (queue.length > 0) {
      const before = scene.proxy.seen.length;
      await until(() => scene.proxy.seen.length > before, 'asked again');
      expect(settled).toBe(false);
      queue.shift();
    }
    await synced;
    await scene.converges();
  });

  it('that has more than fits one answer is asked for less at once', async () => {
    const text = 'x'.repeat(900_000);
    for (let i = 0; i < 20; i++) await scene.put(`large-${i}`, { text });
    await scene.begin().synced;
    await scene.converges();
    expect(scene.told).toHaveLength(20);
    expect(scene.proxy.count('list')).toBeGreaterThan(3);
    expect(scene.lines).toEqual([]);
  });

  it.each([500, 503, 404])('that answers %i for a while takes nothing out of the cache', async (status) => {
    await scene.follow(['a', 'b']);
    const known = [...scene.cache.list()].length;
    scene.told.length = 0;
    scene.proxy.answer = () => (status === 404 ? answers(404, '404 page not found\n') : answers(status));
    scene.proxy.reset();
    const before = scene.proxy.seen.length;
    await until(() => scene.proxy.seen.length >= before + 2, 'asked twice');
    expect([...scene.cache.list()]).toHaveLength(known);
    await scene.remove('a');
    scene.proxy.heal();
    await scene.converges();
    expect(scene.told).toEqual(['deleted a']);
    expect(scene.proxy.count('list')).toBe(1);
  });

  it('that asks to be left alone for three seconds is left alone so long', async () => {
    await scene.follow(['a']);
    scene.proxy.answer = () => ({ ...answers(429), headers: { 'retry-after': '3' } });
    const before = scene.proxy.seen.length;
    scene.proxy.end();
    await until(() => scene.proxy.seen.length >= before + 2, 'asked twice');
    const [first, second] = scene.proxy.seen.slice(before);
    expect(second!.atMs - first!.atMs).toBeGreaterThan(2_900);
    scene.proxy.heal();
    await scene.put('b');
    await scene.converges();
  });

  it('that takes the right to watch away keeps the cache alive, and is followed when it is given back', async () => {
    const user = 'system:serviceaccount:default:follower';
    const where = ['-n', scene.namespace];
    plane.kubectl([...where, 'create', 'role', 'watch', '--verb=get,list,watch', '--resource=configmaps']);
    plane.kubectl([...where, 'create', 'rolebinding', 'watch', '--role=watch', `--user=${user}`]);
    plane.kubectl(['create', 'serviceaccount', 'follower']);
    const token = plane.kubectl(['create', 'token', 'follower']).trim();
    const connection = await connect(plane.kubeconfigFor('follower', token, scene.proxy.url));
    const api = kubeClient(connection, { log: new EventLog(() => undefined) });
    await scene.put('a');
    await scene.begin(api).synced;
    await until(() => scene.proxy.watching === 1, 'the watch is open');
    plane.kubectl([...where, 'delete', 'rolebinding', 'watch']);
    await until(() => {
      // Again, while the server goes by roles that it has read before.
      scene.proxy.end();
      return scene.lines.length > 0;
    }, 'told');
    await scene.remove('a');
    const before = scene.proxy.seen.length;
    await until(() => scene.proxy.seen.length >= before + 2, 'asked twice');
    expect(scene.lines).toEqual(['watch.stalled forbidden']);
    expect(scene.cache.get(scene.namespace, 'a')).toBeDefined();
    plane.kubectl([...where, 'create', 'rolebinding', 'watch', '--role=watch', `--user=${user}`]);
    await scene.converges();
    await api.close();
  });
});

describe('events', () => {
  it('that are only bookmarks move the moment from which the watch goes on', async () => {
    await scene.follow(['a']);
    plane.kubectl(['create', 'configmap', scene.namespace]);
    const resourceVersion = await newestVersion();
    const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion } };
    scene.proxy.say(JSON.stringify({ type: 'BOOKMARK', object }));
    const before = scene.proxy.seen.length;
    scene.proxy.end();
    await until(() => scene.proxy.seen.length > before, 'watched again');
    expect(scene.proxy.seen[before]!.query.get('resourceVersion')).toBe(resourceVersion);
    await scene.remove('a');
    await scene.converges();
  });

  it('that come twice are told once', async () => {
    await scene.follow(['a']);
    scene.told.length = 0;
    scene.proxy.lines = (line) => [line, line];
    await scene.put('b');
    await scene.put('b');
    await scene.remove('a');
    await scene.converges();
    expect(scene.told).toEqual(['added b', 'modified b', 'deleted a']);
    expect(scene.proxy.count('list')).toBe(1);
  });

  it('that come in the wrong order are not believed', async () => {
    await scene.follow(['a']);
    let kept: string | undefined;
    // Each second one before the first.
    scene.proxy.lines = (line) => {
      const both = kept === undefined ? [] : [line, kept];
      kept = kept === undefined ? line : undefined;
      return both;
    };
    await scene.put('b');
    await scene.remove('b');
    await until(() => scene.proxy.count('list') > 1, 'listed again');
    scene.proxy.heal();
    await scene.put('c');
    await scene.converges();
    expect(scene.cache.get(scene.namespace, 'b')).toBeUndefined();
  });

  it('of a deletion and a new creation in the gap are both told', async () => {
    await scene.follow(['a', 'b']);
    scene.told.length = 0;
    scene.proxy.answer = () => answers(503);
    scene.proxy.reset();
    await scene.remove('a');
    const made = await scene.put('a');
    scene.proxy.heal();
    await scene.converges();
    expect(scene.told).toEqual(['deleted a', 'added a']);
    expect(scene.cache.get(scene.namespace, 'a')!.metadata.uid).toBe(made.metadata.uid);
  });
});

/** Of all ConfigMaps. */
async function newestVersion(): Promise<string> {
  const { metadata } = await direct.call<{ metadata: { resourceVersion: string } }>({
    method: 'GET',
    path: pathOf(KINDS.configMap, undefined),
    query: { limit: 1 },
  });
  return metadata.resourceVersion;
}
