/** Suite 13: the CustomResourceDefinition, held by a real API server and shown by the real kubectl. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseRunConfig } from '../../cli/run-config.ts';
import { DEFINITION } from '../../operator/crd/definition.ts';
import type { FieldType } from '../../operator/crd/field.ts';
import { spec } from '../../operator/crd/spec.ts';
import { status } from '../../operator/crd/status.ts';
import { REASONS } from '../../operator/reconcile/reasons.ts';
import { readerConfig } from '../../operator/desired/config.ts';
import { SECRETS_FOLDER } from '../../operator/desired/mounted-files.ts';
import type { LogStream } from '../../operator/logstream.ts';
import { TEST_CA } from '../fakes/certificates.ts';
import { Followed, pod, reader, workload } from '../unit/operator/status/known.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { RULE_CASES } from './crd-cases.ts';
import { ARN, merged, SMALLEST, type Change } from './crd-change.ts';
import { FIELD_CASES } from './crd-field-cases.ts';
import { specs } from './crd-specs.ts';

const root = path.join(import.meta.dirname, '../..');
const DEFINITION_FILE = path.join(root, 'crds/logstreams.yaml');
const EXAMPLES = path.join(root, 'crds/examples');
const COLLECTION = '/apis/kinlog.io/v1alpha1/namespaces/default/logstreams';
const MERGE = 'application/merge-patch+json';

let plane: ControlPlane;
let count = 0;

beforeAll(async () => {
  plane = await ControlPlane.start({ binary: builtFile() });
  plane.kubectl(['apply', '-f', DEFINITION_FILE]);
  plane.kubectl(['wait', '--for=condition=Established', `crd/${DEFINITION.metadata.name}`]);
});
afterAll(() => plane.stop());

const stream = (change: Change = {}, name = `stream-${++count}`) => ({
  apiVersion: 'kinlog.io/v1alpha1',
  kind: 'LogStream',
  metadata: { name, namespace: 'default' },
  spec: merged(SMALLEST, change),
});

const create = (object: object, query = '') => plane.call<LogStream>('POST', `${COLLECTION}${query}`, object);
/** As it would be stored. */
const tried = (object: object) => create(object, '?dryRun=All&fieldValidation=Strict');
const patch = (name: string, body: object, query = '') =>
  plane.call<LogStream>('PATCH', `${COLLECTION}/${name}${query}`, body, MERGE);
const writeStatus = (name: string, body: object) =>
  plane.call<LogStream>('PATCH', `${COLLECTION}/${name}/status`, { status: body }, MERGE);

function ruleMessages({ rules = [], fields = {} }: FieldType<unknown>): string[] {
  return [...rules.map(({ message }) => message), ...Object.values(fields).flatMap(({ type }) => ruleMessages(type))];
}

describe('13 rules', () => {
  it('have each something that they accept and something that they refuse here', () => {
    const known = new Set([...ruleMessages(spec), ...ruleMessages(status)]);
    expect(new Set(RULE_CASES.map(({ message }) => message))).toEqual(known);
    for (const { accepts, refuses } of RULE_CASES)
      expect([accepts.length > 0, refuses.length > 0]).toEqual([true, true]);
  });

  it.each(RULE_CASES.filter(({ from }) => from === undefined))(
    'when a LogStream is made: $message',
    async ({ message, accepts, refuses }) => {
      for (const change of accepts) await tried(stream(change));
      for (const change of refuses)
        await expect(tried(stream(change)), JSON.stringify(change)).rejects.toThrow(message);
    },
  );

  it.each(RULE_CASES.filter(({ from }) => from !== undefined))(
    'when a LogStream is changed: $message ($from)',
    async ({ message, from, accepts, refuses }) => {
      const { metadata } = await create(stream(from));
      const change = (to: Change) => patch(metadata.name, { spec: to }, '?dryRun=All');
      for (const to of accepts) await change(to);
      for (const to of refuses) await expect(change(to), JSON.stringify(to)).rejects.toThrow(message);
    },
  );

  it.each(Object.entries(FIELD_CASES))('of fields: %s', async (_, { accepts, refuses }) => {
    for (const change of accepts) await tried(stream(change));
    for (const change of refuses) await expect(tried(stream(change)), JSON.stringify(change)).rejects.toThrow(/ 422 /);
  });

  it('let a name have 48 characters and no more', async () => {
    await tried(stream({}, 'a'.repeat(48)));
    await expect(tried(stream({}, 'a'.repeat(49)))).rejects.toThrow('at most 48 characters');
  });

  it('refuse a field that nobody knows, and name it', async () => {
    await expect(tried(stream({ outptus: [] }))).rejects.toThrow('unknown field \\"spec.outptus\\"');
    const file = JSON.stringify(stream({ source: { shards: 4 } }));
    expect(() => plane.kubectl(['apply', '-f', '-'], file)).toThrow('unknown field "spec.source.shards"');
  });

  it('leave the overlay of the pod as it is', async () => {
    const podTemplate = { metadata: { labels: { team: 'logs' } }, spec: { hostUsers: false, newerThanUs: { a: [1] } } };
    expect((await tried(stream({ podTemplate }))).spec.podTemplate).toEqual(podTemplate);
  });
});

