/** What the metrics log tells, and what it does to nobody. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventLog, type EventName } from '../../../base/events.ts';
import type { ReaderStatus, ShardStatus } from '../../../reader/index.ts';
import type { OpenMetricsFile } from '../../../splunk-app/input/metrics-file.ts';
import { METRICS_FIELDS } from '../../../splunk-app/input/metrics-fields.ts';
import { MetricsLog, type MetricsLogOptions } from '../../../splunk-app/input/metrics-log.ts';
import { FakeClock } from '../../fakes/clock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-metrics-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Line = Record<string, string | number>;

const shard = (shardId: string, more: Partial<ShardStatus> = {}): ShardStatus => ({
  ...{ shardId, state: 'reading', position: 'horizon', parents: [], behindMs: 0, arrivalMs: 0 },
  ...more,
});
const reading = (...shards: ShardStatus[]): ReaderStatus => ({
  ...{ stream: 'logs', owner: 'host-1', state: 'reading', shards },
});

function scene(more: Partial<MetricsLogOptions> = {}) {
  const clock = new FakeClock();
  const said: EventName[] = [];
  const log = new EventLog((line) => {
    said.push(line.name);
    metrics.note(line);
  }, 'debug');
  const now: { status: ReaderStatus | undefined } = { status: reading(shard('s0')) };
  const metrics = new MetricsLog({
    ...{ folder, stanza: 'kinesis_log://prod', stream: 'arn:aws:kinesis:eu-west-1:123456789012:stream/logs' },
    ...{ everyMs: 60_000, status: () => now.status, log, stalled: () => false, clock },
    ...more,
  });
  const stop = new AbortController();
  let ended: Promise<void> | undefined;
  return {
    ...{ clock, log, now, said, metrics, stop },
    run: () => (ended ??= metrics.run(stop.signal)),
    /** As `clock.advance`, but waits for files that are being written. */
    pass: (ms: number) => {
      const at = clock.monotonic() + ms;
      return clock.until(() => clock.monotonic() >= at);
    },
    /** Until so many lines are there. */
    lines: async (count: number, kind?: string) => {
      ended ??= metrics.run(stop.signal);
      await clock.until(() => linesOf(kind).length >= count);
      return linesOf(kind);
    },
    end: async () => {
      stop.abort();
      await ended;
    },
  };
}

/** Without a last line that is just being written. */
function linesOf(kind?: string): Line[] {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n').slice(0, -1))
    .map((text) => JSON.parse(text) as Line);
  return kind === undefined ? lines : lines.filter((line) => line['kind'] === kind);
}

