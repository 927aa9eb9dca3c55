/** Reads the stream of one stanza as the stanza says. A module of its own, so that validation need not load the AWS SDK. */
import { Reader } from '../../reader/index.ts';
import { awsAccess } from './access.ts';
import { whileCaptain } from './captain.ts';
import { openCollector, type Collector, type CollectorContext } from './collector.ts';
import type { Store } from './released-rows.ts';
import type { ReadStream, StreamWork } from './run.ts';
import { resolveSecrets } from './secrets.ts';
import { Splunkd } from './splunkd.ts';
import { APP_ID } from './stored.ts';
import { openPositions } from './stores.ts';

/** Leaves time to store and to end the document before the process must be gone. */
const DRAIN_MS = 3000;
const MIB = 1024 * 1024;

export const readStream: ReadStream = async (work) => {
  const { stanza, options, document, log, clock, signal } = work;
  const splunkd = new Splunkd({ url: document.serverUri, sessionKey: document.sessionKey, log, clock });
  try {
    const secrets = await resolveSecrets({ stanza, options, splunkd, log, signal });
    const read = (until: AbortSignal) => readWith(work, { secrets, splunkd, signal: until });
    if (options.runOn === 'captain') await whileCaptain(splunkd, { clock, log, signal }, read);
    else await read(signal);
  } finally {
    await splunkd.close();
  }
};

/** Reading from here on, until its signal aborts: once, or each time this host becomes the captain. */
type Turn = CollectorContext;

async function readWith(work: StreamWork, turn: Turn): Promise<void> {
  const { options, document, directory, log, clock } = work;
  const aws = awsAccess(options, turn.secrets);
  const { serverUri, sessionKey } = document;
  const splunkd = { serverUri, sessionKey, authorities: () => turn.splunkd.authorities() };
  const place = { options, directory, aws, splunkd, app: APP_ID };
  const store = await openPositions({ ...place, log, clock, signal: turn.signal });
  try {
    if (options.output === 'stdout') await readInto({ output: work.output }, store, work, turn);
    else {
      const collector = await openCollector(work, turn);
      // Before the store: until it is closed something may be accepted.
      await readInto(collector, store, work, turn).finally(() => collector.close());
    }
  } finally {
    await store.close();
  }
}

type Target = Pick<Collector, 'output'> & Partial<Collector>;

async function readInto(target: Target, store: Store, work: StreamWork, { secrets, signal }: Turn): Promise<void> {
  const { options, log, clock } = work;
  const { fanOutConsumer: consumer, fanOutRegister: register, onLostPosition } = options;
  const reader = new Reader({
    stream: options.streamName,
    kinesis: { ...awsAccess(options, secrets), endpoint: options.kinesisEndpoint },
    store,
    output: target.output,
    deadLetters: target.deadLetters,
    log,
    clock,
    start: options.initialPosition,
    decode: options.recordFormat === 'lines' ? { lines: true } : { format: options.recordFormat },
    checkpointEveryMs: options.checkpointIntervalS * 1000,
    leasePeriodMs: options.leasePeriodS * 1000,
    otherReaders: options.otherReaders,
    fanOut: consumer === undefined ? undefined : { consumer, register },
    idleMs: options.idleMs,
    maxBytesInFlight: options.maxMbInFlight * MIB,
    drainMs: DRAIN_MS,
    ...(onLostPosition === undefined ? {} : { onLostPosition }),
  });
  work.reads(reader);
  await reader.run(signal);
}