describe('13 defaults', () => {
  it('are filled in by the server', async () => {
    const { spec: stored } = await tried(stream());
    expect(stored).toEqual({
      ...SMALLEST,
      source: { ...SMALLEST.source, mode: 'Polling', startPosition: { type: 'Latest' } },
      checkpoint: { type: 'DynamoDB', intervalSeconds: 1, leasePeriodSeconds: 10 },
      replicas: 1,
      paused: false,
      deletionPolicy: 'Retain',
      updateStrategy: 'Recreate',
      logLevel: 'Info',
      monitoring: { podMonitor: 'Auto', lagThresholdSeconds: 300 },
      serviceAccount: { create: true },
    });
  });

  it('stand in no list and are no word that YAML takes for something else', () => {
    const values = JSON.stringify(DEFINITION).matchAll(/"(?:enum":\[([^\]]*)\]|default":("[^"]*"))/g);
    const words = [...values]
      .flatMap(([, all, one]) => (all ?? one)!.split(','))
      .map((word) => String(JSON.parse(word)));
    for (const word of words.filter((word) => !['True', 'False'].includes(word)))
      expect(parse(word, { version: '1.1' })).toBe(word);
    expect(JSON.stringify(spec.fields.outputs.type.schema)).not.toContain('"default"');
  });
});

describe('13 examples', () => {
  const files = readdirSync(EXAMPLES).map((name) => path.join(EXAMPLES, name));

  it.each(files)('%s is taken, and applying it again changes nothing', (file) => {
    expect(plane.kubectl(['apply', '--dry-run=server', '-f', file])).toContain('created (server dry run)');
    expect(plane.kubectl(['apply', '-f', file])).toContain('created');
    expect(plane.kubectl(['apply', '-f', file])).toContain('unchanged');
    expect(plane.kubectl(['diff', '-f', file])).toBe('');
  });

  it('hold no secret and say which ones they need', () => {
    for (const file of files) expect(readFileSync(file, 'utf8')).toContain('# Before: kubectl create secret');
  });
});

describe('13 kubectl', () => {
  const NOW = '2026-01-31T10:00:00Z';
  const ready = (observedGeneration: number) => ({
    type: 'Ready',
    status: 'True',
    reason: 'Running',
    message: 'the reader runs',
    lastTransitionTime: NOW,
    observedGeneration,
  });

  it('apply takes the definition as it is, and again', () => {
    expect(JSON.stringify(DEFINITION).length).toBeLessThan(262_144);
    expect(plane.kubectl(['apply', '-f', DEFINITION_FILE])).toContain('unchanged');
  });

  it('explain tells about every field', () => {
    const paths = (at: string, { fields = {} }: FieldType<unknown>): string[] => [
      at,
      ...Object.entries(fields).flatMap(([name, { type }]) =>
        type.fields === undefined ? [] : paths(`${at}.${name}`, type),
      ),
    ];
    const explained = [...paths('spec', spec), ...paths('status', status)].map((at) => [
      at,
      plane.kubectl(['explain', `logstreams.${at}`]),
    ]);
    const empty = explained.filter(([, text]) => text!.includes('<empty>') || !/DESCRIPTION:\n {4}\S/.test(text!));
    expect(empty).toEqual([]);
    expect(plane.kubectl(['explain', 'lst'])).toContain('A LogStream reads an Amazon Kinesis data stream');
  });

  it('get shows what an operator looks for', async () => {
    await create(stream({}, 'by-name'));
    await create(stream({ source: { streamName: null, region: null, streamArn: ARN } }, 'by-arn'));
    await writeStatus('by-name', {
      conditions: [ready(1)],
      source: { openShards: 4 },
      lag: { maxMillisBehindLatest: 60_000 },
      checkpoint: { lastCheckpointTime: NOW },
    });
    const shown = plane
      .kubectl(['get', 'lst', 'by-name', 'by-arn', '-o', 'wide'])
      .replaceAll(/\d+d(\d+h)?|\d+m?s/g, 'TIME')
      .replaceAll(/ {2,}/g, '  ');
    expect(shown).toBe(
      `NAME  READY  REASON  STREAM  REGION  OUTPUT  SHARDS  LAG  PAUSED  CHECKPOINT  AGE
by-name  True  Running  access-logs  eu-west-1  SplunkHEC  4  60000  false  TIME  TIME
by-arn  ${ARN}  SplunkHEC  false  TIME
`,
    );
    expect(plane.kubectl(['get', 'kinlog', '-o', 'name'])).toContain('logstream.kinlog.io/by-arn');
  });

  it('scale sets replicas, and is told of the pods', async () => {
    await create(stream({}, 'scaled'));
    await writeStatus('scaled', { replicas: 1, selector: 'app.kubernetes.io/instance=scaled' });
    plane.kubectl(['scale', 'lst', 'scaled', '--current-replicas=1', '--replicas=0']);
    const { spec: scale, status: told } = await plane.call<{ spec: object; status: object }>(
      'GET',
      `${COLLECTION}/scaled/scale`,
    );
    expect([scale, told]).toEqual([{}, { replicas: 1, selector: 'app.kubernetes.io/instance=scaled' }]);
    expect(() => plane.kubectl(['scale', 'lst', 'scaled', '--replicas=2'])).toThrow('less than or equal to 1');
  });

  it('wait believes a condition only of the newest generation', async () => {
    const wait = () => plane.kubectl(['wait', 'lst/waited', '--for=condition=Ready', '--timeout=1s']);
    await create(stream({}, 'waited'));
    await writeStatus('waited', { observedGeneration: 1, conditions: [ready(1)] });
    expect(wait()).toContain('condition met');
    await patch('waited', { spec: { logLevel: 'Debug' } });
    expect(wait).toThrow('timed out');
    await writeStatus('waited', { observedGeneration: 2, conditions: [ready(2)] });
    expect(wait()).toContain('condition met');
  });
});

