/** The settings of one `kinesis_log` stanza: what Splunk's form, the spec file, the scheme and the docs show, and what validation and the run read. */
import { choice, flag, integer, text, type OptionValues } from '../../base/config.ts';
import { absoluteFile, endpoint, endpoints, lostPosition, proxy, start, storedName } from './option-types.ts';

/** Scheme name; stanza names and checkpoint directories hang on it, so it never changes. */
export const SCHEME = 'kinesis_log';
export const SCHEME_TITLE = 'Kinesis Log Processor';
export const SCHEME_TEXT =
  'Reads log events from an Amazon Kinesis data stream. Every event is delivered at least once.';

const NAME = '[a-zA-Z0-9_.-]{1,128}';
const STREAM = new RegExp(`^(${NAME}|arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\\d{12}:stream/${NAME})$`);
const ROLE = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/;
const CONSUMER = /^(arn:aws[\w-]*:kinesis:\S+|[\w.-]{1,128})$/;

/** As the form groups them, in its order. */
export const GROUPS = ['Stream', 'Access to AWS', 'Positions', 'Output', 'Pace and limits', 'Support'] as const;
const [STREAM_GROUP, ACCESS, POSITIONS, OUTPUT, PACE, SUPPORT] = GROUPS;

export const OPTIONS = {
  streamName: {
    group: STREAM_GROUP,
    type: text('the name of a stream (letters, digits, _ . -) or its ARN', STREAM),
    title: 'Stream',
    text: 'Name or ARN of the Kinesis data stream to read.',
    required: true,
  },
  awsRegion: {
    group: STREAM_GROUP,
    type: text('an AWS region such as eu-central-1', /^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/),
    title: 'AWS region',
    text: 'Region of the stream. Needed when the stream is given by name; an ARN names its region itself.',
  },
  initialPosition: {
    group: STREAM_GROUP,
    type: start(),
    title: 'Initial position',
    text: 'Where to begin when this stream has not been read before: LATEST (only what arrives from now on), TRIM_HORIZON (the oldest record still stored), or a time such as 2026-01-31T13:00:00Z. Later starts go on where reading stopped. STORED never begins anew: without a stored position the input stops with an error.',
    default: 'LATEST',
  },
  onLostPosition: {
    group: STREAM_GROUP,
    type: lostPosition(),
    title: 'When a position is lost',
    text: 'What to do when records aged out before they were read, or the stream was deleted and made again: STOP, or go on at TRIM_HORIZON or at a time. Either way an error tells what is missing. Without a value reading goes on behind records that aged out, and stops before a stream that was made again.',
  },
  recordFormat: {
    group: STREAM_GROUP,
    type: choice(['auto', 'lines', 'kinlog', 'hec', 'json', 'cloudwatch', 'text']),
    title: 'Record format',
    text: 'auto recognises the format of each record (kinlog, HEC, JSON, KPL, CloudWatch Logs, plain text; compressed or not), and a plain-text record is one event. lines does the same but makes every line of a plain-text record an event. Any other name takes every record for that format and delivers what is not of it as it is.',
    default: 'auto',
  },
  awsCredential: {
    group: ACCESS,
    type: storedName('an AWS access key'),
    title: 'Stored access key',
    text: 'Name of an AWS access key that is stored on the set-up page of this app. Without a key the usual places of the AWS SDK are asked: environment, shared files, instance role.',
    besideSecret: true,
  },
  awsAccessKeyId: {
    group: ACCESS,
    type: text('an access key id such as AKIAIOSFODNN7EXAMPLE', /^[A-Z0-9]{16,128}$/),
    title: 'Access key ID',
    text: 'Instead of a stored access key. The set-up page or a role is the better way.',
    besideSecret: true,
  },
  awsSecretAccessKey: {
    group: ACCESS,
    type: text('a secret access key', /^[\x21-\x7e]{8,200}$/),
    title: 'Secret access key',
    text: 'Belongs to the access key ID. The first run moves it into the encrypted password storage of Splunk and leaves a mask here.',
    secret: true,
  },
  awsRoleArn: {
    group: ACCESS,
    type: text('the ARN of a role', ROLE),
    title: 'Role to assume',
    text: 'ARN of an IAM role that reads the stream, for instance in another account.',
  },
  awsExternalId: {
    group: ACCESS,
    type: text('an external id', /^[\w+=,.@:/-]{2,1224}$/),
    title: 'External ID',
    text: 'What the trust policy of the role asks for.',
  },
  proxy: {
    group: ACCESS,
    type: proxy(),
    title: 'Proxy',
    text: 'URL of an HTTP proxy for AWS and HEC, or the name of one that is stored on the set-up page with its password.',
  },
  caFile: {
    group: ACCESS,
    type: absoluteFile(),
    title: 'Certificate authorities for AWS',
    text: 'PEM file of certificates to trust besides the usual ones, when a proxy or an endpoint has a private authority.',
  },
  kinesisEndpoint: {
    group: ACCESS,
    type: endpoint(),
    title: 'Kinesis endpoint',
    text: 'URL of the Kinesis service when it is not the public one of the region, such as an interface VPC endpoint.',
  },
  stsEndpoint: {
    group: ACCESS,
    type: endpoint(),
    title: 'STS endpoint',
    text: 'URL of the Security Token Service, where the role is asked for, when it is not the public one of the region.',
  },
  dynamodbEndpoint: {
    group: ACCESS,
    type: endpoint(),
    title: 'DynamoDB endpoint',
    text: 'URL of DynamoDB, for positions kept there, when it is not the public one of the region.',
  },
  checkpointStore: {
    group: POSITIONS,
    type: choice(['local', 'kvstore', 'dynamodb']),
    title: 'Position store',
    text: 'Where positions are kept. local: on the disk of this host, for one host. kvstore: in the KV store of this Splunk, which all members of a search-head cluster share. dynamodb: in a DynamoDB table, which any hosts share. When it is changed the positions move along.',
    default: 'local',
  },
  checkpointTable: {
    group: POSITIONS,
    type: text('the name of a DynamoDB table', /^[\w.-]{3,255}$/),
    title: 'DynamoDB table',
    text: 'Table for positions, in the region of the stream and in the form of the Kinesis Client Library. Needed for the position store dynamodb, and made when it does not exist and that is allowed.',
  },
  checkpointTableCapacity: {
    group: POSITIONS,
    type: integer(1, 40_000),
    title: 'Capacity of the table',
    text: 'Read and write capacity units of a table that is made. Without a value it is billed by request.',
  },
  checkpointIntervalS: {
    group: POSITIONS,
    type: integer(1, 300),
    title: 'Checkpoint interval',
    text: 'Seconds between two stored positions of a shard. After a crash, up to this much may arrive twice.',
    default: '1',
  },
  otherReaders: {
    group: POSITIONS,
    type: choice(['share', 'refuse']),
    title: 'Other readers of the stream',
    text: 'When another host reads this stream with the same position store: share the shards between them, or refuse, which leaves them to the reader that has them and says so with an error. Positions on the local disk are seen by no other host, so there the same stream must be configured on one host only.',
    default: 'share',
  },
  leasePeriodS: {
    group: POSITIONS,
    type: integer(1, 300),
    title: 'Lease period',
    text: 'Seconds within which a reader shows that it lives; after two without a sign others take its shards. Not for the position store local.',
    default: '10',
  },
  runOn: {
    group: POSITIONS,
    type: choice(['every_host', 'captain']),
    title: 'Run on',
    text: 'every_host reads wherever this input is configured. captain reads only on the captain of a search-head cluster, and moves with it.',
    default: 'every_host',
  },
  output: {
    group: OUTPUT,
    type: choice(['stdout', 'hec']),
    title: 'Output',
    text: 'stdout hands events to this Splunk, which forwards or indexes them. hec sends them to an HTTP Event Collector, past this host.',
    default: 'stdout',
  },
  hecUrl: {
    group: OUTPUT,
    type: endpoints(),
    title: 'HEC URL',
    text: 'Address of the HTTP Event Collector, such as https://collector.example.com:8088; several of equal standing are separated by commas. Needed for the output hec.',
  },
  hecCredential: {
    group: OUTPUT,
    type: storedName('a HEC token'),
    title: 'Stored HEC token',
    text: 'Name of a HEC token that is stored on the set-up page of this app.',
    besideSecret: true,
  },
  hecToken: {
    group: OUTPUT,
    type: text('a HEC token', /^[\x21-\x7e]{1,200}$/),
    title: 'HEC token',
    text: 'Instead of a stored token. The first run moves it into the encrypted password storage of Splunk and leaves a mask here.',
    secret: true,
  },
  hecAck: {
    group: OUTPUT,
    type: flag(),
    title: 'Indexer acknowledgement',
    text: 'Store positions only after the indexers have acknowledged the events. The token must have it enabled too; Splunk Cloud does not offer it.',
    default: 'false',
  },
  hecCaFile: {
    group: OUTPUT,
    type: absoluteFile(),
    title: 'Certificate authority of HEC',
    text: 'PEM file of the certificates that the one of the HTTP Event Collector is checked with.',
  },
  deadLetterFile: {
    group: OUTPUT,
    type: absoluteFile(),
    title: 'Dead letters',
    text: 'File for events that the HTTP Event Collector refuses for good, so that reading goes on behind them. Without a value it lies beside the positions of this input.',
  },
  fanOutConsumer: {
    group: PACE,
    type: text('the name or the ARN of a consumer', CONSUMER),
    title: 'Enhanced fan-out consumer',
    text: 'Name or ARN of a consumer registered with the stream. The service then pushes records, with 2 MB/s for each shard that no other reader takes; AWS charges for it.',
  },
  fanOutRegister: {
    group: PACE,
    type: flag(),
    title: 'Register the consumer',
    text: 'Registers the consumer when it does not exist.',
    default: 'false',
  },
  idleMs: {
    group: PACE,
    type: integer(250, 60_000),
    title: 'Idle wait',
    text: 'Longest wait in milliseconds between two reads of a shard that has nothing new.',
    default: '1000',
  },
  maxMbInFlight: {
    group: PACE,
    type: integer(16, 1024),
    title: 'Memory for records',
    text: 'Most megabytes of records that are fetched but not yet handed to Splunk.',
    default: '64',
  },
  checkConnection: {
    group: SUPPORT,
    type: flag(),
    title: 'Check the connection',
    text: 'Saving this input tries to reach the stream, the position store and the HTTP Event Collector, and fails with what is wrong. Leave it off where an input must be saved while one of them is away.',
    default: 'false',
  },
  metricsIntervalS: {
    group: SUPPORT,
    type: integer(0, 3600),
    title: 'Metrics interval',
    text: 'Seconds between two lines of each shard in the metrics log, which the dashboard Pipeline health shows; 0 writes none.',
    default: '60',
  },
  logLevel: {
    group: SUPPORT,
    type: choice(['DEBUG', 'INFO', 'WARN', 'ERROR']),
    title: 'Log level',
    text: 'Lowest level of the messages in splunkd.log.',
    default: 'INFO',
  },
} as const;

export type StanzaOptions = OptionValues<typeof OPTIONS>;
