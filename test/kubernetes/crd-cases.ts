/** For each rule of the schema of LogStream something that it lets pass and something that it refuses, as changes to the smallest spec there is. */
import { ARN, checkpoint, HEC, hec, KV_STORE, paused, ROLE, SECRET, source, TIME, type Change } from './crd-change.ts';

interface RuleCase {
  readonly message: string;
  /** Rules about a change begin here, others with nothing. */
  readonly from?: Change;
  readonly accepts: readonly Change[];
  readonly refuses: readonly Change[];
}

const moves = (member: string, field: string, from: Change, to: Change): RuleCase => ({
  message: `checkpoint.${member}.${field} can only change while paused: positions do not move by themselves`,
  from: checkpoint(from),
  accepts: [paused(checkpoint(to)), { ...checkpoint(to), replicas: 0 }, { paused: true }],
  refuses: [checkpoint(to)],
});

const fanOut = (enhancedFanOut: Change, more: Change = {}) =>
  source({ mode: 'EnhancedFanOut', enhancedFanOut, ...more });
const CONSUMER = `${ARN}/consumer/a:1700000000`;
const BY_ARN = { streamName: null, region: null, streamArn: ARN };
const volume = (change: Change) => ({ deadLetters: { volume: change } });

const SOURCE: readonly RuleCase[] = [
  {
    message: 'must have exactly one of streamName and streamArn',
    accepts: [{}, source(BY_ARN)],
    refuses: [source({ streamArn: ARN }), source({ streamName: null })],
  },
  {
    message: 'streamName needs a region',
    accepts: [source(BY_ARN)],
    refuses: [source({ region: null })],
  },
  {
    message: 'region must be that of streamArn',
    accepts: [source({ streamName: null, streamArn: ARN })],
    refuses: [source({ streamName: null, streamArn: ARN, region: 'eu-central-1' })],
  },
  {
    message:
      'must stay the same stream in the same region, because its positions are those of no other; make another LogStream',
    from: {},
    accepts: [source(BY_ARN), source({ endpoint: 'http://kinesis:4567' })],
    refuses: [
      source({ streamName: 'other' }),
      source({ region: 'eu-west-2' }),
      source({ streamName: null, region: null, streamArn: ARN.replace('west-1', 'west-2') }),
      source({ streamName: null, region: null, streamArn: ARN.replace('/access', '/more-access') }),
    ],
  },
  {
    message:
      'must stay the same stream in the same region, because its positions are those of no other; make another LogStream',
    from: source(BY_ARN),
    accepts: [source({ streamName: 'access-logs', region: 'eu-west-1', streamArn: null })],
    refuses: [
      source({ streamArn: ARN.replace('123456789012', '210987654321') }),
      source({ streamName: 'access-logs', region: 'eu-west-2', streamArn: null }),
      source({ streamName: 'logs', region: 'eu-west-1', streamArn: null }),
    ],
  },
  {
    message: 'polling is for mode Polling only',
    accepts: [source({ polling: { idleMilliseconds: 250 } })],
    refuses: [fanOut({ consumerName: 'a' }, { polling: {} })],
  },
  {
    message: 'enhancedFanOut is for mode EnhancedFanOut only',
    accepts: [fanOut({ consumerName: 'a' })],
    refuses: [source({ enhancedFanOut: { consumerName: 'a' } })],
  },
  {
    message: 'mode EnhancedFanOut needs enhancedFanOut',
    accepts: [fanOut({ consumerName: 'a' })],
    refuses: [source({ mode: 'EnhancedFanOut' })],
  },
  {
    message: 'must have exactly one of consumerName and consumerArn',
    accepts: [fanOut({ consumerArn: CONSUMER })],
    refuses: [fanOut({}), fanOut({ consumerName: 'a', consumerArn: CONSUMER })],
  },
  {
    message: 'register IfMissing needs consumerName: a consumer is registered by its name',
    accepts: [fanOut({ consumerName: 'a', register: 'IfMissing' })],
    refuses: [fanOut({ consumerArn: CONSUMER, register: 'IfMissing' })],
  },
  {
    message: 'enhancedFanOut.consumerArn must be that of a consumer of the stream',
    accepts: [fanOut({ consumerArn: CONSUMER }), fanOut({ consumerArn: CONSUMER }, BY_ARN)],
    refuses: [
      fanOut({ consumerArn: CONSUMER }, { streamName: 'logs' }),
      fanOut({ consumerArn: CONSUMER.replace('123456789012', '210987654321') }, BY_ARN),
    ],
  },
  {
    message: 'stsEndpoint is of no use without auth.roleArn',
    accepts: [source({ stsEndpoint: 'https://sts', auth: { roleArn: ROLE } })],
    refuses: [source({ stsEndpoint: 'https://sts' }), source({ stsEndpoint: 'https://sts', auth: {} })],
  },
  {
    message: 'type AtTimestamp needs a timestamp, and no other type takes one',
    accepts: [
      source({ startPosition: { type: 'AtTimestamp', timestamp: TIME } }),
      source({ onLostPosition: { type: 'AtTimestamp', timestamp: TIME } }),
      paused({ resetRequest: { id: '1', position: { type: 'AtTimestamp', timestamp: TIME } } }),
    ],
    refuses: [
      source({ startPosition: { type: 'AtTimestamp' } }),
      source({ startPosition: { timestamp: TIME } }),
      source({ onLostPosition: { type: 'AtTimestamp' } }),
      source({ onLostPosition: { type: 'Stop', timestamp: TIME } }),
      paused({ resetRequest: { id: '1', position: { type: 'AtTimestamp' } } }),
      paused({ resetRequest: { id: '1', position: { type: 'Latest', timestamp: TIME } } }),
    ],
  },
  {
    message: 'type Secret needs secretRef',
    accepts: [source({ auth: { type: 'Secret', secretRef: { name: 'aws' } } })],
    refuses: [source({ auth: { type: 'Secret' } })],
  },
  {
    message: 'secretRef is for type Secret only',
    accepts: [source({ auth: {} })],
    refuses: [source({ auth: { secretRef: { name: 'aws' } } })],
  },
  {
    message: 'externalId is of no use without roleArn',
    accepts: [
      source({ auth: { roleArn: ROLE, externalId: 'me' } }),
      checkpoint({ dynamoDB: { roleArn: ROLE, externalId: 'me' } }),
    ],
    refuses: [source({ auth: { externalId: 'me' } }), checkpoint({ dynamoDB: { externalId: 'me' } })],
  },
  {
    message: 'sessionName is of no use without roleArn',
    accepts: [source({ auth: { roleArn: ROLE, sessionName: 'me' } })],
    refuses: [source({ auth: { sessionName: 'me' } })],
  },
  {
    message: 'must have exactly one of secretRef and configMapRef',
    accepts: [
      source({ tls: { ca: { secretRef: SECRET } } }),
      hec({ tls: { ca: { configMapRef: SECRET } } }),
      checkpoint({ type: 'SplunkKVStore', splunkKVStore: { ...KV_STORE, tls: { ca: { secretRef: SECRET } } } }),
    ],
    refuses: [
      source({ tls: { ca: {} } }),
      hec({ tls: { ca: { secretRef: SECRET, configMapRef: SECRET } } }),
      checkpoint({ type: 'SplunkKVStore', splunkKVStore: { ...KV_STORE, tls: { ca: {} } } }),
    ],
  },
];

