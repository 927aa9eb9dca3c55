/** A write settles when the indexers say that its events are safe, whatever becomes of acknowledgements on the way. */
import dns from 'node:dns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOKEN } from '../fakes/hec/hec.ts';
import { batchOf, HecScene, never, numbered } from './hec-scene.ts';

let scene: HecScene;

const open = (indexers = 1) => HecScene.open(1, { tokens: { [TOKEN]: { ack: true } }, indexers });
const output = (options = {}) => scene.output({ ack: true, ...options });
const asked = () => scene.port.calls.filter(({ endpoint, body }) => endpoint === 'ack' && body.toString() !== NOTHING);
const channels = () => new Set(scene.port.calls.filter(({ endpoint }) => endpoint === 'event').map((c) => c.channel));
const NOTHING = '{"acks":[]}';

/** Whether work has settled. */
function follow(work: Promise<unknown>): { done: boolean } {
  const state = { done: false };
  void work.then(() => (state.done = true));
  return state;
}

beforeEach(async () => {
  scene = await open();
});
afterEach(() => scene.close());

describe('a write', () => {
  it('settles only when all its events are safe', async () => {
    scene.hec.indexing.held = true;
    const texts = numbered('event', 30, 'x'.repeat(100));
    const write = output({ maxBodyBytes: 1024 }).write(batchOf(...texts), never);
    const state = follow(write);
    await scene.until(() => scene.hec.indexing.waiting === 30);
    scene.hec.indexing.index(2);
    const before = asked().length;
    await scene.until(() => asked().length > before + 3);
    expect(state.done).toBe(false);
    scene.hec.indexing.index();
    await scene.settled(write);
    expect(new Set(scene.texts)).toEqual(new Set(texts));
    expect(scene.texts).toHaveLength(30);
    expect(scene.log.total('output_resends')).toBe(0);
  });

  it('is asked about ever more seldom, up to every ten seconds', async () => {
    scene.hec.indexing.held = true;
    const write = output().write(batchOf('a'), never);
    await scene.until(() => scene.posts() === 1);
    const from = scene.clock.monotonic();
    await scene.until(() => scene.clock.monotonic() - from > 120_000);
    expect(asked().length).toBeGreaterThan(8);
    expect(asked().length).toBeLessThan(25);
    scene.hec.indexing.index();
    await scene.settled(write);
  });

  it('of many bodies waits for them side by side, on one channel when one at a time is enough', async () => {
    scene.hec.indexing.held = true;
    const write = output({ maxBodyBytes: 1024, maxInFlight: 1 }).write(
      batchOf(...numbered('e', 99, 'x'.repeat(90))),
      never,
    );
    await scene.until(() => scene.hec.indexing.waiting === 99);
    expect(channels().size).toBe(1);
    scene.hec.indexing.index();
    await scene.settled(write);
  });
});

