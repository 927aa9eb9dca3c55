/** Which stream and which store a command is about: by its flags, or by the file of `kinlog run`. */
import { configFaults, text, type OptionValues } from '../base/config.ts';
import { streamId } from '../base/stream.ts';
import { streamName, type CONNECTION, type ConnectionValues } from './connection-options.ts';
import type { CliOption } from './options.ts';
import type { StreamConfig } from './run-config.ts';
import { storeOf } from './store-options.ts';
import { storeName, type StoreConfig } from './store.ts';

export const TARGET = {
  config: {
    type: text(),
    title: 'Configuration',
    value: 'file',
    text: "file of kinlog run, for the stream's store and connection where no flag says them",
  },
  streamName: { ...streamName('stream that is meant; the only one of --config when absent'), required: false },
} as const satisfies Record<string, CliOption<unknown>>;

export interface Target {
  readonly connection: ConnectionValues;
  /** Undefined when neither the flags nor the file name one. */
  readonly store: StoreConfig | undefined;
}

type TargetValues = OptionValues<typeof TARGET> & OptionValues<typeof CONNECTION>;

/** `prefix`: of the flags that name the store. */
export async function targetOf(values: TargetValues, prefix: string): Promise<Target> {
  const store = storeOf(prefix, values);
  if (values.config === undefined) {
    if (values.streamName === undefined) throw configFaults(['--stream-name is missing, or --config: the stream']);
    return { connection: { ...values, streamName: values.streamName }, store };
  }
  const { readRunConfig } = await import('./run-config.ts');
  const found = chosenStreams(readRunConfig(values.config).streams, values);
  const stores = new Map(found.map((stream) => [storeName(stream.store), stream.store]));
  const [first, ...more] = [...stores.values()];
  if (store === undefined && more.length > 0)
    throw configFaults([`--${prefix} must say which is meant: ${values.config} has ${[...stores.keys()].join(', ')}`]);
  if (store === undefined && first?.kind === 'memory')
    throw configFaults([`--${prefix}: the store in ${values.config} is memory, which no other process can see`]);
  return { connection: connectionIn(found[0]!, values), store: store ?? first };
}

/** One stream, which the file may read more than once. */
function chosenStreams(streams: readonly StreamConfig[], { config, streamName: wanted }: TargetValues): StreamConfig[] {
  const names = [...new Set(streams.map(({ stream }) => streamId(stream)))];
  const name =
    wanted === undefined && names.length === 1 ? names[0] : wanted === undefined ? undefined : streamId(wanted);
  const found = streams.filter(({ stream }) => streamId(stream) === name);
  if (found.length > 0) return found;
  const problem = wanted === undefined ? 'is missing: say which' : `${wanted} is not one`;
  throw configFaults([`--stream-name ${problem} of the streams in ${String(config)}: ${names.join(', ')}`]);
}

/** Flags win. */
function connectionIn(stream: StreamConfig, values: TargetValues): ConnectionValues {
  const { endpoint: endpointUrl, stsEndpoint: stsEndpointUrl, region, profile, roleArn, externalId } = stream;
  const { sessionName, webIdentityTokenFile, ca, proxy } = stream;
  const inFile = {
    ...{ endpointUrl, stsEndpointUrl, region, profile, roleArn, externalId },
    ...{ sessionName, webIdentityTokenFile, ca, proxy },
  };
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return { ...inFile, ...Object.fromEntries(given), streamName: stream.stream };
}
