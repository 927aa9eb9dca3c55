/** For any LogStream that its schema lets through: `kinlog run` takes its configuration, which says the same each time and holds no secret, and its pod keeps what the operator needs. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configProblems } from '../../operator/desired/check.ts';
import { readerConfig } from '../../operator/desired/config.ts';
import { desiredChildren } from '../../operator/desired/desired.ts';
import { referencesOf } from '../../operator/desired/references.ts';
import type { LogStream, LogStreamSpec } from '../../operator/logstream.ts';
import { upToDate, withHash } from '../../operator/reconcile/drift.ts';
import { accepted, logStream, nothing, settings } from '../unit/operator/desired/scene.ts';

const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
/** Without members that are undefined, as JSON has none. */
const record = <T extends object>(fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc
    .record(fields)
    .map((values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T);

const objectNames = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
const keys = fc.stringMatching(/^[-._a-zA-Z0-9]{1,20}$/);
/** What YAML would take for something else than text. */
const words = fc.oneof(
  fc.constantFrom(
    'no',
    '1e3',
    '0x1',
    '~',
    'null',
    '- a',
    'a: b',
    '#c',
    '"',
    "'",
    '2026-01-31',
    '&a',
    '*a',
    '!t',
    '%',
    '<<',
  ),
  fc.stringMatching(/^[!-~ \u00a1-\u04ff]{0,20}[!-~]$/),
);
const urls = fc.constantFrom(
  'https://a.example.com:8088',
  'https://[2001:db8::1]',
  'http://127.0.0.1:1',
  'http://localhost',
);
const proxies = fc.constantFrom('http://proxy.example.com:3128', 'https://10.0.0.1');
const times = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const references = fc.record({ name: objectNames, key: keys });
const ca = fc.oneof(fc.record({ secretRef: references }), fc.record({ configMapRef: references }));
const tls = record<{ ca?: object }>({ ca: some(ca) });
const roles = {
  roleArn: fc.constant('arn:aws:iam::123456789012:role/path/r+=,.@-'),
  externalId: some(fc.constant('x:/-1')),
};
const position = fc.oneof(
  fc.constantFrom({ type: 'Latest' } as const, { type: 'TrimHorizon' } as const),
  fc.record({ type: fc.constant('AtTimestamp' as const), timestamp: times }),
);

const secretRef = record<object>({
  name: objectNames,
  accessKeyIdKey: keys,
  secretAccessKeyKey: keys,
  sessionTokenKey: some(keys),
});
const auth = fc.oneof(
  record<object>({ type: fc.constant('WorkloadIdentity'), ...roles, sessionName: some(fc.constant('s=1')) }),
  record<object>({ type: fc.constant('Secret'), secretRef }),
);
const streams = fc.oneof(
  fc.record({ streamName: fc.stringMatching(/^[\w.-]{1,20}$/), region: fc.constant('eu-west-1') }),
  fc.constant({ streamArn: 'arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a.b_c-d' }),
);
const modes = fc.oneof(
  fc.record({
    mode: fc.constant('Polling'),
    polling: record<object>({ idleMilliseconds: some(fc.integer({ min: 250, max: 86_400_000 })) }),
  }),
  fc.record({
    mode: fc.constant('EnhancedFanOut'),
    enhancedFanOut: fc.record({
      consumerName: fc.stringMatching(/^[\w.-]{1,20}$/),
      register: fc.constantFrom('IfMissing', 'Never'),
    }),
  }),
);
const reach = record<object>({
  startPosition: position,
  onLostPosition: some(
    fc.oneof(
      fc.constant({ type: 'Stop' }),
      position.filter(({ type }) => type !== 'Latest'),
    ),
  ),
  endpoint: some(urls),
  proxy: some(proxies),
  tls: some(tls),
  auth: some(auth),
});
const source = fc.tuple(streams, modes, reach).map(([stream, mode, rest]) => ({ ...stream, ...mode, ...rest }));

const claims = fc.oneof(
  record<object>({ existingClaim: objectNames }),
  record<object>({ size: some(fc.constantFrom('1Gi', '500M')), storageClassName: some(objectNames) }),
);
const common = {
  intervalSeconds: fc.integer({ min: 1, max: 86_400 }),
  leasePeriodSeconds: fc.integer({ min: 1, max: 86_400 }),
  applicationName: some(fc.stringMatching(/^[\w.-]{3,40}$/)),
};
const tags = fc.dictionary(
  fc.stringMatching(/^[b-z0-9 _.:/=+@-]{1,20}$/),
  fc.stringMatching(/^[a-z0-9 _.:/=+@-]{0,20}$/),
  { maxKeys: 5 },
);
const capacity = fc.integer({ min: 1, max: 40_000 });
const checkpoint = fc.oneof(
  record<object>({
    ...{ type: fc.constant('DynamoDB'), ...common },
    dynamoDB: some(
      record<object>({
        tableName: some(fc.stringMatching(/^[\w.-]{3,40}$/)),
        region: some(fc.constant('us-east-1')),
        endpoint: some(urls),
        createTable: fc.constantFrom('IfMissing', 'Never'),
        keys: fc.constantFrom('Shard', 'Stream'),
        billing: some(fc.record({ readCapacity: capacity, writeCapacity: capacity })),
        tags: some(tags),
        ...roles,
      }),
    ),
  }),
  record<object>({
    ...{ type: fc.constant('SplunkKVStore'), ...common },
    splunkKVStore: record<object>({
      url: urls,
      app: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,10}$/),
      collection: some(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,10}$/)),
      tokenSecretRef: references,
      tls: some(tls),
    }),
  }),
  record<object>({ ...{ type: fc.constant('LevelDB'), ...common }, levelDB: some(claims) }),
);

