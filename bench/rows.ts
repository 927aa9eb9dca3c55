/** The table of the bench: what is measured, against what, and what it should reach. */
import type { ContenderSpec } from './contender.ts';
import { ratio, ratioAtMost, type Row } from './row.ts';
import { LEASE_ROWS } from './rows-leases.ts';
import { SHARED_ROWS } from './rows-shared.ts';

/** A shard is one page, so that no contender waits for the pace that Kinesis asks for: five calls and 2 MB a second for each shard. */
const ONE_PAGE = 4_000_000;
const FULL_PAGE = 9_900_000;

const reading = (options: ContenderSpec['options']) => ({
  kinlog: { label: 'kinlog reader', module: 'read-kinlog', options: options ?? {} },
  bare: { label: 'bare SDK loop, data thrown away', module: 'read-sdk', options: { ...options, then: 'nothing' } },
  strings: { label: 'SDK + JSON.parse + strings', module: 'read-sdk', options: { ...options, then: 'xml' } },
});
const payload = reading({ measure: 'payload' });
const small = reading({ measure: 'records' });
const peak = reading({ measure: 'peak' });

export const ROWS: readonly Row[] = [
  {
    name: 'read',
    title: 'reader end to end, uncompressed HEC lines to XML on a pipe',
    unit: 'MB/s',
    digits: 0,
    server: { form: 'lines', shardBytes: ONE_PAGE },
    ours: payload.kinlog,
    baselines: [{ ...payload.bare, goal: ratio(1.8, 2.2) }, payload.strings],
    rounds: 5,
    limitS: 90,
  },
  {
    name: 'read-gzip',
    title: 'reader end to end, gzip records',
    unit: 'MB/s',
    digits: 0,
    server: { form: 'gzip', shardBytes: ONE_PAGE / 4 },
    ours: payload.kinlog,
    baselines: [
      { ...payload.strings, goal: ratio(4) },
      { ...payload.bare, goal: ratio(0.5) },
    ],
    rounds: 5,
    limitS: 90,
  },
  {
    name: 'xml',
    title: 'HEC lines to XML in memory',
    unit: 'MB/s',
    digits: 0,
    ours: { label: 'kinlog decoder and XML writer', module: 'xml-kinlog' },
    baselines: [{ label: 'JSON.parse, tested regex, strings', module: 'xml-strings', goal: ratio(1.7, 7) }],
    sameBytes: true,
    rounds: 7,
    limitS: 60,
  },
  {
    name: 'gunzip',
    title: 'gunzip stage',
    unit: 'MB/s',
    digits: 0,
    ours: { label: 'kinlog gunzip', module: 'gunzip', options: { by: 'kinlog' } },
    baselines: [
      { label: 'zlib.gunzipSync with defaults', module: 'gunzip', options: { by: 'zlib' }, goal: ratio(1.5) },
    ],
    rounds: 7,
    limitS: 60,
  },
  {
    name: 'hec',
    title: 'HEC lines to gzipped bodies, posted',
    unit: 'MB/s',
    digits: 0,
    server: { hec: true },
    ours: { label: 'kinlog decoder and HEC output', module: 'hec-kinlog' },
    baselines: [{ label: 'JSON.parse, JSON.stringify, gzip -1', module: 'hec-strings', goal: ratio(1.2) }],
    rounds: 5,
    limitS: 90,
  },
  {
    name: 'small',
    title: 'small records (480 B, one event each)',
    unit: 'k records/s',
    digits: 0,
    server: { form: 'single', shardRecords: 10_000 },
    ours: small.kinlog,
    baselines: [{ label: 'lifion-kinesis 1.3.3', module: 'read-lifion', goal: ratio(1.5) }, small.bare],
    rounds: 5,
    limitS: 150,
  },
  {
    name: 'send',
    title: 'sender, encode and put, gzip',
    unit: 'MB/s',
    digits: 0,
    server: {},
    ours: { label: 'kinlog sender', module: 'send-kinlog', options: { compression: 'gzip' } },
    baselines: [{ label: 'bare gzip -1', module: 'compress-only', options: { compression: 'gzip' }, goal: ratio(0.8) }],
    rounds: 5,
    limitS: 60,
  },
  {
    name: 'send-zstd',
    title: 'sender, encode and put, zstd',
    unit: 'MB/s',
    digits: 0,
    server: {},
    ours: { label: 'kinlog sender', module: 'send-kinlog', options: { compression: 'zstd' } },
    baselines: [{ label: 'bare zstd -1', module: 'compress-only', options: { compression: 'zstd' }, goal: ratio(0.8) }],
    rounds: 5,
    limitS: 60,
  },
  {
    name: 'scheme',
    title: '--scheme of the packaged app',
    unit: 'ms',
    digits: 1,
    ours: { label: 'kinesis_log.sh --scheme', module: 'start-up', options: { by: 'app' } },
    baselines: [{ label: 'node -e 0', module: 'start-up', options: { by: 'node' }, goal: ratioAtMost(1.25) }],
    rounds: 5,
    limitS: 60,
  },
  {
    name: 'idle-memory',
    title: 'idle reader of the packaged app, resident memory',
    unit: 'MiB',
    digits: 1,
    server: {},
    ours: { label: 'packaged app, reading nothing', module: 'idle-memory', options: { by: 'app' } },
    baselines: [
      {
        label: 'node that does nothing',
        module: 'idle-memory',
        options: { by: 'node' },
        goal: { of: 'more', kind: 'at most', limit: 30 },
      },
    ],
    fresh: true,
    rounds: 3,
    limitS: 90,
  },
  {
    name: 'peak-memory',
    title: 'peak memory of the packaged app on pages of 10 MB',
    unit: 'MiB',
    digits: 0,
    server: { form: 'lines', shardBytes: FULL_PAGE },
    ours: { label: 'packaged app', module: 'peak-memory' },
    goal: { of: 'value', kind: 'at most', limit: 200 },
    baselines: [peak.bare],
    fresh: true,
    rounds: 3,
    limitS: 60,
  },
  {
    name: 'idle-poll',
    title: 'CPU of a poll without records',
    unit: 'us/call',
    digits: 0,
    server: {},
    ours: { label: 'idle kinlog reader', module: 'poll-kinlog', options: { calls: 400 } },
    baselines: [
      // A process that sleeps in between finds its caches cold, whoever wrote it.
      {
        label: 'bare SDK call, warm, as seldom',
        module: 'poll-sdk',
        options: { calls: 400, pauseMs: 5 },
        goal: ratioAtMost(1),
      },
      { label: 'bare SDK call, one after the other', module: 'poll-sdk', options: { calls: 400, pauseMs: 0 } },
    ],
    rounds: 5,
    limitS: 90,
  },
  {
    name: 'checkpoint',
    title: 'one position made durable, p50',
    unit: 'ms',
    digits: 3,
    ours: { label: 'LevelDB store', module: 'checkpoint', options: { by: 'leveldb' } },
    baselines: [
      { label: 'append + fdatasync', module: 'checkpoint', options: { by: 'append' }, goal: ratioAtMost(3) },
      { label: 'memory store', module: 'checkpoint', options: { by: 'memory' } },
    ],
    rounds: 7,
    limitS: 60,
  },
  ...SHARED_ROWS,
  ...LEASE_ROWS,
];
