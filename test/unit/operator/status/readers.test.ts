/** Readers that are asked how they stand, over real sockets; time is the test's. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LogStream } from '../../../../operator/logstream.ts';
import { factsIn } from '../../../../operator/readers/answer.ts';
import { Readers } from '../../../../operator/readers/readers.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { pod, START_MS } from './known.ts';

const servers = new Set<Server>();
const ends = new Set<AbortController>();
afterEach(async () => {
  for (const end of ends) end.abort();
  await Promise.all(
    [...servers].map((server) => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      return closed;
    }),
  );
  servers.clear();
});

const streamOf = (uid: string): LogStream =>
  ({
    metadata: { name: uid, namespace: 'logs', uid },
    spec: { monitoring: { lagThresholdSeconds: 300 } },
  }) as LogStream;

/** As `kinlog run` says it. */
const status = (more: object = {}) => ({
  name: 'orders-reader-1',
  version: '1.2.3',
  outputs: [{ name: 'hec:splunk:8088', ok: true }],
  streams: [
    {
      id: 'orders',
      ready: true,
      errors: [],
      positionStored: '2026-01-01T00:00:00.000Z',
      eventsDelivered: '2026-01-01T00:00:00.000Z',
      reader: {
        shards: [
          { shardId: 'a', state: 'ended', parents: [], behindMs: 99_000_000, position: 'x' },
          { shardId: 'b', state: 'reading', parents: ['a'], behindMs: 700 },
          { shardId: 'c', state: 'reading', parents: ['a'], behindMs: 20 },
          { shardId: 'd', state: 'waiting', parents: ['b'] },
        ],
      },
      ...more,
    },
  ],
});

