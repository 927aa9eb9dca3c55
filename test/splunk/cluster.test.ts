/** Several hosts and one stream: shared or refused as the stanza says, by the KV store of a search-head cluster and by DynamoDB. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';
import type { Stanza } from '../fakes/splunkd/inputs.ts';
import { splunkdWith, type SplunkHost } from './splunkd/host.ts';
import { splunkScene } from './splunkd/scene.ts';

const scene = splunkScene();
let dynalite: Peer;
let tables = 0;
beforeAll(async () => {
  dynalite = await startDynalite();
});
afterAll(() => dynalite.close());

const STORES: [string, () => Stanza][] = [
  ['KV store', () => ({ checkpoint_store: 'kvstore' })],
  [
    'DynamoDB',
    () => ({ checkpoint_store: 'dynamodb', checkpoint_table: `rows-${++tables}`, dynamodb_endpoint: dynalite.url }),
  ],
];

/** Members of one cluster, which share the KV store and the password storage, each with the same stanza. */
async function members(count: number, stanza: Stanza): Promise<SplunkHost[]> {
  const splunkd = splunkdWith(scene.current.app);
  const hosts: SplunkHost[] = [];
  for (let n = 0; n < count; n++) {
    const host = await scene.current.host({ splunkd, serverRoles: ['shc_member', 'kv_store'] });
    hosts.push(host);
    await host.create('prod', scene.current.settings({ lease_period_s: '1', ...stanza }));
  }
  return hosts;
}

/** Puts events until the fact holds, and then waits for all of them. */
async function flowUntil(fact: () => boolean, what: string): Promise<void> {
  await scene.current.until(() => {
    scene.current.put(4);
    return fact();
  }, what);
  await scene.current.delivered();
}

describe.each(STORES)('two hosts on one stream with positions in the %s', (_, store) => {
  it('share its shards, and when one is shut down the other reads on: every event once', async () => {
    const [first, second] = await members(2, store());
    await flowUntil(() => first!.events.length > 0 && second!.events.length > 0, 'both deliver');
    const before = [first!.events.length, second!.events.length];
    await flowUntil(() => first!.events.length > before[0]! && second!.events.length > before[1]!, 'both go on');
    await first!.shutdown();
    scene.current.put(20);
    await scene.current.delivered();
    expect(scene.current.repeated).toBe(0);
    for (const host of [first!, second!]) expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
  });

  it('lose nothing when one of them dies, and repeat at most what it had delivered', async () => {
    const [first, second] = await members(2, store());
    await flowUntil(() => first!.events.length > 0 && second!.events.length > 0, 'both deliver');
    first!.die();
    scene.current.put(20);
    await scene.current.delivered();
    expect(scene.current.repeated).toBeLessThanOrEqual(first!.events.length);
  });

  it('that refuse others: the second says so and reads nothing until the first is gone, then takes over', async () => {
    const [first, second] = await members(2, { ...store(), other_readers: 'refuse' });
    await scene.current.until(() => second!.said(/^ERROR reader\.aside/).length > 0, 'the second stands aside');
    scene.current.put(20);
    await scene.current.delivered();
    expect([first!.events.length, second!.events.length]).toEqual([20, 0]);
    await first!.shutdown();
    scene.current.put(20);
    await scene.current.delivered();
    expect(second!.events).toHaveLength(20);
    expect(second!.said(/^ERROR/)).toHaveLength(1);
    expect(first!.said(/^(WARN|ERROR)/)).toEqual([]);
  });

  it('go on at their positions after an edit, though the new process starts beside the old one', async () => {
    const [host] = await members(1, store());
    scene.current.put(20);
    await scene.current.delivered();
    for (let n = 0; n < 3; n++) {
      await host!.edit('prod', { idle_ms: String(300 + n) });
      scene.current.put(20);
      await scene.current.delivered();
    }
    expect(scene.current.repeated).toBe(0);
    expect(host!.runs).toHaveLength(4);
    expect(host!.said(/^(WARN|ERROR)/)).toEqual([]);
  });
});

describe('two stanzas of one host', () => {
  it('read their streams in processes of their own', async () => {
    scene.current.fake.createStream('other', 1);
    const host = await scene.current.host();
    await host.create('one', scene.current.settings());
    await host.create('two', scene.current.settings({ stream_name: 'other' }));
    scene.current.put(10);
    scene.current.fake.put('other', { data: 'of the other' });
    await scene.current.until(() => host.texts.includes('of the other'), 'the other stream is read');
    await scene.current.delivered();
    expect(new Set(host.runs.map(({ input }) => input.pid)).size).toBe(2);
    expect(host.runsOf('two')[0]!.input.document.events).toHaveLength(1);
  });

  it('on the same stream with positions of their own each deliver all of it', async () => {
    const host = await scene.current.host();
    for (const name of ['one', 'two']) await host.create(name, scene.current.settings());
    scene.current.put(10);
    await scene.current.until(() => host.events.length === 20, 'both have delivered');
    for (const name of ['one', 'two'])
      expect(new Set(host.runsOf(name)[0]!.input.document.events.map(({ fields }) => fields['data']))).toEqual(
        new Set(scene.current.sent),
      );
  });

  it('on the same stream with positions in one store share it', async () => {
    const host = await scene.current.host();
    for (const name of ['one', 'two'])
      await host.create(name, scene.current.settings({ checkpoint_store: 'kvstore', lease_period_s: '1' }));
    const delivered = (name: string) => host.runsOf(name)[0]!.input.events;
    await flowUntil(() => delivered('one') > 0 && delivered('two') > 0, 'both deliver');
    expect(scene.current.repeated).toBe(0);
  });
});
