/** `dumpstream`: the records of a stream as they are, on stdout or into a file. */
import { statSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { configFaults } from '../base/config.ts';
import { MemoryStore, openLevelStore, Reader, type CheckpointStore, type Start } from '../reader/index.ts';
import { KinesisApi } from '../reader/fetch/kinesis.ts';
import { listShards } from '../reader/shards/list.ts';
import { ByteTarget } from './byte-target.ts';
import { connectionOf } from './connection.ts';
import type { DumpValues } from './dump-options.ts';
import { DumpSink } from './dump-sink.ts';
import { commandLog, EXIT, Interruption, type Surroundings } from './exit.ts';

export async function dump(values: DumpValues, around: Surroundings): Promise<number> {
  const interruption = new Interruption();
  const stop = interruption.signal;
  const { filename } = values;
  const store = await openStore(values.checkpointFile, stop);
  const target = await (filename === undefined ? ByteTarget.stdout(around.stdout) : ByteTarget.file(filename));
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
      whenRefused: 'stop',
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