describe('events that nobody says are safe', () => {
  it('are sent again on a new channel when the time is up, and both arrive', async () => {
    scene.hec.indexing.mute(1);
    await scene.settled(output({ ackTimeoutMs: 60_000 }).write(batchOf('a'), never));
    expect(scene.texts).toEqual(['a', 'a']);
    expect(channels().size).toBe(2);
    expect(scene.clock.monotonic()).toBeGreaterThan(60_000);
    expect(scene.named('output.resent')).toHaveLength(1);
  });

  it('are sent again when they were lost on the way to the index', async () => {
    scene.hec.indexing.drop(1);
    await scene.settled(output({ ackTimeoutMs: 60_000 }).write(batchOf('a', 'b'), never));
    expect(scene.texts).toEqual(['a', 'b']);
  });

  it('are sent again at once when the server has restarted, and its new numbers are not taken for the old', async () => {
    const out = output({ maxInFlight: 1 });
    scene.hec.indexing.held = true;
    const first = out.write(batchOf('first'), never);
    await scene.until(() => scene.hec.indexing.waiting === 1);
    scene.hec.crash();
    const second = out.write(batchOf('second'), never);
    await scene.until(() => scene.named('output.resent').length === 1);
    scene.hec.indexing.held = false;
    scene.hec.indexing.index();
    await scene.settled(Promise.all([first, second]));
    expect([...scene.texts].sort()).toEqual(['first', 'second']);
    expect(scene.clock.monotonic()).toBeLessThan(250_000);
  });

  it('are sent again when an answer after a restart is lost, so that no number of it is taken for theirs', async () => {
    const out = output({ maxInFlight: 1 });
    scene.hec.indexing.held = true;
    const first = out.write(batchOf('first'), never);
    await scene.until(() => scene.hec.indexing.waiting === 1);
    scene.hec.crash();
    scene.hec.indexing.held = false;
    scene.port.faults.loseAnswers(1);
    const second = out.write(batchOf('second'), never);
    await scene.settled(Promise.all([first, second]));
    expect(new Set(scene.texts)).toEqual(new Set(['first', 'second']));
  });

  it('are sent again when a server that has restarted gives their number to what stood ahead of an event that it refuses', async () => {
    const out = output({ maxInFlight: 1 });
    scene.hec.indexing.held = true;
    const first = out.write(batchOf('first'), never);
    await scene.until(() => scene.hec.indexing.waiting === 1);
    scene.hec.crash();
    scene.hec.indexing.held = false;
    const second = out.write(batchOf('ahead', { text: 'bad', fields: '{"a":{"b":1}}' }, 'behind'), never);
    await expect(scene.settled(second)).rejects.toMatchObject({ code: 'KINLOG_EVENTS_REFUSED' });
    await scene.settled(first);
    expect(new Set(scene.texts)).toEqual(new Set(['first', 'ahead', 'behind']));
  });

  it('are sent again when the server says that it does not know the channel', async () => {
    const out = output();
    scene.hec.indexing.held = true;
    const write = out.write(batchOf('a'), never);
    await scene.until(() => scene.hec.indexing.waiting === 1);
    scene.port.faults.refuse(1, { code: 11 }, 'ack');
    scene.hec.indexing.held = false;
    await scene.settled(write);
    expect(scene.clock.monotonic()).toBeLessThan(250_000);
    expect(channels().size).toBe(2);
  });

  it('wait while questions fail, and are not sent again for that', async () => {
    scene.hec.indexing.held = true;
    const write = output().write(batchOf('a'), never);
    await scene.until(() => scene.hec.indexing.waiting === 1);
    scene.port.faults.loseAnswers(1, 'ack');
    scene.port.faults.refuse(3, { code: 9 }, 'ack');
    await scene.until(() => scene.port.faults.left === 0);
    scene.hec.indexing.index();
    await scene.settled(write);
    expect(scene.texts).toEqual(['a']);
  });
});

describe('behind a load balancer', () => {
  beforeEach(async () => {
    await scene.close();
    scene = await open(2);
  });

  it('each connection keeps its cookie, so that its acknowledgements are known', async () => {
    const out = output();
    scene.hec.indexing.delayMs = 1;
    for (let round = 0; round < 5; round++)
      await scene.settled(Promise.all(numbered('e', 8, `${round}`).map((text) => out.write(batchOf(text), never))));
    expect(scene.texts).toHaveLength(40);
    expect(scene.log.total('output_resends')).toBe(0);
  });

  it('another sticky session means that what was not safe is sent again', async () => {
    const out = output({ maxInFlight: 1 });
    scene.hec.indexing.held = true;
    const writes = [out.write(batchOf('a'), never)];
    await scene.until(() => scene.hec.indexing.waiting === 1 && asked().length > 0);
    scene.port.faults.stray(1);
    await scene.until(() => scene.named('output.resent').length > 0);
    scene.hec.indexing.held = false;
    scene.hec.indexing.index();
    await scene.settled(Promise.all(writes));
    expect(scene.clock.monotonic()).toBeLessThan(250_000);
    expect(new Set(scene.texts)).toEqual(new Set(['a']));
  });
});

describe('memory', () => {
  it('of what is not safe yet is bounded: nothing more is sent until some of it is', async () => {
    scene.hec.indexing.held = true;
    const out = output({ maxBodyBytes: 10_000, maxUnackedBytes: 50_000 });
    const texts = numbered('e', 40, 'x'.repeat(5000));
    const writes = texts.map((text) => out.write(batchOf(text), never));
    await scene.until(() => scene.posts() >= 5);
    await scene.until(() => scene.clock.monotonic() > 20_000);
    expect(scene.hec.indexing.waiting).toBeLessThanOrEqual(10 + 6);
    scene.hec.indexing.held = false;
    scene.hec.indexing.index();
    await scene.settled(Promise.all(writes));
    expect([...scene.texts].sort()).toEqual([...texts].sort());
  });
});