const outputs = fc.oneof(
  fc.constant([{ name: 'log', type: 'Stdout' }]),
  record<object>({
    urls: fc.array(urls, { minLength: 1, maxLength: 3 }),
    tokenSecretRef: references,
    ...{ index: some(words), source: some(words), sourcetype: some(words), host: some(words) },
    acknowledgement: some(
      fc.oneof(
        fc.constant({ mode: 'None' }),
        record<object>({ mode: fc.constant('Required'), timeoutSeconds: some(fc.integer({ min: 10, max: 86_400 })) }),
      ),
    ),
    batch: some(
      record<object>({
        maxBodyBytes: some(fc.integer({ min: 10_000, max: 10_000_000 })),
        maxInFlight: some(fc.integer({ min: 1, max: 64 })),
      }),
    ),
    proxy: some(proxies),
    tls: some(tls),
  }).map((splunkHEC) => [{ name: 'splunk', type: 'SplunkHEC', splunkHEC }]),
);

const amounts = fc.dictionary(fc.constantFrom('cpu', 'memory'), fc.constantFrom('1', '2', '0.5', '64Mi', '1Gi', 1), {
  maxKeys: 2,
});
const podTemplates = fc.record({
  metadata: record<object>({ labels: some(fc.dictionary(objectNames, objectNames, { maxKeys: 3 })) }),
  spec: record<object>({
    nodeSelector: some(fc.dictionary(objectNames, objectNames, { maxKeys: 2 })),
    tolerations: some(fc.constant([{ operator: 'Exists' }])),
    securityContext: some(fc.constantFrom(null, { fsGroup: null }, { runAsUser: 0 })),
    containers: some(
      fc.constantFrom(
        [{ name: 'reader', env: [{ name: 'X', value: '' }], volumeMounts: [{ name: 'x', mountPath: '/tmp' }] }],
        [
          { name: 'side', image: 'x' },
          { name: 'reader', livenessProbe: null, securityContext: { privileged: false } },
        ],
      ),
    ),
    newer: some(
      fc
        .json({ maxDepth: 3 })
        .filter((text) => !text.includes('"$'))
        .map((text) => JSON.parse(text.replaceAll('-0', '0')) as unknown),
    ),
  }),
});

