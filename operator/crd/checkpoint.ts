/** `spec.checkpoint`: where positions are kept. */
import { TYPES } from '../../cli/run-schema.ts';
import { group, map, oneOf, text, type Rule } from './field.ts';
import { authorities, region, roleFields } from './source.ts';
import {
  address,
  keyOf,
  memberOf,
  needs,
  needsMember,
  numberOf,
  objectName,
  secureAddress,
  size,
  textOf,
} from './types.ts';

const same = (field: string) =>
  `(has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field}))`;

/** What Kubernetes does not let a claim change would be said in vain. */
const madeWith = (field: string): Rule => ({
  rule: `has(self.existingClaim) || has(oldSelf.existingClaim) || ${same(field)}`,
  message: `${field} can not change: a claim keeps what it was made with`,
  fieldPath: `.${field}`,
});
const sizeOf = (self: string) => `quantity(has(${self}.size) ? ${self}.size : '1Gi')`;

export const volumeClaim = group(
  {
    existingClaim: {
      type: objectName('a PersistentVolumeClaim'),
      text: 'A claim that exists already, in the place of one that the operator makes. Never deleted.',
    },
    storageClassName: {
      type: objectName('a StorageClass'),
      text: "Of the claim that the operator makes; the cluster's default when absent.",
    },
    size: {
      type: size,
      text: 'Of the claim that the operator makes; 1Gi when absent. It can grow where the StorageClass allows it.',
    },
    accessMode: {
      type: oneOf('ReadWriteOncePod', 'ReadWriteOnce'),
      text: 'Of the claim that the operator makes. ReadWriteOncePod, when absent, keeps a second reader out; not every driver offers it.',
    },
  },
  [
    {
      rule: '!has(self.existingClaim) || !(has(self.storageClassName) || has(self.size) || has(self.accessMode))',
      message: 'existingClaim takes no storageClassName, size or accessMode: they are those of the claim',
      fieldPath: '.existingClaim',
    },
    madeWith('storageClassName'),
    madeWith('accessMode'),
    {
      rule: `has(self.existingClaim) || has(oldSelf.existingClaim) || ${sizeOf('self')}.compareTo(${sizeOf('oldSelf')}) >= 0`,
      message: 'size can only grow',
      fieldPath: '.size',
    },
  ],
);

const tagValue = text('text of up to 256', { min: 0, max: 256 });

const dynamoDB = group(
  {
    tableName: {
      type: textOf(TYPES.table, 255),
      text: 'Name of the table; applicationName when absent. It has the lease schema of the Kinesis Client Library, so one of a KCL application can be taken over. LogStreams that read one stream need a table each, unless they share the work: the same outputs and format in one namespace.',
    },
    region: { type: region, text: 'AWS region of the table; that of the stream when absent.' },
    endpoint: { type: address, text: 'Address to talk to instead of that of DynamoDB in the region.' },
    createTable: {
      type: oneOf('IfMissing', 'Never'),
      text: 'IfMissing: the table is made when there is none; the role must allow it. Never: a missing table is an error.',
      default: 'IfMissing',
    },
    keys: {
      type: oneOf('Shard', 'Stream'),
      text: 'Shard: the table holds the positions of one stream, as that of a KCL application. Stream: those of several; everybody who uses it must say so.',
      default: 'Shard',
    },
    billing: {
      type: group({
        readCapacity: { type: numberOf(TYPES.capacity), text: 'Units of read capacity.', required: true },
        writeCapacity: { type: numberOf(TYPES.capacity), text: 'Units of write capacity.', required: true },
      }),
      text: 'Provisioned capacity of a table that the reader makes; on demand when absent.',
    },
    tags: { type: map(tagValue, 50), text: 'Tags of a table that the reader makes.' },
    ...roleFields,
  },
  [needs('externalId', 'roleArn')],
);

const splunkName = (what: string) =>
  text(`the name of ${what}: letters, digits, hyphens and underscores`, {
    pattern: '^[A-Za-z0-9][A-Za-z0-9_-]*$',
    max: 100,
  });

