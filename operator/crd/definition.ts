/** The CustomResourceDefinition of LogStream. */
import { GROUP, KIND, PLURAL, VERSION } from '../logstream.ts';
import type { Rule, Schema } from './field.ts';
import { spec } from './spec.ts';
import { status } from './status.ts';

/** Children are named NAME-reader-…, and a label takes 63 characters. */
const NAME_RULE: Rule = {
  rule: 'size(self.metadata.name) <= 48',
  message: 'metadata.name may have at most 48 characters, because the names of what is made for it are longer',
};

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** Only with `-o wide`. */
  readonly priority?: 1;
}

const ready = (field: string) => `.status.conditions[?(@.type=="Ready")].${field}`;

const COLUMNS: readonly Column[] = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: ready('status'),
    description: 'Whether the LogStream is as it should be.',
  },
  { name: 'Reason', type: 'string', jsonPath: ready('reason'), description: 'Why, in one word.' },
  {
    name: 'Stream',
    type: 'string',
    jsonPath: `.spec.source['streamName','streamArn']`,
    description: 'The Kinesis data stream.',
  },
  { name: 'Region', type: 'string', jsonPath: '.spec.source.region', description: 'AWS region of the stream.' },
  { name: 'Output', type: 'string', jsonPath: '.spec.outputs[*].type', description: 'Where events go.', priority: 1 },
  { name: 'Shards', type: 'integer', jsonPath: '.status.source.openShards', description: 'Open shards.' },
  {
    name: 'Lag',
    type: 'integer',
    jsonPath: '.status.lag.maxMillisBehindLatest',
    description: 'Milliseconds behind the tip, coarsely.',
  },
  { name: 'Paused', type: 'boolean', jsonPath: '.spec.paused', description: 'Whether reading is paused.', priority: 1 },
  {
    name: 'Checkpoint',
    type: 'date',
    jsonPath: '.status.checkpoint.lastCheckpointTime',
    description: 'Since when no position was stored.',
    priority: 1,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Since when it is there.' },
];

export const schema: Schema = {
  description:
    'A LogStream reads an Amazon Kinesis data stream and delivers its events to Splunk: the operator keeps one reader for it.',
  type: 'object',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: `Version of the schema: ${GROUP}/${VERSION}.` },
    kind: { type: 'string', description: `The kind of the object: ${KIND}.` },
    metadata: { type: 'object' },
    spec: { description: 'What shall be.', ...spec.schema },
    status: { description: 'What is, as the operator saw it last.', ...status.schema },
  },
  'x-kubernetes-validations': [NAME_RULE],
};

export const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${PLURAL}.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: {
      kind: KIND,
      listKind: `${KIND}List`,
      plural: PLURAL,
      singular: KIND.toLowerCase(),
      shortNames: ['lst'],
      categories: ['kinlog'],
    },
    versions: [
      {
        name: VERSION,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: '.spec.replicas',
            statusReplicasPath: '.status.replicas',
            labelSelectorPath: '.status.selector',
          },
        },
        additionalPrinterColumns: COLUMNS,
      },
    ],
  },
} as const;