describe('the metrics log', () => {
  it('tells at the start and then in each interval how the stream and every shard stand', async () => {
    const { log, lines, end, now } = scene();
    now.status = reading(shard('s0', { behindMs: 250, arrivalMs: 5 }), shard('s1', { behindMs: 70_000 }));
    await lines(3);
    log.emit('page.fetched', { shard: 's0', records: 40, bytes: 4000 });
    log.count('records_read', 40);
    log.count('bytes_read', 4000);
    log.emit('batch.written', { shard: 's0', events: 400 });
    log.count('events_delivered', 400);
    log.emit('fetch.throttled', { shard: 's1' });
    log.emit('fetch.retried', { shard: 's1' });
    const [, second] = await lines(2, 'stream');
    expect(second).toMatchObject({
      ...{ stanza: 'kinesis_log://prod', stream: 'logs', region: 'eu-west-1', reader: 'host-1', pid: process.pid },
      ...{ state: 'reading', behind_ms: 70_000, interval_ms: 60_000, shards_reading: 2, shards_left_out: 0 },
      ...{ records_read: 40, bytes_read: 4000, events_delivered: 400, throttles: 1, fetch_retries: 1 },
      ...{ started: '2026-01-01T00:00:00.000Z', time: '2026-01-01T00:01:00.000Z', output_stalled: 0 },
    });
    expect(second!['rss_bytes']).toBeGreaterThan(1_000_000);
    const shards = (await lines(4, 'shard')).slice(2);
    expect(shards).toMatchObject([
      { shard: 's1', behind_ms: 70_000, records_read: 0, throttles: 1, fetch_retries: 1 },
      { shard: 's0', behind_ms: 250, records_read: 40, bytes_read: 4000, events_delivered: 400, arrival_ms: 5 },
    ]);
    await lines(3, 'stream');
    expect(linesOf('stream')[2]).toMatchObject({ records_read: 0, throttles: 0, events_delivered: 0 });
    expect(linesOf('shard').at(-1)).toMatchObject({ shard: 's0', records_read: 0 });
    await end();
  });

  it('tells how long accepted events have been waiting for their position to be stored', async () => {
    const { log, lines, end, pass } = scene();
    const age = async (count: number) => (await lines(count, 'shard')).at(-1)!['checkpoint_age_ms'];
    expect(await age(1)).toBe(0);
    await pass(20_000);
    log.emit('batch.written', { shard: 's0', events: 1 });
    expect(await age(2)).toBe(40_000);
    log.emit('checkpoint.storing', { shard: 's0' });
    log.emit('batch.written', { shard: 's0', events: 1 });
    expect(await age(3)).toBe(100_000);
    log.emit('checkpoint.stored', { shard: 's0' });
    // The batch that came while the position was being stored is not in it.
    expect(await age(4)).toBe(120_000);
    expect(linesOf('stream').at(-1)).toMatchObject({ checkpoint_age_ms: 120_000 });
    log.emit('checkpoint.storing', { shard: 's0' });
    log.emit('checkpoint.stored', { shard: 's0' });
    expect(await age(5)).toBe(0);
    await end();
  });

  it('tells warnings, errors and the ends of stalls within a second, each on one line', async () => {
    const { log, lines, end, clock } = scene();
    await lines(2);
    const before = clock.now();
    log.emit('shard.stalled', { shard: 's0', code: 'KINLOG_PERMISSION_REFUSED', error: 'not\nallowed "x"' });
    log.emit('reader.failed', { error: 'no credentials (KINLOG_CREDENTIALS_MISSING). Give some.' });
    log.emit('page.fetched', { shard: 's0', records: 1, bytes: 1 });
    log.emit('shard.ended', { shard: 's0' });
    log.emit('shard.recovered', { shard: 's0' });
    const events = await lines(3, 'event');
    expect(clock.now() - before).toBeLessThanOrEqual(1000);
    expect(events).toMatchObject([
      { event: 'shard.stalled', level: 'warn', shard: 's0', code: 'KINLOG_PERMISSION_REFUSED' },
      { event: 'reader.failed', level: 'error', code: 'KINLOG_CREDENTIALS_MISSING' },
      { event: 'shard.recovered', level: 'info' },
    ]);
    expect(events[0]!['detail']).toBe(String.raw`error="not\nallowed \"x\""`);
    expect(events).toHaveLength(3);
    await end();
  });

  it('lets a stalled shard fall behind by every second', async () => {
    const { log, lines, end } = scene();
    await lines(2);
    log.emit('shard.stalled', { shard: 's0', code: 'KINLOG_THROTTLED', error: 'busy', remedy: 'Wait.' });
    const [, second] = await lines(2, 'shard');
    expect(second).toMatchObject({ behind_ms: 60_000, error: 'busy (KINLOG_THROTTLED). Wait.' });
    await end();
  });

  it('tells of the hundred worst shards and how many it leaves out', async () => {
    const { lines, end, now } = scene();
    const shards = Array.from({ length: 1000 }, (_, n) => shard(`s${n}`, { behindMs: n }));
    now.status = reading(...shards, shard('bad', { state: 'failed' }), shard('gone', { state: 'elsewhere' }));
    const told = await lines(101);
    expect(told[0]).toMatchObject({
      ...{ shards_left_out: 901, shards_reading: 1000, shards_failed: 1, shards_elsewhere: 1, behind_ms: 999 },
    });
    expect(told.slice(1).map((line) => line['shard'])).toEqual([
      'bad',
      ...Array.from({ length: 99 }, (_, n) => `s${999 - n}`),
    ]);
    await end();
  });

  it('tells the last counts of a shard that is not read any more', async () => {
    const { log, lines, end, now } = scene();
    await lines(2);
    log.emit('batch.written', { shard: 's0', events: 7 });
    now.status = reading(shard('s0', { state: 'ended' }));
    expect((await lines(2, 'shard'))[1]).toMatchObject({ shard: 's0', state: 'ended', events_delivered: 7 });
    await lines(3, 'stream');
    expect(linesOf('shard')).toHaveLength(2);
    await end();
  });

  it('ends with how the reader ended', async () => {
    const { log, lines, end, now } = scene();
    await lines(2);
    log.emit('reader.stopped', { inTime: true });
    now.status = { ...reading(), state: 'stopped' };
    await end();
    expect(linesOf().slice(2)).toMatchObject([
      { kind: 'event', event: 'reader.stopped' },
      { kind: 'stream', state: 'stopped' },
    ]);
  });

  it('says that the input lives before the reader knows anything', async () => {
    const { lines, end, now } = scene();
    now.status = undefined;
    const [first] = await lines(1);
    expect(first).toMatchObject({ kind: 'stream', state: 'starting', stanza: 'kinesis_log://prod' });
    expect(first).not.toHaveProperty('behind_ms');
    await end();
  });

  it('has only the fields of its table, each in the lines that the table says', async () => {
    const { log, lines, end, now } = scene();
    now.status = { ...reading(shard('s0', { state: 'failed', lastError: 'x', arrivalMs: 1 })), lastError: 'y' };
    log.emit('shard.stalled', { shard: 's0', code: 'KINLOG_THROTTLED', error: 'e'.repeat(5000) });
    const seen = await lines(3);
    await end();
    const kinds = (name: string): readonly string[] => METRICS_FIELDS[name as keyof typeof METRICS_FIELDS].in;
    for (const line of seen)
      for (const [name, value] of Object.entries(line)) {
        expect(kinds(name), name).toContain(line['kind']);
        expect(String(value).length).toBeLessThan(1100);
      }
    const fields = new Set(seen.flatMap((line) => Object.keys(line)));
    expect(Object.keys(METRICS_FIELDS).filter((name) => !fields.has(name))).toEqual([]);
  });

  it.each(['kinesis_log://../../escape', 'kinesis_log://a/b\\c:\u0000', `kinesis_log://${'ü'.repeat(2000)}`])(
    'stays in its folder for the stanza %s',
    async (stanza) => {
      const { lines, end } = scene({ stanza });
      await lines(2);
      await end();
      expect(readdirSync(folder)).toHaveLength(1);
      expect(readdirSync(folder)[0]).toMatch(/^kinloader_metrics_[A-Za-z0-9%_-]{1,190}\.log$/);
    },
  );
});

