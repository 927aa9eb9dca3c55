/** The bodies that events go to Splunk's HTTP Event Collector in, and what becomes of those it will never take. */
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventsRefused } from '../../reader/output/output.ts';
import { batchOf, HecScene, never, numbered } from './hec-scene.ts';

let scene: HecScene;

beforeEach(async () => {
  scene = await HecScene.open();
});
afterEach(() => scene.close());

describe('a body', () => {
  it('is gzip, has no more bytes than allowed, and holds the events of a batch in order', async () => {
    const texts = numbered('event', 3000, 'x'.repeat(200));
    await scene.settled(scene.output({ maxBodyBytes: 100_000 }).write(batchOf(...texts), never));
    expect(scene.texts).toEqual(texts);
    const sizes = scene.posted().map(({ body }) => gunzipSync(body).length);
    expect(sizes.length).toBeGreaterThan(6);
    expect(sizes.length).toBeLessThan(12);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100_000);
  });

  it('holds what several callers wrote while others were under way', async () => {
    const output = await scene.opened({ maxInFlight: 1 });
    scene.port.faults.hold();
    const writes = numbered('shard', 50).map((text) => output.write(batchOf(text), never));
    await scene.until(() => scene.posts() === 1);
    scene.port.faults.release();
    await scene.settled(Promise.all(writes));
    expect(scene.posts()).toBe(2);
    expect([...scene.texts].sort()).toEqual(numbered('shard', 50).sort());
  });

  it('goes at once when nothing is under way, and when it is full; otherwise it waits a little', async () => {
    const output = await scene.opened({ maxBodyBytes: 10_000 });
    scene.port.faults.hold();
    const writes = [output.write(batchOf('first'), never), output.write(batchOf('second'), never)];
    await scene.until(() => scene.posts() === 1, 0);
    writes.push(output.write(batchOf('x'.repeat(11_000)), never));
    await scene.until(() => scene.posts() >= 2, 0);
    await scene.until(() => scene.posts() >= 3, 100);
    scene.port.faults.release();
    await scene.settled(Promise.all(writes));
  });

  it('has one event alone when that is larger', async () => {
    const output = scene.output({ maxBodyBytes: 2000 });
    const texts = ['small', 'x'.repeat(5000), '"'.repeat(5000), 'small too'];
    await scene.settled(output.write(batchOf(...texts), never));
    expect(scene.texts).toEqual(texts);
    expect(scene.posts()).toBe(4);
  });

  it('leaves the time of a text to its source type, which only this address of HEC does', async () => {
    await scene.settled(scene.output().write(batchOf('10.0.0.1 - - [21/Nov/2026:12:00:00 +0000] "GET /"'), never));
    const [call] = scene.posted();
    expect(call!.path).toBe('/services/collector/event?auto_extract_timestamp=true');
    expect(JSON.parse(gunzipSync(call!.body).toString())).not.toHaveProperty('time');
  });

  it('says host, source, sourcetype and index of the events, and the defaults where they say none', async () => {
    const output = scene.output({ defaults: { index: 'main', host: 'default', source: undefined, sourcetype: '' } });
    await scene.settled(output.write(batchOf({ text: 'a', meta: { host: 'h', sourcetype: 's' } }, 'b'), never));
    const said = scene.hec.events.map(({ host, source, sourcetype, index }) => [host, source, sourcetype, index]);
    expect(said).toEqual([
      ['h', undefined, 's', 'main'],
      ['default', undefined, undefined, 'main'],
    ]);
  });

  it('is not sent more often at the same time than allowed', async () => {
    const output = await scene.opened({ maxInFlight: 3, maxBodyBytes: 1024 });
    scene.port.faults.hold();
    const writes = numbered('shard', 10, 'x'.repeat(900)).map((text) => output.write(batchOf(text), never));
    await scene.until(() => scene.posts() === 3);
    await scene.clock.advance(10_000);
    expect(scene.posts()).toBe(3);
    scene.port.faults.release();
    await scene.settled(Promise.all(writes));
  });
});

