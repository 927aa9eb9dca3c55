/** The file of `kinlog run` for a LogStream. It goes into a ConfigMap, so no secret is in it, only the names of files. */
import { stringify } from 'yaml';
import type { Auth, Format, LogStream, Output, Source, StartPosition } from '../logstream.ts';
import { fileIn } from './mounted-files.ts';
import { applicationName } from './names.ts';

export const STATUS_PORT = 9464;
export const POSITIONS_FOLDER = '/var/lib/kinlog/positions';
export const DEAD_LETTERS_FOLDER = '/var/lib/kinlog/dead-letters';
const SECOND_MS = 1000;

/** The same text for the same spec: its hash decides whether the reader is replaced. */
export function readerConfig(stream: LogStream): string {
  const known = RENDERED.get(stream) ?? rendered(stream);
  RENDERED.set(stream, known);
  return known;
}

/** For as long as the object lives, which nobody changes: a pass needs it twice, and most passes find the same object. */
const RENDERED = new WeakMap<LogStream, string>();

function rendered(stream: LogStream): string {
  return stringify(readerSettings(stream), { lineWidth: 0 });
}

/** Members that are undefined do not count. */
export function readerSettings(stream: LogStream): Readonly<Record<string, unknown>> {
  const { spec } = stream;
  return {
    logLevel: spec.logLevel.toLowerCase(),
    // The host is in the environment of the pod: its own address, whatever its family.
    status: { listen: `0.0.0.0:${STATUS_PORT}` },
    maxMbInFlight: spec.maxMegabytesInFlight,
    store: storeOf(stream),
    output: outputOf(stream, spec.outputs[0]!),
    deadLetters:
      spec.deadLetters === undefined
        ? undefined
        : {
            // Of this application: a claim that exists may be that of several.
            file: `${DEAD_LETTERS_FOLDER}/${applicationName(stream)}.ndjson`,
            maxMb: spec.deadLetters.maxMegabytes,
          },
    streams: [streamOf(stream)],
  };
}

function streamOf(stream: LogStream): object {
  const { source, format, checkpoint } = stream.spec;
  return {
    stream: source.streamArn ?? source.streamName,
    region: regionOf(source),
    endpoint: source.endpoint,
    ...roleOf(source.auth),
    stsEndpoint: source.stsEndpoint,
    ca: fileIn(stream, 'source-ca'),
    proxy: source.proxy,
    start: startText(source.startPosition),
    onLostPosition: lostText(source.onLostPosition),
    fanOut: fanOutOf(source),
    format: format === undefined ? undefined : FORMATS[format.codec],
    lines: format?.lines === 'Split' ? true : undefined,
    checkpointEveryMs: checkpoint.intervalSeconds * SECOND_MS,
    idleMs: source.polling?.idleMilliseconds,
    leasePeriodMs: checkpoint.leasePeriodSeconds * SECOND_MS,
  };
}

const FORMATS: Readonly<Record<Format['codec'], string>> = {
  Auto: 'auto',
  Kinlog: 'kinlog',
  CloudWatchLogs: 'cloudwatch',
  Hec: 'hec',
  Json: 'json',
  Text: 'text',
};

export const regionOf = ({ region, streamArn }: Source): string | undefined => region ?? streamArn?.split(':')[3];

function roleOf(auth: Auth | undefined): object {
  const { roleArn, externalId, sessionName } = auth ?? {};
  return { roleArn, externalId, sessionName };
}

/** As `start` of the file and `--to` of the commands take it. */
export function startText({ type, timestamp }: StartPosition): string | undefined {
  return type === 'Latest' ? 'tip' : type === 'TrimHorizon' ? 'horizon' : timestamp;
}

function lostText(lost: Source['onLostPosition']): string | undefined {
  if (lost === undefined) return undefined;
  return lost.type === 'Stop' ? 'stop' : startText({ ...lost, type: lost.type });
}

function fanOutOf({ mode, enhancedFanOut }: Source): object | undefined {
  if (mode !== 'EnhancedFanOut' || enhancedFanOut === undefined) return undefined;
  const { consumerArn, consumerName, register } = enhancedFanOut;
  return { consumer: consumerArn ?? consumerName, register: register === 'IfMissing' };
}

function storeOf(stream: LogStream): object {
  const { type, splunkKVStore } = stream.spec.checkpoint;
  switch (type) {
    case 'DynamoDB':
      return dynamoStoreOf(stream);
    case 'SplunkKVStore':
      return {
        kind: 'kv-store',
        url: splunkKVStore?.url,
        app: splunkKVStore?.app,
        collection: splunkKVStore?.collection,
        tokenFile: fileIn(stream, 'kv-store-token'),
        caFile: fileIn(stream, 'kv-store-ca'),
      };
    case 'LevelDB':
      // A folder that the reader makes itself: the root of a volume belongs to another user.
      return { kind: 'leveldb', directory: `${POSITIONS_FOLDER}/${applicationName(stream)}` };
  }
}

function dynamoStoreOf(stream: LogStream): object {
  const { source, checkpoint } = stream.spec;
  const { tableName, region, endpoint, createTable, keys, billing, tags, roleArn, externalId } =
    checkpoint.dynamoDB ?? {};
  return {
    kind: 'dynamodb',
    table: tableName ?? applicationName(stream),
    region: region ?? regionOf(source),
    endpoint,
    roleArn,
    externalId,
    stsEndpoint: roleArn === undefined ? undefined : source.stsEndpoint,
    ca: fileIn(stream, 'source-ca'),
    proxy: source.proxy,
    create: createTable === undefined ? undefined : createTable === 'IfMissing',
    keys: keys?.toLowerCase(),
    readCapacity: billing?.readCapacity,
    writeCapacity: billing?.writeCapacity,
    tags,
  };
}

function outputOf(stream: LogStream, { type, splunkHEC }: Output): object {
  if (type === 'Stdout' || splunkHEC === undefined) return { kind: 'ndjson' };
  const { urls, acknowledgement, batch, proxy, host, source, sourcetype, index } = splunkHEC;
  const defaults = { host, source, sourcetype, index };
  const { mode, timeoutSeconds } = acknowledgement ?? {};
  return {
    kind: 'hec',
    endpoints: urls,
    tokenFile: fileIn(stream, 'hec-token'),
    ack: mode === 'Required',
    ca: fileIn(stream, 'hec-ca'),
    proxy,
    defaults: Object.values(defaults).every((value) => value === undefined) ? undefined : defaults,
    maxInFlight: batch?.maxInFlight,
    maxBodyBytes: batch?.maxBodyBytes,
    maxEventBytes: batch?.maxEventBytes,
    ackTimeoutMs: timeoutSeconds === undefined ? undefined : timeoutSeconds * SECOND_MS,
  };
}
