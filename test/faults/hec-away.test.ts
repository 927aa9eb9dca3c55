/** What becomes of events while Splunk's HTTP Event Collector takes nothing, for now or until a person acts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOKEN } from '../fakes/hec/hec.ts';
import { batchOf, HecScene, never, numbered } from './hec-scene.ts';

let scene: HecScene;

beforeEach(async () => {
  scene = await HecScene.open();
});
afterEach(() => scene.close());

describe('while Splunk takes nothing', () => {
  it.each([
    ['busy', { code: 9 }],
    ['an internal error', { code: 8 }],
    ['shutting down', { code: 23 }],
    ['a gateway', { code: 0, status: 502, body: '<html>' }],
    ['a time-out', { code: 0, status: 408, body: '' }],
    ['queues', { code: 18 }],
  ] as const)('(%s) events wait and are sent again', async (_, refusal) => {
    scene.port.faults.refuse(3, refusal);
    await scene.settled(scene.output().write(batchOf('a', 'b'), never));
    expect(scene.texts).toEqual(['a', 'b']);
    expect(scene.log.total('output_retries')).toBe(3);
    expect(scene.named('output.refused')).toEqual([]);
  });

  it('it is asked for its health instead of being sent bodies, ever more seldom, and the stall is told once', async () => {
    const output = await scene.opened();
    scene.port.faults.state = 'busy';
    const write = output.write(batchOf('a'), never);
    await scene.until(() => scene.clock.monotonic() > 600_000);
    expect(scene.posts()).toBe(1);
    const asked = scene.port.calls.filter(({ endpoint }) => endpoint === 'health').length;
    expect(asked).toBeGreaterThan(15);
    expect(asked).toBeLessThan(40);
    expect(scene.named('output.stalled')).toHaveLength(1);
    scene.port.faults.state = 'well';
    await scene.settled(write);
    expect(scene.named('output.resumed')).toHaveLength(1);
    expect(scene.texts).toEqual(['a']);
  });

  it('only one body shows whether it takes events again', async () => {
    const { faults } = scene.port;
    const output = await scene.opened({ maxBodyBytes: 1024 });
    const texts = numbered('shard', 12, 'x'.repeat(900));
    faults.state = 'busy';
    const writes = texts.map((text) => output.write(batchOf(text), never));
    await scene.until(() => scene.posts() === 6);
    faults.hold('event');
    faults.state = 'well';
    await scene.until(() => scene.posts() === 7);
    await scene.clock.advance(5000);
    expect(scene.posts()).toBe(7);
    faults.release();
    await scene.settled(Promise.all(writes));
  });

  it('Retry-After is honoured, in seconds and as a date', async () => {
    const output = scene.output();
    for (const retryAfter of ['90', new Date(scene.clock.now() + 300_000).toUTCString()]) {
      const before = scene.clock.monotonic();
      const posts = scene.posts();
      scene.port.faults.refuse(1, { code: 26, headers: { 'retry-after': retryAfter } });
      await scene.settled(output.write(batchOf('a'), never));
      expect(scene.posts()).toBe(posts + 2);
      expect(scene.clock.monotonic() - before).toBeGreaterThanOrEqual(90_000);
    }
  });

  it('near capacity it is given a moment', async () => {
    scene.port.faults.state = 'near capacity';
    const output = scene.output();
    await scene.settled(output.write(batchOf('a'), never), 0);
    const second = output.write(batchOf('b'), never);
    await scene.clock.advance(900);
    expect(scene.posts()).toBe(1);
    await scene.settled(second);
    expect(scene.texts).toEqual(['a', 'b']);
  });
});

describe('what only a person can mend', () => {
  it.each([1, 2, 3, 4] as const)(
    'a token that is refused with code %i is told with its remedy, asked for again, and events wait for a good one',
    async (code) => {
      let token = 'old-token';
      scene.hec.tokens.set(token, {});
      const output = await scene.opened({ token: () => Promise.resolve(token) });
      scene.hec.tokens.delete(token);
      scene.port.faults.refuse(1, { code });
      const write = output.write(batchOf('a', 'b'), never);
      await scene.until(() => scene.log.total('output_refusals') >= 2, 10_000);
      const told = scene.named('output.refused')[0]!.fields['error'];
      expect(told).toMatch(new RegExp(`HEC code ${code}.*HEC token`));
      token = TOKEN;
      await scene.settled(write, 10_000);
      expect(scene.texts).toEqual(['a', 'b']);
      expect(JSON.stringify(scene.lines)).not.toContain('old-token');
    },
  );

  it('a refusal that lasts is told again every five minutes, not with every try', async () => {
    scene.hec.tokens.get(TOKEN)!.disabled = true;
    const write = scene.output().write(batchOf('a'), never);
    await scene.until(() => scene.log.total('output_refusals') > 15, 10_000);
    const told = scene.named('output.refused').length;
    expect(told).toBeGreaterThanOrEqual(2);
    expect(told).toBeLessThanOrEqual(1 + scene.clock.monotonic() / 300_000);
    scene.hec.tokens.get(TOKEN)!.disabled = false;
    await scene.settled(write, 10_000);
  });

  it.each([
    [404, '<html>'],
    [405, ''],
    [302, ''],
    [200, '<html>Please log in</html>'],
    [200, '[]'],
    [418, '{"text":"teapot","code":99}'],
    [400, '{"text":"Data channel is missing","code":10}'],
  ])('an answer %i %s is no acceptance, however it looks', async (status, body) => {
    scene.port.faults.refuse(1, { status, body });
    const write = scene.output().write(batchOf('a'), never);
    await scene.until(() => scene.named('output.refused').length === 1, 0);
    await scene.settled(write, 10_000);
    expect(scene.texts).toEqual(['a']);
  });

  it('a batch for an index that is not allowed waits, and batches of others go on', async () => {
    scene.hec.tokens.get(TOKEN)!.indexes = ['main', undefined as unknown as string];
    const output = await scene.opened({ maxInFlight: 2 });
    const good = (n: number) => output.write(batchOf(`good ${n}`), never);
    scene.port.faults.hold();
    const writes = [good(0)];
    const wrong = output.write(batchOf('x', { text: 'y', meta: { index: 'secret' } }), never);
    await scene.until(() => scene.posts() === 1, 0);
    writes.push(good(1), good(2));
    scene.port.faults.release();
    await scene.settled(Promise.all(writes), 100);
    await scene.until(() => scene.named('output.refused').length === 1, 100);
    expect(scene.named('output.refused')[0]!.fields['error']).toContain('index secret');
    await scene.settled(good(3), 100);
    scene.hec.tokens.get(TOKEN)!.indexes = ['main', 'secret', undefined as unknown as string];
    await scene.settled(wrong);
    const taken = new Set(scene.texts);
    expect(taken).toEqual(new Set(['good 0', 'good 1', 'good 2', 'good 3', 'x', 'y']));
  });

  it('a batch for an index that is not allowed keeps its order while it waits', async () => {
    scene.hec.tokens.get(TOKEN)!.indexes = [undefined as unknown as string];
    const output = scene.output({ maxBodyBytes: 1024 });
    const texts = numbered('event', 20, 'x'.repeat(200));
    const wrong = output.write(batchOf({ text: 'first', meta: { index: 'secret' } }, ...texts), never);
    await scene.until(() => scene.named('output.refused').length === 1, 100);
    for (const text of numbered('other', 5)) await scene.settled(output.write(batchOf(text), never), 10);
    scene.hec.tokens.get(TOKEN)!.indexes = ['secret', undefined as unknown as string];
    await scene.settled(wrong);
    const taken = [...new Set(scene.texts as string[])].filter((text) => !text.startsWith('other'));
    expect(taken).toEqual(['first', ...texts]);
  });

  it('what is ahead of an event for an index that is not allowed is not sent again with every try', async () => {
    scene.hec.tokens.get(TOKEN)!.indexes = [undefined as unknown as string];
    const output = scene.output();
    const wrong = output.write(batchOf('ahead', { text: 'wrong', meta: { index: 'secret' } }, 'behind'), never);
    await scene.until(() => scene.log.total('output_refusals') > 5, 10_000);
    expect(scene.texts).toEqual(['ahead', 'ahead']);
    scene.hec.tokens.get(TOKEN)!.indexes = ['secret', undefined as unknown as string];
    await scene.settled(wrong, 10_000);
    expect(scene.texts).toEqual(['ahead', 'ahead', 'wrong', 'behind']);
  });

  it('each index that is not allowed is told', async () => {
    scene.hec.tokens.get(TOKEN)!.indexes = [];
    const indexes = ['one', 'two', 'three'];
    const output = scene.output();
    const writes = indexes.map((index) => output.write(batchOf({ text: 'x', meta: { index } }), never));
    await scene.until(() => scene.named('output.refused').length === 3);
    const told = scene.named('output.refused').map(({ fields }) => fields['error'] as string);
    expect(indexes.every((index) => told.some((text) => text.includes(`index ${index} `)))).toBe(true);
    scene.hec.tokens.get(TOKEN)!.indexes = indexes;
    await scene.settled(Promise.all(writes), 10_000);
  });

  it('a token that was renewed is taken within seconds, and no body is posted before', async () => {
    let token = 'old-token';
    const output = scene.output({ token: () => Promise.resolve(token), random: () => 0.99 });
    const write = output.write(batchOf('a'), never);
    await scene.until(() => scene.clock.monotonic() >= 20_000);
    expect(scene.posts()).toBe(0);
    token = TOKEN;
    await scene.settled(write, 500);
    expect(scene.clock.monotonic()).toBeLessThan(27_000);
  });

  it('a token that can not be had is waited for', async () => {
    let fails = true;
    const token = () => (fails ? Promise.reject(new Error('no file')) : Promise.resolve(`${TOKEN}\n`));
    const write = scene.output({ token }).write(batchOf('a'), never);
    await scene.until(() => scene.named('output.refused').length === 1, 0);
    fails = false;
    await scene.settled(write, 10_000);
    expect(scene.texts).toEqual(['a']);
  });
});

describe('several endpoints', () => {
  it('take turns, and one that is away is left alone until it is healthy', async () => {
    const more = await HecScene.open(3);
    let turn = 0;
    const output = more.output({ random: () => (turn++ % 3) / 3 });
    const [first, second, third] = more.ports;
    second!.faults.outage = true;
    for (const text of numbered('event', 30)) await more.settled(output.write(batchOf(text), never), 0);
    expect([...more.texts].sort()).toEqual(numbered('event', 30).sort());
    expect(more.posts(first)).toBeGreaterThan(5);
    expect(more.posts(third)).toBeGreaterThan(5);
    second!.faults.outage = false;
    await more.until(() => second!.calls.some(({ endpoint }) => endpoint === 'health'));
    for (const text of numbered('later', 30)) await more.settled(output.write(batchOf(text), never));
    expect(more.posts(second)).toBeGreaterThan(5);
    expect(more.texts).toHaveLength(60);
    await more.close();
  });
});

it('an endpoint that is slow does not keep the posts from those that are not', async () => {
  const more = await HecScene.open(3);
  const slow = more.port;
  let turn = 0;
  const output = more.output({ random: () => (turn++ % 3) / 3 });
  const allTakePart = () => more.ports.every((port) => more.posts(port) > 0);
  while (!allTakePart()) await more.settled(output.write(batchOf('before'), never), 0);
  const before = { events: more.texts.length, posts: more.posts(slow) };
  slow.faults.hold('event');
  const writes = numbered('event', 60).map((text) => output.write(batchOf(text, 'x'.repeat(950_000)), never));
  await more.until(() => more.texts.length >= before.events + 2 * (60 - 6), 0);
  expect(more.posts(slow) - before.posts).toBeLessThanOrEqual(2);
  slow.faults.release();
  await more.settled(Promise.all(writes));
  await more.close();
});

it('an output that is closed while it asks for health says nothing of it', async () => {
  const output = await scene.opened();
  scene.port.faults.state = 'busy';
  const stop = new AbortController();
  const write = output.write(batchOf('a'), stop.signal);
  await scene.until(() => scene.posts() === 1);
  scene.port.faults.hold();
  const asked = scene.port.calls.length;
  await scene.until(() => scene.port.calls.length > asked);
  stop.abort();
  await expect(write).rejects.toMatchObject({ name: 'AbortError' });
  await output.close();
  expect(scene.named('output.refused')).toEqual([]);
});
