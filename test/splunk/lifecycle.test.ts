/** The life of an input under splunkd: registered, checked, started, edited, disabled, stopped, started again. */
import { describe, expect, it } from 'vitest';
import { splunkScene } from './splunkd/scene.ts';

const scene = splunkScene();

describe('an input', () => {
  it('is checked when it is made, reads, and goes on after a shutdown where it was', async () => {
    const first = await scene.current.host();
    expect(await first.create('prod', scene.current.settings({ idle_ms: '1' }))).toEqual({
      status: 400,
      message: expect.stringMatching(/idle_ms is "1"/),
    });
    expect(first.runs).toEqual([]);
    expect((await first.create('prod', scene.current.settings())).status).toBe(201);
    scene.current.put(50);
    await scene.current.delivered();
    await first.shutdown();
    expect(first.runs.map(({ input, killed }) => [input.exited, killed])).toEqual([[0, false]]);
    scene.current.put(50);
    const second = await scene.current.host({ home: first.home });
    await second.create('prod', scene.current.settings());
    await scene.current.delivered();
    expect(scene.current.repeated).toBe(0);
  });

  it('that is edited while events flow loses none, though the new process starts before the old one has gone', async () => {
    const host = await scene.current.host();
    await host.create('prod', scene.current.settings());
    for (let n = 0; n < 4; n++) {
      scene.current.put(40);
      await scene.current.until(() => host.current().events > 0, 'the newest process reads');
      expect((await host.edit('prod', { idle_ms: String(300 + n) })).status).toBe(200);
      scene.current.put(40);
    }
    await scene.current.delivered();
    expect(host.runs).toHaveLength(5);
    for (const { input } of host.runs.slice(0, -1)) expect(input.exited).toBe(0);
    expect(scene.current.repeated).toBe(0);
    expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
  });

  it('that is refused on edit goes on as it was', async () => {
    const host = await scene.current.host();
    await host.create('prod', scene.current.settings());
    scene.current.put(5);
    await scene.current.delivered();
    expect((await host.edit('prod', { stream_name: 'a b' })).status).toBe(400);
    scene.current.put(5);
    await scene.current.delivered();
    expect(host.runs).toHaveLength(1);
  });

  it('reads nothing while it is disabled, and everything that came meanwhile when it is enabled', async () => {
    const host = await scene.current.host();
    await host.create('prod', scene.current.settings());
    scene.current.put(10);
    await scene.current.delivered();
    await host.disable('prod');
    await host.current().ended();
    const meanwhile = scene.current.put(10);
    const calls = scene.current.fake.calls.length;
    await host.edit('prod', { idle_ms: '300' });
    expect(host.runs).toHaveLength(1);
    expect(scene.current.fake.calls).toHaveLength(calls);
    await host.enable('prod');
    await scene.current.delivered();
    expect(
      host
        .current()
        .document.events.map(({ fields }) => fields['data'])
        .sort(),
    ).toEqual(meanwhile.sort());
  });

  it('ends when its stanza is removed, and one of the same name goes on at its positions', async () => {
    const host = await scene.current.host();
    await host.create('prod', scene.current.settings());
    scene.current.put(10);
    await scene.current.delivered();
    await host.remove('prod');
    expect(await host.current().ended()).toBe(0);
    scene.current.put(10);
    await host.create('prod', scene.current.settings());
    await scene.current.delivered();
    expect(scene.current.repeated).toBe(0);
  });
});
