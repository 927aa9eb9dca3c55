/** What `kinlog-operator` can be told: on its command line, or by the environment of its pod. */
import { z } from 'zod';
import { choice, flag, integer, text, type OptionType, type OptionValues } from '../base/config.ts';
import type { CliOption, CommandSpec } from '../cli/options.ts';
import { OWN_LABELS } from './desired/names.ts';

/** Of Kubernetes, RFC 1123. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const namespaces: OptionType<readonly string[]> = {
  kind: 'string',
  expects: 'names of namespaces, with commas between them',
  schema: z
    .string()
    .transform((given) => [...new Set(given.split(',').map((name) => name.trim()))])
    .pipe(z.array(z.string().regex(NAME))),
};

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const LABEL_VALUE = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;
const LABEL_NAME =
  /^((?=[^/]{1,253}\/)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;

const labels: OptionType<Readonly<Record<string, string>>> = {
  kind: 'string',
  expects: `labels as name=value, each name once, with commas between them, and none of ${OWN_LABELS.join(', ')}, which are the operator’s own`,
  schema: z
    .string()
    .transform((given) => given.split(',').map((one) => one.trim().split('=')))
    .pipe(z.array(z.tuple([z.string().regex(LABEL_NAME), z.string().regex(LABEL_VALUE)])))
    .refine((pairs) => pairs.every(([name]) => !OWN_LABELS.includes(name)))
    .refine((pairs) => new Set(pairs.map(([name]) => name)).size === pairs.length)
    .transform((pairs) => Object.fromEntries(pairs)),
};

const address = (): OptionType<string> =>
  text('HOST:PORT, or :PORT for all addresses', /^(\[[\da-fA-F:.]+\]|[\w.-]*):\d{1,5}$/);

const OPERATOR = {
  watchNamespaces: {
    type: namespaces,
    title: 'Namespaces',
    value: 'names',
    text: 'namespaces whose LogStreams are looked after, with commas between them; all of the cluster when absent',
    env: ['WATCH_NAMESPACES'],
  },
  readerImage: {
    type: text('the name of an image', /^\S+$/),
    title: 'Image of the readers',
    value: 'image',
    text: 'image that readers run from unless their LogStream names another; usually that of the operator itself',
    required: true,
    env: ['KINLOG_READER_IMAGE'],
  },
  readerImagePullPolicy: {
    type: choice(['Always', 'IfNotPresent', 'Never']),
    title: 'When that image is pulled',
    value: 'policy',
    text: 'imagePullPolicy of readers unless their LogStream names another; what Kubernetes takes by the tag when absent',
    env: ['KINLOG_READER_IMAGE_PULL_POLICY'],
  },
  podMonitorLabels: {
    type: labels,
    title: 'Labels of PodMonitors',
    value: 'name=value,…',
    text: 'labels for the PodMonitors of readers, such as release=prometheus, by which a Prometheus selects them; a change needs no new pods',
    env: ['KINLOG_POD_MONITOR_LABELS'],
  },
  workers: {
    type: integer(1, 100),
    title: 'LogStreams at once',
    value: 'number',
    text: 'how many LogStreams are brought up to date at once',
    default: '5',
  },
  statusIntervalSeconds: {
    type: integer(0, 86_400),
    title: 'Interval of readers’ status',
    value: 'seconds',
    text: 'each reader is asked for its lag and its errors once in so many seconds; 0: never',
    default: '60',
  },
  secretWatch: {
    type: choice(['on', 'off']),
    title: 'Watch Secrets',
    value: 'on|off',
    text: 'on: names and versions of all Secrets of the namespaces are watched, never what is in them; off: those that LogStreams name are asked for every five minutes, and the right to list Secrets is not needed',
    default: 'on',
  },
  resyncHours: {
    type: integer(1, 240),
    title: 'Resync',
    value: 'hours',
    text: 'every LogStream is looked at again after so many hours, whatever was told about it',
    default: '10',
  },
  leaderElect: {
    type: flag(),
    title: 'Leader election',
    text: 'one of several operators leads and the others stand by; on unless --leader-elect=false',
    default: 'true',
  },
  namespace: {
    type: text('the name of a namespace', NAME),
    title: 'Own namespace',
    value: 'name',
    text: 'where the Lease of the leader is; that of the pod or of the kubeconfig when absent',
    env: ['POD_NAMESPACE'],
  },
  identity: {
    type: text('a name of up to 128 characters', /^[\w.-]{1,128}$/),
    title: 'Own name',
    value: 'name',
    text: 'as which this operator appears in the Lease and in Events; the name of the host when absent',
    env: ['POD_NAME'],
  },
  metricsListen: {
    type: address(),
    title: 'Metrics',
    value: 'host:port',
    text: 'where /metrics is served to Prometheus',
    default: ':8080',
  },
  probesListen: {
    type: address(),
    title: 'Probes',
    value: 'host:port',
    text: 'where /healthz and /readyz are served to the kubelet',
    default: ':8081',
  },
  logLevel: {
    type: choice(['debug', 'info', 'warn', 'error']),
    title: 'Log level',
    value: 'level',
    text: 'lowest level of the log lines, which are JSON on stderr',
    default: 'info',
  },
  kubeconfig: {
    type: text('a path'),
    title: 'Kubeconfig',
    value: 'path',
    text: 'how the cluster is reached; $KUBECONFIG when absent, and else the service account of the pod',
  },
} as const satisfies Record<string, CliOption<unknown>>;

export type OperatorOptions = OptionValues<typeof OPERATOR>;

export const OPERATOR_SPEC: CommandSpec<typeof OPERATOR> = {
  name: 'kinlog-operator',
  summary: 'Keeps one reader for every LogStream of a Kubernetes cluster.',
  table: OPERATOR,
  notes: `SIGTERM and SIGINT end it within 15 seconds: what is under way is finished, and another operator may lead at once;
readers go on. A second one ends it at once.
Exit status: 0 stopped; 1 an option has a fault, or no cluster is named; 100 it could not go on, or another operator may lead.`,
};
