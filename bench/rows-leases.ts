/** Rows about readers that share a stream: what their leases cost, how quickly one takes over, and many idle shards. */
import { ratioAtMost, type Row } from './row.ts';

const writes = (label: string, options: { shards: number; putEveryMs?: number }) => ({
  label,
  module: 'lease-writes',
  options,
});

/** Within three periods. */
const takeOver = (name: string, periodMs: number, rounds: number): Row => ({
  name,
  title: `SIGKILL of a reader to the first record of its shard at another, lease period ${periodMs / 1000} s`,
  unit: 's',
  digits: 1,
  server: { emptyShards: 2, store: 'dynalite' },
  ours: { label: 'two kinlog run on a table', module: 'take-over', options: { periodMs } },
  goal: { of: 'value', kind: 'at most', limit: (3 * periodMs) / 1000 },
  baselines: [],
  fresh: true,
  rounds,
  limitS: 200,
});

const idle = (label: string, by: 'kinlog' | 'sdk', shards: number) => ({
  label,
  module: 'idle-shards',
  options: { by, shards },
});

export const LEASE_ROWS: readonly Row[] = [
  {
    name: 'lease-writes',
    title: 'writes to a shared store for each shard and lease period of 10 s',
    unit: 'writes',
    digits: 2,
    ours: writes('1 idle shard', { shards: 1 }),
    goal: { of: 'value', kind: 'at most', limit: 1 },
    baselines: [
      writes('10 idle shards', { shards: 10 }),
      writes('100 idle shards', { shards: 100 }),
      writes('10 shards, a record every 0.1 s', { shards: 10, putEveryMs: 100 }),
    ],
    fresh: true,
    rounds: 1,
    limitS: 120,
  },
  takeOver('take-over', 1000, 5),
  takeOver('take-over-default', 10_000, 2),
  {
    name: 'idle-shards',
    title: 'CPU of a process that reads shards without records, positions in DynamoDB',
    unit: 'ms/s',
    digits: 0,
    server: { store: 'dynalite' },
    ours: idle('kinlog, 1,000 shards', 'kinlog', 1000),
    baselines: [
      { ...idle('bare SDK, 1,000 shards', 'sdk', 1000), goal: ratioAtMost(1.2) },
      idle('kinlog, 100 shards', 'kinlog', 100),
      idle('kinlog, 1 shard', 'kinlog', 1),
    ],
    fresh: true,
    rounds: 2,
    limitS: 240,
  },
];