describe('13 status', () => {
  it('is written apart from the spec, and wrong ones are refused', async () => {
    await create(stream({}, 'told'));
    const told = await writeStatus('told', { observedGeneration: 1, readyReplicas: 1 });
    expect([told.metadata.generation, told.status]).toEqual([1, { observedGeneration: 1, readyReplicas: 1 }]);
    await patch('told', { status: { readyReplicas: 0 } });
    expect((await plane.call<LogStream>('GET', `${COLLECTION}/told`)).status?.readyReplicas).toBe(1);
    await expect(writeStatus('told', { conditions: [{ type: 'Ready', status: 'yes' }] })).rejects.toThrow(/ 422 /);
  });

  it('takes whatever the operator can have to say, or what was wrong would never be told', async () => {
    await create(stream({}, 'troubled'));
    const message = '\u0000\ud800 ünïcode '.repeat(4000);
    for (const reason of Object.keys(REASONS)) {
      const followed = new Followed();
      followed.pass({
        applyProblem: { reason, message, sinceMs: 1 },
        workload: workload({ pods: [pod({ name: 'a'.repeat(253), ready: false })] }),
        reader: reader({
          podName: 'a'.repeat(253),
          openShards: 2 ** 31 - 1,
          behindMs: Number.MAX_VALUE,
          version: 'v'.repeat(64),
        }),
      });
      const said = followed.stream.status!;
      expect((await writeStatus('troubled', said)).status, reason).toMatchObject({ reader: said.reader! });
    }
  });
});

describe('13 property', () => {
  let authorities: string;
  beforeAll(() => {
    authorities = mkdtempSync(path.join(tmpdir(), 'kinlog-authorities-'));
    for (const name of ['hec-ca', 'source-ca', 'kv-store-ca']) writeFileSync(path.join(authorities, name), TEST_CA);
  });
  afterAll(() => rmSync(authorities, { recursive: true }));

  it('what the schema accepts kinlog run accepts too', { timeout: 300_000 }, async () => {
    let accepted = 0;
    const accepts = fc.asyncProperty(specs, async (random) => {
      const stored = await tried({ ...stream(), spec: random }).catch((error: unknown) => {
        // A rule may be broken; anything else is a fault of the schema or of the generator.
        if (!String(error).includes(' 422 ')) throw error;
      });
      if (stored === undefined) return;
      accepted += 1;
      const config = readerConfig(stored).replaceAll(SECRETS_FOLDER, authorities);
      const read = parseRunConfig(config, 'reader.yaml');
      expect('faults' in read ? read.faults : []).toEqual([]);
    });
    await fc.assert(accepts, { numRuns: 400 });
    expect(accepted).toBeGreaterThan(200);
  });
});
