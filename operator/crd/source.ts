/** `spec.source` and `spec.format`: which stream, how AWS is reached, where reading begins. */
import { TYPES } from '../../cli/run-schema.ts';
import { group, oneOf, text, time, type Field, type Rule } from './field.ts';
import {
  address,
  choiceOf,
  exactlyOne,
  externalId,
  keyName,
  keyOf,
  memberOf,
  needs,
  needsMember,
  numberOf,
  objectName,
  role,
  sessionName,
  TIMED,
} from './types.ts';

const streamName = text('1 to 128 letters, digits, dots, hyphens or underscores', {
  pattern: String.raw`^[\w.-]+$`,
  max: 128,
});
const streamArn = text('the ARN of a stream', {
  pattern: String.raw`^arn:[\w-]+:kinesis:[a-z0-9-]+:\d{12}:stream/[\w.-]{1,128}$`,
  max: 256,
});
const consumerName = text('1 to 128 letters, digits, dots, hyphens or underscores', {
  pattern: String.raw`^[\w.-]+$`,
  max: 128,
});
const consumerArn = text('the ARN of a consumer', {
  pattern: String.raw`^arn:[\w-]+:kinesis:[a-z0-9-]+:\d{12}:stream/[\w.-]{1,128}/consumer/[\w.-]{1,128}:\d+$`,
  max: 512,
});

/** Narrower than what kinlog run takes, so that us-east1 is found out when it is applied. */
export const region = text('an AWS region such as eu-west-1', { pattern: String.raw`^[a-z]+(-[a-z]+)+-\d+$`, max: 64 });
export const roleFields = {
  roleArn: {
    type: role,
    text: 'Role to assume, with the credentials that the pod has already. Without it those credentials are used as they are.',
  },
  externalId: { type: externalId, text: 'External id that the trust policy of the role asks for.' },
} as const satisfies Record<string, Field>;

export const authorities = (whose: string) =>
  group({
    ca: {
      type: group(
        {
          secretRef: { type: keyOf('Secret', 'certificates in PEM form'), text: 'Certificates in a Secret.' },
          configMapRef: {
            type: keyOf('ConfigMap', 'certificates in PEM form'),
            text: 'Certificates in a ConfigMap.',
          },
        },
        [exactlyOne('secretRef', 'configMapRef')],
      ),
      text: `Certificates that ${whose} is checked with, in PEM form.`,
    },
  });

const auth = group(
  {
    type: {
      type: oneOf('WorkloadIdentity', 'Secret'),
      text: 'WorkloadIdentity: the credentials that the ServiceAccount of the pod gives, by IAM Roles for Service Accounts or EKS Pod Identity. Secret: a long-lived access key.',
      default: 'WorkloadIdentity',
    },
    ...roleFields,
    sessionName: {
      type: sessionName,
      text: 'Name of the session of the role, as CloudTrail shows it; kinlog when absent.',
    },
    secretRef: {
      type: group({
        name: {
          type: objectName('a Secret'),
          text: 'Name of the Secret, in the namespace of the LogStream.',
          required: true,
        },
        accessKeyIdKey: {
          type: keyName,
          text: 'Key in it that holds the id of the access key.',
          default: 'AWS_ACCESS_KEY_ID',
        },
        secretAccessKeyKey: {
          type: keyName,
          text: 'Key in it that holds the secret access key.',
          default: 'AWS_SECRET_ACCESS_KEY',
        },
        sessionTokenKey: { type: keyName, text: 'Key in it that holds a session token, where the access key has one.' },
      }),
      text: 'Where the access key is, for type Secret.',
    },
  },
  [
    needsMember('type', 'Secret', 'secretRef'),
    memberOf('type', 'Secret', 'secretRef'),
    needs('externalId', 'roleArn'),
    needs('sessionName', 'roleArn'),
  ],
);

const enhancedFanOut = group(
  {
    consumerName: {
      type: consumerName,
      text: 'Name of a consumer of the stream. Readers that share positions share a consumer; any other reader needs one of its own.',
    },
    consumerArn: { type: consumerArn, text: 'ARN of a consumer that is registered already.' },
    register: {
      type: oneOf('IfMissing', 'Never'),
      text: 'IfMissing: a consumer of this name is registered when there is none; the role must allow it. Nothing deregisters it.',
      default: 'Never',
    },
  },
  [
    exactlyOne('consumerName', 'consumerArn'),
    {
      rule: `has(self.consumerName) || self.register == 'Never'`,
      message: 'register IfMissing needs consumerName: a consumer is registered by its name',
      fieldPath: '.register',
    },
  ],
);

/** `startPosition` begins at the tip unless it says otherwise; a reset must say. */
export const position = {
  type: oneOf('Latest', 'TrimHorizon', 'AtTimestamp'),
  text: 'Latest: only what arrives from then on. TrimHorizon: the oldest record that the stream still holds. AtTimestamp: records that arrived at `timestamp` or later.',
} as const;
export const timestamp = { type: time, text: 'For type AtTimestamp; a time that has not come means now.' } as const;

/** Whether the ARN is that of the stream which the other one names. Cheap: what is taken out of a text has no known size, and the server refuses costly rules. */
const arnOf = (arn: string, named: string) =>
  `has(${named}.region) && ${arn}.contains(':kinesis:' + ${named}.region + ':') && ${arn}.endsWith(':stream/' + ${named}.streamName)`;

