/** What an input does when splunkd, its KV store, a disk or a collector is not as it should be: it waits, or says once what is wrong. */
import { mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { TEST_CA } from '../fakes/certificates.ts';
import { FakeHec, TOKEN } from '../fakes/hec/hec.ts';
import { SIDE_BY_SIDE, splunkScenes } from './splunkd/scene.ts';

const inScene = splunkScenes();
/** From one start of an input that fails to the next, and less what the start itself takes. */
const AT_LEAST_MS = 25_000;
const KV = { checkpoint_store: 'kvstore', lease_period_s: '1' };

// What waits longest comes first: only a few run at once.

describe('an input', SIDE_BY_SIDE, () => {
  it('whose session has ended is started again with a new one, and goes on where it was', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings(KV));
      scene.put(10);
      await scene.delivered();
      host.expireSessions();
      await scene.until(() => host.said(/^ERROR/).length > 0, 'it says that it is known no more');
      scene.put(10);
      await scene.until(() => host.runs.length === 2, 'splunkd starts it again');
      await scene.delivered();
      expect(host.said(/^ERROR/)).toEqual([
        expect.objectContaining({ text: expect.stringMatching(/KINLOG_SESSION_ENDED/) }),
      ]);
      // Whatever was delivered before its position could be stored.
      expect(scene.repeated).toBeLessThanOrEqual(10);
    }));

  it('that can not run is started once in half a minute, and each time says once why', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      host.writeConf('prod', scene.settings({ log_level: 'LOUD' }));
      await scene.until(() => host.runs.length === 2, 'splunkd starts it again');
      expect(host.runs[1]!.startedMs - host.runs[0]!.startedMs).toBeGreaterThan(AT_LEAST_MS);
      await scene.until(() => host.said(/^ERROR/).length === 2, 'the second error line');
      expect(host.runs[0]!.input.exited).toBe(1);
    }));
});

describe('an HTTP Event Collector', SIDE_BY_SIDE, () => {
  it.each([
    ['whose token is disabled', { disabled: true }],
    ['that has no such index', { indexes: ['other'] }],
  ])('%s is told once, and gets every event when that is put right and the input is edited', (_, token) =>
    inScene(async (scene) => {
      const hec = new FakeHec({ tokens: { [TOKEN]: token } });
      const port = await hec.open();
      try {
        const host = await scene.host();
        host.splunkd.passwords.put('kinloader', 'kinloader_hec', 'main', TOKEN);
        const output = { output: 'hec', hec_url: port.url, hec_credential: 'main', index: 'web' };
        await host.create('prod', scene.settings(output));
        scene.put(20);
        await scene.until(() => host.said(/^(WARN|ERROR)/).length > 0, 'it is told');
        expect(host.said(/^(WARN|ERROR)/)).toHaveLength(1);
        hec.tokens.set(TOKEN, {});
        // By itself it would ask again within a minute.
        await host.edit('prod', { idle_ms: '300' });
        await scene.until(() => new Set(hec.events.map(({ event }) => event)).size === 20, 'the collector has them');
      } finally {
        await hec.close();
      }
    }),
  );

  it('gets every event over edits and kills; what it refuses for good goes to the dead letters, and reading goes on', () =>
    inScene(async (scene) => {
      const hec = new FakeHec();
      hec.maxEventBytes = 50_000;
      const port = await hec.open();
      try {
        const host = await scene.host();
        host.splunkd.passwords.put('kinloader', 'kinloader_hec', 'main', TOKEN);
        await host.create('prod', scene.settings({ output: 'hec', hec_url: port.url, hec_credential: 'main' }));
        const missing = () => {
          const got = new Set(hec.events.map(({ event }) => event));
          return scene.sent.filter((text) => text.length < 1000 && !got.has(text));
        };
        const delivered = () => scene.until(() => missing().length === 0, 'the collector has every event');
        scene.put(20);
        await delivered();
        scene.putLarge(60_000);
        scene.put(20);
        await delivered();
        const letters = path.join(host.home, 'var/lib/splunk/modinputs/kinesis_log/prod.dead-letters.ndjson');
        await scene.until(() => readFileSync(letters, 'utf8').includes('event 20 x'), 'the dead letter');
        await host.edit('prod', { idle_ms: '300' });
        scene.put(20);
        host.current().child.kill('SIGKILL');
        await delivered();
        expect(host.texts).toEqual([]);
        expect(hec.events.every(({ source }) => source !== undefined)).toBe(true);
      } finally {
        await hec.close();
      }
    }));
});