describe('events that Splunk will never take', () => {
  const codes = [6, 12, 13, 15] as const;

  it.each(codes)(
    'are named when it answers code %i, and all others are accepted, also those of other callers',
    async (code) => {
      const output = await scene.opened({ maxInFlight: 1 });
      scene.port.faults.hold();
      const first = output.write(batchOf('first'), never);
      await scene.until(() => scene.posts() === 1);
      const others = [output.write(batchOf('a', 'b'), never), output.write(batchOf('c', 'bad', 'd'), never)];
      others.push(output.write(batchOf('e'), never));
      scene.port.faults.refuse(1, { code: 0, body: '{"text":"Success","code":0}' });
      scene.port.faults.refuse(1, { code, invalidEvent: 3 });
      scene.port.faults.release();
      const [a, c, e] = await scene.settled(Promise.allSettled(others));
      expect([a!.status, e!.status]).toEqual(['fulfilled', 'fulfilled']);
      const { reason } = c as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(EventsRefused);
      expect(reason).toMatchObject({ code: 'KINLOG_EVENTS_REFUSED', refused: [{ index: 1 }] });
      expect((reason as EventsRefused).refused[0]!.reason).toContain(`HEC code ${code}`);
      expect(scene.texts).toEqual(['a', 'b', 'c', 'd', 'e']);
      await first;
    },
  );

  it('are found when nobody says which they are', async () => {
    const texts = numbered('event', 9);
    const write = scene
      .output()
      .write(batchOf(...texts.map((text, i) => ({ text, ...(i === 5 ? NESTED : {}) }))), never);
    scene.port.faults.refuse(1, { code: 6 });
    const error: unknown = await scene.settled(write.catch((reason: unknown) => reason));
    expect(error).toMatchObject({ refused: [{ index: 5 }] });
    expect(new Set(scene.texts)).toEqual(new Set(texts.filter((_, i) => i !== 5)));
  });

  it('are named, every one of them, by Splunk itself', async () => {
    scene.hec.takesAhead = false;
    const events = numbered('event', 40).map((text, i) => ({ text, ...(i % 7 === 3 ? NESTED : {}) }));
    const error: unknown = await scene.settled(
      scene
        .output()
        .write(batchOf(...events), never)
        .catch((reason: unknown) => reason),
    );
    expect(error).toBeInstanceOf(EventsRefused);
    expect((error as EventsRefused).refused.map(({ index }) => index)).toEqual([3, 10, 17, 24, 31, 38]);
    expect(scene.texts).toEqual(numbered('event', 40).filter((_, i) => i % 7 !== 3));
  });

  it('cost the others one more post at most, however many they are', async () => {
    const events = numbered('event', 400).map((text, i) => ({ text, ...(i % 10 === 9 ? NESTED : {}) }));
    const write = scene.output().write(batchOf(...events), never);
    await expect(scene.settled(write)).rejects.toBeInstanceOf(EventsRefused);
    const texts = scene.texts as string[];
    const times = new Map<string, number>();
    for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1);
    expect(times.size).toBe(360);
    expect(Math.max(...times.values())).toBe(2);
    expect([...times.keys()]).toEqual(events.filter((_, i) => i % 10 !== 9).map(({ text }) => text));
  });

  it('are not sent in full again for each of them when a body has nothing else', async () => {
    const events = numbered('event', 1000, 'x'.repeat(100)).map((text) => ({ text, ...NESTED }));
    const write = scene.output().write(batchOf(...events), never);
    const error: unknown = await scene.settled(write.catch((reason: unknown) => reason));
    expect((error as EventsRefused).refused).toHaveLength(1000);
    const sizes = scene.posted().map(({ body }) => gunzipSync(body).length);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(15 * sizes[0]!);
  });

  it.each([
    ['no valid data', { code: 6, invalidEvent: 0 }],
    ['no valid data, and does not say which', { code: 6 }],
    ['too large', { code: 6, status: 413 }],
  ] as const)(
    'are not believed to be all of them: a server that finds every event %s is refused',
    async (_, refusal) => {
      scene.port.faults.refuse(1000, refusal);
      const output = scene.output();
      const writes = numbered('shard', 40).map((text) => output.write(batchOf(text), never));
      const settled = writes.map((write) =>
        write.then(
          () => 'taken',
          () => 'refused',
        ),
      );
      await scene.until(() => scene.named('output.refused').length === 1);
      expect(scene.named('output.refused')[0]!.fields['error']).toContain('changes gzip bodies');
      const posts = scene.posts();
      await scene.until(() => scene.clock.monotonic() > 300_000, 10_000);
      expect(scene.posts() - posts).toBeLessThan(50);
      scene.port.faults.heal();
      const ends = await scene.settled(Promise.all(settled), 10_000);
      expect(ends.filter((end) => end === 'refused').length).toBeLessThanOrEqual(20 + 10);
      expect(new Set(scene.texts).size).toBe(ends.filter((end) => end === 'taken').length);
    },
  );

  it('are not sent when they are blank or too large', async () => {
    const output = scene.output({ maxEventBytes: 3000, maxBodyBytes: 2000 });
    const write = output.write(batchOf('a', '', 'x'.repeat(3000), 'b', '"'.repeat(2000), 'c', ''), never);
    const error: unknown = await scene.settled(write.catch((reason: unknown) => reason));
    expect((error as EventsRefused).refused).toEqual([
      { index: 1, reason: 'the event is blank' },
      { index: 2, reason: 'the event is larger than 3000 bytes' },
      { index: 4, reason: 'the event is larger than 3000 bytes' },
      { index: 6, reason: 'the event is blank' },
    ]);
    expect(scene.texts).toEqual(['a', 'b', 'c']);
  });

  it('refuse a write even when nothing is left to send', async () => {
    await expect(scene.output().write(batchOf('', ''), never)).rejects.toBeInstanceOf(EventsRefused);
    expect(scene.posts()).toBe(0);
  });
});