describe('when the metrics log can not be written', () => {
  it('a missing folder is told once, and the lines follow when it is there', async () => {
    const missing = path.join(folder, 'var');
    const { run, log, end, clock, pass, said } = scene({ folder: missing });
    void run();
    await clock.until(() => said.includes('metrics.stalled'));
    await pass(300_000);
    log.emit('reader.failed', { error: 'x' });
    await clock.until(() => said.length >= 2);
    mkdirSync(missing);
    await clock.until(() => said.includes('metrics.resumed'));
    await end();
    expect(said).toEqual(['metrics.stalled', 'reader.failed', 'metrics.resumed']);
    const text = readFileSync(path.join(missing, 'kinloader_metrics_prod.log'), 'utf8');
    expect(text).toContain('"event":"reader.failed"');
  });

  it('a line that a full disk has torn is completed, and none comes twice', async () => {
    let free = 700;
    const openFile: OpenMetricsFile = async (file) => {
      const handle = await open(file, 'a');
      return {
        stat: handle.stat.bind(handle),
        close: () => handle.close(),
        write: async (bytes: Uint8Array, offset: number) => {
          if (free === 0) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
          const fits = bytes.subarray(offset, offset + Math.min(free, 333));
          free -= fits.length;
          return handle.write(fits);
        },
      } as Awaited<ReturnType<OpenMetricsFile>>;
    };
    const { run, end, clock, pass, said } = scene({ openFile });
    void run();
    await clock.until(() => said.includes('metrics.stalled'));
    const file = path.join(folder, 'kinloader_metrics_prod.log');
    expect(readFileSync(file).length).toBe(700);
    await pass(120_000);
    free = Infinity;
    await clock.until(() => said.includes('metrics.resumed'));
    await end();
    expect(said).toEqual(['metrics.stalled', 'metrics.resumed']);
    const times = linesOf('stream').map((line) => line['time']);
    expect(times.slice(0, 3)).toEqual(['00:00:00', '00:01:00', '00:02:00'].map((time) => `2026-01-01T${time}.000Z`));
    // The last one tells of the end, which may fall on the same time.
    expect(new Set(times.slice(0, -1)).size).toBe(times.length - 1);
  });

  it('a disk that never answers holds up neither the log nor the end, and what waits is bounded', async () => {
    const { run, log, clock, stop, metrics } = scene({ openFile: () => new Promise(() => undefined) });
    const ended = run();
    for (let n = 0; n < 20_000; n++) log.emit('shard.stalled', { shard: 's0', code: 'KINLOG_THROTTLED', error: 'e' });
    await clock.advance(5000);
    stop.abort();
    await clock.advance(500);
    await ended;
    expect(metrics).toBeDefined();
    expect(linesOf()).toEqual([]);
  });

  it('tells how many lines were lost', async () => {
    const missing = path.join(folder, 'var');
    const { run, log, end, clock, pass, said } = scene({ folder: missing });
    void run();
    await clock.until(() => said.includes('metrics.stalled'));
    for (let n = 0; n < 10_000; n++) log.emit('shard.stalled', { shard: 's0', code: 'KINLOG_THROTTLED', error: 'e' });
    mkdirSync(missing);
    await clock.until(() => said.includes('metrics.resumed'));
    await pass(60_000);
    await end();
    const lines = readFileSync(path.join(missing, 'kinloader_metrics_prod.log'), 'utf8').trim().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as Line);
    const lost = parsed.reduce((sum, line) => sum + Number(line['lines_left_out'] ?? 0), 0);
    const events = parsed.filter(({ event }) => event === 'shard.stalled').length;
    expect(events).toBeGreaterThan(1000);
    expect(events).toBeLessThan(10_000);
    expect(events + lost).toBeGreaterThanOrEqual(10_000);
  });
});