describe('the KV store', SIDE_BY_SIDE, () => {
  it('that is not ready is waited for with one line, and then the stream is read', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      host.faults.kvStatus = 'starting';
      await host.create('prod', scene.settings(KV));
      scene.put(10);
      const asked = () => host.calls.filter((call) => call.includes('kvstore') || call.includes('collections')).length;
      await scene.until(() => asked() >= 4, 'it is asked again and again');
      expect(host.events).toEqual([]);
      expect(host.said(/^(WARN|ERROR)/).length).toBeLessThanOrEqual(1);
      host.faults.kvStatus = 'ready';
      await scene.delivered();
      expect(host.said(/^(WARN|ERROR)/).length).toBeLessThanOrEqual(1);
      expect(host.runs).toHaveLength(1);
    }));

  it.each(['disabled', 'failed'])('that is %s is an error that says so, once, and nothing is read', (status) =>
    inScene(async (scene) => {
      const host = await scene.host();
      host.faults.kvStatus = status;
      await host.create('prod', scene.settings(KV));
      scene.put(10);
      await scene.until(() => host.said(/^ERROR/).length > 0, 'the error line');
      expect(host.said(/^ERROR/)).toEqual([expect.objectContaining({ text: expect.stringMatching(status) })]);
      expect(host.events).toEqual([]);
      expect(host.runs).toHaveLength(1);
    }),
  );

  it('that takes no writes any more is told, and reading goes on when it does', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings(KV));
      scene.put(10);
      await scene.delivered();
      host.faults.readOnly = true;
      scene.put(10);
      await scene.until(() => host.said(/^WARN checkpoint\.delayed/).length > 0, 'a position can not be stored');
      host.faults.readOnly = false;
      scene.put(10);
      await scene.delivered();
      expect(host.said(/^ERROR/)).toEqual([]);
      expect(host.runs).toHaveLength(1);
    }));

  it('that goes away for a while stops nothing but the delivery, which goes on when it is back', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      await host.create('prod', scene.settings(KV));
      scene.put(10);
      await scene.delivered();
      host.faults.outage = true;
      // Longer than the lease lasts: nobody here may know any more that the shards are still ours.
      await scene.until(() => host.said(/^WARN reader\.stalled/).length > 0, 'the store is missed');
      scene.put(10);
      host.faults.outage = false;
      await scene.delivered();
      expect(host.said(/^ERROR/)).toEqual([]);
      expect(host.runs).toHaveLength(1);
    }));
});

describe('splunkd', SIDE_BY_SIDE, () => {
  it('whose certificate nobody signed that is known here is refused, once, by what is wrong with it', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      writeFileSync(path.join(host.home, 'etc/auth/cacert.pem'), TEST_CA);
      await host.create('prod', scene.settings(KV));
      scene.put(10);
      await scene.until(() => host.said(/^ERROR/).length > 0, 'the error line');
      expect(host.said(/^ERROR/)).toEqual([expect.objectContaining({ text: expect.stringMatching(/certificate/) })]);
      expect(host.calls).toEqual([]);
      expect(host.events).toEqual([]);
    }));
});

describe('a disk', SIDE_BY_SIDE, () => {
  it('that is full when the place of the positions is written down is told by what the system says, and costs nothing once it has room', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      const folder = path.join(host.home, 'var/lib/splunk/modinputs/kinesis_log');
      mkdirSync(folder, { recursive: true });
      symlinkSync('/dev/full', path.join(folder, 'prod.store.next'));
      scene.put(10);
      await host.create('prod', scene.settings());
      await scene.until(() => host.said(/^WARN reader\.stalled/).length > 0, 'the line about it');
      expect(host.said(/^(WARN|ERROR)/)).toEqual([
        expect.objectContaining({ text: expect.stringMatching(/ENOSPC.*KINLOG_CHECKPOINT_UNAVAILABLE/) }),
      ]);
      expect(host.events).toEqual([]);
      unlinkSync(path.join(folder, 'prod.store.next'));
      await scene.delivered();
    }));

  it('that fills while the input reads is told, costs no event, and is written again when there is room', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      // The system refuses what goes beyond 512 bytes of a file, and the positions soon do.
      host.limits = '-f 1';
      await host.create('prod', scene.settings());
      await scene.until(() => {
        scene.put(1);
        return host.said(/^WARN checkpoint\.delayed/).length > 0;
      }, 'a position can not be stored');
      host.limits = undefined;
      await host.edit('prod', { idle_ms: '300' });
      scene.put(10);
      await scene.delivered();
      expect(host.said(/^ERROR/)).toEqual([]);
      await host.edit('prod', { idle_ms: '301' });
      const before = host.events.length;
      scene.put(10);
      await scene.delivered();
      expect(host.events).toHaveLength(before + 10);
    }));
});
