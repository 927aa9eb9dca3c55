/** The pages of the status server, for readers of any size. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { silentLog } from '../../../base/events.ts';
import { statusPages, type StatusSource } from '../../../cli/status-pages.ts';
import { startStatusServer, text, type StatusServer } from '../../../cli/status-server.ts';
import { ByteBudget, type ReaderStatus, type ShardStatus } from '../../../reader/index.ts';

const shard = (n: number, more: Partial<ShardStatus> = {}): ShardStatus => ({
  shardId: `shardId-${n}`,
  state: 'reading',
  position: 'horizon',
  parents: [],
  behindMs: n * 1000,
  arrivalMs: 0,
  ...more,
});

function sourceOf(shards: readonly ShardStatus[], more: Partial<StatusSource['streams'][number]> = {}): StatusSource {
  const reader: ReaderStatus = { stream: 'logs', owner: 'me', state: 'reading', shards };
  const parts = { store: { kind: 'memory' }, output: { kind: 'ndjson' }, deadLetters: undefined } as const;
  const config = { id: 'logs', stream: 'logs', ...parts };
  return {
    name: 'reader-1',
    version: '1.2.3',
    log: silentLog(),
    budget: new ByteBudget(),
    budgetBytes: 1000,
    stopping: () => false,
    outputs: () => [{ name: 'ndjson:stdout', log: silentLog(), stalled: 'full', notReady: 'takes nothing: full' }],
    streams: [
      {
        config,
        log: silentLog(),
        status: reader,
        notReady: undefined,
        failure: undefined,
        errors: [],
        storeOk: true,
        positionStoredMs: undefined,
        eventsDeliveredMs: 1_700_000_000_500,
        ...more,
      },
    ],
  };
}

const page = async (source: StatusSource, name: string) => statusPages(source)[name]!();
const metrics = async (source: StatusSource) => (await page(source, '/metrics')).body.split('\n');

describe('/metrics', () => {
  it('has a series for each of 100 shards and none for each of 1,000, but always the furthest', async () => {
    const numbers = (count: number) => Array.from({ length: count }, (_, n) => shard(n));
    const few = await metrics(sourceOf(numbers(100)));
    expect(few.filter((line) => line.startsWith('kinlog_shard_behind_seconds{'))).toHaveLength(100);
    const many = await metrics(sourceOf(numbers(1000)));
    expect(many.filter((line) => line.startsWith('kinlog_shard_behind_seconds{'))).toHaveLength(0);
    expect(many).toContain('kinlog_behind_seconds{stream="logs"} 999');
    expect(many).toContain('kinlog_shards{stream="logs",state="reading"} 1000');
    expect(many.length).toBeLessThan(600);
  });

  it('forgets shards that are gone, counts states that nobody is in as 0, and leaves out what is not known', async () => {
    const shards = [shard(1), shard(2, { state: 'ended' })];
    const source = sourceOf(shards);
    const pages = statusPages(source);
    const read = async () => (await pages['/metrics']!()).body.split('\n');
    expect(await read()).toContain('kinlog_shard_behind_seconds{stream="logs",shard="shardId-1"} 1');
    shards.shift();
    const after = await read();
    expect(after.filter((line) => line.startsWith('kinlog_shard_behind_seconds{'))).toEqual([]);
    expect(after.filter((line) => line.startsWith('kinlog_behind_seconds{'))).toEqual([]);
    expect(after).toContain('kinlog_shards{stream="logs",state="ended"} 1');
    expect(after).toContain('kinlog_shards{stream="logs",state="failed"} 0');
    expect(after.filter((line) => line.startsWith('kinlog_position_stored_timestamp_seconds{'))).toEqual([]);
    expect(after).toContain('kinlog_events_delivered_timestamp_seconds{stream="logs"} 1700000000.5');
  });

  it('shows totals as they are, however often it is read', async () => {
    const log = silentLog();
    const pages = statusPages(sourceOf([], { log }));
    log.count('events_delivered', 5);
    log.emit('stream.data-loss');
    for (let n = 0; n < 2; n++) {
      const lines = (await pages['/metrics']!()).body.split('\n');
      expect(lines).toContain('kinlog_events_delivered_total{stream="logs"} 5');
      expect(lines).toContain('kinlog_data_losses_total{stream="logs"} 1');
      expect(lines).toContain('kinlog_throttles_total{stream="logs"} 0');
      expect(lines).toContain('kinlog_output_ok{output="ndjson:stdout"} 0');
    }
  });

  it('has every metric that docs/run.md names', async () => {
    const guide = readFileSync(path.join(import.meta.dirname, '../../../docs/run.md'), 'utf8');
    const named = [...guide.matchAll(/\bkinlog_(?!COUNTER|b64|mark)\w+/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(15);
    const lines = await metrics(sourceOf([shard(1)], { positionStoredMs: 1 }));
    expect([...new Set(named)].filter((name) => !lines.some((line) => line.startsWith(`# TYPE ${name} `)))).toEqual([]);
  });
});

describe('/readyz', () => {
  it('is 503 with a line for each reason', async () => {
    const error = new KinlogError('KINLOG_STREAM_NOT_FOUND', 'gone');
    const source = { ...sourceOf([], { notReady: 'gone', failure: error }), stopping: () => true };
    expect(await page(source, '/readyz')).toMatchObject({
      status: 503,
      body: 'stopping\nlogs: gone\nndjson:stdout takes nothing: full\n',
    });
    const well = { ...sourceOf([]), outputs: () => [] };
    expect(await page(well, '/readyz')).toMatchObject({ status: 200 });
  });
});

describe('/status', () => {
  it('tells what is not known yet as null', async () => {
    const { body } = await page(sourceOf([], { status: undefined, notReady: 'waits' }), '/status');
    expect(JSON.parse(body)).toMatchObject({
      name: 'reader-1',
      version: '1.2.3',
      outputs: [{ name: 'ndjson:stdout', ok: false, error: 'takes nothing: full' }],
      streams: [{ id: 'logs', ready: false, notReady: 'waits', reader: null, positionStored: null }],
    });
  });
});

describe('the server', () => {
  let server: StatusServer | undefined;
  afterEach(() => server?.close());

  it('listens on IPv6 too, and answers 500 for a page that fails', async () => {
    server = await startStatusServer('[::1]:0', {
      '/ok': () => text(200, 'ok'),
      '/bad': () => {
        throw new Error('broken');
      },
    });
    expect(server.address).toMatch(/^\[::1\]:\d+$/);
    expect((await fetch(`http://${server.address}/ok?x=1`)).status).toBe(200);
    expect((await fetch(`http://${server.address}/bad`)).status).toBe(500);
  });

  it('listens on all addresses of both families when no host is named', async () => {
    server = await startStatusServer(':0', { '/ok': () => text(200, 'ok') });
    const port = server.address.split(':').at(-1)!;
    for (const host of ['127.0.0.1', '[::1]']) expect((await fetch(`http://${host}:${port}/ok`)).status).toBe(200);
  });

  it('closes while a client keeps its connection', async () => {
    const own = await startStatusServer('127.0.0.1:0', { '/ok': () => text(200, 'ok') });
    await (await fetch(`http://${own.address}/ok`)).text();
    await own.close();
    await expect(fetch(`http://${own.address}/ok`)).rejects.toThrow();
  });
});
