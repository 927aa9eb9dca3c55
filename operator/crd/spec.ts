/** `spec` of a LogStream: the groups of the other files, and how the reader runs. */
import { TYPES } from '../../cli/run-schema.ts';
import { checkpoint, PLACE_RULES } from './checkpoint.ts';
import { anything, flag, group, list, map, oneOf, text, whole, type Rule } from './field.ts';
import { deadLetters, outputs } from './output.ts';
import { format, position, source, timestamp } from './source.ts';
import { annotationValue, choiceOf, labelValue, numberOf, objectName, plain, quantity, TIMED } from './types.ts';

const serviceAccount = group(
  {
    create: {
      type: flag,
      text: 'Whether the operator makes a ServiceAccount for this reader, so that it can have a role of its own.',
      default: true,
    },
    name: {
      type: objectName('a ServiceAccount'),
      text: 'NAME-reader of the LogStream when absent. EKS Pod Identity knows a role by it.',
    },
    annotations: {
      type: map(annotationValue, 32),
      text: 'Of the ServiceAccount that the operator makes, such as eks.amazonaws.com/role-arn. A change rolls the reader over.',
    },
  },
  [
    {
      rule: 'self.create || has(self.name)',
      message: 'create false needs the name of the ServiceAccount that is there',
      fieldPath: '.name',
      reason: 'FieldValueRequired',
    },
    {
      rule: 'self.create || !has(self.annotations)',
      message: 'annotations are for a ServiceAccount that the operator makes; annotate the other one itself',
      fieldPath: '.annotations',
      reason: 'FieldValueForbidden',
    },
  ],
);

const podTemplate = group({
  metadata: {
    type: group({
      labels: { type: map(labelValue, 64), text: 'Labels of the pod, besides those of the operator.' },
      annotations: { type: map(annotationValue, 64), text: 'Annotations of the pod, besides those of the operator.' },
    }),
    text: 'Labels and annotations of the pod.',
  },
  spec: {
    type: anything,
    text: 'Fields of a PodSpec, such as nodeSelector, affinity, tolerations, topologySpreadConstraints, priorityClassName, containers, volumes. The container of the reader is named reader.',
  },
});

const RULES: readonly Rule[] = [
  ...PLACE_RULES,
  {
    rule: `self.updateStrategy != 'Overlap' || self.checkpoint.type != 'LevelDB'`,
    message:
      'updateStrategy Overlap needs positions that two readers can share: checkpoint.type DynamoDB or SplunkKVStore',
    fieldPath: '.updateStrategy',
  },
  {
    rule: `self.updateStrategy != 'Overlap' || !has(self.deadLetters)`,
    message: 'updateStrategy Overlap is not possible with deadLetters: one process at a time writes that file',
    fieldPath: '.updateStrategy',
  },
  {
    rule: '!has(self.resetRequest) || self.paused || self.replicas == 0',
    message:
      'resetRequest is for a paused LogStream; take it away with the pause, so that no old one is ever done anew',
    fieldPath: '.resetRequest',
  },
  {
    rule: '!has(self.resetRequest) || !has(oldSelf.resetRequest) || self.resetRequest.id != oldSelf.resetRequest.id || self.resetRequest.position == oldSelf.resetRequest.position',
    message: 'resetRequest with another position needs another id: each id is done once',
    fieldPath: '.resetRequest.id',
  },
];

