/** The life of an input under splunkd: registered, checked, started, edited, disabled, stopped, started again. */
import { describe, expect, it } from 'vitest';
import { SIDE_BY_SIDE, splunkScenes } from './splunkd/scene.ts';

const inScene = splunkScenes();

describe('an input', SIDE_BY_SIDE, () => {
  it('is checked when it is made, reads, and goes on after a shutdown where it was', () =>
    inScene(async (scene) => {
      const first = await scene.host();
      expect(await first.create('prod', scene.settings({ idle_ms: '1' }))).toEqual({
        status: 400,
        message: expect.stringMatching(/idle_ms is "1"/),
      });
      expect(first.runs).toEqual([]);
      expect((await first.create('prod', scene.settings())).status).toBe(201);
      scene.put(50);
      await scene.delivered();
      await first.shutdown();
      expect(first.runs.map(({ input, killed }) => [input.exited, killed])).toEqual([[0, false]]);
      scene.put(50);
      const second = await scene.host({ home: first.home });
      await second.create('prod', scene.settings());
      await scene.delivered();
      expect(scene.repeated).toBe(0);
    }));

  it('that is edited while events flow loses none, though the new process starts before the old one has gone', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings());
      for (let n = 0; n < 4; n++) {
        scene.put(40);
        await scene.until(() => host.current().events > 0, 'the newest process reads');
        expect((await host.edit('prod', { idle_ms: String(300 + n) })).status).toBe(200);
        scene.put(40);
      }
      await scene.delivered();
      expect(host.runs).toHaveLength(5);
      for (const { input } of host.runs.slice(0, -1)) expect(input.exited).toBe(0);
      expect(scene.repeated).toBe(0);
      expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
    }));

  it('that is edited again and again before any process has begun loses nothing, and repeats nothing', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      scene.put(20);
      await host.create('prod', scene.settings());
      for (let n = 0; n < 4; n++) host.writeConf('prod', scene.settings({ idle_ms: String(300 + n) }));
      await scene.delivered();
      scene.put(20);
      await scene.delivered();
      expect(host.runs).toHaveLength(5);
      await scene.until(() => host.runs.slice(0, -1).every(({ input }) => !input.runs), 'the old ones are gone');
      expect(scene.repeated).toBe(0);
      expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
    }));

  it('that a shell starts, whose end tells it nothing, ends by itself when it is edited', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings({ start_by_shell: 'true' }));
      scene.put(20);
      await scene.delivered();
      const old = host.current();
      await host.edit('prod', { idle_ms: '300' });
      scene.put(20);
      await scene.delivered();
      await scene.until(() => old.exited !== undefined, 'the old one has ended');
      expect(scene.repeated).toBe(0);
    }));

  it('that is refused on edit goes on as it was', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings());
      scene.put(5);
      await scene.delivered();
      expect((await host.edit('prod', { stream_name: 'a b' })).status).toBe(400);
      scene.put(5);
      await scene.delivered();
      expect(host.runs).toHaveLength(1);
    }));

  it('reads nothing while it is disabled, and everything that came meanwhile when it is enabled', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings());
      scene.put(10);
      await scene.delivered();
      await host.disable('prod');
      await host.current().ended();
      const meanwhile = scene.put(10);
      const calls = scene.fake.calls.length;
      await host.edit('prod', { idle_ms: '300' });
      expect(host.runs).toHaveLength(1);
      expect(scene.fake.calls).toHaveLength(calls);
      await host.enable('prod');
      await scene.delivered();
      expect(
        host
          .current()
          .document.events.map(({ fields }) => fields['data'])
          .sort(),
      ).toEqual(meanwhile.sort());
    }));

  it('ends when its stanza is removed, and one of the same name goes on at its positions', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings());
      scene.put(10);
      await scene.delivered();
      await host.remove('prod');
      expect(await host.current().ended()).toBe(0);
      scene.put(10);
      await host.create('prod', scene.settings());
      await scene.delivered();
      expect(scene.repeated).toBe(0);
    }));
});
