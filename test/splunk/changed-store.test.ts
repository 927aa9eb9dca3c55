/** An input whose position store is another one again and again, killed in between: by processes that splunkd starts, kills and edits. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../fakes/access-log.ts';
import { startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';
import type { Stanza } from '../fakes/splunkd/inputs.ts';
import { SIDE_BY_SIDE, splunkScenes } from './splunkd/scene.ts';

const inScene = splunkScenes();
const seed = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1_000_000);
const CHANGES = 8;

let dynalite: Peer;
beforeAll(async () => {
  dynalite = await startDynalite();
});
afterAll(() => dynalite.close());

const stores = (): readonly Stanza[] => {
  const table = (name: string) => ({
    checkpoint_store: 'dynamodb',
    checkpoint_table: name,
    dynamodb_endpoint: dynalite.url,
  });
  const none = { checkpoint_table: '', dynamodb_endpoint: '' };
  return [
    { checkpoint_store: 'local', ...none },
    { checkpoint_store: 'kvstore', ...none },
    table('first'),
    table('second'),
  ];
};

it(
  `that is killed in between loses nothing, and repeats at most what the killed ones delivered (KINLOG_SEED=${seed})`,
  SIDE_BY_SIDE,
  () =>
    inScene(async (scene) => {
      const random = seededRandom(seed);
      const places = stores();
      const host = await scene.host();
      await host.create('prod', scene.settings({ lease_period_s: '1', ...places[0] }));
      for (let n = 0; n < CHANGES; n++) {
        scene.put(Math.floor(random() * 40));
        // Wherever the change before has got to, or when everything is over.
        if (random() < 0.5) await scene.delivered();
        else await new Promise((resolve) => setTimeout(resolve, random() * 1500));
        if (random() < 0.5) {
          const runs = host.runs.length;
          host.current().child.kill('SIGKILL');
          await scene.until(() => host.runs.length > runs, 'splunkd starts it again');
        }
        const place = places[Math.floor(random() * places.length)]!;
        expect(await host.edit('prod', place)).toMatchObject({ status: 200 });
      }
      scene.put(20);
      await scene.delivered();
      const killed = host.runs.filter(({ input }) => input.exited === 'SIGKILL');
      expect(scene.repeated).toBeLessThanOrEqual(killed.reduce((sum, { input }) => sum + input.events, 0));
      expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
    }),
);

it('reads on where the last store had got to, not where a killed process once left the one before', SIDE_BY_SIDE, () =>
  inScene(async (scene) => {
    const [local, shared] = stores();
    const host = await scene.host();
    const settings = scene.settings({ lease_period_s: '1' });
    await host.create('prod', { ...settings, ...local });
    scene.put(20);
    await scene.delivered();
    host.current().child.kill('SIGKILL');
    host.writeConf('prod', { ...settings, ...shared });
    scene.put(20);
    await scene.delivered();
    const { repeated } = scene;
    await host.edit('prod', local!);
    scene.put(20);
    await scene.delivered();
    expect(scene.repeated).toBe(repeated);
  }),
);