const sameStream = [
  'has(self.streamName) && has(oldSelf.streamName)',
  ' ? self.streamName == oldSelf.streamName && has(self.region) && has(oldSelf.region) && self.region == oldSelf.region',
  ' : has(self.streamArn) && has(oldSelf.streamArn) ? self.streamArn == oldSelf.streamArn',
  ` : has(self.streamArn) && has(oldSelf.streamName) ? ${arnOf('self.streamArn', 'oldSelf')}`,
  ` : has(self.streamName) && has(oldSelf.streamArn) ? ${arnOf('oldSelf.streamArn', 'self')}`,
  ' : true',
].join('');

const RULES: readonly Rule[] = [
  exactlyOne('streamName', 'streamArn'),
  {
    rule: 'has(self.region) || has(self.streamArn)',
    message: 'streamName needs a region',
    fieldPath: '.region',
    reason: 'FieldValueRequired',
  },
  {
    rule: `!has(self.streamArn) || !has(self.region) || self.streamArn.contains(':kinesis:' + self.region + ':')`,
    message: 'region must be that of streamArn',
    fieldPath: '.region',
  },
  {
    rule: sameStream,
    message:
      'must stay the same stream in the same region, because its positions are those of no other; make another LogStream',
  },
  memberOf('mode', 'Polling', 'polling'),
  memberOf('mode', 'EnhancedFanOut', 'enhancedFanOut'),
  needsMember('mode', 'EnhancedFanOut', 'enhancedFanOut'),
  {
    rule: [
      '!has(self.enhancedFanOut) || !has(self.enhancedFanOut.consumerArn) || (has(self.streamArn)',
      `? self.enhancedFanOut.consumerArn.startsWith(self.streamArn + '/consumer/')`,
      `: has(self.streamName) && self.enhancedFanOut.consumerArn.contains(':stream/' + self.streamName + '/consumer/'))`,
    ].join(' '),
    message: 'enhancedFanOut.consumerArn must be that of a consumer of the stream',
    fieldPath: '.enhancedFanOut.consumerArn',
  },
  {
    rule: '!has(self.stsEndpoint) || (has(self.auth) && has(self.auth.roleArn))',
    message: 'stsEndpoint is of no use without auth.roleArn',
    fieldPath: '.stsEndpoint',
    reason: 'FieldValueForbidden',
  },
];

export const source = group(
  {
    streamName: {
      type: streamName,
      text: 'Name of the stream. Can be exchanged for its ARN, but the stream stays the same for good.',
    },
    streamArn: { type: streamArn, text: 'ARN of the stream, in the place of streamName and region.' },
    region: { type: region, text: 'AWS region of the stream, such as eu-west-1.' },
    endpoint: {
      type: address,
      text: 'Address to talk to instead of that of Kinesis in the region: a VPC endpoint, or an emulator.',
    },
    auth: { type: auth, text: 'How the reader proves who it is to AWS. When absent, as with type WorkloadIdentity.' },
    mode: {
      type: oneOf('Polling', 'EnhancedFanOut'),
      text: 'Polling: five reads and 2 MB a second for each shard, shared by all who poll the stream. EnhancedFanOut: 2 MB a second for each shard that nobody else takes; AWS charges for it.',
      default: 'Polling',
    },
    polling: {
      type: group({
        idleMilliseconds: {
          type: numberOf(TYPES.idleMs),
          text: 'Longest wait between two reads of a shard that has nothing new; 1000 when absent.',
        },
      }),
      text: 'For mode Polling.',
    },
    enhancedFanOut: { type: enhancedFanOut, text: 'For mode EnhancedFanOut.' },
    startPosition: {
      type: group({ type: { ...position, default: 'Latest' }, timestamp }, [TIMED]),
      text: 'Where reading begins when no position is stored. It says nothing any more once there are positions; use resetRequest to go back.',
      default: {},
    },
    onLostPosition: {
      type: group(
        {
          type: {
            type: oneOf('Stop', 'TrimHorizon', 'AtTimestamp'),
            text: 'Stop: reading stops until a person decides. TrimHorizon: it goes on with the oldest record that is left. AtTimestamp: it goes on at `timestamp`.',
            required: true,
          },
          timestamp: { type: time, text: 'For type AtTimestamp.' },
        },
        [TIMED],
      ),
      text: 'What happens when records aged out before they were read, or the stream was deleted and made again. When absent, records that aged out are skipped up to the oldest that is left, and a stream that was made again stops the reader. Each is announced as a data loss.',
    },
    proxy: { type: address, text: 'Proxy for every call to AWS, without a password.' },
    stsEndpoint: {
      type: address,
      text: 'Address at which the role is asked for, instead of that of STS in the region.',
    },
    tls: { type: authorities('AWS, or a proxy before it,'), text: 'Trust besides the public authorities.' },
  },
  RULES,
);

export const format = group({
  codec: {
    type: choiceOf(TYPES.format, {
      Auto: 'auto',
      Kinlog: 'kinlog',
      CloudWatchLogs: 'cloudwatch',
      Hec: 'hec',
      Json: 'json',
      Text: 'text',
    }),
    text: 'Auto recognises the format of each record. Any other takes every record for that format and delivers as it is what is not of it.',
    default: 'Auto',
  },
  lines: {
    type: oneOf('Whole', 'Split'),
    text: 'Split: each line of a record of plain text is an event. Whole: the record is one.',
    default: 'Whole',
  },
});