const CHECKPOINT: readonly RuleCase[] = [
  {
    message: 'dynamoDB is for type DynamoDB only',
    accepts: [checkpoint({ dynamoDB: {} })],
    refuses: [checkpoint({ type: 'LevelDB', dynamoDB: {} })],
  },
  {
    message: 'splunkKVStore is for type SplunkKVStore only',
    accepts: [checkpoint({ type: 'SplunkKVStore', splunkKVStore: KV_STORE })],
    refuses: [checkpoint({ splunkKVStore: KV_STORE })],
  },
  {
    message: 'levelDB is for type LevelDB only',
    accepts: [checkpoint({ type: 'LevelDB', levelDB: {} })],
    refuses: [checkpoint({ levelDB: {} })],
  },
  {
    message: 'type SplunkKVStore needs splunkKVStore',
    accepts: [checkpoint({ type: 'LevelDB' })],
    refuses: [checkpoint({ type: 'SplunkKVStore' })],
  },
  {
    message:
      'applicationName can not be set, changed or removed: the stored positions are its own; make another LogStream',
    from: checkpoint({ applicationName: 'mine' }),
    accepts: [checkpoint({ intervalSeconds: 5 })],
    refuses: [paused(checkpoint({ applicationName: 'other' })), paused(checkpoint({ applicationName: null }))],
  },
  {
    message:
      'applicationName can not be set, changed or removed: the stored positions are its own; make another LogStream',
    from: {},
    accepts: [{ logLevel: 'Debug' }],
    refuses: [paused(checkpoint({ applicationName: 'mine' }))],
  },
  {
    message: 'checkpoint.type can only change while paused: positions do not move by themselves',
    from: {},
    accepts: [paused(checkpoint({ type: 'LevelDB' })), { ...checkpoint({ type: 'LevelDB' }), replicas: 0 }],
    refuses: [checkpoint({ type: 'LevelDB' })],
  },
  moves('dynamoDB', 'tableName', { dynamoDB: { tableName: 'one' } }, { dynamoDB: { tableName: 'two' } }),
  moves('dynamoDB', 'tableName', {}, { dynamoDB: { tableName: 'two' } }),
  moves('dynamoDB', 'region', { dynamoDB: { region: 'eu-west-1' } }, { dynamoDB: null }),
  moves('dynamoDB', 'keys', { dynamoDB: { tags: { a: 'b' } } }, { dynamoDB: { keys: 'Stream' } }),
  moves(
    'splunkKVStore',
    'app',
    { type: 'SplunkKVStore', splunkKVStore: KV_STORE },
    { splunkKVStore: { app: 'search' } },
  ),
  moves(
    'splunkKVStore',
    'collection',
    { type: 'SplunkKVStore', splunkKVStore: KV_STORE },
    { splunkKVStore: { collection: 'mine' } },
  ),
  moves('levelDB', 'existingClaim', { type: 'LevelDB' }, { levelDB: { existingClaim: 'mine' } }),
  {
    message: 'existingClaim takes no storageClassName, size or accessMode: they are those of the claim',
    accepts: [
      checkpoint({ type: 'LevelDB', levelDB: { existingClaim: 'mine' } }),
      { deadLetters: { volume: { size: '5Gi', accessMode: 'ReadWriteOnce', storageClassName: 'fast' } } },
    ],
    refuses: [
      checkpoint({ type: 'LevelDB', levelDB: { existingClaim: 'mine', size: '1Gi' } }),
      { deadLetters: { volume: { existingClaim: 'mine', storageClassName: 'fast' } } },
    ],
  },
];

