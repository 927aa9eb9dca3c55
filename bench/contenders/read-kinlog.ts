/** A whole stream by kinlog's reader as the Splunk app wires it: positions in LevelDB, XML on stdout; `by` polling or enhanced fan-out. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { EventLog } from '../../base/events.ts';
import { EventPipe, ModularInputOutput, openLevelStore, Reader, type FanOutOptions } from '../../reader/index.ts';
import type { Contender, Options } from '../contender.ts';
import { CACHE } from '../data/corpus.ts';
import { measured, type Found } from './reading.ts';
import { IDENTITY } from './sdk.ts';
import { STANZA } from './stanza.ts';

export function open(options: Options): Contender {
  const { endpoint, stream, events, by } = options as unknown as Stage;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(path.join(CACHE, 'positions-'));
  // A pipe of the reader for each round hangs a listener on stdout; in the app there is one.
  process.stdout.setMaxListeners(0);
  let rounds = 0;
  return {
    round: () => {
      const directory = `${folder}/${++rounds}`;
      // A subscription of the round before could still hold the shard, so each has a consumer of its own.
      const fanOut = by === 'fan-out' ? { consumer: `bench-${rounds}`, register: true } : undefined;
      return measured(options, () => readAll({ endpoint, stream, events, directory, fanOut }));
    },
    close: async () => rmSync(folder, { recursive: true }),
  };
}

interface Stage {
  readonly endpoint: string;
  readonly stream: string;
  readonly events: number;
  readonly by?: 'polling' | 'fan-out';
}

interface Work extends Omit<Stage, 'by'> {
  readonly directory: string;
  readonly fanOut: FanOutOptions | undefined;
}

/** Ends once the output has accepted as many events as there are; then the reader stores its positions and stops. */
async function readAll({ endpoint, stream, events, directory, fanOut }: Work): Promise<Found> {
  const stop = new AbortController();
  const log: EventLog = new EventLog(({ name }) => {
    if (name === 'batch.written' && log.total('events_delivered') >= events) stop.abort();
  }, 'debug');
  const store = await openLevelStore(directory, { signal: stop.signal });
  const pipe = new EventPipe(process.stdout, { log });
  const output = new ModularInputOutput(pipe, STANZA);
  const reader = new Reader({
    stream,
    kinesis: { ...IDENTITY, endpoint },
    store,
    output,
    log,
    start: { kind: 'horizon' },
    fanOut,
  });
  await reader.run(stop.signal);
  await pipe.close();
  await store.close();
  return { records: log.total('records_read'), events: log.total('events_delivered') };
}