const specs = record<object>({
  ...{ source, checkpoint, outputs },
  format: some(
    fc.record({
      codec: fc.constantFrom('Auto', 'Kinlog', 'CloudWatchLogs', 'Hec', 'Json', 'Text'),
      lines: fc.constantFrom('Whole', 'Split'),
    }),
  ),
  deadLetters: some(record<object>({ volume: claims, maxMegabytes: some(fc.integer({ min: 1, max: 1_000_000 })) })),
  replicas: fc.constantFrom(0, 1),
  paused: fc.boolean(),
  deletionPolicy: fc.constantFrom('Retain', 'Delete'),
  updateStrategy: fc.constant('Recreate'),
  logLevel: fc.constantFrom('Debug', 'Info', 'Warn', 'Error'),
  monitoring: fc.record({ podMonitor: fc.constantFrom('Auto', 'Never'), lagThresholdSeconds: fc.constant(300) }),
  maxMegabytesInFlight: some(fc.integer({ min: 1, max: 100_000 })),
  image: some(fc.constant('x@sha256:0')),
  imagePullPolicy: fc.constant(undefined),
  imagePullSecrets: some(fc.constant([{ name: 'registry' }])),
  resources: some(fc.oneof(fc.record({ limits: amounts }), fc.record({ requests: amounts }))),
  serviceAccount: fc.constantFrom(
    { create: true },
    { create: false, name: 'own' },
    { create: true, annotations: { 'eks.amazonaws.com/role-arn': 'r' } },
  ),
  podDisruptionBudget: some(fc.constantFrom({ maxUnavailable: 0 }, { maxUnavailable: 1 })),
  podTemplate: some(podTemplates),
  resetRequest: some(fc.record({ id: words, position })),
});
const logStreams = fc
  .record({ spec: specs, name: objectNames })
  .map(({ spec, name }): LogStream => logStream(spec as LogStreamSpec, name));

test('kinlog run takes the configuration of every LogStream', () => {
  fc.assert(
    fc.property(logStreams, (stream) => {
      expect(configProblems(stream)).toEqual([]);
      expect(accepted(stream).streams).toHaveLength(1);
      expect(readerConfig(structuredClone(stream))).toBe(readerConfig(stream));
    }),
  );
});

test('every file that the configuration names is mounted, and what is mounted is a reference', () => {
  fc.assert(
    fc.property(logStreams, (stream) => {
      const named = new Set(readerConfig(stream).match(/\/var\/run\/kinlog\/secrets\/[\w-]+/g));
      const pod = JSON.stringify(desiredChildren(stream, nothing, settings).find(({ kind }) => kind === 'Deployment'));
      const mounted = new Set(
        [...pod.matchAll(/"path":"([\w-]+-(?:token|ca))"/g)].map(([, file]) => `/var/run/kinlog/secrets/${file!}`),
      );
      expect(named).toEqual(mounted);
      const known = referencesOf(stream).filter(({ kind }) => kind === 'Secret' || kind === 'ConfigMap');
      for (const { name, keys: wanted } of known) expect([name, wanted.length > 0]).toEqual([name, true]);
      for (const [, name] of pod.matchAll(/"secretKeyRef":\{"name":"([^"]+)"/g))
        expect(known.map((reference) => reference.name)).toContain(name);
    }),
  );
});

interface Template {
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> };
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: {
        readonly containers: readonly { readonly name: string; readonly command?: unknown; readonly args?: unknown }[];
      };
    };
  };
}

test('whatever a user lays over the pod, it stays a reader that its Deployment finds', () => {
  fc.assert(
    fc.property(logStreams, (stream) => {
      const children = desiredChildren(stream, nothing, settings);
      const { selector, template } = (children.find(({ kind }) => kind === 'Deployment') as unknown as Template).spec;
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      const readers = template.spec.containers.filter(({ name }) => name === 'reader');
      expect(readers).toMatchObject([{ command: ['kinlog'], args: ['run', '--config', '/etc/kinlog/reader.yaml'] }]);
      for (const child of children) {
        expect(JSON.parse(JSON.stringify(child))).toEqual(child);
        expect(upToDate(withHash(child), JSON.parse(JSON.stringify(withHash(child))) as typeof child)).toBe(true);
      }
    }),
  );
});
