/** `dumpstream`: the records of a stream as they are, on stdout or into a file. */
import { statSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { choice, configFaults, decimal, flag, integer, text, type OptionValues } from '../base/config.ts';
import { MemoryStore, openLevelStore, Reader, type CheckpointStore, type Start } from '../reader/index.ts';
import { KinesisApi } from '../reader/fetch/kinesis.ts';
import { listShards } from '../reader/shards/list.ts';
import { CONNECTION, connectionOf, streamName } from './connection.ts';
import { DumpSink } from './dump-sink.ts';
import { commandLog, EXIT, Interruption, type Surroundings } from './exit.ts';
import { parseCommandLine, type CliOption, type CommandSpec } from './options.ts';
import { ByteTarget } from './byte-target.ts';
import { startOption } from './start.ts';

const DUMP = {
  streamName: streamName('stream to read'),
  checkpointFile: {
    type: text(),
    title: 'Positions',
    value: 'path',
    text: 'directory that keeps the positions, so that the next run goes on where this one stopped; kept in memory when absent',
    env: ['CHECKPOINT_FILE'],
  },
  dataFormat: {
    type: choice(['json', 'raw']),
    title: 'Format',
    value: 'json|raw',
    text: 'json: a line for each record with arrival_time, partition_key, seq and data in base64; raw: the bytes of the records and nothing between them',
    default: 'json',
    env: ['DATA_FORMAT'],
  },
  filename: {
    type: text(),
    title: 'File',
    value: 'path',
    text: 'file to append to; stdout when absent',
    env: ['TARGET_FILENAME'],
  },
  maxRate: {
    type: decimal(0.01, 5),
    title: 'Rate',
    value: 'number',
    text: 'most reads of a shard in a second; Kinesis allows 5 for all readers together',
    default: '3',
    env: ['MAX-RATE', 'MAX_RATE'],
  },
  defaultToHorizon: {
    type: flag(),
    title: 'Horizon',
    text: 'begin at the oldest record instead of the latest where no position is kept; the same as --start horizon',
    default: 'false',
    env: ['DEFAULT_TO_HORIZION', 'DEFAULT_TO_HORIZON'],
  },
  start: {
    type: startOption(() => Date.now()),
    title: 'Start',
    value: 'where',
    text: 'where to begin where no position is kept: latest, horizon, a time such as 2026-01-31T10:00:00Z, or how long ago, such as -15m; latest when absent',
  },
  exitAtTip: {
    type: flag(),
    title: 'Exit at tip',
    text: 'end once everything in the stream was read',
    default: 'false',
  },
  count: {
    type: integer(1, 1_000_000_000),
    title: 'Count',
    value: 'records',
    text: 'end after so many records',
    short: 'n',
  },
  verbose: {
    type: flag(),
    title: 'Verbose',
    text: 'say on stderr what happens, and a summary at the end',
    default: 'false',
  },
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;

type DumpValues = OptionValues<typeof DUMP>;

export const DUMP_SPEC: CommandSpec<typeof DUMP> = {
  name: 'dumpstream',
  summary: 'Dumps the records of a Kinesis stream.',
  table: DUMP,
  notes: `Reading goes on until a signal stops it; --exit-at-tip and --count end it sooner.
Exit status: 0 done; 1 usage; 100 failure; 130 interrupted, after everything written was counted as read.`,
};

export async function dump(argv: readonly string[], around: Surroundings): Promise<number> {
  const line = parseCommandLine(DUMP_SPEC, argv, around.env);
  if (line.kind === 'help') {
    around.stdout.write(line.text);
    return EXIT.ok;
  }
  const { values } = line;
  const interruption = new Interruption();
  const stop = interruption.signal;
  const store = await openStore(values.checkpointFile, stop);
  const target = ByteTarget.open(values.filename, around.stdout);
  const tips = values.exitAtTip ? () => openShards(values, stop) : undefined;
  const sink = new DumpSink({ ...values, target, tips, stop });
  try {
    await new Reader({
      stream: values.streamName,
      kinesis: connectionOf(values),
      store,
      records: sink,
      start: startOf(values),
      log: commandLog(around, values.verbose ? 'info' : 'warn'),
      drainMs: DRAIN_MS,
    }).run(AbortSignal.any([stop, sink.done]));
  } finally {
    await target.close();
    await store.close();
  }
  if (values.verbose) around.stderr.write(`dumpstream: ${sink.records} records\n`);
  return interruption.received === undefined ? EXIT.ok : EXIT.interrupted;
}

/** The shards that can still grow: once each was read to its tip, so was everything before it. */
async function openShards(values: DumpValues, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const api = new KinesisApi({ ...connectionOf(values), stream: values.streamName }, systemClock);
  try {
    const shards = await listShards(api, { signal });
    return new Set(shards.filter(({ closed }) => !closed).map(({ shardId }) => shardId));
  } finally {
    api.close();
  }
}

/** A pipe that nobody reads must not keep a stopped reader for ever. */
const DRAIN_MS = 5000;

function startOf({ start, defaultToHorizon }: DumpValues): Start {
  return start ?? (defaultToHorizon ? { kind: 'horizon' } : { kind: 'tip' });
}

async function openStore(path: string | undefined, signal: AbortSignal): Promise<CheckpointStore> {
  if (path === undefined) return new MemoryStore();
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
    throw configFaults([
      `--checkpoint-file ${path} is a file, perhaps of the original dumpstream, but must be a directory or not exist yet`,
    ]);
  return openLevelStore(path, { signal });
}
