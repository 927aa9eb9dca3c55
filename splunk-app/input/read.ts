/** Reads the stream of one stanza, with its positions in LevelDB. A module of its own, so that validation need not load the AWS SDK. */
import { openLevelStore, Reader } from '../../reader/index.ts';
import type { ReadStream } from './run.ts';

/** After an edit splunkd starts the new process while the old one may still drain. */
const LOCK_WAIT_MS = 30_000;
/** Leaves time to store and to end the document before the process must be gone. */
const DRAIN_MS = 3000;

export const readStream: ReadStream = async ({ options, directory, output, log, signal }) => {
  const { awsRegion: region, kinesisEndpoint: endpoint } = options;
  const store = await openLevelStore(directory, { signal, waitMs: LOCK_WAIT_MS });
  try {
    await new Reader({
      stream: options.streamName,
      kinesis: { region, endpoint },
      store,
      output,
      log,
      start: options.initialPosition,
      decode: options.recordFormat === 'lines' ? { lines: true } : { format: options.recordFormat },
      checkpointEveryMs: options.checkpointIntervalS * 1000,
      idleMs: options.idleMs,
      maxBytesInFlight: options.maxMbInFlight * 1024 * 1024,
      drainMs: DRAIN_MS,
    }).run(signal);
  } finally {
    await store.close();
  }
};