async function scene(answer: RequestListener, intervalSeconds = 60) {
  const asked: number[] = [];
  const clock = new FakeClock(START_MS);
  const server = createServer((request, response) => {
    asked.push(clock.monotonic());
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  servers.add(server);
  const news: string[] = [];
  const { port } = server.address() as AddressInfo;
  const readers = new Readers({ intervalSeconds, clock, port, onNews: (key) => news.push(key), random: () => 0.5 });
  const end = new AbortController();
  ends.add(end);
  void readers.run(end.signal).catch(() => undefined);
  const watch = (more: Parameters<typeof pod>[0] = {}) =>
    readers.watch(streamOf('u'), [pod({ ip: '127.0.0.1', ...more })]);
  return { readers, clock, asked, news, watch };
}

/** Asked at once, so no time has to pass: under load three intervals would before the answer is there. */
const heard = (news: readonly string[]) => vi.waitUntil(() => news.length === 1, { timeout: 10_000 });

const says =
  (what: () => object): RequestListener =>
  (_, response) =>
    void response.end(JSON.stringify(what()));

const HEALTHY = '192.0.2.2';

/** Without sockets: all time is the test's. */
function told(ask: (ip: string) => string | undefined | Promise<string | undefined>) {
  const clock = new FakeClock(START_MS);
  const times: number[] = [];
  const readers = new Readers({
    intervalSeconds: 60,
    clock,
    onNews: () => undefined,
    random: () => 0.5,
    ask: async (ip) => {
      times.push(clock.monotonic());
      return ask(ip);
    },
  });
  const end = new AbortController();
  ends.add(end);
  void readers.run(end.signal).catch(() => undefined);
  const watch = (uid: string, ip = HEALTHY) => readers.watch(streamOf(uid), [pod({ ip })]);
  return { clock, readers, times, watch };
}

/** With the tenth that chance adds, and the second in which nobody looks. */
const about = (...seconds: readonly number[]): number[] =>
  seconds.map((one) => expect.toSatisfy((other: number) => other >= one && other <= one * 1.1 + 1) as number);

/** Seconds. */
const pauses = (times: readonly number[]): number[] =>
  times.slice(1).map((time, i) => Math.round((time - times[i]!) / 1000));

describe('Readers', () => {
  it('ask a new reader soon, then once in an interval, and say only what is news', async () => {
    let told: object = status();
    const { readers, clock, asked, news, watch } = await scene(says(() => told));
    expect(readers.facts('u')).toBeUndefined();
    watch();
    await heard(news);
    expect(readers.facts('u')).toMatchObject({
      podName: 'orders-reader-1',
      version: '1.2.3',
      ready: true,
      openShards: 2,
      closedShardsPending: 1,
      behindMs: 99_000_000,
    });
    told = status({ positionStored: '2026-01-01T00:05:00.000Z' });
    for (let minute = 0; minute < 10; minute++) {
      watch();
      await clock.advance(60_000);
      await clock.until(() => asked.length > minute);
    }
    expect(news).toEqual(['logs/u']);
    // The interval and a little more, so that they do not fall into step.
    expect(asked.length).toBeGreaterThanOrEqual(9);
    expect(asked.length).toBeLessThanOrEqual(11);
    told = status({ errors: [{ part: 'output', code: 'KINLOG_SPLUNK_REFUSED', message: 'no', remedy: 'Mend it.' }] });
    await clock.until(() => news.length === 2);
    expect(readers.facts('u')!.errors).toEqual([
      { part: 'output', code: 'KINLOG_SPLUNK_REFUSED', message: 'no', remedy: 'Mend it.' },
    ]);
  });

  it('ask at once, whatever was told before, when a pod becomes ready for the first time', async () => {
    const { readers, clock, asked, watch, news } = await scene(says(() => status()));
    watch({ ready: false });
    await clock.until(() => news.length === 1);
    await clock.advance(500);
    const now = clock.monotonic();
    watch({ ready: true });
    expect(readers.firstWordMs('u')).toBe(1000);
    await vi.waitUntil(() => asked.length === 2);
    expect(asked[1]).toBe(now);
    await vi.waitUntil(() => readers.firstWordMs('u') === 0);
    watch({ ready: false });
    watch({ ready: true });
    await clock.advance(1000);
    expect(asked).toHaveLength(2);
  });

  it('let nobody wait any longer for the first word of one that does not answer', async () => {
    const { readers, clock, watch } = await scene((request) => request.destroy());
    watch();
    expect(readers.firstWordMs('u')).toBe(1000);
    await vi.waitUntil(() => readers.firstWordMs('u') === 0);
    expect(clock.monotonic()).toBe(0);
    expect(readers.facts('u')).toBeUndefined();
  });

  it('ask sooner when the pod becomes ready or ceases to be, but not at every flicker', async () => {
    const { clock, asked, watch, news } = await scene(says(() => status()));
    watch();
    await heard(news);
    for (let flicker = 0; flicker < 10; flicker++) {
      watch({ ready: flicker % 2 === 0 });
      await clock.advance(1000);
    }
    await clock.until(() => asked.length >= 2);
    expect(asked[1]! - asked[0]!).toBeGreaterThanOrEqual(5000);
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it('spread those that were there before over an interval', async () => {
    const { clock, asked, watch, news } = await scene(says(() => status()));
    watch({ startedAt: new Date(START_MS - 3_600_000).toISOString() });
    await clock.until(() => news.length === 1);
    expect(asked[0]).toBeGreaterThanOrEqual(30_000);
  });

  it('call a reader that does not answer stale after three intervals, once', async () => {
    let broken = false;
    const { readers, clock, news, watch } = await scene((request, response) => {
      if (broken) request.destroy();
      else response.end(JSON.stringify(status()));
    });
    watch();
    await heard(news);
    broken = true;
    await clock.until(() => news.length === 2);
    expect(readers.facts('u')).toMatchObject({ stale: true, podName: 'orders-reader-1' });
    await clock.advance(600_000);
    expect(news).toHaveLength(2);
    broken = false;
    await clock.until(() => news.length === 3);
    expect(readers.facts('u')!.stale).toBeUndefined();
  });

  it('forget what an earlier pod said, and everything of a stream that is gone', async () => {
    const { readers, clock, news, watch, asked } = await scene(says(() => status()));
    watch();
    await heard(news);
    watch({ name: 'orders-reader-2' });
    expect(readers.facts('u')).toBeUndefined();
    await clock.until(() => news.length === 2);
    readers.forget('u');
    const before = asked.length;
    await clock.advance(600_000);
    expect([asked.length, news.length]).toEqual([before, 2]);
  });

  it('ask one that is not ready again after ten seconds, then less and less often, until it is', async () => {
    let ready = true;
    const { clock, watch, times } = told(() => JSON.stringify(status({ ready })));
    watch('u');
    await clock.advance(1000);
    ready = false;
    await clock.until(() => times.length === 6);
    expect(pauses(times)).toEqual(about(60, 10, 20, 40, 60));
    ready = true;
    await clock.until(() => times.length === 8);
    expect(pauses(times).slice(5)).toEqual(about(60, 60));
  });

  it('ask one that does not answer less and less often, but never less than once in four intervals', async () => {
    const { clock, watch, times } = told(() => undefined);
    watch('u');
    await clock.until(() => times.length === 6);
    expect(pauses(times)).toEqual(about(60, 120, 240, 240, 240));
  });

  it('know how the others stand while six hundred can not be reached', async () => {
    const text = JSON.stringify(status());
    const { clock, watch, readers } = told(async (ip) => {
      if (ip === HEALTHY) return text;
      await clock.sleep(5000);
      return undefined;
    });
    for (let i = 0; i < 600; i++) watch(`lost-${i}`, '192.0.2.1');
    watch('u', HEALTHY);
    for (let second = 0; second < 600; second++) {
      await clock.advance(1000);
      if (second > 60) expect(clock.now() - readers.facts('u')!.atMs).toBeLessThan(120_000);
    }
    expect(readers.facts('lost-0')).toMatchObject({ stale: true });
  });

  it('with an interval of 0 ask nobody', async () => {
    const { clock, asked, watch } = await scene(
      says(() => status()),
      0,
    );
    watch();
    await clock.advance(600_000);
    expect(asked).toEqual([]);
  });

  it.each<[string, RequestListener]>([
    ['redirects elsewhere', (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['answers with an error', (_, response) => void response.writeHead(500).end(JSON.stringify(status()))],
    ['is no JSON', (_, response) => void response.end('<html>')],
    ['is huge', (_, response) => void response.end(`{"streams":[{"id":"${'x'.repeat(3 << 20)}"}]}`)],
    ['is of another shape', (_, response) => void response.end('{"streams":{"0":1},"outputs":7}')],
    [
      'is cut off',
      (_, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('{"streams":');
        setImmediate(() => response.destroy());
      },
    ],
  ])('bear an answer that %s, and go on asking', async (_, listener) => {
    let hostile = true;
    const { clock, asked, news, watch } = await scene((request, response) => {
      if (hostile) listener(request, response);
      else response.end(JSON.stringify(status()));
    });
    watch();
    await clock.until(() => asked.length >= 2);
    expect(news).toEqual([]);
    hostile = false;
    await clock.until(() => news.length === 1);
  });
});

describe('an answer', () => {
  const read = (answer: unknown) => factsIn(JSON.stringify(answer), 'p', 0);

  it('of wrong types has no value where it says nothing', () => {
    for (const answer of [null, 1, [], {}, { streams: [] }, { streams: [null] }]) expect(read(answer)).toBeUndefined();
    expect(
      read({
        version: {},
        streams: [
          { ready: 'yes', reader: { shards: [1, { parents: 7, behindMs: 'x' }] }, errors: [1, { part: '__proto__' }] },
        ],
      }),
    ).toMatchObject({ version: '', ready: false, openShards: 1, behindMs: undefined, errors: [] });
  });

  it('is cut: few errors, short texts on one line, no times that are none', () => {
    const error = {
      part: 'source',
      code: 'C',
      message: `a\n\u001b[31m${'x'.repeat(10_000)}`,
      remedy: '',
      since: 'soon',
    };
    const { errors, positionStored } = read({
      streams: [{ errors: Array.from({ length: 1000 }, () => error), positionStored: '2026-13-99T00:00:00Z' }],
    })!;
    expect(errors).toHaveLength(10);
    expect(errors[0]!.message).toMatch(/^a \[31mx+$/);
    expect(errors[0]!.message.length).toBeLessThanOrEqual(500);
    expect([errors[0]!.since, positionStored]).toEqual([undefined, undefined]);
  });
});
