/** Several hosts and one stream: shared or refused as the stanza says, by the KV store of a search-head cluster and by DynamoDB. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';
import type { Stanza } from '../fakes/splunkd/inputs.ts';
import { splunkdWith, type SplunkHost } from './splunkd/host.ts';
import { SIDE_BY_SIDE, splunkScenes, type SplunkScene } from './splunkd/scene.ts';

const inScene = splunkScenes();
let dynalite: Peer | undefined;
let tables = 0;
beforeAll(async () => {
  dynalite = await startDynalite();
});
afterAll(() => dynalite?.close());

const STORES: [string, () => Stanza][] = [
  ['KV store', () => ({ checkpoint_store: 'kvstore' })],
  [
    'DynamoDB',
    () => ({ checkpoint_store: 'dynamodb', checkpoint_table: `rows-${++tables}`, dynamodb_endpoint: dynalite!.url }),
  ],
];

/** Members of one cluster, which share the KV store and the password storage, each with the same stanza. */
async function members(scene: SplunkScene, count: number, stanza: Stanza): Promise<SplunkHost[]> {
  const splunkd = splunkdWith(scene.app);
  const hosts: SplunkHost[] = [];
  for (let n = 0; n < count; n++) {
    const host = await scene.host({ splunkd, serverRoles: ['shc_member', 'kv_store'] });
    hosts.push(host);
    await host.create('prod', scene.settings({ lease_period_s: '1', ...stanza }));
  }
  return hosts;
}

/** Puts events until the fact holds, and then waits for all of them. */
async function flowUntil(scene: SplunkScene, fact: () => boolean, what: string): Promise<void> {
  await scene.until(() => {
    scene.put(4);
    return fact();
  }, what);
  await scene.delivered();
}

describe('an input that runs on the captain', SIDE_BY_SIDE, () => {
  it('moves with it, and nobody else reads', () =>
    inScene(async (scene) => {
      const splunkd = splunkdWith(scene.app);
      const stanza = { checkpoint_store: 'kvstore', run_on: 'captain' };
      const [captain, member] = [
        await scene.host({ splunkd, serverRoles: ['shc_member', 'shc_captain'] }),
        await scene.host({ splunkd, serverRoles: ['shc_member'] }),
      ];
      for (const host of [captain, member]) await host.create('prod', scene.settings(stanza));
      scene.put(10);
      await scene.delivered();
      await scene.until(() => member.said(/captain\.elsewhere/).length > 0, 'the other one waits');
      expect([captain.events.length, member.events.length]).toEqual([10, 0]);
      captain.serverRoles = ['shc_member'];
      member.serverRoles = ['shc_member', 'shc_captain'];
      await scene.until(() => captain.said(/captain\.elsewhere/).length > 0, 'the old one has noticed');
      await scene.until(() => member.said(/captain\.here/).length > 0, 'the new one has noticed');
      scene.put(10);
      await scene.delivered();
      expect([captain.events.length, member.events.length]).toEqual([10, 10]);
      expect([captain.runs.length, member.runs.length]).toEqual([1, 1]);
      for (const host of [captain, member]) expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
    }));
});