const VOLUMES: readonly RuleCase[] = [
  {
    message: 'storageClassName can not change: a claim keeps what it was made with',
    from: volume({ storageClassName: 'slow' }),
    accepts: [volume({ storageClassName: null, existingClaim: 'mine' }), { deadLetters: null }],
    refuses: [volume({ storageClassName: 'fast' }), volume({ storageClassName: null })],
  },
  {
    message: 'accessMode can not change: a claim keeps what it was made with',
    from: checkpoint({ type: 'LevelDB', levelDB: {} }),
    accepts: [paused(checkpoint({ levelDB: { existingClaim: 'mine' } }))],
    refuses: [checkpoint({ levelDB: { accessMode: 'ReadWriteOnce' } })],
  },
  {
    message: 'size can only grow',
    from: volume({ size: '1536Mi' }),
    accepts: [volume({ size: '2G' }), volume({ size: '1536Mi' })],
    refuses: [volume({ size: '1535Mi' }), volume({ size: null })],
  },
];

const REST: readonly RuleCase[] = [
  {
    message: 'timeoutSeconds is for mode Required only',
    accepts: [hec({ acknowledgement: { mode: 'Required', timeoutSeconds: 60 } })],
    refuses: [hec({ acknowledgement: { mode: 'None', timeoutSeconds: 60 } })],
  },
  {
    message: 'splunkHEC is for type SplunkHEC only',
    accepts: [{ outputs: [{ name: 'out', type: 'Stdout' }] }],
    refuses: [{ outputs: [{ name: 'out', type: 'Stdout', splunkHEC: HEC }] }],
  },
  {
    message: 'type SplunkHEC needs splunkHEC',
    accepts: [hec({})],
    refuses: [{ outputs: [{ name: 'out', type: 'SplunkHEC' }] }],
  },
  {
    message: 'create false needs the name of the ServiceAccount that is there',
    accepts: [{ serviceAccount: { create: false, name: 'mine' } }],
    refuses: [{ serviceAccount: { create: false } }],
  },
  {
    message: 'annotations are for a ServiceAccount that the operator makes; annotate the other one itself',
    accepts: [{ serviceAccount: { name: 'mine', annotations: { a: 'b' } } }],
    refuses: [{ serviceAccount: { create: false, name: 'mine', annotations: { a: 'b' } } }],
  },
  {
    message:
      'updateStrategy Overlap needs positions that two readers can share: checkpoint.type DynamoDB or SplunkKVStore',
    accepts: [{ updateStrategy: 'Overlap' }],
    refuses: [{ updateStrategy: 'Overlap', checkpoint: { type: 'LevelDB' } }],
  },
  {
    message: 'updateStrategy Overlap is not possible with deadLetters: one process at a time writes that file',
    accepts: [{ deadLetters: {} }],
    refuses: [{ updateStrategy: 'Overlap', deadLetters: {} }],
  },
  {
    message:
      'resetRequest is for a paused LogStream; take it away with the pause, so that no old one is ever done anew',
    accepts: [
      paused({ resetRequest: { id: '1', position: { type: 'TrimHorizon' } } }),
      { replicas: 0, resetRequest: { id: '1', position: { type: 'TrimHorizon' } } },
    ],
    refuses: [{ resetRequest: { id: '1', position: { type: 'TrimHorizon' } } }],
  },
  {
    message:
      'resetRequest is for a paused LogStream; take it away with the pause, so that no old one is ever done anew',
    from: paused({ resetRequest: { id: '1', position: { type: 'TrimHorizon' } } }),
    accepts: [{ paused: false, resetRequest: null }],
    refuses: [{ paused: false }],
  },
  {
    message: 'resetRequest with another position needs another id: each id is done once',
    from: paused({ resetRequest: { id: '1', position: { type: 'TrimHorizon' } } }),
    accepts: [{ resetRequest: { id: '2', position: { type: 'Latest' } } }],
    refuses: [{ resetRequest: { position: { type: 'Latest' } } }],
  },
];

export const RULE_CASES: readonly RuleCase[] = [...SOURCE, ...CHECKPOINT, ...VOLUMES, ...REST];