export const spec = group(
  {
    source: { type: source, text: 'The Kinesis data stream that is read, and how it is reached.', required: true },
    format: { type: format, text: 'How events lie in a record; recognised for each when absent.' },
    checkpoint: { type: checkpoint, text: 'Where positions are kept.', default: {} },
    outputs: {
      type: outputs,
      text: 'Where events go. A list, so that more than one may come; one for now.',
      required: true,
    },
    deadLetters: {
      type: deadLetters,
      text: 'Where events go that the output will never take: a file on a volume that outlives the pod. Without it reading stops before such an event.',
    },
    replicas: {
      type: whole(0, 1),
      text: 'How many readers run: 1, or 0 for none, which is what kubectl scale sets. One reader reads every shard.',
      default: 1,
    },
    paused: { type: flag, text: 'No reader runs; positions stay. Wins over replicas.', default: false },
    deletionPolicy: {
      type: oneOf('Retain', 'Delete'),
      text: 'What becomes of positions and volumes when the LogStream is deleted. Retain: they stay, and applying it again goes on where reading stopped. Delete: they are deleted; volumes and claims that the operator did not make stay.',
      default: 'Retain',
    },
    updateStrategy: {
      type: oneOf('Recreate', 'Overlap'),
      text: 'How a reader is replaced. Recreate: the old one ends before the new one starts. Overlap: the new one starts at once, and leases in the store keep them apart.',
      default: 'Recreate',
    },
    logLevel: {
      type: choiceOf(TYPES.logLevel, { Debug: 'debug', Info: 'info', Warn: 'warn', Error: 'error' }),
      text: 'Of the log of the reader.',
      default: 'Info',
    },
    monitoring: {
      type: group({
        podMonitor: {
          type: oneOf('Auto', 'Never'),
          text: 'Auto: a PodMonitor is made where the cluster knows that kind.',
          default: 'Auto',
        },
        lagThresholdSeconds: {
          type: whole(1, 31_536_000),
          text: 'How far behind the tip of the stream a reader may be before the condition CaughtUp is False.',
          default: 300,
        },
      }),
      text: 'How the reader is watched.',
      default: {},
    },
    maxMegabytesInFlight: {
      type: numberOf(TYPES.maxMbInFlight),
      text: 'MiB fetched and not accepted yet; 64 when absent.',
    },
    image: {
      type: text('an image', { pattern: String.raw`^[!-~]+$`, max: 512 }),
      text: 'Image of the reader; that of the operator when absent, so that they are upgraded together.',
    },
    imagePullPolicy: {
      type: oneOf('Always', 'IfNotPresent', 'Never'),
      text: 'When the image is pulled; that of the operator when absent.',
    },
    imagePullSecrets: {
      type: list(group({ name: { type: objectName('a Secret'), text: 'Name of the Secret.', required: true } }), {
        max: 16,
        key: 'name',
      }),
      text: 'Secrets to pull the image with.',
    },
    resources: {
      type: group({
        limits: {
          type: map(quantity, 16),
          text: 'The most the reader may use. Given, they take the place of the default.',
        },
        requests: {
          type: map(quantity, 16),
          text: 'What is set aside for the reader. Given, they take the place of the default.',
        },
      }),
      text: 'Of the container of the reader. When absent 50m and 128Mi are requested, and memory is limited to 192 MiB more than maxMegabytesInFlight.',
    },
    serviceAccount: {
      type: serviceAccount,
      text: 'ServiceAccount of the pod. No token of it is mounted: a reader has no access to the API server.',
      default: {},
    },
    podDisruptionBudget: {
      type: group({
        maxUnavailable: {
          type: whole(0, 1),
          text: '0 keeps a node from being drained until somebody intervenes.',
          required: true,
        },
      }),
      text: 'PodDisruptionBudget of the pod; none when absent, because one of a single pod blocks the draining of nodes.',
    },
    podTemplate: {
      type: podTemplate,
      text: 'Laid over the pod that the operator makes, by the rules of strategic merge patches. Kept as it is, fields that the operator does not know among them.',
    },
    resetRequest: {
      type: group({
        id: {
          type: plain('a name of your own', 64),
          text: 'Each id is done once; status.resetAcknowledged shows the last one.',
          required: true,
        },
        position: {
          type: group({ type: { ...position, required: true }, timestamp }, [TIMED]),
          text: 'Where reading begins again, in every shard.',
          required: true,
        },
      }),
      text: 'Puts the stored positions elsewhere, once for each id. Only while paused; it is taken away with the pause.',
    },
  },
  RULES,
);