const NESTED = { fields: '{"a":{"b":1}}' };

describe('a body that is too large for what stands before Splunk', () => {
  it('is halved until it passes', async () => {
    scene.port.faults.maxBodyBytes = 3000;
    const texts = numbered('event', 1000, Math.random().toString());
    await scene.settled(scene.output().write(batchOf(...texts), never));
    expect(scene.texts).toEqual(texts);
  });

  it('is halved for ten minutes, then larger ones are tried again', async () => {
    const output = scene.output();
    const body = () => batchOf(...numbered('event', 900, 'x'.repeat(900)));
    scene.port.faults.refuse(3, { status: 413 });
    await scene.settled(output.write(body(), never));
    for (let minutes = 10; minutes <= 40; minutes += 10) {
      await scene.clock.advance(600_000);
      await scene.settled(output.write(body(), never));
    }
    const posts = scene.posts();
    await scene.settled(output.write(body(), never));
    expect(scene.posts()).toBe(posts + 1);
  });

  it('is refused when it is a single event', async () => {
    scene.port.faults.maxBodyBytes = 2000;
    const noise = Array.from({ length: 4000 }, () => Math.random().toString(36).slice(2, 4)).join('');
    const write = scene.output().write(batchOf('a', noise, 'b'), never);
    const error: unknown = await scene.settled(write.catch((reason: unknown) => reason));
    expect(error).toMatchObject({ refused: [{ index: 1 }] });
    expect(scene.texts).toEqual(['a', 'b']);
  });
});

describe('a caller that gives up', () => {
  it('before its events were sent: they are not', async () => {
    const output = await scene.opened({ maxInFlight: 1 });
    scene.port.faults.hold();
    const first = output.write(batchOf('first'), never);
    await scene.until(() => scene.posts() === 1);
    const stop = new AbortController();
    const writes = [output.write(batchOf('given up'), stop.signal), output.write(batchOf('wanted'), never)];
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(writes[0]).rejects.toBe(reason);
    scene.port.faults.release();
    await scene.settled(Promise.all([first, writes[1]]));
    expect(scene.texts).toEqual(['first', 'wanted']);
  });

  it('afterwards: the post goes on, and what was not taken is not sent again', async () => {
    const output = await scene.opened();
    scene.port.faults.hold();
    const stop = new AbortController();
    const write = output.write(batchOf('a'), stop.signal);
    await scene.until(() => scene.posts() === 1);
    scene.port.faults.refuse(1, { code: 9 });
    stop.abort();
    await expect(write).rejects.toMatchObject({ name: 'AbortError' });
    scene.port.faults.release();
    await scene.settled(output.write(batchOf('b'), never));
    expect(scene.texts).toEqual(['b']);
  });

  it('does not keep the output from closing', async () => {
    const output = await scene.opened();
    scene.port.faults.hold();
    const stop = new AbortController();
    const write = output.write(batchOf('a'), stop.signal);
    await scene.until(() => scene.posts() === 1);
    const closed = output.close();
    stop.abort();
    await expect(write).rejects.toMatchObject({ name: 'AbortError' });
    await closed;
    await expect(output.write(batchOf('b'), never)).rejects.toMatchObject({ code: 'KINLOG_CLOSED' });
  });
});