describe.each(STORES)('two hosts on one stream with positions in the %s', SIDE_BY_SIDE, (_, store) => {
  it('share its shards, and when one is shut down the other reads on: every event once', () =>
    inScene(async (scene) => {
      const [first, second] = await members(scene, 2, store());
      await flowUntil(scene, () => first!.events.length > 0 && second!.events.length > 0, 'both deliver');
      const before = [first!.events.length, second!.events.length];
      await flowUntil(
        scene,
        () => first!.events.length > before[0]! && second!.events.length > before[1]!,
        'both go on',
      );
      await first!.shutdown();
      scene.put(20);
      await scene.delivered();
      expect(scene.repeated).toBe(0);
      for (const host of [first!, second!]) expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
    }));

  it('lose nothing when one of them dies, and repeat at most what it had delivered', () =>
    inScene(async (scene) => {
      const [first, second] = await members(scene, 2, store());
      await flowUntil(scene, () => first!.events.length > 0 && second!.events.length > 0, 'both deliver');
      first!.die();
      scene.put(20);
      await scene.delivered();
      expect(scene.repeated).toBeLessThanOrEqual(first!.events.length);
    }));

  it('that refuse others: the second says so and reads nothing until the first is gone, then takes over', () =>
    inScene(async (scene) => {
      const [first, second] = await members(scene, 2, { ...store(), other_readers: 'refuse' });
      await scene.until(() => second!.said(/^ERROR reader\.aside/).length > 0, 'the second stands aside');
      scene.put(20);
      await scene.delivered();
      expect([first!.events.length, second!.events.length]).toEqual([20, 0]);
      await first!.shutdown();
      scene.put(20);
      await scene.delivered();
      expect(second!.events).toHaveLength(20);
      expect(second!.said(/^ERROR/)).toHaveLength(1);
      expect(first!.said(/^(WARN|ERROR)/)).toEqual([]);
    }));

  it('that refuse others and start at the same moment: one reads, the other says that it does not', () =>
    inScene(async (scene) => {
      const splunkd = splunkdWith(scene.app);
      const hosts = [await scene.host({ splunkd }), await scene.host({ splunkd })];
      const stanza = scene.settings({ lease_period_s: '1', ...store(), other_readers: 'refuse' });
      await Promise.all(hosts.map((host) => host.create('prod', stanza)));
      await flowUntil(
        scene,
        () => hosts.some((host) => host.said(/^ERROR reader\.aside/).length > 0),
        'one stands aside',
      );
      const reads = hosts.map((host) => host.events.length > 0);
      await flowUntil(scene, () => scene.sent.length > 100, 'a hundred events');
      expect(reads.filter((one) => one)).toHaveLength(1);
      expect(hosts.map((host) => host.events.length > 0)).toEqual(reads);
      expect(scene.repeated).toBe(0);
    }));

  it('of which only the second refuses others: it stands aside as long as the first reads', () =>
    inScene(async (scene) => {
      const stanza = store();
      const [first] = await members(scene, 1, stanza);
      scene.put(20);
      await scene.delivered();
      const second = await scene.host({ splunkd: first!.splunkd });
      await second.create('prod', scene.settings({ lease_period_s: '1', ...stanza, other_readers: 'refuse' }));
      await scene.until(() => second.said(/^ERROR reader\.aside/).length > 0, 'the second stands aside');
      scene.put(20);
      await scene.delivered();
      expect([first!.events.length, second.events.length]).toEqual([40, 0]);
    }));

  it('of which only the first refuses others: it says that another one reads beside it', () =>
    inScene(async (scene) => {
      const stanza = store();
      const [first] = await members(scene, 1, { ...stanza, other_readers: 'refuse' });
      scene.put(20);
      await scene.delivered();
      const second = await scene.host({ splunkd: first!.splunkd });
      await second.create('prod', scene.settings({ lease_period_s: '1', ...stanza }));
      await flowUntil(scene, () => second.events.length > 0, 'the second reads');
      await flowUntil(scene, () => first!.said(/^ERROR/).length > 0, 'the first says so');
      expect(scene.repeated).toBe(0);
    }));

  it('go on at their positions after an edit, though the new process starts beside the old one', () =>
    inScene(async (scene) => {
      const [host] = await members(scene, 1, store());
      scene.put(20);
      await scene.delivered();
      for (let n = 0; n < 3; n++) {
        await host!.edit('prod', { idle_ms: String(300 + n) });
        scene.put(20);
        await scene.delivered();
      }
      expect(scene.repeated).toBe(0);
      expect(host!.runs).toHaveLength(4);
      expect(host!.said(/^(WARN|ERROR)/)).toEqual([]);
    }));
});

describe('two stanzas of one host', SIDE_BY_SIDE, () => {
  it('read their streams in processes of their own', () =>
    inScene(async (scene) => {
      scene.fake.createStream('other', 1);
      const host = await scene.host();
      await host.create('one', scene.settings());
      await host.create('two', scene.settings({ stream_name: 'other' }));
      scene.put(10);
      scene.fake.put('other', { data: 'of the other' });
      await scene.until(() => host.texts.includes('of the other'), 'the other stream is read');
      await scene.delivered();
      expect(new Set(host.runs.map(({ input }) => input.pid)).size).toBe(2);
      expect(host.runsOf('two')[0]!.input.document.events).toHaveLength(1);
    }));

  it('on the same stream with positions of their own each deliver all of it', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      for (const name of ['one', 'two']) await host.create(name, scene.settings());
      scene.put(10);
      await scene.until(() => host.events.length === 20, 'both have delivered');
      for (const name of ['one', 'two'])
        expect(new Set(host.runsOf(name)[0]!.input.document.events.map(({ fields }) => fields['data']))).toEqual(
          new Set(scene.sent),
        );
    }));

  it('on the same stream with positions in one store share it', () =>
    inScene(async (scene) => {
      const host = await scene.host();
      for (const name of ['one', 'two'])
        await host.create(name, scene.settings({ checkpoint_store: 'kvstore', lease_period_s: '1' }));
      const delivered = (name: string) => host.runsOf(name)[0]!.input.events;
      await flowUntil(scene, () => delivered('one') > 0 && delivered('two') > 0, 'both deliver');
      expect(scene.repeated).toBe(0);
    }));
});
