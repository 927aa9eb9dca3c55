/** What the alerts and the tables of the dashboard Pipeline health make of a metrics log: the searches are run over lines that the writer wrote. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventLog } from '../../base/events.ts';
import type { ReaderStatus } from '../../reader/index.ts';
import { MetricsLog } from '../../splunk-app/input/metrics-log.ts';
import { FakeClock } from '../fakes/clock.ts';
import { appConf } from './app-conf.ts';
import { definitionOf, withTokens } from './dashboard-definition.ts';
import type { Row } from './spl-expression.ts';
import { expandMacros } from './spl-fields.ts';
import { runSearch } from './spl-run.ts';

const macros = new Map([...appConf('macros')].map(([name, settings]) => [name, settings.get('definition')!]));
const health = definitionOf('pipeline_health');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-alerts-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const alertRows = (name: string, events: readonly Row[]) =>
  runSearch(expandMacros(appConf('savedsearches').get(`Kinesis Log Loader - ${name}`)!.get('search')!, macros), events);

function panel(source: string, events: readonly Row[]): readonly Row[] {
  const { query, extend } = health.dataSources[source]!.options;
  const all = withTokens(expandMacros(query, macros));
  return runSearch(all, extend === undefined ? events : panel(extend, events));
}

interface Scene {
  readonly clock: FakeClock;
  readonly log: EventLog;
  readonly status: (behindMs: number | undefined, state?: ReaderStatus['state'], lastError?: string) => void;
  readonly pass: (ms: number) => Promise<void>;
}

/** Lets an input live as the script says and answers its events as Splunk would have them; the wall clock ends at the present. */
async function lived(script: (scene: Scene) => Promise<void>, runs = 1): Promise<Row[]> {
  const clock = new FakeClock(Date.now() - 10 * 60_000);
  for (let n = 0; n < runs; n++) {
    let now: ReaderStatus | undefined;
    const log: EventLog = new EventLog((line) => metrics.note(line), 'debug');
    const parts = { folder, stanza: 'kinesis_log://prod', stream: 'logs', everyMs: 60_000, stalled: () => false };
    const metrics = new MetricsLog({ ...parts, status: () => now, log, clock });
    const stop = new AbortController();
    const ended = metrics.run(stop.signal);
    const pass = (ms: number) => {
      const at = clock.monotonic() + ms;
      return clock.until(() => clock.monotonic() >= at);
    };
    const seen = (behindMs: number | undefined) =>
      behindMs === undefined ? ({ state: 'elsewhere' } as const) : { behindMs };
    const shard = { shardId: 's0', state: 'reading', position: 'horizon', parents: [], arrivalMs: 0 } as const;
    const status: Scene['status'] = (behindMs, state = 'reading', lastError) => {
      const error = lastError === undefined ? {} : { lastError };
      now = { stream: 'logs', owner: 'me', state, shards: [{ ...shard, ...seen(behindMs), ...error }], ...error };
    };
    status(0);
    await script({ clock, log, status, pass });
    stop.abort();
    await ended;
  }
  const text = readFileSync(path.join(folder, 'kinloader_metrics_prod.log'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string | number>)
    .map((line) => ({ ...line, ...METADATA, _time: Date.parse(String(line['time'])) / 1000 }));
}

const METADATA = { host: 'hf1', index: '_internal', sourcetype: 'kinlog:metrics' };

describe('the alert', () => {
  it('“An input falls behind” speaks when the lag stays, and not after a moment of it', async () => {
    const stays = await lived(async ({ status, pass }) => {
      status(400_000);
      await pass(300_000);
    });
    expect(alertRows('An input falls behind', stays)).toMatchObject([
      { host: 'hf1', stanza: 'kinesis_log://prod', stream: 'logs', behind_s: 400 },
    ]);
    const passes = await lived(async ({ status, pass }) => {
      status(400_000);
      await pass(120_000);
      status(1000);
      await pass(120_000);
    });
    expect(alertRows('An input falls behind', passes)).toEqual([]);
  });

  it('“Records were lost” names the shard and the time between which they are missing', async () => {
    const events = await lived(async ({ log, pass }) => {
      log.emit('stream.data-loss', { shard: 's0', from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' });
      await pass(2000);
    });
    expect(alertRows('Records were lost', events)).toMatchObject([
      { shard: 's0', detail: 'from=2026-01-01T00:00:00Z to=2026-01-02T00:00:00Z' },
    ]);
  });

  it('“Access was refused” speaks of every code once, and not of a throttled shard', async () => {
    const events = await lived(async ({ log, pass }) => {
      for (const shard of ['s0', 's1'])
        log.emit('shard.stalled', { shard, code: 'KINLOG_PERMISSION_REFUSED', error: 'x' });
      log.emit('shard.stalled', { shard: 's2', code: 'KINLOG_THROTTLED', error: 'x' });
      log.emit('reader.failed', { error: 'no key (KINLOG_CREDENTIALS_MISSING). Give one.' });
      await pass(2000);
    });
    expect(alertRows('Access was refused', events).map((row) => row['code'])).toEqual([
      'KINLOG_PERMISSION_REFUSED',
      'KINLOG_CREDENTIALS_MISSING',
    ]);
  });

  it('“An input fell silent” speaks of one that vanished, not of one that was disabled or that lives', async () => {
    const alive = await lived(({ pass }) => pass(540_000));
    const older = (events: readonly Row[]) => events.map((row) => ({ ...row, _time: Number(row['_time']) - 3600 }));
    expect(alertRows('An input fell silent', alive)).toEqual([]);
    expect(alertRows('An input fell silent', older(alive))).toMatchObject([{ host: 'hf1', state: 'reading' }]);
    rmSync(path.join(folder, 'kinloader_metrics_prod.log'));
    const disabled = await lived(async ({ status, pass }) => {
      await pass(60_000);
      status(0, 'stopped');
    });
    expect(alertRows('An input fell silent', older(disabled))).toEqual([]);
  });

  it('“Events were put aside” and “Reading has failed” speak when it happens', async () => {
    const events = await lived(async ({ log, pass }) => {
      await pass(2000);
      log.count('events_dead_lettered', 3);
      log.emit('shard.failed', { shard: 's0', error: 'gone (KINLOG_POSITION_LOST)' });
      log.emit('reader.failed', { error: 'without a code' });
      await pass(60_000);
    });
    expect(alertRows('Events were put aside', events)).toMatchObject([{ events: 3 }]);
    expect(alertRows('Reading has failed', events)).toMatchObject([
      { event: 'shard.failed', code: 'KINLOG_POSITION_LOST' },
      { event: 'reader.failed', code: '-' },
    ]);
  });

  it.each([...appConf('savedsearches').keys()])('%s is silent when all is well', async (name) => {
    const events = await lived(async ({ log, pass }) => {
      log.emit('reader.started', { stream: 'logs' });
      await pass(540_000);
    });
    expect(alertRows(name.replace('Kinesis Log Loader - ', ''), events)).toEqual([]);
  });
});

describe('Pipeline health', () => {
  it('shows inputs, shards and sums as they are', async () => {
    const events = await lived(async ({ log, status, pass }) => {
      await pass(30_000);
      status(90_000);
      log.emit('page.fetched', { shard: 's0', records: 10, bytes: 6_144_000 });
      log.emit('batch.written', { shard: 's0', events: 600 });
      for (const [name, by] of [
        ['records_read', 10],
        ['bytes_read', 6_144_000],
        ['events_delivered', 600],
      ] as const)
        log.count(name, by);
      log.emit('fetch.throttled', { shard: 's0' });
      await pass(30_000);
    }, 2);
    expect(panel('ds_input_table', events)).toMatchObject([
      {
        ...{ stanza: 'kinesis_log://prod', host: 'hf1', stream: 'logs', state: 'reading', behind_s: 90 },
        ...{ reading: 1, failed: 0, output: 'ok', restarts: 1, checkpoint_age_s: 30 },
      },
    ]);
    expect(panel('ds_now', events)).toMatchObject([{ behind_s: 90, alive: 1, restarts: 1, failed: 0 }]);
    expect(panel('ds_totals', events)).toMatchObject([{ events: 1200, gb: 0.01, throttles: 2, losses: 0 }]);
    expect(panel('ds_shard_table', events)).toMatchObject([
      {
        shard: 's0',
        behind_s: 90,
        events_per_s: expect.closeTo(10, 0),
        kb_per_s: expect.closeTo(100, -1),
        throttles: 2,
        losses: 0,
      },
    ]);
    expect(panel('ds_event_table', events)).toMatchObject([
      { event: 'Nothing happened in this time that one has to know of.' },
    ]);
  });

  it('shows what holds an input or a shard up, and no more when it is over', async () => {
    const errors = (events: readonly Row[]) =>
      ['ds_input_table', 'ds_shard_table'].map((source) => panel(source, events)[0]!['error']);
    const stuck = await lived(async ({ status, pass }) => {
      await pass(60_000);
      status(400_000, 'reading', 'no permission');
      await pass(60_000);
    });
    expect(errors(stuck)).toEqual(['no permission', 'no permission']);
    rmSync(path.join(folder, 'kinloader_metrics_prod.log'));
    const over = await lived(async ({ status, pass }) => {
      status(400_000, 'reading', 'no permission');
      await pass(90_000);
      status(0);
      await pass(60_000);
    });
    expect(over.filter((row) => row['error'] === 'no permission')).not.toEqual([]);
    expect(errors(over)).toEqual(['-', '-']);
  });

  it('does not take an input for late that reads no more, such as that of a former captain', async () => {
    const events = await lived(async ({ status, pass }) => {
      status(400_000);
      await pass(120_000);
      status(undefined, 'stopped');
      await pass(120_000);
    });
    expect(panel('ds_now', events)).toMatchObject([{ behind_s: 0, alive: 1 }]);
    expect(panel('ds_input_table', events)).toMatchObject([{ state: 'stopped', behind_s: undefined }]);
    const older = events.map((row) => ({ ...row, _time: Number(row['_time']) - 3600 }));
    expect(panel('ds_shard_table', older)).toMatchObject([{ shard: 's0', behind_s: undefined }]);
    expect(alertRows('An input falls behind', events)).toEqual([]);
  });

  it('says why it is empty', () => {
    expect(panel('ds_input_table', [])).toMatchObject([
      { stanza: expect.stringMatching(/^No input has told anything/) },
    ]);
    expect(panel('ds_now', [])).toMatchObject([{ behind_s: 0, alive: 0, restarts: 0, failed: 0 }]);
    expect(panel('ds_totals', [])).toMatchObject([{ events: 0, losses: 0, dead_letters: 0, undecoded: 0, gb: 0 }]);
  });
});
