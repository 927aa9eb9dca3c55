/** Suite 1: whatever happens to a watch in whatever order while objects come and go, the cache ends equal to what the server lists. */
import { afterAll, beforeAll, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/events.ts';
import type { KubeApi } from '../../operator/kube/api.ts';
import { kubeClient } from '../../operator/kube/client.ts';
import { connect } from '../../operator/kube/connection.ts';
import { seededRandom } from '../fakes/access-log.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { answers, expired } from './fault-proxy.ts';
import { Follower } from './follower.ts';

let plane: ControlPlane;
let direct: KubeApi;
beforeAll(async () => {
  plane = await ControlPlane.start({ binary: builtFile() });
  direct = kubeClient(await connect(plane.kubeconfig('admin')), { log: silentLog() });
});
afterAll(async () => {
  await direct.close();
  await plane.stop();
});

const SEED = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1_000_000);

it(`the cache ends equal to the listing (KINLOG_SEED=${SEED})`, async () => {
  const scene = await Follower.start(plane, direct, 'watched');
  const random = seededRandom(SEED);
  const names = Array.from({ length: 12 }, (_, i) => `object-${i}`);
  const there = new Set<string>();
  const change = async (): Promise<void> => {
    const name = names[Math.floor(random() * names.length)]!;
    const removes = there.has(name) && random() < 0.5;
    if (removes) there.delete(name);
    else there.add(name);
    await (removes ? scene.remove(name) : scene.put(name));
  };
  const { proxy } = scene;
  const faults: (() => void)[] = [
    () => proxy.freeze(),
    () => proxy.reset(),
    () => proxy.end(),
    () => (proxy.answer = () => answers(503)),
    () => (proxy.answer = ({ what }) => (what === 'watch' ? answers(410, expired) : undefined)),
    () => (proxy.lines = (line) => [line, line]),
    () => (proxy.pieces = { bytes: 7, everyMs: 1 }),
    () => proxy.say(JSON.stringify({ type: 'ERROR', object: expired })),
    () => proxy.heal(),
    () => proxy.heal(),
  ];
  await scene.follow();
  for (let round = 0; round < 60; round++) {
    faults[Math.floor(random() * faults.length)]!();
    for (let changes = 0; changes < 5; changes++) await change();
    await systemClock.sleep(250 * random());
  }
  proxy.heal();
  await scene.converges(60_000);
  await scene.stop();
});
