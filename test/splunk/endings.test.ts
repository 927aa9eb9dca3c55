/** Every end of an input that nobody wants: killed, orphaned, stalled, ended by its own fault. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../fakes/access-log.ts';
import type { HostProcessOptions } from './splunkd/host-process.ts';
import { SIDE_BY_SIDE, splunkScenes } from './splunkd/scene.ts';

const inScene = splunkScenes();
const seed = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1_000_000);
const KILLS = 8;

describe('an input that is killed', SIDE_BY_SIDE, () => {
  it(`${KILLS} times at random loses nothing, and repeats at most what the killed ones delivered (KINLOG_SEED=${seed})`, () =>
    inScene(async (scene) => {
      const random = seededRandom(seed);
      const host = await scene.host();
      await host.create('prod', scene.settings());
      for (let n = 0; n < KILLS; n++) {
        const input = host.current();
        scene.put(Math.floor(random() * 60));
        if (random() < 0.7) {
          const events = Math.floor(random() * 20);
          await scene.until(() => input.events >= events || scene.missing.length === 0, 'some events');
          scene.put(Math.floor(random() * 60));
        } else await new Promise((resolve) => setTimeout(resolve, random() * 400));
        input.child.kill('SIGKILL');
        await scene.until(() => host.runs.length === n + 2, 'splunkd starts it again');
      }
      await scene.delivered();
      const killed = host.runs.slice(0, -1).reduce((sum, { input }) => sum + input.events, 0);
      expect(scene.repeated).toBeLessThanOrEqual(killed);
      expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
    }));
});

describe('when splunkd is killed', SIDE_BY_SIDE, () => {
  const started: ChildProcessByStdio<null, Readable, null>[] = [];
  const orphans: number[] = [];
  afterAll(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    for (const pid of orphans.splice(0)) if (!isGone(pid)) process.kill(pid, 'SIGKILL');
  });

  it.each([
    ['has nothing to write', 0, {}],
    ['goes on writing into a pipe that nobody holds', 20, {}],
    ['has lost the KV store with its positions as well', 20, { checkpoint_store: 'kvstore' }],
  ])('an input that %s ends within five seconds, and stores nothing that splunkd did not take', (_, more, stanza) =>
    inScene(async (scene) => {
      const home = scene.app.scratch();
      const taken = path.join(home, 'taken');
      writeFileSync(taken, '');
      const before = scene.put(20);
      const { splunkd, pid } = await startHost({ home, taken, settings: scene.settings(stanza) });
      const got = () => readFileSync(taken, 'utf8').split('\n').slice(0, -1);
      await scene.until(() => got().length === before.length, 'splunkd has the events');
      splunkd.kill('SIGKILL');
      await once(splunkd, 'exit');
      const killedMs = performance.now();
      const after = scene.put(more);
      await scene.until(() => isGone(pid), 'the input has ended', 10_000);
      expect(performance.now() - killedMs).toBeLessThan(5000);
      const next = await scene.host({ home });
      await next.create('prod', scene.settings());
      await scene.until(() => after.every((text) => next.texts.includes(text)), 'the next one has the rest');
      expect(next.texts.length).toBeLessThanOrEqual(before.length + after.length);
    }),
  );

  async function startHost(
    options: HostProcessOptions,
  ): Promise<{ splunkd: ChildProcessByStdio<null, Readable, null>; pid: number }> {
    const splunkd = spawn(process.execPath, [path.join(import.meta.dirname, 'splunkd/host-process.ts')], {
      // What it leaves behind goes with the home.
      env: { PATH: process.env['PATH'] ?? '', TMPDIR: options.home, KINLOG_HOST: JSON.stringify(options) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(splunkd);
    const [line] = (await once(createInterface(splunkd.stdout), 'line')) as [string];
    orphans.push(Number(line));
    return { splunkd, pid: Number(line) };
  }
});

describe('an input whose pipe is full', SIDE_BY_SIDE, () => {
  it('ends in time when it is edited, and what splunkd takes later is whole', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings());
      scene.put(1);
      await scene.delivered();
      host.stall();
      for (let n = 0; n < 20; n++) scene.putLarge(200_000);
      const stalled = host.current();
      await scene.until(() => scene.fetched > 1_000_000, 'it has fetched');
      await host.edit('prod', { idle_ms: '300' });
      await stalled.gone;
      expect(host.runs.map(({ killed }) => killed)).toEqual([false, false]);
      expect(stalled.child.exitCode).toBe(0);
      host.resume();
      await scene.delivered();
      expect(scene.repeated).toBeLessThanOrEqual(20);
      // The new one has waited for the positions that the old one still had.
      expect(host.said(/^ERROR/)).toEqual([]);
      expect(host.runs).toHaveLength(2);
    }));
});

describe('an input that can not run', SIDE_BY_SIDE, () => {
  it('is started once, not again and again, says why once, and reads when its stanza was put right', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      scene.put(5);
      host.writeConf('prod', { ...scene.settings(), record_format: 'xml' });
      await scene.until(() => host.said(/record_format/).length > 0, 'the error line');
      // splunkd's answer to an end is an immediate start: nothing may end by itself here.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(host.runs).toHaveLength(1);
      expect(host.said(/^ERROR/)).toHaveLength(1);
      host.writeConf('prod', scene.settings());
      await scene.delivered();
      expect(host.runs).toHaveLength(2);
    }));

  it('is started by the clock when its interval says so, and never beside one that runs', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings({ interval: '1' }));
      scene.put(5);
      await scene.delivered();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(host.runs).toHaveLength(1);
      host.current().child.kill('SIGKILL');
      scene.put(5);
      await scene.delivered();
      expect(host.runs).toHaveLength(2);
    }));
});

/** Whoever adopts an orphan may take a moment to bury it. */
function isGone(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}