const splunkKVStore = group({
  url: {
    type: secureAddress('https://splunk.example.com:8089'),
    text: 'Management port of splunkd on a search head or a heavy forwarder.',
    required: true,
  },
  app: { type: splunkName('an app'), text: 'App that declares the collection.', default: 'kinloader' },
  collection: {
    type: splunkName('a collection'),
    text: 'Collection that holds the positions; kinlog_rows when absent. LogStreams that read one stream need a collection each, unless they share the work: the same outputs and format in one namespace.',
  },
  tokenSecretRef: {
    type: keyOf('Secret', 'a Splunk token that may read and write the collection'),
    text: 'Secret that holds the token.',
    required: true,
  },
  tls: { type: authorities('splunkd'), text: 'Trust in the place of the public authorities.' },
});

const RULES: readonly Rule[] = [
  ...[
    ['DynamoDB', 'dynamoDB'],
    ['SplunkKVStore', 'splunkKVStore'],
    ['LevelDB', 'levelDB'],
  ].map(([type, member]) => memberOf('type', type!, member!)),
  needsMember('type', 'SplunkKVStore', 'splunkKVStore'),
  {
    rule: same('applicationName'),
    message:
      'applicationName can not be set, changed or removed: the stored positions are its own; make another LogStream',
    fieldPath: '.applicationName',
  },
];

const RESTS = 'self.paused || self.replicas == 0';
/** `preset`: what a member that is absent means. */
const stays = (member: string, field: string, preset = ''): Rule => ({
  rule: `${RESTS} || ${['self', 'oldSelf']
    .map((self) => `${self}.checkpoint.${member}`)
    .map((group) => `(has(${group}) && has(${group}.${field}) ? ${group}.${field} : '${preset}')`)
    .join(' == ')}`,
  message: `checkpoint.${member}.${field} can only change while paused: positions do not move by themselves`,
  fieldPath: '.checkpoint',
});

/** Where positions are: elsewhere reading begins anew, so nobody may change it in passing. */
export const PLACE_RULES: readonly Rule[] = [
  {
    rule: `${RESTS} || self.checkpoint.type == oldSelf.checkpoint.type`,
    message: 'checkpoint.type can only change while paused: positions do not move by themselves',
    fieldPath: '.checkpoint.type',
  },
  stays('dynamoDB', 'tableName'),
  stays('dynamoDB', 'region'),
  stays('dynamoDB', 'keys', 'Shard'),
  stays('splunkKVStore', 'app', 'kinloader'),
  stays('splunkKVStore', 'collection'),
  stays('levelDB', 'existingClaim'),
];

export const checkpoint = group(
  {
    type: {
      type: oneOf('DynamoDB', 'SplunkKVStore', 'LevelDB'),
      text: 'DynamoDB: a table, which survives the cluster. SplunkKVStore: a collection of Splunk. LevelDB: a folder on a volume of the pod. Changes only while paused, because positions do not move by themselves.',
      default: 'DynamoDB',
    },
    applicationName: {
      type: text('3 to 200 letters, digits, dots, hyphens or underscores', {
        pattern: String.raw`^[\w.-]+$`,
        min: 3,
        max: 200,
      }),
      text: 'What the positions are called, NAMESPACE.NAME of the LogStream when absent: the table in DynamoDB unless tableName names it, the folder on a volume. A LogStream that is deleted and applied again goes on where reading stopped, in this cluster or in another, when this and the store are the same. Immutable.',
    },
    intervalSeconds: {
      type: numberOf(TYPES.checkpointEveryMs, 1000),
      text: 'Longest time between the acceptance of events and the storing of their position: what a crash may deliver twice.',
      default: 1,
    },
    leasePeriodSeconds: {
      type: numberOf(TYPES.leasePeriodMs, 1000),
      text: 'A reader shows once in this time that it lives; after two without a sign another one takes its shards.',
      default: 10,
    },
    dynamoDB: { type: dynamoDB, text: 'For type DynamoDB.' },
    splunkKVStore: { type: splunkKVStore, text: 'For type SplunkKVStore.' },
    levelDB: { type: volumeClaim, text: 'For type LevelDB: the volume of the positions; a claim of 1Gi when absent.' },
  },
  RULES,
);
