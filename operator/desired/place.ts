/** Where the positions of a LogStream are kept, and of which stream: readers of the same rows divide the shards of a stream between them. Pure. */
import { streamId } from '../../base/stream.ts';
import type { LogStream } from '../logstream.ts';
import { keptVolumes } from './claims.ts';
import { regionOf } from './config.ts';
import { applicationName } from './names.ts';

export interface Place {
  /** The same text for whoever names the same table, collection or folder. */
  readonly store: string;
  /** The AWS account of a table, where the LogStream says it. */
  readonly account: string | undefined;
  /** For messages. */
  readonly name: string;
  /** Where the LogStream says it. */
  readonly field: string;
  /** `stream`: the rows of each stream lie apart. `all`: whatever is in it belongs together. `process`: only one process can have it open. */
  readonly holds: 'stream' | 'all' | 'process';
  readonly stream: StreamIdentity;
}

interface StreamIdentity {
  readonly name: string;
  readonly region: string | undefined;
  /** Empty: that of AWS. */
  readonly endpoint: string;
  readonly account: string | undefined;
}

/** As the rows in the store are told apart, so a name that two regions have is one stream there. */
export function haveSameRows(a: Place, b: Place): boolean {
  if (a.store !== b.store || differ(a.account, b.account)) return false;
  if (a.holds !== 'stream' || b.holds !== 'stream') return true;
  return a.stream.name === b.stream.name && !differ(a.stream.account, b.stream.account);
}

/** As far as the LogStreams say. */
export function haveSameStream({ stream: a }: Place, { stream: b }: Place): boolean {
  return a.name === b.name && a.region === b.region && a.endpoint === b.endpoint && !differ(a.account, b.account);
}

/** What is not said may be the same. */
const differ = (a: string | undefined, b: string | undefined): boolean => a !== undefined && b !== undefined && a !== b;

export function placeOf(stream: LogStream): Place {
  const { checkpoint } = stream.spec;
  switch (checkpoint.type) {
    case 'DynamoDB':
      return tableOf(stream);
    case 'SplunkKVStore':
      return collectionOf(stream);
    case 'LevelDB':
      return folderOf(stream);
  }
}

function tableOf(stream: LogStream): Place {
  const { source, checkpoint } = stream.spec;
  const { tableName, endpoint, roleArn, keys, region = regionOf(source) } = checkpoint.dynamoDB ?? {};
  const table = tableName ?? applicationName(stream);
  return {
    store: ['DynamoDB', endpointOf(endpoint), region, table].join(' '),
    account: accountIn(roleArn) ?? accountOfPod(stream),
    name: `the DynamoDB table ${table}`,
    field: 'spec.checkpoint.dynamoDB.tableName',
    holds: keys === 'Stream' ? 'stream' : 'all',
    stream: identityOf(stream),
  };
}

/** As the schema and the reader fill them in. */
const DEFAULT_APP = 'kinloader';
const DEFAULT_COLLECTION = 'kinlog_rows';

function collectionOf(stream: LogStream): Place {
  const { url = '', app = DEFAULT_APP, collection = DEFAULT_COLLECTION } = stream.spec.checkpoint.splunkKVStore ?? {};
  return {
    store: ['SplunkKVStore', normal(url), app, collection].join(' '),
    account: undefined,
    name: `the collection ${collection} of the app ${app} at ${url}`,
    field: 'spec.checkpoint.splunkKVStore.collection',
    holds: 'stream',
    stream: identityOf(stream),
  };
}

function folderOf(stream: LogStream): Place {
  const claim = keptVolumes(stream).find(({ name }) => name === 'positions')!.claimName;
  const folder = applicationName(stream);
  return {
    store: ['LevelDB', stream.metadata.namespace, claim, folder].join(' '),
    account: undefined,
    name: `the folder ${folder} on the PersistentVolumeClaim ${claim}`,
    field: 'spec.checkpoint.levelDB.existingClaim',
    holds: 'process',
    stream: identityOf(stream),
  };
}

function identityOf(stream: LogStream): StreamIdentity {
  const { source } = stream.spec;
  return {
    name: streamId(source.streamArn ?? source.streamName ?? ''),
    region: regionOf(source),
    endpoint: endpointOf(source.endpoint),
    account: accountIn(source.streamArn) ?? accountIn(source.auth?.roleArn) ?? accountOfPod(stream),
  };
}

/** Of IAM Roles for Service Accounts; nobody but AWS knows the account of an access key. */
function accountOfPod({ spec }: LogStream): string | undefined {
  if (spec.source.auth?.type === 'Secret') return undefined;
  return accountIn(spec.serviceAccount.annotations?.['eks.amazonaws.com/role-arn']);
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
const accountIn = (arn: string | undefined): string | undefined => /^arn:[^:]*:[^:]*:[^:]*:(\d+):/.exec(arn ?? '')?.[1];

/** All that AWS has lead to the same tables and streams: https://docs.aws.amazon.com/general/latest/gr/ddb.html */
const OF_AWS = /\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws|api\.amazonwebservices\.com\.cn)$/;

function endpointOf(endpoint = ''): string {
  return URL.canParse(endpoint) && OF_AWS.test(new URL(endpoint).hostname) ? '' : normal(endpoint);
}

/** One spelling for one address. */
const normal = (address: string): string => (URL.canParse(address) ? new URL(address).href : address);