it('what nobody waits for any more makes room when its time is up', async () => {
  scene.hec.indexing.held = true;
  const out = output({ maxUnackedBytes: 5000, ackTimeoutMs: 60_000 });
  const stop = new AbortController();
  const first = out.write(batchOf('x'.repeat(6000)), stop.signal);
  await scene.until(() => asked().length > 0);
  const second = out.write(batchOf('wanted'), never);
  stop.abort();
  await expect(first).rejects.toMatchObject({ name: 'AbortError' });
  scene.hec.indexing.loseWaiting();
  scene.hec.indexing.held = false;
  await scene.settled(second);
  expect(scene.texts).toEqual(['wanted']);
});

describe('a token', () => {
  it('without acknowledgement is told loudly before an event is sent, and events wait for one that has it', async () => {
    scene.hec.tokens.get(TOKEN)!.ack = false;
    const write = output().write(batchOf('a'), never);
    await scene.until(() => scene.named('output.refused').length === 1);
    expect(scene.named('output.refused')[0]!.fields['error']).toContain('useACK');
    expect(scene.posts()).toBe(0);
    scene.hec.tokens.get(TOKEN)!.ack = true;
    await scene.settled(write, 10_000);
    expect(scene.texts).toEqual(['a']);
  });

  it('that loses it is told loudly too, and what it did not acknowledge is sent again', async () => {
    const out = output();
    await scene.settled(out.write(batchOf('a'), never));
    scene.hec.tokens.get(TOKEN)!.ack = false;
    const write = out.write(batchOf('b'), never);
    await scene.until(() => scene.named('output.refused').length >= 2, 10_000);
    expect(scene.posts()).toBe(2);
    scene.hec.tokens.get(TOKEN)!.ack = true;
    await scene.settled(write, 10_000);
    expect(scene.texts).toEqual(['a', 'b', 'b']);
  });

  it('with acknowledgement is told of when it is not wanted', async () => {
    const write = output({ ack: false }).write(batchOf('a'), never);
    await scene.until(() => scene.named('output.refused').length === 1);
    expect(scene.named('output.refused')[0]!.fields['error']).toContain('switch ack on here');
    scene.hec.tokens.get(TOKEN)!.ack = false;
    await scene.settled(write, 10_000);
  });
});

it('a token that can not be had for a while is no lost answer: nothing is sent again for it', async () => {
  let fails = false;
  const token = () => (fails ? Promise.reject(new Error('no file')) : Promise.resolve(TOKEN));
  const out = output({ token, maxInFlight: 1 });
  scene.hec.indexing.held = true;
  const first = out.write(batchOf('first'), never);
  await scene.until(() => asked().length > 0);
  fails = true;
  scene.port.faults.refuse(1, { code: 4 }, 'ack');
  await scene.until(() => scene.port.faults.left === 0);
  const second = out.write(batchOf('second'), never);
  await scene.until(() => scene.log.total('output_refusals') > 0);
  fails = false;
  scene.hec.indexing.held = false;
  scene.hec.indexing.index();
  await scene.settled(Promise.all([first, second]));
  expect(scene.texts).toEqual(['first', 'second']);
  expect(scene.log.total('output_resends')).toBe(0);
});

it('a name that is not resolved for a while is no lost answer: nothing is sent again for it', async () => {
  const { lookup } = dns;
  const out = output({ endpoints: [scene.port.url.replace('127.0.0.1', 'localhost')], maxInFlight: 1 });
  scene.hec.indexing.held = true;
  const first = out.write(batchOf('first'), never);
  await scene.until(() => asked().length > 0);
  try {
    dns.lookup = ((_name: string, _options: object, done: (error: Error) => void) =>
      done(Object.assign(new Error('no answer'), { code: 'EAI_AGAIN' }))) as unknown as typeof lookup;
    scene.port.cut();
    const second = out.write(batchOf('second'), never);
    await scene.until(() => scene.log.total('output_retries') > 0);
    expect(scene.named('output.retried')[0]!.fields['reason']).toContain('EAI_AGAIN');
    dns.lookup = lookup;
    scene.hec.indexing.held = false;
    scene.hec.indexing.index();
    await scene.settled(Promise.all([first, second]));
  } finally {
    dns.lookup = lookup;
  }
  expect(scene.texts).toEqual(['first', 'second']);
  expect(scene.log.total('output_resends')).toBe(0);
});

it('gives up what waits when its caller does, and closes', async () => {
  scene.hec.indexing.held = true;
  const out = output();
  const stop = new AbortController();
  const write = out.write(batchOf('a'), stop.signal);
  await scene.until(() => scene.hec.indexing.waiting === 1);
  stop.abort();
  await expect(write).rejects.toMatchObject({ name: 'AbortError' });
  await out.close();
});
